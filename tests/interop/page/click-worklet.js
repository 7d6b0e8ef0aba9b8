// Tells when a click (a sample far louder than the rest of the clip) passes: by its frame in the context's time.

class ClickWatcher extends AudioWorkletProcessor {
  quiet = 0

  process([[samples]]) {
    if (!samples) return true
    for (let index = 0; index < samples.length; index++, this.quiet++) {
      if (Math.abs(samples[index]) > 0.45) {
        if (this.quiet > sampleRate / 4) this.port.postMessage(currentTime + index / sampleRate)
        this.quiet = 0
      }
    }
    return true
  }
}

registerProcessor('click-watcher', ClickWatcher)
