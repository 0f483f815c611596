// Hands the microphone's sound to the page in blocks of 40 ms, mixed to mono, at the rate of the audio context.
class Recorder extends AudioWorkletProcessor {
  #block = new Float32Array(Math.round(sampleRate * 0.04));
  #filled = 0;

  process([channels]) {
    if (channels.length === 0) return true;
    for (let index = 0; index < channels[0].length; ++index) {
      let sum = 0;
      for (const channel of channels) sum += channel[index];
      this.#block[this.#filled++] = sum / channels.length;
      if (this.#filled === this.#block.length) this.#post();
    }
    return true;
  }

  #post() {
    this.port.postMessage(this.#block, [this.#block.buffer]);
    this.#block = new Float32Array(Math.round(sampleRate * 0.04));
    this.#filled = 0;
  }
}

registerProcessor('recorder', Recorder);
