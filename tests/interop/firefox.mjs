// A real Firefox (Debian's ESR) driven by WebDriver BiDi, which it speaks itself: what our drivers need of it and no more. The
// browser driver of the UI asks this Firefox for things that it does not know yet.

import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** No answer of the browser takes longer; a page that is waited for is asked again and again. */
const ANSWER_MS = 30_000
/** A cold start on a busy machine. */
const START_MS = 60_000

/**
 * Its own made-up camera, microphone and yes; loopback as a network; nothing fetched from anywhere. Firefox has H.264 by a plugin that
 * it downloads from Cisco soon after its first start; here it is told that the system's FFmpeg is as good (`x264_at_once.c` sees to it).
 */
const PREFERENCES = {
  'gfx.blacklist.webrtc.hw.acceleration.h264': 1,
  'media.webrtc.encoder_creation_strategy': 1,
  'media.webrtc.hw.h264.enabled': true,
  'app.normandy.enabled': false,
  'app.update.auto': false,
  'browser.safebrowsing.downloads.remote.enabled': false,
  'browser.safebrowsing.update.enabled': false,
  'browser.search.update': false,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.getAddons.cache.enabled': false,
  'extensions.update.enabled': false,
  'media.autoplay.default': 0,
  'media.ffmpeg.encoder.enabled': true,
  'media.gmp-manager.updateEnabled': false,
  'media.navigator.permission.disabled': true,
  'media.navigator.streams.fake': true,
  'media.peerconnection.ice.loopback': true,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,nothing',
  'toolkit.telemetry.enabled': false,
  'toolkit.telemetry.server': 'data:,nothing',
}

const within = (ms, what, promise) => {
  let timer
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms)))
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/**
 * Starts it: { goto, addInitScript, evaluate, close }. Without a window it finds no screen either that could be shared; with one it
 * takes that of DISPLAY. `console` hears what the page complains of.
 */
export async function launchFirefox({ executable, headless = true, preferences = {}, console: hear = () => {} }) {
  const profile = mkdtempSync(join(tmpdir(), 'parley-firefox-'))
  const line = ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`
  writeFileSync(join(profile, 'user.js'), Object.entries({ ...PREFERENCES, ...preferences }).map(line).join(''))
  const encoder = join(profile, 'x264_at_once.so')
  execFileSync('cc', ['-shared', '-fPIC', '-o', encoder, join(dirname(fileURLToPath(import.meta.url)), 'x264_at_once.c'), '-ldl'])
  // It goes with this script, however that ends: whoever started the script may kill it.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', executable, ...(headless ? ['--headless'] : []), '--no-remote', '--remote-debugging-port=0', '--profile', profile], {
    env: { ...process.env, LD_PRELOAD: encoder },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const close = async () => {
    if (child.exitCode === null) child.kill('SIGTERM')
    await within(5000, 'ending Firefox', ended).catch(() => child.kill('SIGKILL'))
    await ended
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    const address = await within(START_MS, 'starting Firefox', listening(child))
    const session = await Session.open(`${address}/session`, hear)
    return { ...(await firstPage(session)), close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Where it takes commands, as it says itself. */
function listening(child) {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr.on('data', (data) => {
      // Enough to find the line in; it goes on complaining for as long as it runs.
      if (said.length < 100_000) said += data
      const [, address] = /WebDriver BiDi listening on (ws:\/\/\S+)/u.exec(said) ?? []
      if (address) resolve(address)
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`Firefox ended with ${code}: ${said.slice(-1000)}`)))
  })
}

/** Commands and their answers over one WebSocket. */
class Session {
  #socket
  #waiting = new Map()
  #last = 0

  static async open(address, hear) {
    const session = new Session()
    const socket = (session.#socket = new WebSocket(address))
    await within(ANSWER_MS, 'connecting to Firefox', new Promise((resolve, reject) => {
      socket.onopen = resolve
      socket.onerror = () => reject(new Error('Firefox does not listen'))
    }))
    socket.onmessage = ({ data }) => session.#hear(JSON.parse(data), hear)
    await session.ask('session.new', { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } })
    await session.ask('session.subscribe', { events: ['log.entryAdded'] })
    return session
  }

  ask(method, params) {
    const id = ++this.#last
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
    this.#socket.send(JSON.stringify({ id, method, params }))
    return within(ANSWER_MS, method, answer).finally(() => this.#waiting.delete(id))
  }

  #hear(message, hear) {
    if (message.method === 'log.entryAdded') return hear(message.params)
    const waiting = this.#waiting.get(message.id)
    if (message.type === 'success') waiting?.resolve(message.result)
    else waiting?.reject(new Error(`${message.error}: ${message.message}`))
  }
}

async function firstPage(session) {
  const { contexts } = await session.ask('browsingContext.getTree', {})
  const { context } = contexts[0]
  return {
    addInitScript: (text) => session.ask('script.addPreloadScript', { functionDeclaration: `() => { ${text} }` }),
    goto: (url) => session.ask('browsingContext.navigate', { context, url, wait: 'complete' }),
    /** Runs `(${work})(argument)` in the page, as if by the person's hand; what it gives must be JSON. */
    async evaluate(work, argument) {
      const expression = `Promise.resolve((${work})(${JSON.stringify(argument ?? null)})).then((value) => JSON.stringify(value ?? null))`
      const answer = await session.ask('script.evaluate', { expression, target: { context }, awaitPromise: true, userActivation: true })
      if (answer.type === 'exception') throw new Error(answer.exceptionDetails.text)
      return JSON.parse(answer.result.value)
    },
  }
}
