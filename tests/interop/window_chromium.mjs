// One endpoint in a Chromium window, with the machine's own camera, microphone and speaker: the other side of
// `cargo xtask bench call --window --against chromium`. Runs where DISPLAY shows a screen.
//
//   node window_chromium.mjs [--window 1280x720] [--size 1280x720@30] [--kbps 1500]
//
// Standard output: one JSON object a line. {"event":"open","pid":..}, then an answer, with the same "id", to each line of
// standard input:
//   {"id":1,"do":"start","server":ORIGIN} or {..,"link":LINK}   {"event":"started","link":..}, before joining; with
//                            "video":false or "audio":false it sends none; {..,"again":true}: the room of the last time
//   {"id":2,"do":"join"}     {"event":"joined"}
//   {"id":3,"do":"report"}   {"event":"report",..}: the statistics of the moment
//   {"id":4,"do":"watch"}    {"event":"watched","pictures":[..]}: how late, in ms, the remote pictures were since the first "watch"
//   {"id":5,"do":"leave"}    {"event":"left"}
// The end of standard input ends it.

import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { commonOptions, flags, launch, load, readSize, say } from './browser.mjs'

const { values: args } = parseArgs({ options: { ...commonOptions, window: { type: 'string', default: '1280x720' } } })
const [width, height] = args.window.split('x').map(Number)
// Nothing but the page, as large as the screen, as Parley's window has nothing around it there either.
const { server, page, pid } = await launch({
  executable: args.executable,
  args: [...flags({ devices: true }), '--window-position=0,0', `--window-size=${width},${height}`],
  headless: false,
  viewport: null,
})
page.on('pageerror', (error) => say({ event: 'page_error', message: String(error) }))

let lastLink
let loaded

/** The page, once it is known whose it has to be. */
async function loadOf(server) {
  const { origin } = new URL(server)
  if (loaded !== origin) await load(page, server)
  loaded = origin
}

const actions = {
  async start({ server, link, again, video = true, audio = true }) {
    if (again) link = lastLink
    await loadOf(server ?? link)
    const options = { ...readSize(args.size), server, link, video, audio, voice: true, videoKbps: args.kbps && Number(args.kbps) }
    lastLink = await page.evaluate((options) => globalThis.parley.start(options), options)
    return { event: 'started', link: lastLink }
  },
  async join() {
    await page.evaluate(() => globalThis.parley.join())
    return { event: 'joined' }
  },
  async report() {
    return { event: 'report', ...(await page.evaluate(() => globalThis.parley.report())) }
  },
  async watch() {
    return { event: 'watched', pictures: await page.evaluate(() => globalThis.parley.lateness()) }
  },
  async leave() {
    await page.evaluate(() => globalThis.parley.leave())
    return { event: 'left' }
  },
}

try {
  // Nobody manages windows on this screen, so --kiosk does nothing.
  const session = await page.context().newCDPSession(page)
  const { windowId } = await session.send('Browser.getWindowForTarget')
  await session.send('Browser.setWindowBounds', { windowId, bounds: { windowState: 'fullscreen' } })
  await page.evaluate(() => document.body.classList.add('stage'))
  const inner = await page.evaluate(() => [window.innerWidth, window.innerHeight])
  say({ event: 'open', pid, width: inner[0], height: inner[1] })
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, do: name, ...wish } = JSON.parse(line)
    try {
      say({ id, ...(await actions[name](wish)) })
    } catch (error) {
      say({ id, event: 'failed', message: String(error) })
    }
  }
} catch (error) {
  say({ event: 'failed', message: String(error) })
} finally {
  await server.close()
}
process.exit(0)
