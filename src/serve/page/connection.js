import { classifyFailure, planReplay, reconnectDelay } from './reconnect.js';

export const SAMPLE_RATE = 16000;
export const REPLAY_SECONDS = 10;

const FRAME = 1600;            // samples per message: 100 ms
const REPLAY_MARGIN = 0.5;     // seconds
const MOST_BUFFERED_LIVE = 64 * 1024;   // bytes that wait in the browser
const MOST_BUFFERED_FILE = 256 * 1024;
const PUMP_INTERVAL = 20;      // milliseconds, as all below
const HANDSHAKE_TIMEOUT = 10000;
const REFUSAL_TIMEOUT = 1000;  // for the server to close after an error
const STALL_TIMEOUT = 5000;    // live sound that does not leave
const FINISH_TIMEOUT = 30000;  // without a word from the server after the end of the sound
const GOOD_AFTER = 5000;       // a connection that lived this long ends the row of failures
const MOST_FAILURES = 6;       // in a row; a live recording that goes on never gives up on a lost connection

const systemClock = {
  now: () => performance.now(),
  setTimeout: (action, delay) => setTimeout(action, delay),
  clearTimeout: (timer) => clearTimeout(timer),
};

// Sends the sound of an AudioHistory as it grows and tells the listener what the server writes. A lost connection is
// opened again, and the sound since the last final sentence sent again.
//
// listener: ready(); interim(text, start); sentence({ text, language, start, end, words }); notice(message);
// lost(kind, seconds until the next try); resumed({ keepOpen, missing }) with seconds missing; ended(kind, message),
// once, with "finished" or a kind of failure. Times are seconds of the sound.
export class Connection {
  #options;
  #socket = null;
  #timers = {};
  #ready = false;
  #everReady = false;
  #ended = false;
  #finishing = false;   // no sound will be added
  #committed = false;   // this socket was told so
  #error = null;
  #failures = 0;
  #readyAt = 0;
  #lastSentAt = 0;
  #base = 0;     // sample that is the server's time 0
  #sent = 0;     // sample up to which sound was sent
  #lostAt = null;
  #settled = 0;  // sample where the last final sentence ends
  #open = null;  // sample where the open utterance starts

  // url(): with the current key. live: the sound comes in real time. probe(): the server's HTTP status, 0 without
  // an answer; it tells what a refused WebSocket cannot.
  constructor({ url, session, history, live, listener, probe, openSocket = (to) => new WebSocket(to),
                clock = systemClock, random = Math.random }) {
    this.#options = { url, session, history, live, listener, probe, openSocket, clock, random };
  }

  start() {
    this.#connect();
  }

  soundAdded() {
    const { history, live } = this.#options;
    if (live) history.forgetBefore(history.end - 2 * REPLAY_SECONDS * SAMPLE_RATE);
    this.#pump();
  }

  finish() {
    this.#finishing = true;
    this.#pump();
  }

  cancel() {
    this.#end('cancelled');
  }

  // The network is back.
  retryNow() {
    if (this.#timers.retry !== undefined) this.#connect();
  }

  #connect() {
    this.#clear('retry');
    const { openSocket, url } = this.#options;
    const socket = openSocket(url());
    this.#socket = socket;
    this.#error = null;
    this.#committed = false;
    socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(data);
    socket.onclose = ({ code, reason }) => socket === this.#socket && this.#closed(code, reason);
    this.#set('timeout', () => this.#drop(), HANDSHAKE_TIMEOUT);
  }

