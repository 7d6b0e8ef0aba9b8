// A guest in a real browser, on the real page of a real server: goes in by the link, writes, sends and takes a file, shows a
// screen, leaves, and reports what the browser itself says of the call.
//
//   node --experimental-websocket guest.mjs --link LINK [--browser chromium|firefox] [--hears TEXT] [--writes TEXT]
//        [--send FILE] [--download FOLDER] [--share] [--watch] [--relay turn|turns] [--authority CERTIFICATE.pem] [--pictures N]
//        [--stay SECONDS]
//
// With --stay it does nothing else but see and hear, for so long, and tells once a second what came of everybody (of a call of three
// and more).
//
// Standard output: one JSON object a line, at the end {"event":"report",..} or {"event":"failed",..}.

import { parseArgs } from 'node:util'
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { flags, launch, pause, say } from './browser.mjs'
import { launchFirefox } from './firefox.mjs'

/** Any one step on a busy machine. */
const STEP_MS = 45_000

const { values: args } = parseArgs({
  options: {
    browser: { type: 'string', default: 'chromium' },
    link: { type: 'string' },
    name: { type: 'string', default: 'Guest' },
    hears: { type: 'string' },
    writes: { type: 'string' },
    send: { type: 'string' },
    download: { type: 'string' },
    share: { type: 'boolean', default: false },
    watch: { type: 'boolean', default: false },
    relay: { type: 'string' },
    authority: { type: 'string' },
    pictures: { type: 'string', default: '40' },
    stay: { type: 'string' },
  },
})

/** In the page, before its own scripts: small pictures, and a look at connections and at what is given to the browser's downloads. */
function prepare(relay) {
  try {
    localStorage.setItem('parley-guest', '{"picture":{"resolution":"p360","frame_rate":15}}')
  } catch {
    // A page without a place to keep things has what it has.
  }
  const seen = (globalThis.guest = { connections: [], candidates: [], errors: [], blobs: [], people: new Map(), publications: new Map() })
  const only = (config) => ({
    ...config,
    iceTransportPolicy: 'relay',
    iceServers: config.iceServers.filter(({ urls }) => [urls].flat().every((url) => url.startsWith(`${relay}:`))),
  })
  const Real = RTCPeerConnection
  globalThis.RTCPeerConnection = class extends Real {
    constructor(config) {
      super(relay ? only(config) : config)
      seen.connections.push(this)
      this.addEventListener('icecandidate', ({ candidate }) => candidate?.candidate && seen.candidates.push(candidate.candidate))
      this.addEventListener('icecandidateerror', ({ url, errorCode, errorText }) => seen.errors.push(`${url} ${errorCode} ${errorText}`))
    }
  }
  const Socket = WebSocket
  globalThis.WebSocket = class extends Socket {
    constructor(...all) {
      super(...all)
      this.addEventListener('message', ({ data }) => typeof data === 'string' && note(JSON.parse(data)))
    }
  }
  const come = ({ id, name }) => seen.people.set(id, { name, sound: 0, heard: 0 })
  const note = ({ type, participants, participant, id, list }) => {
    if (type === 'several') list.forEach(note)
    if (type === 'joined') participants.forEach(come)
    if (type === 'participant_joined') come(participant)
    if (type === 'participant_left') seen.people.delete(id)
    if (type === 'publications') seen.publications = new Map(list.filter(({ source }) => source === 'microphone').map((one) => [one.number, one.participant]))
  }
  const address = URL.createObjectURL.bind(URL)
  URL.createObjectURL = (blob) => {
    seen.blobs.push(blob)
    return address(blob)
  }
}

