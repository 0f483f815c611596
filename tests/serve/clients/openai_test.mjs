// OpenAI's own SDK. Run by run_clients.py, which starts a server with a certificate and a key (GLOSSA_URL, GLOSSA_KEY) and
// says what `glossa transcribe` writes as JSON for a file of 16 kHz and one of 24 kHz (GLOSSA_EXPECTED: {"a.wav": {"80ms":
// {...}, ...}, "b.wav": ...}) and in other formats for the first (GLOSSA_FORMATS: {"srt": "1\n...", ...}). NODE_PATH leads
// to the packages.
import assert from "node:assert/strict";
import { File } from "node:buffer";
import { createReadStream, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

globalThis.File ??= File;  // Node 18 has it, but not there, and the SDK asks for it
const require = createRequire(import.meta.url);
const { OpenAI, AuthenticationError, BadRequestError } = require("openai");
const { OpenAIRealtimeWS } = require("openai/realtime/ws");

const expected = JSON.parse(process.env.GLOSSA_EXPECTED);
const formats = JSON.parse(process.env.GLOSSA_FORMATS);
const [audio, audio24k] = Object.keys(expected);
const latencies = Object.keys(expected[audio]);
const longest = latencies.at(-1);
const model = "whisper-1";
const client = connect(process.env.GLOSSA_KEY);
const whole = expected[audio][longest];
const squeezed = (text) => text.split(/\s+/).filter(Boolean).join(" ");

function connect(apiKey) {
  return new OpenAI({ baseURL: `${process.env.GLOSSA_URL}/v1`, apiKey, maxRetries: 0 });
}

const transcribe = (fields, who = client) =>
  who.audio.transcriptions.create({ file: createReadStream(audio), model, ...fields });

// Sends 16-bit WAV in pieces and one commit; gives the events until the items are as long as `text`.
async function converse(file, input, latency, text) {
  const realtime = await OpenAIRealtimeWS.create(client, { model });
  const events = [];
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no end after ${JSON.stringify(events.slice(-3))}`)), 60000);
    realtime.on("error", reject);
    realtime.socket.on("close", (code) => reject(new Error(`closed: ${code}`)));
    realtime.on("session.created", () =>
      realtime.send({ type: "session.update", session: { type: "transcription", latency, audio: { input } } }));
    realtime.on("session.updated", () => {
      const pcm = readFileSync(file).subarray(44);
      for (let at = 0; at < pcm.length; at += 6400)
        realtime.send({ type: "input_audio_buffer.append", audio: pcm.subarray(at, at + 6400).toString("base64") });
      realtime.send({ type: "input_audio_buffer.commit" });
    });
    realtime.on("event", (event) => {
      events.push(event);
      if (said(events).length < squeezed(text).length) return;
      clearTimeout(timer);
      resolve();
    });
  }).finally(() => realtime.close());
  return events;
}

const completed = (events) =>
  events.filter(({ type }) => type === "conversation.item.input_audio_transcription.completed");
const said = (events) => squeezed(completed(events).map(({ transcript }) => transcript).join(" "));
const grown = (events, id) => events
  .filter(({ type, item_id: item }) => type === "conversation.item.input_audio_transcription.delta" && item === id)
  .map(({ delta }) => delta).join("");

test("models", async () => {
  const models = await client.models.list();
  assert.equal(models.data.length, 1);
  assert.equal(models.data[0].owned_by, "glossa");
  assert.deepEqual(await client.models.retrieve(models.data[0].id), models.data[0]);
  await assert.rejects(client.models.retrieve("whisper-1"), (error) =>
    error.status === 404 && error.code === "model_not_found" && error.param === "model" && /whisper-1/.test(error.message));
});

test("a file at every latency", async () => {
  for (const latency of latencies) assert.equal((await transcribe({ latency })).text, expected[audio][latency].text);
});

test("every format is what glossa transcribe writes", async () => {
  const json = await transcribe({ response_format: "json" });
  assert.equal(json.text, whole.text);
  assert.equal(json.usage.seconds, Math.ceil(whole.duration));
  for (const [format, written] of Object.entries(formats))
    assert.equal(await transcribe({ response_format: format }), written);
});

test("verbose_json has the times of words and segments", async () => {
  const verbose = await transcribe({ response_format: "verbose_json", timestamp_granularities: ["word", "segment"] });
  const timed = (list, name) => list.map((each) => [each[name], each.start.toFixed(2), each.end.toFixed(2)]);
  assert.equal(verbose.text, whole.text);
  assert.equal(verbose.duration.toFixed(2), whole.duration.toFixed(2));
  assert.deepEqual(timed(verbose.words, "word"), timed(whole.words, "word"));
  assert.deepEqual(timed(verbose.segments, "text"), timed(whole.sentences, "text"));
  assert.deepEqual(verbose.segments.flatMap((segment) => segment.tokens), whole.tokens);
});

test("languages are those that the model named", async () => {
  assert.ok(whole.language && whole.words.some(({ language }) => language));
  assert.equal((await transcribe({})).language, whole.language);
  const verbose = await transcribe({ response_format: "verbose_json", timestamp_granularities: ["word"] });
  assert.deepEqual(verbose.words.map(({ language }) => language), whole.words.map(({ language }) => language || undefined));
});

test("a stream's deltas add up", async () => {
  for (const latency of latencies) {
    const events = [];
    for await (const event of await transcribe({ latency, stream: true })) events.push(event);
    const done = events.pop();
    assert.equal(done.type, "transcript.text.done");
    assert.equal(done.text, expected[audio][latency].text);
    assert.equal(done.language, expected[audio][latency].language);
    assert.ok(events.length > 1);
    assert.ok(events.every(({ type }) => type === "transcript.text.delta"));
    assert.equal(events.map(({ delta }) => delta).join(""), done.text);
  }
});

test("realtime: the client ends the item", async () => {
  for (const latency of latencies) {
    const input = { format: { type: "audio/pcm", rate: 24000 }, turn_detection: null, transcription: { model } };
    const text = expected[audio24k][latency].text;
    const events = await converse(audio24k, input, latency, text);
    assert.equal(completed(events).length, 1);
    assert.equal(completed(events)[0].transcript, text);
    assert.equal(grown(events, completed(events)[0].item_id), text);
  }
});

test("realtime: the server ends items", async () => {
  const input = { transcription: { model }, turn_detection: { type: "server_vad", silence_duration_ms: 500 } };
  const text = squeezed(expected[audio24k][longest].text);
  const events = await converse(audio24k, input, longest, text);
  assert.equal(said(events), text);
  assert.ok(completed(events).length > 1);
  for (const item of completed(events)) assert.equal(grown(events, item.item_id), item.transcript);
});

test("a wrong key", async () => {
  const stranger = connect("open");
  const refused = (error) => error instanceof AuthenticationError && error.code === "invalid_api_key";
  await assert.rejects(transcribe({}, stranger), refused);
  await assert.rejects(stranger.models.list(), refused);
  const realtime = await OpenAIRealtimeWS.create(stranger, { model });
  assert.match((await new Promise((resolve) => realtime.on("error", resolve))).message, /server response: 401/);
});

test("what cannot be done is said", async () => {
  await assert.rejects(transcribe({ language: "xx-XX" }), (error) =>
    error instanceof BadRequestError && error.type === "invalid_request_error" && error.message.includes("xx-XX"));
});
