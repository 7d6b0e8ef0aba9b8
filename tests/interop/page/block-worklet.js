// Hands over sound as it passes, in blocks of 10 ms with the context's time of their first sample.

const SAMPLES = 480

class BlockRecorder extends AudioWorkletProcessor {
  block = new Float32Array(SAMPLES)
  filled = 0
  begin = 0

  process([[samples]]) {
    if (!samples) {
      this.filled = 0
      return true
    }
    for (let index = 0; index < samples.length; index++) {
      if (this.filled === 0) this.begin = currentTime + index / sampleRate
      this.block[this.filled++] = samples[index]
      if (this.filled === SAMPLES) {
        this.port.postMessage({ begin: this.begin, samples: this.block.slice() })
        this.filled = 0
      }
    }
    return true
  }
}

registerProcessor('block-recorder', BlockRecorder)