/** In the page: what the browser says of its connection, by the words of W3C's webrtc-stats. */
async function report() {
  const { connections, candidates, errors } = globalThis.guest
  const all = []
  for (const one of connections) (await one.getStats()).forEach((entry) => all.push(entry))
  const byId = new Map(all.map((entry) => [entry.id, entry]))
  const codec = ({ codecId }) => `${byId.get(codecId)?.mimeType ?? ''} ${byId.get(codecId)?.sdpFmtpLine ?? ''}`
  const flows = (type, kind) => all.filter((entry) => entry.type === type && entry.kind === kind)
  const pair = all.find((entry) => entry.type === 'candidate-pair' && entry.state === 'succeeded' && entry.nominated && entry.bytesReceived > 0)
  const local = byId.get(pair?.localCandidateId)
  const sum = (list, name) => list.reduce((total, entry) => total + (entry[name] ?? 0), 0)
  return {
    pictures_decoded: sum(flows('inbound-rtp', 'video'), 'framesDecoded'),
    pictures_sent: sum(flows('outbound-rtp', 'video'), 'framesSent'),
    // Of each section: the camera's first, then the screen's.
    sent: flows('outbound-rtp', 'video').map(({ mid, framesSent, frameWidth, frameHeight }) => ({ mid, pictures: framesSent ?? 0, size: [frameWidth, frameHeight] })),
    sound_energy: sum(flows('inbound-rtp', 'audio'), 'totalAudioEnergy'),
    sound_level: Math.max(0, ...flows('inbound-rtp', 'audio').map(({ audioLevel }) => audioLevel ?? 0)),
    codecs: [...new Set([...flows('inbound-rtp', 'video'), ...flows('inbound-rtp', 'audio'), ...flows('outbound-rtp', 'video')].map(codec))],
    way: [local?.candidateType, byId.get(pair?.remoteCandidateId)?.candidateType],
    relay_protocol: local?.relayProtocol ?? null,
    // Protocol, address, type (RFC 8839, section 5.1).
    candidates: candidates.map((line) => line.split(' ')).map((words) => `${words[2].toLowerCase()} ${words[4]} ${words[7]}`),
    candidate_errors: errors,
  }
}

/** In the page: pictures of everybody so far, and in how many looks something was heard of them (what is played names its publication). */
function lookAround() {
  const { connections, people, publications } = globalThis.guest
  const receivers = connections.filter((one) => one.connectionState === 'connected').flatMap((one) => one.getReceivers())
  const played = receivers.filter(({ track }) => track.kind === 'audio').flatMap((one) => one.getContributingSources())
  return [...people].map(([id, person]) => {
    const newest = Math.max(0, ...played.filter(({ source }) => publications.get(source) === id).map(({ timestamp }) => timestamp))
    if (newest > person.heard) person.sound += 1
    person.heard = newest
    const tile = document.querySelector(`[data-testid="tile-remote"][data-tile="${id}"]`)
    return { name: person.name, pictures: Number(tile?.dataset.frames ?? 0), sound_packets: person.sound }
  })
}

const selector = (id, more = '') => `[data-testid="${id}"]${more}`
const exists = (what) => document.querySelector(what) !== null
/** In the page: presses it, if it is there yet. */
const press = (what) => {
  const found = document.querySelector(what)
  found?.click()
  return found !== null
}
/** In the page: types it in, if there is a field yet. */
const type = ([what, text]) => {
  const field = document.querySelector(what)
  if (!field) return false
  const of = field instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement
  Object.getOwnPropertyDescriptor(of.prototype, 'value').set.call(field, text)
  field.dispatchEvent(new Event('input', { bubbles: true }))
  return true
}
const framesOf = (what) => Number(document.querySelector(what)?.dataset.frames ?? 0)

/** Asks the page until it says so. */
async function until(page, what, ask, argument, wanted = Boolean) {
  const end = Date.now() + STEP_MS
  for (;;) {
    const answer = await page.evaluate(ask, argument)
    if (wanted(answer)) return answer
    if (Date.now() > end) {
      const shown = await page.evaluate(() => document.body.innerText.slice(0, 600))
      throw new Error(`${what} did not come about: ${JSON.stringify(answer)}; the page says: ${shown}; ${JSON.stringify(await page.evaluate(report))}`)
    }
    await pause(150)
  }
}

async function open() {
  const faults = []
  if (args.browser === 'firefox') {
    const page = await launchFirefox({
      executable: '/usr/bin/firefox-esr',
      headless: !args.share,
      console: ({ level, text }) => level === 'error' && faults.push(text),
    })
    return { page, faults, close: page.close }
  }
  // Only pages of this machine may use devices without TLS.
  const elsewhere = /^(127\.0\.0\.1|localhost)$/u.test(new URL(args.link).hostname) ? '' : args.link
  const more = args.authority ? [`--ignore-certificate-errors-spki-list=${keyOf(args.authority)}`] : []
  const { server, page } = await launch({
    executable: '/usr/bin/chromium',
    args: [...flags({ server: elsewhere }), '--auto-select-desktop-capture-source=Entire screen', '--auto-accept-this-tab-capture', ...more],
  })
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('console', (line) => line.type() === 'error' && faults.push(line.text()))
  return { page, faults, close: () => server.close() }
}

