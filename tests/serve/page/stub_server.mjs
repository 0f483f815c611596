// A server that speaks the protocol of the captions page and hears the same sentences in any sound, one word per
// 300 ms. For trying the page by hand: node stub_server.mjs [PORT [API_KEY]]; POST /stub/drop breaks every connection,
// POST /stub/full and /stub/free begin and end a time without capacity.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const PAGE = new URL('../../../src/serve/page/', import.meta.url);
const TYPES = { html: 'text/html', css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' };
const PREFIX = 'conversation.item.input_audio_transcription.';
const WORD_SECONDS = 0.3;
const SAMPLE_RATE = 16000;

export const SENTENCES = [
  ['en-US', 'Good morning, and welcome to the town hall.'],
  ['en-US', 'Before we begin, please note that the exits are at the back of the room and that this meeting is ' +
    'captioned live for everyone who would rather read along than listen.'],
  ['de-DE', 'Guten Morgen, wir beginnen mit dem Bericht der Stadtwerke.'],
  ['ar-AR', 'صباح الخير ومرحبا بكم في هذا الاجتماع.'],
  ['es-ES', 'Gracias por venir hoy.'],
  ['', 'A < b & c > d.'],
];

const MODEL = {
  id: 'stub',
  object: 'model',
  languages: ['auto', 'ar-AR', 'de-DE', 'el-GR', 'en-US', 'es-ES', 'hi-IN', 'ja-JP'].map((code) => ({ code })),
  latencies: [[80, 0], [160, 1], [320, 3], [560, 6], [1120, 13]].map(([milliseconds, right]) => ({
    milliseconds,
    att_context_size: [56, right],
  })),
};

function frame(opcode, payload) {
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.from([0x80 | opcode, length]), payload]);
  return Buffer.concat([Buffer.from([0x80 | opcode, 126, length >> 8, length & 255]), payload]);
}

// Calls onFrame(opcode, payload) for each whole frame of a client.
function makeFrameReader(onFrame) {
  let pending = Buffer.alloc(0);
  return (data) => {
    pending = Buffer.concat([pending, data]);
    while (pending.length >= 2) {
      const short = pending[1] & 127;
      const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
      const body = 2 + extra + 4;
      if (pending.length < body) return;
      const length = extra === 0 ? short : pending.readUIntBE(extra === 2 ? 2 : 4, extra === 2 ? 2 : 6);
      if (pending.length < body + length) return;
      const mask = pending.subarray(body - 4, body);
      const payload = Buffer.from(pending.subarray(body, body + length).map((byte, index) => byte ^ mask[index & 3]));
      const opcode = pending[0] & 15;
      pending = pending.subarray(body + length);
      onFrame(opcode, payload);
    }
  };
}

class Stream {
  #send;
  #stub;
  #samples = 0;
  #words = 0;      // of this stream
  #start = 0;      // word at which the open sentence starts

  constructor(send, stub) {
    this.#send = send;
    this.#stub = stub;
    send({ type: 'session.created', session: { id: 'stub' } });
  }

  message(event) {
    if (event.type === 'session.update') {
      this.#stub.sessions.push(event.session);
      this.#send({ type: 'session.updated', session: event.session });
    }
  }

  sound(bytes) {
    this.#samples += bytes / 2;
    while ((this.#words + 1) * WORD_SECONDS * SAMPLE_RATE <= this.#samples) {
      this.#words += 1;
      const sentence = SENTENCES[this.#stub.settled % SENTENCES.length];
      const words = sentence[1].split(' ');
      const count = this.#words - this.#start;
      const text = words.slice(0, count).join(' ');
      if (count === words.length) this.final(text, sentence[0]);
      else this.#send({ type: `${PREFIX}delta`, item_id: 'item', content_index: 0, delta: words[count - 1], text,
                        start: this.#start * WORD_SECONDS });
    }
  }

  final(transcript, language, isLast = false) {
    const time = (index) => (this.#start + index) * WORD_SECONDS;
    const words = transcript.split(' ').filter(Boolean);
    this.#send({
      type: `${PREFIX}completed`, item_id: 'item', content_index: 0, transcript, language,
      start: time(0), end: time(words.length),
      words: words.map((word, index) => ({ word, start: time(index), end: time(index + 1), confidence: 0.9 })),
      is_last_result: isLast,
    });
    this.#start = this.#words;
    if (words.length > 0) this.#stub.settled += 1;
  }

  finish() {
    const [language, text] = SENTENCES[this.#stub.settled % SENTENCES.length];
    this.final(text.split(' ').slice(0, this.#words - this.#start).join(' '), language, true);
  }
}

// A stub: { url, sessions: what clients asked for, settled: sentences so far, drop(), full, close() }
export async function startStub({ port = 0, key = '' } = {}) {
  const stub = { sessions: [], settled: 0, full: false };
  const sockets = new Set();
  const hasKey = ({ url, headers }) => !key || headers.authorization === `Bearer ${key}` ||
    new URL(url, 'http://stub').searchParams.get('api_key') === key;
  stub.drop = () => sockets.forEach((socket) => socket.destroy());

  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://stub');
    const answer = (status, type, body) => {
      response.writeHead(status, { 'Content-Type': type, 'Content-Security-Policy': "default-src 'self'" });
      response.end(body);
    };
    if (pathname === '/v1/models') {
      if (!hasKey(request)) return answer(401, 'application/json', '{"error":{"code":"invalid_api_key"}}');
      return answer(200, 'application/json', JSON.stringify({ object: 'list', data: [MODEL] }));
    }
    if (request.method === 'POST' && pathname.startsWith('/stub/')) {
      if (pathname === '/stub/drop') stub.drop();
      else stub.full = pathname === '/stub/full';
      return answer(200, 'text/plain', '');
    }
    const name = pathname === '/' ? 'index.html' : pathname.match(/^\/page\/([\w.-]+)$/)?.[1];
    try {
      answer(200, TYPES[name.split('.').at(-1)], await readFile(new URL(name, PAGE)));
    } catch {
      answer(404, 'text/plain', 'Not found');
    }
  });

  server.on('upgrade', (request, socket) => {
    if (!hasKey(request)) return socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    const close = (code) => socket.end(frame(8, Buffer.from([code >> 8, code & 255])));
    const send = (event) => socket.write(frame(1, Buffer.from(JSON.stringify(event))));
    if (stub.full) {
      send({ type: 'error', error: { type: 'server_error', code: 'overloaded', message: 'no free stream' } });
      return close(1013);
    }
    const stream = new Stream(send, stub);
    socket.on('data', makeFrameReader((opcode, payload) => {
      if (opcode === 8) return socket.end(frame(8, payload));
      if (opcode === 2) return stream.sound(payload.length);
      const event = JSON.parse(payload);
      stream.message(event);
      if (event.type !== 'input_audio_buffer.commit') return;
      stream.finish();
      close(1000);
    }));
  });

  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  stub.url = `http://127.0.0.1:${server.address().port}/`;
  stub.close = () => {
    stub.drop();
    server.close();
  };
  return stub;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const stub = await startStub({ port: Number(process.argv[2] ?? 8080), key: process.argv[3] });
  console.log(stub.url);
}
