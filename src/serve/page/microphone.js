import { Resampler, toPcm16 } from './resampler.js';

const NO_MICROPHONE = {
  NotAllowedError: 'The microphone is blocked. Allow it for this page in the browser\u2019s address bar or ' +
    'settings, then press Start again.',
  NotFoundError: 'No microphone was found. Connect one, then press Start again.',
  NotReadableError: 'The microphone cannot be opened. Another program may be using it.',
};
const INSECURE =
  'Browsers give the microphone only to pages from https:// or from localhost. Open this page that way; ' +
  'audio files work here, too.';

export class Microphone {
  #stream = null;
  #context = null;
  #node = null;
  #resampler = null;
  #rate;

  // Throws an error whose message is for the reader.
  async start(rate, { onSamples, onLevel, onEnded }) {
    if (!isSecureContext || !navigator.mediaDevices) throw new Error(INSECURE);
    this.#rate = rate;
    try {
      // Echo and noise removal are made for human ears and cost accuracy.
      this.#stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true },
      });
      await this.#connect(onSamples, onLevel);
    } catch (error) {
      this.stop();
      throw new Error(NO_MICROPHONE[error.name] ?? `The microphone cannot be used: ${error.message}`);
    }
    this.#stream.getAudioTracks()[0].addEventListener('ended', onEnded);
  }

  async #connect(onSamples, onLevel) {
    // The device's own rate: Firefox cannot connect a microphone to a context of another.
    this.#context = new AudioContext();
    await this.#context.audioWorklet.addModule(new URL('recorder-worklet.js', import.meta.url));
    this.#resampler = new Resampler(this.#context.sampleRate, this.#rate);
    this.#node = new AudioWorkletNode(this.#context, 'recorder', { numberOfOutputs: 0 });
    this.#node.port.onmessage = ({ data }) => {
      onLevel(data.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0));
      onSamples(toPcm16(this.#resampler.process(data)));
    };
    this.#context.createMediaStreamSource(this.#stream).connect(this.#node);
    await this.#context.resume();
  }

  // After a phone call or a locked screen.
  wake() {
    if (this.#context && this.#context.state !== 'running') this.#context.resume().catch(() => {});
  }

  // Returns the last samples, once.
  stop() {
    if (this.#node) this.#node.port.onmessage = null;
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#context?.close();
    const rest = this.#resampler ? toPcm16(this.#resampler.flush()) : new Int16Array(0);
    this.#node = this.#stream = this.#context = this.#resampler = null;
    return rest;
  }
}
