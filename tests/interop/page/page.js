// What the driver (../chromium.mjs) calls in the page: parley.start, parley.join, parley.report, parley.leave.

import { Client } from './client.js'

const remote = new MediaStream()
let client
let firstPicture = null

async function capture({ width, height, frameRate, video, audio }) {
  const constraints = {
    video: video && { width: { exact: width }, height: { exact: height }, frameRate: { ideal: frameRate } },
    audio: audio && { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  }
  return video || audio ? navigator.mediaDevices.getUserMedia(constraints) : new MediaStream()
}

globalThis.parley = {
  async start(options) {
    const stream = options.stream ?? (await capture(options))
    const element = document.getElementById('remote')
    document.getElementById('local').srcObject = stream
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
    return { ...(await client.report()), first_picture_ms: firstPicture }
  },
  leave: () => client.leave(),
}
