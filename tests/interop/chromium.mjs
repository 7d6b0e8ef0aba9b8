// One endpoint in a real Chromium, driven from the command line; the page speaks Parley's protocol on the browser's own
// RTCPeerConnection.
//
//   node chromium.mjs --link LINK | --server http://HOST:PORT  [--seconds N] [--video FILE.y4m|fake|off]
//        [--audio FILE.wav|fake|off] [--size 1280x720@30] [--kbps N] [--glare] [--mdns] [--tamper-proof] [--screenshot FILE.png]
//
// Standard output: one JSON object a line: {"event":"link",..} once there is a link, {"event":"report",..} at the end.

import { parseArgs } from 'node:util'
import { commonOptions, flags, launch, load, readSize, say } from './browser.mjs'

const { values: args } = parseArgs({
  options: {
    ...commonOptions,
    link: { type: 'string' },
    server: { type: 'string' },
    seconds: { type: 'string', default: '5' },
    video: { type: 'string', default: 'fake' },
    audio: { type: 'string', default: 'fake' },
    name: { type: 'string', default: 'Chromium' },
    glare: { type: 'boolean', default: false },
    mdns: { type: 'boolean', default: false },
    'tamper-proof': { type: 'boolean', default: false },
    screenshot: { type: 'string' },
  },
})

const at = args.link ?? args.server
const { server, page } = await launch({ executable: args.executable, args: flags({ ...args, server: at, askForDevices: args.mdns }) })
let code = 0
try {
  page.on('pageerror', (error) => say({ event: 'page_error', message: String(error) }))
  page.on('console', (line) => say({ event: 'console', message: line.text() }))
  await load(page, at)
  const options = {
    ...(args.link ? { link: args.link } : { server: args.server }),
    name: args.name,
    glare: args.glare,
    alone: args.mdns,
    videoKbps: args.kbps && Number(args.kbps),
    tamperProof: args['tamper-proof'],
    video: args.video !== 'off' && !args.mdns,
    audio: args.audio !== 'off' && !args.mdns,
    ...readSize(args.size),
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
  await server.close()
}
process.exit(code)
