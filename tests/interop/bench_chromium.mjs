// A call between two real Chromiums through a Parley server, measured: the other side of `cargo xtask bench call --against chromium`.
//
//   node bench_chromium.mjs --server http://HOST:PORT --video CLIP.y4m --audio CLIP.wav
//        [--case one-way|two-way|all-on] [--seconds 30] [--setups 10] [--size 1280x720@30] [--kbps 1500]
//
// all-on: both send, with echo canceller, noise suppression and gain control, and what comes is played to the sound server that the
// environment names. The microphone stays a file, for Chromium has made-up cameras only together with made-up microphones. Cost alone is measured.
// Standard output: {"rows": [...], "notes": [...]} with the metrics of `bench call`. CPU and memory are those of all processes of
// a browser, in a run of their own; latencies are measured in another, because reading pixels costs CPU.

import { readFileSync, readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { commonOptions, flags, launch, load, pause, readSize } from './browser.mjs'

const { values: args } = parseArgs({
  options: {
    ...commonOptions,
    server: { type: 'string' },
    video: { type: 'string' },
    audio: { type: 'string' },
    case: { type: 'string', default: 'one-way' },
    seconds: { type: 'string', default: '30' },
    setups: { type: 'string', default: '10' },
    kbps: { type: 'string', default: '1500' },
  },
})
const size = readSize(args.size)
const seconds = Number(args.seconds)
const allOn = args.case === 'all-on'
const notes = []
const rows = []

function row(metric, value, unit) {
  if (value === undefined || Number.isNaN(value)) notes.push(`chromium ${args.case}: ${metric} could not be measured`)
  else rows.push({ who: 'chromium', case: args.case, metric, value: Math.round(value * 100) / 100, unit })
}

function percentile(list, part) {
  const sorted = [...list].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]
}

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

/** CPU seconds used so far and PSS in MB of all processes of a browser. */
function usage(root) {
  let ticks = 0
  let pssKb = 0
  for (const pid of tree(root)) {
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

async function open(sends) {
  const browser = await launch({ executable: args.executable, args: flags(args), ignore: allOn ? ['--mute-audio'] : [] })
  await load(browser.page, args.server)
  return { ...browser, sends }
}

const options = (side) => ({ ...size, video: side.sends, audio: side.sends, voice: allOn, videoKbps: Number(args.kbps) })

/** One call, from nothing to the first picture at the one who joins. */
async function call(host, guest) {
  const link = await host.page.evaluate((o) => globalThis.parley.start(o), { ...options(host), server: args.server })
  await host.page.evaluate(() => globalThis.parley.join())
  await guest.page.evaluate((o) => globalThis.parley.start(o), { ...options(guest), link })
  await guest.page.evaluate(() => globalThis.parley.join())
  for (let tries = 0; tries < 100; tries++) {
    await pause(100)
    const report = await guest.page.evaluate(() => globalThis.parley.report())
    if (report.first_picture_ms) return report
  }
  throw new Error('no picture within 10 s')
}

async function end(...sides) {
  for (const side of sides) await side.page.evaluate(() => globalThis.parley.leave())
  await pause(400)
}

function pictureLatencies(sender, receiver) {
  // The clip loops, so a number comes again: take the last capture before it was shown.
  return receiver.remotePictures.flatMap(([number, shown]) => {
    const captured = sender.localPictures.findLast(([n, at]) => n === number && at <= shown)
    return captured && shown - captured[1] < 5000 ? [shown - captured[1]] : []
  })
}

function clickLatencies(sender, receiver) {
  return receiver.remoteClicks.flatMap((heard) => {
    const made = sender.localClicks.findLast((at) => at <= heard)
    return made && heard - made < 900 ? [heard - made] : []
  })
}

async function latencies() {
  for (const side of [host, guest]) await side.page.evaluate(() => globalThis.parley.watch())
  await pause(Math.min(20, seconds) * 1000)
  const [seenHost, seenGuest] = [await host.page.evaluate(() => globalThis.parley.watch()), await guest.page.evaluate(() => globalThis.parley.watch())]
  const pictures = pictureLatencies(seenHost, seenGuest)
  const clicks = clickLatencies(seenHost, seenGuest)
  row('picture_latency_ms_p50', percentile(pictures, 0.5), 'ms')
  row('picture_latency_ms_p95', percentile(pictures, 0.95), 'ms')
  row('sound_latency_ms_p50', percentile(clicks, 0.5), 'ms')
  row('sound_latency_ms_p95', percentile(clicks, 0.95), 'ms')
  notes.push(`chromium ${args.case}: ${pictures.length} pictures and ${clicks.length} clicks timed; pictures to requestVideoFrameCallback, clicks to the audio worklet`)
}

const host = await open(true)
const guest = await open(args.case !== 'one-way')
try {
  const connected = []
  const first = []
  for (let count = 0; !allOn && count < Number(args.setups); count++) {
    const report = await call(host, guest)
    connected.push(report.marks.connected)
    first.push(report.first_picture_ms)
    await end(host, guest)
  }
  for (const [name, list] of allOn ? [] : [['connected_ms', connected], ['first_picture_ms', first]]) {
    row(`${name}_p50`, percentile(list, 0.5), 'ms')
    row(`${name}_p95`, percentile(list, 0.95), 'ms')
  }

  await call(host, guest)
  await pause(8000)
  const before = [usage(host.pid), usage(guest.pid)]
  const reportBefore = await guest.page.evaluate(() => globalThis.parley.report())
  const sentBefore = await host.page.evaluate(() => globalThis.parley.report())
  const from = performance.now()
  await pause(seconds * 1000)
  const took = (performance.now() - from) / 1000
  const after = [usage(host.pid), usage(guest.pid)]
  const report = await guest.page.evaluate(() => globalThis.parley.report())
  const sent = await host.page.evaluate(() => globalThis.parley.report())
  row('cpu_s_per_min_sender', ((after[0].cpu - before[0].cpu) / took) * 60, 's')
  row('cpu_s_per_min_receiver', ((after[1].cpu - before[1].cpu) / took) * 60, 's')
  row('pss_mb_sender', after[0].pss, 'MB')
  row('pss_mb_receiver', after[1].pss, 'MB')
  row('width', report.in_video.frameWidth, 'px')
  row('height', report.in_video.frameHeight, 'px')
  row('fps_sent', (sent.out_video.framesSent - sentBefore.out_video.framesSent) / took, 'fps')
  row('fps_shown', (report.in_video.framesDecoded - reportBefore.in_video.framesDecoded) / took, 'fps')
  row('kbit_s', ((report.in_video.bytesReceived - reportBefore.in_video.bytesReceived) * 8) / took / 1000, 'kbit/s')
  row('rtt_ms', report.pair.rtt * 1000, 'ms')
  const lost = report.in_video.packetsLost - reportBefore.in_video.packetsLost
  row('loss_pct', (100 * lost) / Math.max(1, lost + report.in_video.packetsReceived - reportBefore.in_video.packetsReceived), '%')

  if (!allOn) await latencies()
  await end(host, guest)
} finally {
  await host.server.close()
  await guest.server.close()
}
process.stdout.write(JSON.stringify({ ok: true, rows, notes }) + '\n')
process.exit(0)
