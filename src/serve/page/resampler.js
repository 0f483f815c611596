// Conversion of microphone sound: sample rate by a windowed sinc, floats to 16-bit integers.

const ZERO_CROSSINGS = 16;  // of the sinc, on each side
const PASSBAND = 0.92;      // of the lower of the two Nyquist frequencies

const greatestCommonDivisor = (a, b) => (b === 0 ? a : greatestCommonDivisor(b, a % b));
const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
const hann = (x) => (Math.abs(x) >= 1 ? 0 : 0.5 + 0.5 * Math.cos(Math.PI * x));

// The filter's taps for an output sample that lies `fraction` of an input sample behind tap `half - 1`.
function makeTaps(half, cutoff, fraction) {
  const taps = new Float32Array(2 * half);
  let sum = 0;
  for (let tap = 0; tap < taps.length; ++tap) {
    const distance = tap - (half - 1) - fraction;
    taps[tap] = sinc(cutoff * distance) * hann(distance / half);
    sum += taps[tap];
  }
  return taps.map((tap) => tap / sum);
}

// Slicing the input differently never changes the output.
export class Resampler {
  #up;        // output samples that take as long as #down input samples
  #down;
  #half;      // taps on each side
  #phases;    // taps by the output's place between two input samples
  #phase = 0;
  #pending;   // input from the next output's first tap on

  constructor(inputRate, outputRate) {
    const divisor = greatestCommonDivisor(Math.round(inputRate), Math.round(outputRate));
    this.#up = Math.round(outputRate) / divisor;
    this.#down = Math.round(inputRate) / divisor;
    const ratio = Math.min(1, outputRate / inputRate);
    this.#half = Math.ceil(ZERO_CROSSINGS / ratio);
    this.#phases = Array.from({ length: this.#up }, (_, phase) =>
      makeTaps(this.#half, PASSBAND * ratio, phase / this.#up));
    this.#pending = new Float32Array(this.#half - 1);
  }

  process(input) {
    if (this.#up === this.#down) return input;
    const samples = new Float32Array(this.#pending.length + input.length);
    samples.set(this.#pending);
    samples.set(input, this.#pending.length);

    const length = 2 * this.#half;
    const output = [];
    let first = 0;
    while (first + length <= samples.length) {
      const taps = this.#phases[this.#phase];
      let sum = 0;
      for (let tap = 0; tap < length; ++tap) sum += taps[tap] * samples[first + tap];
      output.push(sum);
      this.#phase += this.#down;
      first += Math.floor(this.#phase / this.#up);
      this.#phase %= this.#up;
    }
    this.#pending = samples.slice(first);
    return Float32Array.from(output);
  }

  // What the filter still holds, at the end of the sound.
  flush() {
    return this.process(new Float32Array(this.#up === this.#down ? 0 : this.#half));
  }
}

export function toPcm16(samples) {
  const pcm = new Int16Array(samples.length);
  for (let index = 0; index < samples.length; ++index) {
    pcm[index] = Math.max(-32768, Math.min(32767, Math.round(samples[index] * 32768)));
  }
  return pcm;
}
