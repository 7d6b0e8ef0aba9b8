// Writes down one end of a call, as `parley-cli --record` and `--record-own` do: when each numbered picture was captured or shown,
// some of the pictures as they were decoded, and the sound with the time of each 10 ms.

import { readStamp } from './stamp.js'

/** Pictures that are kept in memory at most: 720p takes 1.4 MB each. */
const FILM_MAX = 150
/** Blocks before and after one among which the clocks are compared: half a second each way. */
const AROUND = 50

export class Recording {
  pictures = []
  film = []
  blocks = []
  /** Of each block: its beginning by the context's clock, and how far the page's was ahead of that, both in ms. */
  begins = []
  ahead = []
  faults = []

  /** own: the pictures of this side, which have their capture time; every: keeps every so many pictures whole, 0 for none. */
  watch(video, { own, every }) {
    let count = 0
    let last
    const step = (now, metadata) => {
      const at = performance.timeOrigin + (own ? (metadata.captureTime ?? now) : now)
      // Pictures that were shown while the page was busy are not told of one by one: they came in between, whatever was in them.
      const missed = last ? metadata.presentedFrames - last.presented - 1 : 0
      for (let one = 1; one <= missed; one++) {
        this.pictures.push(['-', Math.round((last.at + ((at - last.at) * one) / (missed + 1)) * 1000)])
      }
      last = { at, presented: metadata.presentedFrames }
      this.pictures.push([readStamp(video)?.number ?? '-', Math.round(at * 1000)])
      if (every && count++ % every === 0 && this.film.length < FILM_MAX) {
        this.keep(video).catch((error) => this.faults.push(String(error)))
      }
      video.requestVideoFrameCallback(step)
    }
    video.requestVideoFrameCallback(step)
  }

  async keep(video) {
    const frame = new VideoFrame(video)
    try {
      const bytes = new Uint8Array(frame.allocationSize())
      const [, chroma] = await frame.copyTo(bytes)
      const { width, height } = frame.visibleRect
      if (frame.format === 'NV12') this.film.push({ width, height, bytes: planar(bytes, chroma.offset) })
      else if (frame.format === 'I420') this.film.push({ width, height, bytes })
      else throw new Error(`pictures come as ${frame.format}`)
    } finally {
      frame.close()
    }
  }

  /** Begins to hear a stream, as soon as there is sound in it. */
  async hear(stream) {
    while (stream.getAudioTracks().length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    const context = new AudioContext({ sampleRate: 48000, latencyHint: 'interactive' })
    // The driver answers requests of the page, but not those of a worklet: so the page fetches it.
    const source = await (await fetch('./block-worklet.js')).blob()
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })))
    const recorder = new AudioWorkletNode(context, 'block-recorder')
    context.createMediaStreamSource(stream).connect(recorder).connect(context.destination)
    recorder.port.onmessage = ({ data: { begin, samples } }) => {
      this.begins.push(begin * 1000)
      this.ahead.push(performance.timeOrigin + performance.now() - context.currentTime * 1000)
      this.blocks.push(Int16Array.from(samples, (sample) => Math.max(-1, Math.min(1, sample)) * 32767))
    }
  }

  /** Everything but the pictures themselves: those are asked for one by one (`picture`), for they are large. */
  result() {
    const sound = new Int16Array(this.blocks.length * 480)
    this.blocks.forEach((block, index) => sound.set(block, index * 480))
    return {
      pictures: this.pictures,
      times: this.times(),
      sound: base64(new Uint8Array(sound.buffer)),
      film: this.film.length,
      faults: this.faults,
    }
  }

  /**
   * When each block was, in microseconds. The context's clock goes in steps of what its device takes at once, so it is compared with
   * the page's where it had just gone on: where the page's was the least ahead.
   */
  times() {
    return this.begins.map((begin, at) => {
      const around = this.ahead.slice(Math.max(0, at - AROUND), at + AROUND + 1)
      return Math.round((begin + Math.min(...around)) * 1000)
    })
  }

  picture(index) {
    const { width, height, bytes } = this.film[index]
    return { width, height, i420: base64(bytes) }
  }
}

/** NV12 as I420: the two colours of each place stand one after the other. */
function planar(bytes, chroma) {
  const out = bytes.slice()
  const quarter = (bytes.length - chroma) / 2
  for (let index = 0; index < quarter; index++) {
    out[chroma + index] = bytes[chroma + 2 * index]
    out[chroma + quarter + index] = bytes[chroma + 2 * index + 1]
  }
  return out
}

function base64(bytes) {
  let text = ''
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768))
  return btoa(text)
}
