import assert from 'node:assert/strict';
import test from 'node:test';

import { AudioHistory } from '../../../src/serve/page/audio_history.js';
import { Connection, SAMPLE_RATE } from '../../../src/serve/page/connection.js';

const PREFIX = 'conversation.item.input_audio_transcription.';

class FakeClock {
  time = 0;
  #timers = [];
  now = () => this.time;
  setTimeout = (action, delay) => {
    const timer = { at: this.time + delay, action };
    this.#timers.push(timer);
    return timer;
  };
  clearTimeout = (timer) => (this.#timers = this.#timers.filter((other) => other !== timer));

  async advance(milliseconds) {
    const end = this.time + milliseconds;
    for (;;) {
      await new Promise(setImmediate);  // for awaits within the connection
      const next = this.#timers.sort((a, b) => a.at - b.at)[0];
      if (!next || next.at > end) break;
      this.time = next.at;
      this.clearTimeout(next);
      next.action();
    }
    this.time = end;
  }
}

class FakeSocket {
  bufferedAmount = 0;
  sound = [];  // samples
  messages = [];
  closed = false;

  send(data) {
    if (typeof data === 'string') this.messages.push(JSON.parse(data));
    else this.sound.push(...data);
  }
  close() {
    this.closed = true;
  }
  say(event) {
    this.onmessage({ data: JSON.stringify(event) });
  }
  accept() {
    this.say({ type: 'session.created' });
    this.say({ type: 'session.updated' });
  }
  interim(text, start) {
    this.say({ type: `${PREFIX}delta`, text, start });
  }
  final(transcript, start, end, more = {}) {
    this.say({ type: `${PREFIX}completed`, transcript, start, end, ...more });
  }
  end(code = 1006, reason = '') {
    this.onclose({ code, reason });
  }
}

// Every sample of the sound is its own number, modulo 2^15.
function makeSound(from, seconds) {
  return Int16Array.from({ length: seconds * SAMPLE_RATE }, (_, index) => (from + index) % 32768);
}

function setUp({ live = true, status = 0 } = {}) {
  const clock = new FakeClock();
  const history = new AudioHistory();
  const sockets = [];
  const log = [];
  const note = (name) => (...values) => log.push([name, ...values]);
  const names = ['ready', 'interim', 'sentence', 'notice', 'lost', 'resumed', 'ended'];
  const connection = new Connection({
    url: () => 'ws://test',
    session: { language: 'auto' },
    history,
    live,
    listener: Object.fromEntries(names.map((name) => [name, note(name)])),
    probe: async () => status,
    openSocket: () => {
      sockets.push(new FakeSocket());
      return sockets.at(-1);
    },
    clock,
    random: () => 0.5,
  });
  const speak = (seconds) => {
    for (let tenth = 0; tenth < seconds * 10; ++tenth) {
      history.append(makeSound(history.end, 0.1));
      connection.soundAdded();
    }
  };
  const last = (name) => log.filter(([other]) => other === name).at(-1)?.slice(1);
  return { clock, history, sockets, log, connection, speak, last };
}

test('handshake, sound, text, end', async () => {
  const { connection, sockets, speak, last, log } = setUp();
  connection.start();
  speak(1);  // before the server is ready
  const [socket] = sockets;
  assert.deepEqual(socket.sound, []);
  socket.say({ type: 'session.created' });
  assert.deepEqual(socket.messages, [{ type: 'session.update', session: { language: 'auto' } }]);
  socket.say({ type: 'session.updated' });
  speak(1);
  assert.deepEqual(socket.sound, [...makeSound(0, 2)]);
  socket.interim('Good mor', 0.5);
  assert.deepEqual(last('interim'), ['Good mor', 0.5]);
  connection.finish();
  assert.deepEqual(socket.messages.at(-1), { type: 'input_audio_buffer.commit' });
  socket.final('Good morning.', 0.5, 1.5,
    { language: 'en-US', is_last_result: true, words: [{ word: 'Good', start: 0.5, end: 1 }] });
  assert.equal(last('sentence')[0].text, 'Good morning.');
  assert.deepEqual(last('ended'), ['finished', '']);
  assert.equal(log.filter(([name]) => name === 'lost').length, 0);
});

test('after an outage the open utterance is sent again, with the times of the recording', async () => {
  const { connection, sockets, speak, last, clock } = setUp();
  connection.start();
  sockets[0].accept();
  speak(6);
  sockets[0].final('One.', 0, 3);
  sockets[0].interim('Two', 4);
  sockets[0].end();
  assert.deepEqual(last('lost'), ['lost', 0.5]);
  speak(5);
  await clock.advance(1000);
  assert.equal(sockets.length, 2);
  sockets[1].accept();
  assert.deepEqual(last('resumed'), [{ keepOpen: false, missing: 0 }]);
  assert.deepEqual(sockets[1].sound, [...makeSound(3.5 * SAMPLE_RATE, 7.5)]);
  sockets[1].final('Two.', 0.5, 1.5, { words: [{ word: 'Two.', start: 0.5, end: 1.5 }] });
  assert.deepEqual(last('sentence')[0],
    { text: 'Two.', language: '', start: 4, end: 5, words: [{ word: 'Two.', start: 4, end: 5 }] });
});

test('of a long outage the last ten seconds are sent', async () => {
  const { connection, sockets, speak, last, clock } = setUp();
  connection.start();
  sockets[0].accept();
  speak(5);
  sockets[0].interim('One', 1);
  sockets[0].end();
  speak(60);
  await clock.advance(1000);
  sockets[1].accept();
  assert.deepEqual(last('resumed'), [{ keepOpen: true, missing: 50 }]);
  assert.deepEqual(sockets[1].sound.slice(0, 1600), [...makeSound(55 * SAMPLE_RATE, 0.1)]);
});

test('a live recording retries with growing pauses and never gives up', async () => {
  const { connection, sockets, clock, log } = setUp();
  connection.start();
  sockets[0].accept();
  sockets[0].end();
  for (let attempt = 1; attempt <= 12; ++attempt) {
    await clock.advance(10000);
    assert.equal(sockets.length, attempt + 1);
    sockets.at(-1).end();
  }
  const pauses = log.filter(([name]) => name === 'lost').map(([, , seconds]) => seconds);
  assert.deepEqual(pauses.slice(0, 7), [0.5, 1, 2, 4, 8, 8, 8]);
});

test('once the network is back there is no more waiting', async () => {
  const { connection, sockets, clock } = setUp();
  connection.start();
  sockets[0].accept();
  sockets[0].end();
  await clock.advance(0);
  connection.retryNow();
  assert.equal(sockets.length, 2);
});

test('the last words survive an outage after the end of the sound', async () => {
  const { connection, sockets, speak, last, clock } = setUp();
  connection.start();
  sockets[0].accept();
  speak(3);
  connection.finish();
  sockets[0].end();
  await clock.advance(1000);
  sockets[1].accept();
  assert.deepEqual(sockets[1].sound, [...makeSound(0, 3)]);
  assert.deepEqual(sockets[1].messages.at(-1), { type: 'input_audio_buffer.commit' });
  sockets[1].final('', 0, 0, { is_last_result: true });
  assert.deepEqual(last('ended'), ['finished', '']);
});

test('a recording that has ended gives up in the end', async () => {
  const { connection, sockets, speak, last, clock } = setUp();
  connection.start();
  sockets[0].accept();
  speak(1);
  connection.finish();
  sockets[0].end();
  for (let attempt = 0; attempt < 6; ++attempt) {
    await clock.advance(10000);
    sockets.at(-1).end();
  }
  await clock.advance(0);
  assert.deepEqual(last('ended'), ['lost', '']);
});

test('a file waits while the browser has enough to send', async () => {
  const { connection, sockets, history, clock } = setUp({ live: false });
  history.append(makeSound(0, 3));
  connection.start();
  connection.finish();
  sockets[0].bufferedAmount = 1e6;
  sockets[0].accept();
  assert.equal(sockets[0].sound.length, 0);
  await clock.advance(60000);
  assert.equal(sockets.length, 1);
  sockets[0].bufferedAmount = 0;
  await clock.advance(100);
  assert.equal(sockets[0].sound.length, 3 * SAMPLE_RATE);
  assert.equal(sockets[0].messages.at(-1).type, 'input_audio_buffer.commit');
});

test('live sound that does not leave means a lost connection, and is not lost', async () => {
  const { connection, sockets, speak, last, clock } = setUp();
  connection.start();
  sockets[0].accept();
  speak(2);
  sockets[0].final('One.', 0, 1);
  sockets[0].bufferedAmount = 64 * 1024;
  speak(1);
  await clock.advance(6000);
  assert.ok(sockets[0].closed);
  assert.equal(last('lost')[0], 'lost');
  await clock.advance(1000);
  sockets[1].accept();
  assert.deepEqual(sockets[1].sound, [...makeSound(SAMPLE_RATE, 2)]);
});

test('a server that never answers the handshake', async () => {
  const { connection, sockets, clock, last } = setUp();
  connection.start();
  await clock.advance(11000);
  assert.ok(sockets[0].closed);
  assert.deepEqual(last('ended'), ['lost', '']);
});

test('what the first failure was', async () => {
  const first = async (setting, fail) => {
    const { connection, sockets, clock, last } = setUp(setting);
    connection.start();
    fail(sockets[0]);
    await clock.advance(2000);
    return last('ended');
  };
  const error = (code, message = 'why') => (socket) => socket.say({ type: 'error', error: { code, message } });
  assert.deepEqual(await first({}, (socket) => socket.end()), ['lost', '']);
  assert.deepEqual(await first({ status: 401 }, (socket) => socket.end()), ['key', '']);
  assert.deepEqual(await first({}, (socket) => socket.end(1013, 'full')), ['busy', 'full']);
  assert.deepEqual(await first({}, error('overloaded')), ['busy', 'why']);
  assert.deepEqual(await first({}, error('invalid_api_key')), ['key', 'why']);
  assert.deepEqual(await first({}, error('invalid_value', 'no such language')), ['refused', 'no such language']);
});

test('a busy server is waited for when a recording runs', async () => {
  const { connection, sockets, last, clock } = setUp();
  connection.start();
  sockets[0].accept();
  sockets[0].end();
  await clock.advance(1000);
  sockets[1].end(1013);
  await clock.advance(0);
  assert.equal(last('lost')[0], 'busy');
  assert.equal(last('ended'), undefined);
});

test('nothing is told after a cancel', async () => {
  const { connection, sockets, last, log } = setUp();
  connection.start();
  sockets[0].accept();
  connection.cancel();
  assert.ok(sockets[0].closed);
  assert.deepEqual(last('ended'), ['cancelled', '']);
  sockets[0].interim('late', 0);
  sockets[0].end();
  assert.equal(log.at(-1)[0], 'ended');
});
