// One endpoint in a real Chromium, driven from the command line; the page speaks Parley's protocol on the browser's own
// RTCPeerConnection.
//
//   node chromium.mjs --link LINK | --server http://HOST:PORT  [--seconds N] [--video FILE.y4m|fake|off]
//        [--audio FILE.wav|fake|off] [--size 1280x720@30] [--kbps N] [--glare] [--mdns] [--tamper-proof] [--screenshot FILE.png]
//
// Standard output: one JSON object a line: {"event":"link",..} once there is a link, {"event":"report",..} at the end.

import { createRequire } from 'node:module'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const here = dirname(fileURLToPath(import.meta.url))
// The browser driver is a development dependency of the UI.
const { chromium } = createRequire(join(here, '../../ui/package.json'))('playwright-core')

const { values: args } = parseArgs({
  options: {
    link: { type: 'string' },
    server: { type: 'string' },
    seconds: { type: 'string', default: '5' },
    video: { type: 'string', default: 'fake' },
    audio: { type: 'string', default: 'fake' },
    size: { type: 'string', default: '1280x720@30' },
    name: { type: 'string', default: 'Chromium' },
    kbps: { type: 'string' },
    glare: { type: 'boolean', default: false },
    mdns: { type: 'boolean', default: false },
    'tamper-proof': { type: 'boolean', default: false },
    screenshot: { type: 'string' },
    executable: { type: 'string', default: '/usr/bin/chromium' },
  },
})
const [, width, height, frameRate] = args.size.match(/^(\d+)x(\d+)@(\d+)$/).map(Number)
// Any origin that counts as secure will do: its files are served by interception, no port is opened.
const origin = 'http://localhost:7799'
const types = { '.html': 'text/html', '.js': 'text/javascript' }

function say(event) {
  process.stdout.write(JSON.stringify(event) + '\n')
}

function flags() {
  const list = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--use-fake-device-for-media-stream',
    '--allow-loopback-in-peer-connection',
    '--autoplay-policy=no-user-gesture-required',
    '--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests',
  ]
  // Without this flag (and without a camera permission) Chromium hides its addresses behind .local names.
  if (!args.mdns) list.push('--use-fake-ui-for-media-stream')
  if (args.video.endsWith('.y4m')) list.push(`--use-file-for-fake-video-capture=${args.video}`)
  if (args.audio.endsWith('.wav')) list.push(`--use-file-for-fake-audio-capture=${args.audio}`)
  return list
}

const profile = mkdtempSync(join(tmpdir(), 'parley-chromium-'))
const context = await chromium.launchPersistentContext(profile, {
  executablePath: args.executable,
  headless: true,
  args: flags(),
})
let code = 0
try {
  const page = context.pages()[0] ?? (await context.newPage())
  page.on('pageerror', (error) => say({ event: 'page_error', message: String(error) }))
  page.on('console', (line) => say({ event: 'console', message: line.text() }))
  await page.route(`${origin}/**`, (route) => {
    const path = new URL(route.request().url()).pathname
    const file = join(here, 'page', path === '/' ? 'index.html' : path.slice(1))
    try {
      return route.fulfill({ body: readFileSync(file), contentType: types[extname(file)] ?? 'text/plain' })
    } catch {
      return route.fulfill({ status: 404, body: '' })
    }
  })
  await page.goto(`${origin}/`)
  await page.waitForFunction(() => globalThis.parley)
  const options = {
    ...(args.link ? { link: args.link } : { server: args.server }),
    name: args.name,
    glare: args.glare,
    videoKbps: args.kbps && Number(args.kbps),
    tamperProof: args['tamper-proof'],
    video: args.video !== 'off' && !args.mdns,
    audio: args.audio !== 'off' && !args.mdns,
    width,
    height,
    frameRate,
  }
  const link = await page.evaluate((options) => globalThis.parley.start(options), options)
  say({ event: 'link', link })
  await page.evaluate(() => globalThis.parley.join())
  // Until the other side has gone, or the time is over: what the browser says of a connection some seconds after the other
  // end left it depends on its own time limits.
  const over = () => globalThis.parley.client.over
  await page.waitForFunction(over, null, { timeout: Number(args.seconds) * 1000, polling: 100 }).catch(() => {})
  if (args.screenshot) await page.screenshot({ path: args.screenshot })
  say({ event: 'report', ...(await page.evaluate(() => globalThis.parley.report())) })
  await page.evaluate(() => globalThis.parley.leave())
  await page.waitForTimeout(300)
} catch (error) {
  say({ event: 'failed', message: String(error) })
  code = 1
} finally {
  await context.close()
  rmSync(profile, { recursive: true, force: true })
}
process.exit(code)
