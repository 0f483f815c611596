import { readAudioFile } from './audio_file.js';
import { AudioHistory } from './audio_history.js';
import { Connection, REPLAY_SECONDS, SAMPLE_RATE } from './connection.js';
import { Microphone } from './microphone.js';
import { captionsAddress, probe } from './server.js';

const SILENT_BLOCKS = 75;  // of 40 ms, all zero: a muted microphone

function problemOf(kind, message) {
  const said = message ? `: ${message}` : '.';
  switch (kind) {
    case 'busy':
      return 'The server is at capacity. Try again in a moment.';
    case 'key':
      return 'The server needs a valid API key.';
    case 'refused':
      return `The server refused${said}`;
    case 'lost':
      return `The server cannot be reached${said}`;
  }
  return '';
}

function describeGap(seconds) {
  return seconds === 1 ? '1 second is' : `${seconds} seconds are`;
}

// A microphone or a file on its way to the server, and what comes back on its way into the transcript.
//
// listener: changed(); status(state, text) with "starting", "live", "lost" or "finishing"; level(0..1);
// notice(text); ended(kind, problem), once, where the problem is empty when all went well.
export class Recording {
  #transcript;
  #listener;
  #session;
  #language;
  #origin;              // seconds of the transcript's earlier recordings
  #history = new AudioHistory();
  #connection;
  #microphone = null;
  #file = null;
  #heard = 0;           // seconds
  #silentBlocks = 0;
  #outage = null;       // { marker, since }
  #finishing = false;
  #over = false;

  // language: what sentences are in when the server does not say.
  constructor({ transcript, session, language, listener }) {
    this.#transcript = transcript;
    this.#origin = transcript.duration;
    this.#listener = listener;
    this.#language = language;
    this.#session = session;
  }

  get isLive() {
    return this.#microphone !== null;
  }

  get seconds() {
    return this.#history.end / SAMPLE_RATE;
  }

  // Of a file, 0 to 1.
  get progress() {
    return this.seconds > 0 ? Math.min(1, this.#heard / this.seconds) : 0;
  }

  async useMicrophone() {
    const microphone = new Microphone();
    this.#microphone = microphone;
    this.#listener.status('starting', 'Waiting for the microphone\u2026');
    try {
      await microphone.start(SAMPLE_RATE, {
        onSamples: (samples) => this.#add(samples),
        onLevel: (level) => this.#showLevel(level),
        onEnded: () => {
          this.#listener.notice('The microphone was disconnected.');
          this.stop();
        },
      });
    } catch (error) {
      return this.#end('microphone', error.message);
    }
    if (this.#over) microphone.stop();
    else this.#connect();
  }

  async useFile(file) {
    this.#file = file;
    this.#listener.status('starting', `Reading ${file.name}\u2026`);
    try {
      this.#history.append(await readAudioFile(file, SAMPLE_RATE));
    } catch (error) {
      return this.#end('file', error.message);
    }
    if (this.#over) return;
    this.#connect();
    this.#connection.finish();
  }

  // The first time a microphone's last words are waited for, the second time they are not.
  stop() {
    if (!this.isLive || this.#finishing || !this.#connection) {
      if (this.#connection) this.#connection.cancel();
      else this.#end('cancelled', '');
      return;
    }
    this.#finishing = true;
    this.#add(this.#microphone.stop());
    this.#connection.finish();
    if (!this.#outage) this.#listener.status('finishing', 'Finishing\u2026');
  }

  // The page is seen again, or the network is back.
  wake() {
    this.#microphone?.wake();
    this.#connection?.retryNow();
  }

  #connect() {
    this.#listener.status('starting', 'Connecting\u2026');
    this.#connection = new Connection({
      url: captionsAddress,
      session: this.#session,
      history: this.#history,
      live: this.isLive,
      probe,
      listener: {
        ready: () => this.#showProgress(),
        interim: (text, start) => this.#showInterim(text, start),
        sentence: (sentence) => this.#addSentence(sentence),
        notice: (message) => this.#listener.notice(`The server says: ${message}`),
        lost: (kind, delay) => this.#lose(kind, delay),
        resumed: (how) => this.#resume(how),
        ended: (kind, message) => this.#end(kind, problemOf(kind, message)),
      },
    });
    this.#connection.start();
  }

  #add(samples) {
    this.#history.append(samples);
    this.#connection?.soundAdded();
  }

  #showLevel(level) {
    const wasMuted = this.#silentBlocks >= SILENT_BLOCKS;
    this.#silentBlocks = level > 0 ? 0 : this.#silentBlocks + 1;
    this.#listener.level(level);
    if (wasMuted !== this.#silentBlocks >= SILENT_BLOCKS) this.#showProgress();
  }

  #showProgress() {
    if (this.#outage || this.#over) return;
    if (this.#finishing) return this.#listener.status('finishing', 'Finishing\u2026');
    const muted = this.#silentBlocks >= SILENT_BLOCKS;
    const live = muted ? 'No sound from the microphone. Is it muted?' : 'Listening';
    this.#listener.status('live', this.isLive ? live : `Transcribing ${this.#file.name}`);
  }

  #showInterim(text, start) {
    this.#heard = Math.max(this.#heard, start);
    this.#transcript.setInterim(text, this.#origin + start);
    this.#listener.changed();
  }

  #addSentence(sentence) {
    const later = (item) => ({ ...item, start: this.#origin + item.start, end: this.#origin + item.end });
    this.#heard = Math.max(this.#heard, sentence.end);
    this.#transcript.addSentence({
      ...later(sentence),
      language: sentence.language || this.#language,
      words: sentence.words.map(later),
    });
    this.#listener.changed();
  }

  #lose(kind, delay) {
    this.#outage ??= { marker: this.#transcript.mark('Connection lost'), since: performance.now() };
    const why = kind === 'busy' ? 'The server is at capacity' : 'Connection lost';
    const kept = this.isLive ? `; the last ${REPLAY_SECONDS} seconds of sound are kept` : '';
    this.#listener.status('lost', `${why}. Trying again in ${Math.ceil(delay)} s${kept}.`);
    this.#listener.changed();
  }

  #resume({ keepOpen, missing }) {
    const { marker, since } = this.#outage;
    const lasted = Math.max(1, Math.round((performance.now() - since) / 1000));
    const gap = Math.round(missing);
    if (keepOpen) this.#transcript.settleInterim(this.#origin + this.seconds);
    marker.text = `Connection lost for ${lasted} s; ` +
      (gap > 0 ? `${describeGap(gap)} missing` : keepOpen ? 'a word may be missing' : 'nothing is missing');
    this.#outage = null;
    this.#listener.notice('');
    this.#showProgress();
    this.#listener.changed();
  }

  #end(kind, problem) {
    if (this.#over) return;
    this.#over = true;
    this.#microphone?.stop();
    this.#transcript.settleInterim(this.#origin + this.seconds);
    this.#transcript.duration = this.#origin + this.seconds;
    this.#listener.ended(kind, problem);
  }
}