  #receive(data) {
    let event;
    try {
      event = JSON.parse(data);
    } catch {
      return;
    }
    this.#error = null;
    if (this.#committed) this.#set('timeout', () => this.#drop(), FINISH_TIMEOUT);
    switch (event.type) {
      case 'session.created':
        return this.#socket.send(JSON.stringify({ type: 'session.update', session: this.#options.session }));
      case 'session.updated':
        return this.#becomeReady();
      case 'conversation.item.input_audio_transcription.delta':
        return this.#interim(event);
      case 'conversation.item.input_audio_transcription.completed':
        return this.#sentence(event);
      case 'error':
        this.#error = event.error ?? {};
        if (!this.#ready) this.#set('timeout', () => this.#drop(), REFUSAL_TIMEOUT);
        else if (this.#error.message) this.#options.listener.notice(String(this.#error.message));
    }
  }

  #becomeReady() {
    if (this.#ready) return;
    const { history, live, listener, clock } = this.#options;
    this.#clear('timeout');
    this.#ready = this.#everReady = true;
    this.#readyAt = this.#lastSentAt = clock.now();
    if (this.#lostAt === null) {
      this.#sent = this.#base = history.start;
      listener.ready();
    } else {
      const limit = live ? REPLAY_SECONDS * SAMPLE_RATE : Infinity;
      const plan = planReplay({ settled: this.#settled, open: this.#open, lostAt: this.#lostAt, end: history.end,
                                limit, margin: REPLAY_MARGIN * SAMPLE_RATE });
      this.#sent = this.#base = Math.max(plan.from, history.start);
      this.#lostAt = this.#open = null;
      listener.resumed({ keepOpen: plan.keepOpen, missing: plan.missing / SAMPLE_RATE });
    }
    this.#pump();
  }

  #interim({ text = '', start = 0 }) {
    const from = this.#seconds(start);
    this.#open = text ? Math.round(from * SAMPLE_RATE) : null;
    this.#options.listener.interim(text, from);
  }

  #sentence({ transcript = '', language = '', start = 0, end = 0, words = [], is_last_result: isLast = false }) {
    if (transcript) {
      this.#settled = Math.round(this.#seconds(end) * SAMPLE_RATE);
      this.#options.listener.sentence({
        text: transcript, language, start: this.#seconds(start), end: this.#seconds(end),
        words: words.map((word) => ({ ...word, start: this.#seconds(word.start), end: this.#seconds(word.end) })),
      });
    } else if (!isLast) {
      this.#options.listener.interim('', this.#seconds(start));
    }
    this.#open = null;
    if (isLast && this.#committed) this.#end('finished');
  }

  #seconds(serverTime) {
    return this.#base / SAMPLE_RATE + serverTime;
  }

  #pump() {
    if (!this.#ready) return;
    const { history, live, clock } = this.#options;
    const mostBuffered = live ? MOST_BUFFERED_LIVE : MOST_BUFFERED_FILE;
    while (this.#sent < history.end && this.#socket.bufferedAmount < mostBuffered) {
      const frame = history.read(this.#sent, FRAME);
      this.#socket.send(frame);
      this.#sent += frame.length;
      this.#lastSentAt = clock.now();
    }
    if (this.#sent < history.end) {
      if (live && clock.now() - this.#lastSentAt > STALL_TIMEOUT) return this.#drop();
      this.#set('pump', () => this.#pump(), PUMP_INTERVAL);
    } else if (this.#finishing && !this.#committed) {
      this.#socket.send(JSON.stringify({ type: 'input_audio_buffer.commit' }));
      this.#committed = true;
      this.#set('timeout', () => this.#drop(), FINISH_TIMEOUT);
    }
  }

  // A connection that no longer answers; its close event might take minutes.
  #drop() {
    const socket = this.#socket;
    this.#closed(1006, '');
    socket.close();
  }

  async #closed(code, reason) {
    const unsent = this.#socket.bufferedAmount / Int16Array.BYTES_PER_ELEMENT;
    this.#socket = null;
    this.#clear('pump');
    this.#clear('timeout');
    const { clock, live, probe, random, listener } = this.#options;
    const wasReady = this.#ready;
    const error = this.#error;
    this.#ready = false;
    if (this.#ended) return;
    if (wasReady) {
      this.#lostAt = Math.max(this.#base, Math.floor(this.#sent - unsent));
      if (clock.now() - this.#readyAt > GOOD_AFTER) this.#failures = 0;
    }
    const status = wasReady || code !== 1006 || error ? 0 : await probe();
    if (this.#ended) return;

    const kind = classifyFailure({ code, status, error });
    const message = String(error?.message ?? reason ?? '');
    const persistent = live && !this.#finishing && kind !== 'refused';
    this.#failures += 1;
    if (kind === 'key' || !this.#everReady) return this.#end(kind, message);
    if (this.#failures > MOST_FAILURES && !persistent) return this.#end(kind, message);
    const delay = reconnectDelay(this.#failures - 1, random);
    listener.lost(kind, delay / 1000);
    this.#set('retry', () => this.#connect(), delay);
  }

  #end(kind, message = '') {
    if (this.#ended) return;
    this.#ended = true;
    Object.keys(this.#timers).forEach((name) => this.#clear(name));
    const socket = this.#socket;
    this.#socket = null;
    this.#ready = false;
    socket?.close();
    this.#options.listener.ended(kind, message);
  }

  #set(name, action, delay) {
    this.#clear(name);
    this.#timers[name] = this.#options.clock.setTimeout(() => {
      delete this.#timers[name];
      action();
    }, delay);
  }

  #clear(name) {
    if (this.#timers[name] !== undefined) this.#options.clock.clearTimeout(this.#timers[name]);
    delete this.#timers[name];
  }
}
