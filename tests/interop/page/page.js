// What the drivers (../chromium.mjs, ../bench_chromium.mjs, ../window_chromium.mjs, ../lab_chromium.mjs) call in the page:
// parley.start, join, report, watch, lateness, record, leave.

import { Client } from './client.js'
import { Recording } from './recording.js'
import { watchLateness, watchPictures } from './stamp.js'

let client
let local
let remote
let firstPicture

/**
 * voice: with the browser's own echo canceller, noise suppression and gain control.
 * hint: what the pictures are; with 'text' they are sent as those of a shared screen.
 */
async function capture({ width, height, frameRate, video, audio, voice = false, hint = '' }) {
  const constraints = {
    video: video && { width: { exact: width }, height: { exact: height }, frameRate: { ideal: frameRate } },
    audio: audio && { echoCancellation: voice, noiseSuppression: voice, autoGainControl: voice },
  }
  if (!video && !audio) return new MediaStream()
  const stream = await navigator.mediaDevices.getUserMedia(constraints)
  for (const track of stream.getVideoTracks()) track.contentHint = hint
  return stream
}

/** Wall-clock times of the clicks in a stream, as its blocks reach the audio thread. */
async function watchClicks(stream) {
  const clicks = []
  if (!stream.getAudioTracks().length) return clicks
  const context = new AudioContext({ sampleRate: 48000, latencyHint: 'interactive' })
  // The driver answers requests of the page, but not those of a worklet: so the page fetches it.
  const source = await (await fetch('./click-worklet.js')).blob()
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })))
  const watcher = new AudioWorkletNode(context, 'click-watcher')
  context.createMediaStreamSource(stream).connect(watcher).connect(context.destination)
  watcher.port.onmessage = ({ data }) => {
    // The context's clock against the page's, at this moment.
    clicks.push(performance.timeOrigin + performance.now() - (context.currentTime - data) * 1000)
  }
  return clicks
}

globalThis.parley = {
  async start(options) {
    const stream = (local ??= await capture(options))
    const element = document.getElementById('remote')
    document.getElementById('local').srcObject = stream
    remote = new MediaStream()
    firstPicture = null
    client = new Client({
      ...options,
      stream,
      onRemote(track) {
        remote.addTrack(track)
        element.srcObject = remote
        element.play().catch(() => {})
        if (track.kind === 'video') {
          element.requestVideoFrameCallback(() => (firstPicture ??= performance.now() - client.started))
        }
      },
    })
    globalThis.parley.client = client
    return client.prepare()
  },
  join: () => client.join(),
  async report() {
    const { totalVideoFrames, droppedVideoFrames } = document.getElementById('remote').getVideoPlaybackQuality()
    return { ...(await client.report()), first_picture_ms: firstPicture, pictures_shown: totalVideoFrames - droppedVideoFrames }
  },
  /** Starts to note pictures and clicks on both sides; call again for what was seen. */
  async watch() {
    if (!globalThis.parley.seen) {
      globalThis.parley.seen = {
        localPictures: watchPictures(document.getElementById('local'), true),
        remotePictures: watchPictures(document.getElementById('remote'), false),
        localClicks: await watchClicks(local),
        remoteClicks: await watchClicks(remote),
      }
    }
    return globalThis.parley.seen
  },
  /** Starts to write down this side's pictures and sound (own), or those of the other; what there is then is parley.recording. */
  record({ own, every }) {
    globalThis.parley.recording = new Recording()
    globalThis.parley.recording.watch(document.getElementById(own ? 'local' : 'remote'), { own, every })
    // Without sound there is none to hear; nobody waits for it.
    void globalThis.parley.recording.hear(own ? local : remote)
  },
  /** Starts to note how late remote pictures with a live clock in them are shown; call again for what was seen. */
  lateness: () => (globalThis.parley.late ??= watchLateness(document.getElementById('remote'))),
  leave: () => client.leave(),
}
