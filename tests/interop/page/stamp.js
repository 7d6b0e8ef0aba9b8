// Reads the strip at the foot of Parley's test pattern (parley_media::video::pattern) out of a <video> or a <canvas>: 32 by 4 cells, each an
// eightieth of the picture's width, holding 16 sync bits, a number (32), a clock in microseconds (64) and a checksum (16).

const COLUMNS = 32
const ROWS = 4
const SYNC = 0b1010010111000011n
const canvas = new OffscreenCanvas(COLUMNS * 4, ROWS * 4)
const context = canvas.getContext('2d', { willReadFrequently: true })

/** { number, clockUs } or null. */
export function readStamp(source) {
  const { videoWidth: width = source.width, videoHeight: height = source.height } = source
  if (!width) return null
  const cell = width / 80
  context.drawImage(source, 24 * cell, height - 5 * cell, COLUMNS * cell, ROWS * cell, 0, 0, canvas.width, canvas.height)
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height)
  let bits = 0n
  for (let index = 0; index < COLUMNS * ROWS; index++) {
    const x = (index % COLUMNS) * 4 + 1
    const y = Math.floor(index / COLUMNS) * 4 + 1
    let sum = 0
    for (const [dx, dy] of [[0, 0], [1, 0], [0, 1], [1, 1]]) sum += data[((y + dy) * canvas.width + x + dx) * 4 + 1]
    bits = (bits << 1n) | (sum / 4 > 126 ? 1n : 0n)
  }
  if (bits >> 112n !== SYNC) return null
  const body = (bits >> 16n) & ((1n << 96n) - 1n)
  if (checksum(body) !== (bits & 0xffffn)) return null
  return { number: Number(body >> 64n), clockUs: Number(body & ((1n << 64n) - 1n)) }
}

// CRC-16, polynomial 0x1021, over twelve bytes.
function checksum(body) {
  let sum = 0xffff
  for (let byte = 11n; byte >= 0n; byte--) {
    sum ^= Number((body >> (byte * 8n)) & 0xffn) << 8
    for (let bit = 0; bit < 8; bit++) sum = ((sum << 1) ^ (sum & 0x8000 ? 0x1021 : 0)) & 0xffff
  }
  return BigInt(sum)
}

/**
 * Notes when each numbered picture was there. An own one: when it was captured. A remote one: when the page gets it (its
 * captureTime would be the sender's).
 */
export function watchPictures(video, own) {
  const seen = []
  const step = (now, metadata) => {
    const stamp = readStamp(video)
    if (stamp && seen.length < 20_000) {
      seen.push([stamp.number, performance.timeOrigin + (own ? (metadata.captureTime ?? now) : now)])
    }
    video.requestVideoFrameCallback(step)
  }
  video.requestVideoFrameCallback(step)
  return seen
}

/** Notes, in ms, how long after the time drawn into it each picture is about to be shown. */
export function watchLateness(video) {
  const late = []
  const step = () => {
    const shownMs = Date.now()
    const stamp = readStamp(video)
    if (stamp && late.length < 20_000) late.push(shownMs - stamp.clockUs / 1000)
    video.requestVideoFrameCallback(step)
  }
  video.requestVideoFrameCallback(step)
  return late
}
