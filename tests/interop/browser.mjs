// A real Chromium with the page of this folder in it: how every driver here starts one and gets at `parley` in the page.

import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
// The browser driver is a development dependency of the UI.
const { chromium } = createRequire(join(here, '../../ui/package.json'))('playwright-core')
const types = { '.html': 'text/html', '.js': 'text/javascript' }

/** Options of `parseArgs` that every driver takes. */
export const commonOptions = {
  size: { type: 'string', default: '1280x720@30' },
  kbps: { type: 'string' },
  executable: { type: 'string', default: '/usr/bin/chromium' },
}

/** WIDTHxHEIGHT@RATE as what `parley.start` takes. */
export function readSize(text) {
  const [, width, height, frameRate] = text.match(/^(\d+)x(\d+)@(\d+)$/).map(Number)
  return { width, height, frameRate }
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

export function say(event) {
  process.stdout.write(JSON.stringify(event) + '\n')
}

/**
 * Chromium's flags. video, audio: a file to send instead of its own fake devices; devices: the machine's real ones.
 * askForDevices: leave the permission question alone (without an answer Chromium hides its addresses behind .local names);
 * server: whose pages may use devices although it is plain http from another machine.
 */
export function flags({ video = '', audio = '', devices = false, askForDevices = false, server = '' } = {}) {
  const list = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--allow-loopback-in-peer-connection',
    '--autoplay-policy=no-user-gesture-required',
    '--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests',
  ]
  if (server) list.push(`--unsafely-treat-insecure-origin-as-secure=${new URL(server).origin}`)
  if (!devices) list.push('--use-fake-device-for-media-stream')
  if (!askForDevices) list.push('--use-fake-ui-for-media-stream')
  if (video.endsWith('.y4m')) list.push(`--use-file-for-fake-video-capture=${video}`)
  if (audio.endsWith('.wav')) list.push(`--use-file-for-fake-audio-capture=${audio}`)
  return list
}

/** Starts a browser: { server, page, pid }; `page` is blank yet. */
export async function launch({ executable, args, headless = true, viewport, ignore = [] }) {
  const server = await chromium.launchServer({ executablePath: executable, headless, args, ignoreDefaultArgs: ignore })
  const browser = await chromium.connect(server.wsEndpoint())
  const page = await browser.newPage(viewport === undefined ? {} : { viewport })
  return { server, page, pid: server.process().pid }
}

/**
 * Loads the page of this folder and waits until it can be told things. It is put in place of the pages of `server` (or of the
 * server of a link), by interception: a server hears no pages of others.
 */
export async function load(page, server) {
  const { origin } = new URL(server)
  await page.route(`${origin}/**`, (route) => {
    const path = new URL(route.request().url()).pathname
    const file = join(here, 'page', path === '/' ? 'index.html' : path.slice(1))
    try {
      return route.fulfill({ body: readFileSync(file), contentType: types[extname(file)] ?? 'text/plain' })
    } catch {
      return route.continue()
    }
  })
  await page.goto(`${origin}/`)
  await page.waitForFunction(() => globalThis.parley)
}
