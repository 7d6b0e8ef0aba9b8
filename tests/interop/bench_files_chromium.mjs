// A data channel between two real Chromiums, filled as fast as it goes: the other side of `cargo xtask bench files --against chromium`.
//
//   node bench_files_chromium.mjs --case loopback --mb 1000 [--netns A,B]
//
// With --netns each browser runs in a network namespace of its own. Standard output: {"rows": [...], "notes": [...]}. CPU and
// memory are those of all processes of both browsers.

import { createRequire } from 'node:module'
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const here = dirname(fileURLToPath(import.meta.url))
const { chromium } = createRequire(join(here, '../../ui/package.json'))('playwright-core')
const { values: args } = parseArgs({
  options: {
    case: { type: 'string', default: 'loopback' },
    mb: { type: 'string', default: '1000' },
    netns: { type: 'string' },
    executable: { type: 'string', default: '/usr/bin/chromium' },
  },
})
const bytes = Number(args.mb) * 1e6
const PATIENCE_MS = 900_000
const OPEN_MS = 60_000
const flags = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-features=WebRtcHideLocalIpsWithMdns',
]

/** All processes of a browser: the root and whatever descends from it. */
function tree(root) {
  const children = new Map()
  for (const name of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = Number(readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1].split(' ')[1])
      children.set(parent, [...(children.get(parent) ?? []), Number(name)])
    } catch {
      // It ended meanwhile.
    }
  }
  const all = [root]
  for (let index = 0; index < all.length; index++) all.push(...(children.get(all[index]) ?? []))
  return all
}

function usage(roots) {
  let [ticks, pssKb] = [0, 0]
  for (const pid of roots.flatMap(tree)) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
      ticks += Number(fields[11]) + Number(fields[12])
      pssKb += Number(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Pss:\s+(\d+)/m)?.[1] ?? 0)
    } catch {
      // It ended meanwhile.
    }
  }
  return { cpu: ticks / 100, pss: pssKb / 1024 }
}

const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'))
const namespaces = args.netns?.split(',') ?? []

async function open(which) {
  let executablePath = args.executable
  if (namespaces[which]) {
    executablePath = join(folder, `chromium-${which}`)
    writeFileSync(executablePath, `#!/bin/sh\nexec ip netns exec ${namespaces[which]} ${args.executable} "$@"\n`)
    chmodSync(executablePath, 0o755)
  }
  const server = await chromium.launchServer({ executablePath, args: flags })
  const browser = await chromium.connect(server.wsEndpoint())
  const page = await browser.newPage()
  await page.goto('data:text/html,<title>bench</title>')
  return { server, browser, page, pid: server.process().pid }
}

async function inTime(promise, ms, otherwise) {
  let timer
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(otherwise)), ms)))
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

const make = () => {
  globalThis.pc = new RTCPeerConnection()
  globalThis.dc = globalThis.pc.createDataChannel('files', { negotiated: true, id: 3 })
  globalThis.dc.binaryType = 'arraybuffer'
  globalThis.gathered = () =>
    new Promise((resolve) => {
      const done = () => globalThis.pc.iceGatheringState === 'complete' && resolve(globalThis.pc.localDescription.toJSON())
      globalThis.pc.onicegatheringstatechange = done
      done()
    })
  globalThis.opened = new Promise((resolve) => (globalThis.dc.onopen = () => resolve()))
}

const sides = [await open(0), await open(1)]
try {
  const [a, b] = sides.map((side) => side.page)
  await Promise.all([a.evaluate(make), b.evaluate(make)])
  const offer = await a.evaluate(async () => (await pc.setLocalDescription(), gathered()))
  const answer = await b.evaluate(async (sdp) => {
    await pc.setRemoteDescription(sdp)
    await pc.setLocalDescription()
    return gathered()
  }, offer)
  await a.evaluate((sdp) => pc.setRemoteDescription(sdp), answer)
  const bothOpen = Promise.all([a.evaluate(() => opened), b.evaluate(() => opened)])
  await inTime(bothOpen, OPEN_MS, 'no data channel')

  const roots = sides.map((side) => side.pid)
  const before = usage(roots)
  let pss = 0
  const watch = setInterval(() => (pss = Math.max(pss, usage(roots).pss)), 2000)
  const received = b.evaluate(
    (wanted) =>
      new Promise((resolve) => {
        let [got, first] = [0, 0]
        dc.onmessage = ({ data }) => {
          first ||= performance.now()
          got += data.byteLength
          if (got >= wanted) resolve((performance.now() - first) / 1000)
        }
      }),
    bytes,
  )
  await a.evaluate((wanted) => {
    const chunk = new ArrayBuffer(64 * 1024)
    const HIGH = 8 << 20
    let sent = 0
    dc.bufferedAmountLowThreshold = 1 << 20
    const fill = () => {
      while (sent < wanted && dc.bufferedAmount < HIGH) {
        dc.send(chunk)
        sent += chunk.byteLength
      }
    }
    dc.onbufferedamountlow = fill
    fill()
  }, bytes)
  const seconds = await inTime(received, PATIENCE_MS, 'not all of it came')
  clearInterval(watch)
  const after = usage(roots)
  const row = (metric, value) => ({ who: 'chromium', case: args.case, metric, value })
  const rows = [
    row('mb_s', bytes / 1e6 / seconds),
    row('cpu_s_per_gb', (after.cpu - before.cpu) / (bytes / 1e9)),
    row('pss_mb', Math.max(pss, after.pss)),
  ]
  console.log(JSON.stringify({ rows, notes: [] }))
} finally {
  await Promise.allSettled(sides.map((side) => side.browser.close()))
  await Promise.allSettled(sides.map((side) => side.server.close()))
  rmSync(folder, { recursive: true, force: true })
}
