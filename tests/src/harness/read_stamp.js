// Reads the number and the clock out of a picture of Parley's moving pattern: a strip of 32 by 4 cells at its foot, written
// from the description in crates/parley-media/src/video/pattern/stamp.rs. Works on anything a canvas can draw.

const COLUMNS = 32
const ROWS = 4
const CELLS_ACROSS = 80
const MARGIN_LEFT = 24
const MARGIN_BELOW = 1
const SYNC = 0b1010010111000011

function readStamp(source, width = source.videoWidth || source.width, height = source.videoHeight || source.height) {
  if (!width || !height) return null
  const cell = width / CELLS_ACROSS
  const left = Math.floor(MARGIN_LEFT * cell)
  const top = Math.floor(height - (ROWS + MARGIN_BELOW) * cell)
  const strip = { width: Math.ceil(COLUMNS * cell) + 1, height: Math.ceil(ROWS * cell) + 1 }
  const scratch = (readStamp.scratch ??= document.createElement('canvas'))
  if (scratch.width !== strip.width || scratch.height !== strip.height) Object.assign(scratch, strip)
  const context = scratch.getContext('2d', { willReadFrequently: true })
  context.drawImage(source, left, top, strip.width, strip.height, 0, 0, strip.width, strip.height)
  const pixels = context.getImageData(0, 0, strip.width, strip.height).data
  const levels = []
  for (let index = 0; index < COLUMNS * ROWS; index++) {
    const x = Math.round((MARGIN_LEFT + (index % COLUMNS) + 0.5) * cell - left)
    const y = Math.round(height - (ROWS + MARGIN_BELOW - Math.floor(index / COLUMNS) - 0.5) * cell - top)
    const at = (Math.min(y, strip.height - 1) * strip.width + Math.min(x, strip.width - 1)) * 4
    levels.push(pixels[at + 1])
  }
  return decode(levels)
}

function decode(levels) {
  const mean = (bright) => {
    const of = levels.slice(0, 16).filter((_, index) => ((SYNC >> (15 - index)) & 1) === bright)
    return of.reduce((sum, level) => sum + level, 0) / of.length
  }
  const [bright, dark] = [mean(1), mean(0)]
  if (bright - dark < 40) return null
  let bits = 0n
  for (const level of levels) bits = (bits << 1n) | (level > (bright + dark) / 2 ? 1n : 0n)
  const body = (bits >> 16n) & ((1n << 96n) - 1n)
  if (Number(bits >> 112n) !== SYNC || Number(bits & 0xffffn) !== checksum(body)) return null
  return { number: Number(body >> 64n), clockMs: Number(body & ((1n << 64n) - 1n)) / 1000 }
}

// CRC-16 with the polynomial 0x1021 over the twelve bytes of number and clock.
function checksum(body) {
  let sum = 0xffff
  for (let shift = 88n; shift >= 0n; shift -= 8n) {
    sum ^= Number((body >> shift) & 0xffn) << 8
    for (let bit = 0; bit < 8; bit++) sum = ((sum << 1) ^ (sum & 0x8000 ? 0x1021 : 0)) & 0xffff
  }
  return sum
}