/** How Chromium names the one key that it shall believe though no authority vouches for it: for pages, sockets and relays alike. */
function keyOf(certificate) {
  const key = new X509Certificate(readFileSync(certificate)).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(key).digest('base64')
}

async function goIn(page) {
  await page.addInitScript(`(${prepare})(${JSON.stringify(args.relay ?? null)})`)
  await page.goto(args.link)
  await until(page, 'a field for the name', type, [selector('name'), args.name])
  await until(page, 'a way in', press, selector('join'))
  await until(page, 'a call', exists, selector('stage', '[data-state="connected"]'))
}

async function write(page) {
  if (args.hears) await until(page, 'their message', ([what, text]) => [...document.querySelectorAll(what)].some((one) => one.innerText.includes(text)), [selector('message'), args.hears])
  if (!args.writes) return
  await until(page, 'a field for a message', type, [selector('message-field'), args.writes])
  await until(page, 'a button that sends', press, selector('send'))
  await until(page, 'a message that arrived', exists, selector('message', '[data-delivery="delivered"]'))
}

const filesLeft = () => document.querySelectorAll('[data-testid="file"]:not([data-state="done"])').length
const filesDone = () => document.querySelectorAll('[data-testid="file"][data-state="done"]').length

async function swapFiles(page) {
  await until(page, 'the files', press, selector('tab-files'))
  if (args.download) {
    await until(page, 'an offered file', press, selector('accept-file'))
    await until(page, 'a file that came', filesDone, null, (done) => done >= 1)
    await until(page, 'a file to save', press, selector('show-file'))
    const bytes = await until(page, 'the file itself', async () => {
      const blob = globalThis.guest.blobs.at(-1)
      return blob ? [...new Uint8Array(await blob.arrayBuffer())] : null
    })
    writeFileSync(join(args.download, 'as-it-came'), Buffer.from(bytes))
  }
  if (args.send) {
    const file = { name: basename(args.send), bytes: readFileSync(args.send).toString('base64') }
    // As dropped on the page by hand.
    const drop = ({ name, bytes }) => {
      const dataTransfer = new DataTransfer()
      dataTransfer.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], name))
      for (const type of ['dragenter', 'drop']) document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }))
    }
    await page.evaluate(drop, file)
    await until(page, 'a file that was taken', filesDone, null, (done) => done >= (args.download ? 2 : 1))
    // Of several people by each.
    await until(page, 'files that all took', filesLeft, null, (left) => left === 0)
  }
}

async function share(page) {
  await until(page, 'a way to share', press, selector('share'))
  await until(page, 'a shared screen', exists, selector('sharing', '[data-state="running"]'))
  await until(page, 'pictures of it that went out', report, null, ({ sent }) => sent.length > 1 && sent.every(({ pictures }) => pictures >= 2))
  // Until the other side has decoded some of it.
  await pause(3000)
}

/** Sees and hears, for so long or until the call ends. */
async function stay(page) {
  const end = Date.now() + Number(args.stay) * 1000
  while (Date.now() < end && !(await page.evaluate(exists, selector('ended')))) {
    say({ event: 'people', people: await page.evaluate(lookAround) })
    await pause(1000)
  }
}

async function takePart(page) {
  await until(page, 'pictures of theirs', framesOf, selector('tile-remote'), (frames) => frames >= Number(args.pictures))
  await until(page, 'sound of theirs', report, null, ({ sound_energy }) => sound_energy > 0.001)
  if (args.hears || args.writes || args.send || args.download) await until(page, 'the panel', press, selector('panel-button'))
  if (args.hears || args.writes) await write(page)
  if (args.send || args.download) await swapFiles(page)
  if (args.watch) await until(page, 'pictures of their screen', framesOf, selector('tile-screen'), (frames) => frames >= 2)
  if (args.share) await share(page)
  await until(page, 'pictures of ours that went out', report, null, ({ pictures_sent }) => pictures_sent >= Number(args.pictures))
}

let code = 0
const { page, faults, close } = await open()
try {
  await goIn(page)
  await (args.stay ? stay : takePart)(page)
  const measured = await page.evaluate(report)
  await until(page, 'a way out', press, selector('leave'))
  await until(page, 'the end', exists, selector('ended'))
  say({ event: 'report', ...measured, faults })
} catch (error) {
  say({ event: 'failed', message: String(error), faults })
  code = 1
} finally {
  await close()
}
process.exit(code)
