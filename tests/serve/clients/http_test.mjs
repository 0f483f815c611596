// HTTP and WebSocket as clients use them. Run by run_clients.py, which starts the server and says in the environment
// where it is (GLOSSA_URL), what to send (GLOSSA_AUDIO, 16-bit WAV of 16 kHz) and what `glossa transcribe` writes for it
// at each latency (GLOSSA_EXPECTED: {"80ms": "text", ...}) and at the longest with boosted phrases (GLOSSA_BOOSTED:
// {phrases: [...], text}).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { deflateSync } from "node:zlib";

import { WebSocketClient } from "./websocket.mjs";

const url = process.env.GLOSSA_URL;
const expected = JSON.parse(process.env.GLOSSA_EXPECTED);
const latencies = Object.keys(expected);
const longest = latencies.at(-1);
const boosted = JSON.parse(process.env.GLOSSA_BOOSTED);
const wav = readFileSync(process.env.GLOSSA_AUDIO);
const pcm = wav.subarray(44);
const squeezed = (text) => text.split(/\s+/).filter(Boolean).join(" ");

async function transcribe(fields, name = "speech.wav", bytes = wav) {
  const form = new FormData();
  if (bytes) form.append("file", new Blob([bytes]), name);
  form.append("model", "whisper-1");
  for (const [key, value] of Object.entries(fields)) for (const each of [value].flat()) form.append(key, each);
  return fetch(`${url}/v1/audio/transcriptions`, { method: "POST", body: form });
}

// Sends `messages` (strings are JSON text, Buffers sound) and gives all events until the server closes or `last` says so.
function converse(messages, { last = () => false, path = "/v1/realtime?intent=captions" } = {}) {
  return new Promise((resolve, reject) => {
    const events = [];
    const timer = setTimeout(() => reject(new Error(`no end after ${JSON.stringify(events.slice(-3))}`)), 60000);
    const socket = new WebSocketClient(url.replace("http", "ws") + path, {
      onOpen: (open) => messages.forEach((message) => open.send(message)),
      onMessage: (data) => {
        const event = JSON.parse(data);
        events.push(event);
        if (last(event)) socket.close();
      },
      onClose: (code) => {
        clearTimeout(timer);
        resolve({ events, code });
      },
    });
  });
}

const of = (events, type) => events.filter((event) => event.type === type);
const completed = "conversation.item.input_audio_transcription.completed";
const delta = "conversation.item.input_audio_transcription.delta";
const said = (events) => squeezed(of(events, completed).map((event) => event.transcript).join(" "));

function slices(bytes, size) {
  const parts = [];
  for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size));
  return parts;
}

test("health, models and metrics", async () => {
  assert.deepEqual(await (await fetch(`${url}/health`)).json(), { status: "ok" });
  assert.deepEqual(await (await fetch(`${url}/ready`)).json(), { status: "ready" });
  const models = await (await fetch(`${url}/v1/models`)).json();
  assert.equal(models.data[0].languages[0].code, "auto");
  assert.ok(models.data[0].latencies.length >= 1);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /glossa_capacity_streams \d/);
});

test("the caption page needs nobody else", async () => {
  const page = await fetch(`${url}/`);
  assert.match(page.headers.get("content-type"), /text\/html/);
  assert.match(page.headers.get("content-security-policy"), /default-src 'self'/);
  const html = await page.text();
  for (const [, name] of html.matchAll(/(?:src|href)="(page\/[^"]+)"/g))
    assert.equal((await fetch(`${url}/${name}`)).status, 200, name);
  assert.equal((await fetch(`${url}/page/../service.cc`)).status, 404);
});

test("a file in every format is what glossa transcribe writes", async () => {
  for (const latency of latencies) {
    const answer = await (await transcribe({ latency })).json();
    assert.equal(squeezed(answer.text), squeezed(expected[latency]));
    assert.equal(answer.usage.type, "duration");
  }
  assert.equal(squeezed(await (await transcribe({ response_format: "text" })).text()), squeezed(expected[longest]));
  assert.match(await (await transcribe({ response_format: "srt" })).text(), /^1\n00:00:/);
  assert.match(await (await transcribe({ response_format: "vtt" })).text(), /^WEBVTT\n/);
  const form = { response_format: "verbose_json", "timestamp_granularities[]": "word" };
  const verbose = await (await transcribe(form)).json();
  assert.equal(squeezed(verbose.words.map((word) => word.word).join(" ")), squeezed(expected[longest]));
  assert.equal(verbose.segments, undefined);
});

test("a language that nobody named is left out", async () => {
  const cut = Buffer.from(wav.subarray(0, 44 + 16000));  // half a second: its sentence is not closed
  cut.writeUInt32LE(cut.length - 8, 4);
  cut.writeUInt32LE(cut.length - 44, 40);
  const hear = async (fields) => (await transcribe(fields, "cut.wav", cut)).json();
  const whole = await hear({});
  assert.ok(whole.text);
  assert.equal("language" in whole, false);
  const { words } = await hear({ response_format: "verbose_json", "timestamp_granularities[]": "word" });
  assert.ok(words.length > 0);
  assert.ok(words.every((word) => !("language" in word)));
  assert.equal((await hear({ language: "en-US" })).language, "en-US");
});

test("server-sent events add up", async () => {
  const text = await (await transcribe({ stream: "true" })).text();
  const events = text.trim().split("\n\n").map((line) => line.replace(/^data: /, ""));
  assert.equal(events.pop(), "[DONE]");
  const parsed = events.map((event) => JSON.parse(event));
  const deltas = parsed.filter((event) => event.type === "transcript.text.delta").map((event) => event.delta).join("");
  assert.equal(deltas, parsed.at(-1).text);
  assert.equal(squeezed(deltas), squeezed(expected[longest]));
});

test("log-probabilities come when asked for", async () => {
  assert.equal((await (await transcribe({})).json()).logprobs, undefined);
  const { text, logprobs } = await (await transcribe({ "include[]": "logprobs" })).json();
  assert.equal(squeezed(logprobs.map(({ token }) => token).join("")), squeezed(text));
  for (const { token, logprob, bytes } of logprobs) {
    assert.ok(logprob < 0);
    assert.equal(Buffer.from(bytes).toString(), token);
  }
  const stream = await (await transcribe({ "include[]": "logprobs", stream: "true" })).text();
  const events = stream.trim().split("\n\n").map((line) => line.replace(/^data: /, "")).slice(0, -1).map(JSON.parse);
  assert.deepEqual(events.at(-1).logprobs, logprobs);
  const tokens = (list) => list.map(({ token }) => token);
  assert.deepEqual(tokens(events.slice(0, -1).flatMap((event) => event.logprobs)), tokens(logprobs));
});

test("segments have their tokens and how sure they are", async () => {
  const { text, segments } = await (await transcribe({ response_format: "verbose_json" })).json();
  const { logprobs } = await (await transcribe({ "include[]": "logprobs" })).json();
  assert.ok(segments.length > 0);
  for (const segment of segments) {
    assert.ok(segment.tokens.length > 0 && segment.avg_logprob < 0);
    const bytes = Buffer.from(segment.text);
    const ratio = segment.compression_ratio * deflateSync(bytes).length / bytes.length;
    assert.ok(ratio > 0.9 && ratio < 1.1, "Node's zlib is not everybody's");
  }
  const total = (list, each) => list.reduce((sum, one) => sum + each(one), 0);
  const all = total(segments, (segment) => segment.avg_logprob * segment.tokens.length);
  assert.ok(all <= total(logprobs, ({ logprob }) => logprob) + 1e-3, "tags are tokens, too");
});

test("what cannot be done is said", async () => {
  const cases = [
    [await transcribe({ language: "xx-XX" }), 400, /xx-XX/],
    [await transcribe({ response_format: "docx" }), 400, /docx/],
    [await transcribe({ latency: "5ms" }), 400, /5ms/],
    [await transcribe({}, "x.wav", null), 400, /file/],
    [await transcribe({}, "noise.wav", Buffer.from("this is no sound")), 400, /noise.wav/],
    [await fetch(`${url}/v1/nothing`), 404, /nothing/],
    [await fetch(`${url}/v1/audio/transcriptions`, { method: "POST", body: "{}" }), 400, /multipart/],
  ];
  for (const [response, status, message] of cases) {
    const { error } = await response.json();
    assert.equal(response.status, status, JSON.stringify(error));
    assert.match(error.message, message);
    assert.equal(typeof error.type, "string");
  }
});

test("a key opens what is locked", async () => {
  const locked = process.env.GLOSSA_LOCKED_URL;
  const status = async (path, headers = {}) => (await fetch(locked + path, { headers })).status;
  assert.equal(await status("/health"), 200);
  assert.equal(await status("/v1/models"), 401);
  assert.equal(await status("/v1/models", { Authorization: "Bearer wrong" }), 401);
  assert.equal(await status("/v1/models", { Authorization: `Bearer ${process.env.GLOSSA_KEY}` }), 200);
  assert.equal(await status(`/v1/models?api_key=${process.env.GLOSSA_KEY}`), 200);
});

test("captions: however the sound is cut", async () => {
  for (const [latency, size] of [[longest, 320000], [latencies[0], 2561], [longest, 1281]]) {
    const update = { type: "session.update", session: { sample_rate: 16000, language: "auto", latency, endpointing_ms: 0 } };
    const { events, code } = await converse([
      JSON.stringify(update), ...slices(pcm, size), JSON.stringify({ type: "input_audio_buffer.commit" })]);
    assert.equal(code, 1000);
    assert.deepEqual(of(events, "error"), []);
    assert.equal(said(events), squeezed(expected[latency]));
    assert.equal(of(events, completed).at(-1).is_last_result, true);
  }
});

test("OpenAI: an item for each commit, deltas add up", async () => {
  const session = { type: "transcription", latency: longest, audio: { input: {
    format: { type: "audio/pcm", rate: 16000 }, turn_detection: null, transcription: { model: "x" } } } };
  const append = { type: "input_audio_buffer.append", audio: Buffer.from(pcm).toString("base64") };
  const commit = JSON.stringify({ type: "input_audio_buffer.commit" });
  const { events } = await converse(
    [JSON.stringify({ type: "session.update", session }), JSON.stringify(append), commit, JSON.stringify(append), commit],
    { path: "/v1/realtime?intent=transcription",
      last: (() => { let count = 0; return (event) => event.type === completed && ++count === 2; })() });
  const items = of(events, completed);
  assert.equal(items.length, 2);
  assert.notEqual(items[0].item_id, items[1].item_id);
  for (const item of items) {
    assert.equal(squeezed(item.transcript), squeezed(expected[longest]));
    const deltas = of(events, delta).filter((event) => event.item_id === item.item_id).map((event) => event.delta);
    assert.equal(deltas.join(""), item.transcript);
  }
});

test("Riva's realtime client: commit after every piece ends nothing", async () => {
  const session = { input_audio_params: { sample_rate_hz: 16000, num_channels: 1 },
                    custom_configuration: { latency: longest } };
  const messages = [JSON.stringify({ type: "transcription_session.update", session })];
  for (const piece of slices(pcm, 16000)) {
    messages.push(JSON.stringify({ type: "input_audio_buffer.append", audio: Buffer.from(piece).toString("base64") }));
    messages.push(JSON.stringify({ type: "input_audio_buffer.commit" }));
  }
  messages.push(JSON.stringify({ type: "input_audio_buffer.done" }));
  const { events, code } = await converse(messages, { path: "/v1/realtime?intent=transcription" });
  assert.equal(events[0].type, "conversation.created");
  assert.equal(code, 1000);
  assert.equal(said(events), squeezed(expected[longest]));
  assert.equal(of(events, completed).at(-1).is_last_result, true);
});

test("boosted phrases are heard in every dialect as glossa transcribe hears them", async () => {
  assert.notEqual(boosted.text, expected[longest], "phrases that change nothing prove nothing");
  const upload = await (await transcribe({ "keywords[]": boosted.phrases })).json();
  assert.equal(squeezed(upload.text), squeezed(boosted.text));
  const sound = { type: "input_audio_buffer.append", audio: Buffer.from(pcm).toString("base64") };
  const commit = JSON.stringify({ type: "input_audio_buffer.commit" });
  const done = JSON.stringify({ type: "input_audio_buffer.done" });
  const list = [{ phrases: boosted.phrases, boost: 0 }];
  const openai = { format: { type: "audio/pcm", rate: 16000 }, turn_detection: null,
                   transcription: { model: "x", keywords: boosted.phrases } };
  const dialects = [
    ["session.update", { sample_rate: 16000, latency: longest, speech_contexts: list }, commit],
    ["transcription_session.update", { input_audio_params: { sample_rate_hz: 16000, num_channels: 1 },
      custom_configuration: { latency: longest },
      word_boosting: { enable_word_boosting: true, word_boosting_list: list } }, done],
    ["session.update", { type: "transcription", latency: longest, audio: { input: openai } }, commit],
  ];
  for (const [type, session, end] of dialects) {
    const { events } = await converse([JSON.stringify({ type, session }), JSON.stringify(sound), end],
      { path: "/v1/realtime?intent=transcription",
        last: (event) => event.type === completed && event.is_last_result !== false });
    assert.deepEqual(of(events, "error"), []);
    assert.equal(said(events), squeezed(boosted.text), JSON.stringify(session));
  }
});

test("Riva's word boosting can be off", async () => {
  const session = { input_audio_params: { sample_rate_hz: 16000, num_channels: 1 },
                    custom_configuration: { latency: longest },
                    word_boosting: { enable_word_boosting: false, word_boosting_list: boosted.phrases } };
  const { events } = await converse([
    JSON.stringify({ type: "transcription_session.update", session }),
    JSON.stringify({ type: "input_audio_buffer.append", audio: Buffer.from(pcm).toString("base64") }),
    JSON.stringify({ type: "input_audio_buffer.done" })]);
  assert.equal(said(events), squeezed(expected[longest]));
});

test("bad messages are answered and harm nobody", async () => {
  const good = converse([...slices(pcm, 8000), JSON.stringify({ type: "input_audio_buffer.commit" })]);
  const { events } = await converse([
    "no json", "[]", "{}", JSON.stringify({ type: "nothing" }), JSON.stringify({ type: "session.update", session: 7 }),
    JSON.stringify({ type: "session.update", session: { language: "xx-XX" } }),
    JSON.stringify({ type: "session.update", session: { speech_contexts: "Athens" } }),
    JSON.stringify({ type: "session.update", session: { speech_contexts: [{ phrases: [7] }] } }),
    JSON.stringify({ type: "session.update", session: { speech_contexts: [{ phrases: ["a"], boost: -1 }] } }),
    JSON.stringify({ type: "session.update", session: { speech_contexts: ["a".repeat(201)] } }),
    JSON.stringify({ type: "input_audio_buffer.append", audio: "*" }),
    JSON.stringify({ type: "input_audio_buffer.commit" })]);
  assert.equal(of(events, "error").length, 11);
  assert.deepEqual(of((await good).events, "error"), []);
});

test("64 clients at once hear the same", async () => {
  const one = () => converse([...slices(pcm, 32000), JSON.stringify({ type: "input_audio_buffer.commit" })]);
  const results = await Promise.all(Array.from({ length: 64 }, one));
  const texts = new Set(results.map(({ events }) => said(events)));
  assert.equal(texts.size, 1);
});

const heard = (events) => squeezed(of(events, "Results").filter((event) => event.is_final)
  .map((event) => event.channel.alternatives[0].transcript).join(" "));
const listen = (messages, query) => converse(messages, { path: `/v1/listen?${query}` });
const closeStream = JSON.stringify({ type: "CloseStream" });

test("/v1/listen: slices change nothing, a header is no sound", async () => {
  for (const latency of latencies) {
    for (const size of [7, 3200, 320000]) {
      const { events, code } = await listen([...slices(wav, size), closeStream], `punctuate=true&latency=${latency}`);
      assert.equal(heard(events), squeezed(expected[latency]), `${size} bytes`);
      assert.equal(code, 1000);
    }
  }
});

test("/v1/listen: bad messages are answered", async () => {
  const { events } = await listen(["no json", "7", JSON.stringify({ type: "Dance" }), closeStream], "");
  assert.deepEqual(events.map((event) => event.type), ["Error", "Error", "Error", "Metadata"]);
  assert.match(events[2].description, /Dance/);
});

test("/v1/listen: what cannot be done is no stream", async () => {
  for (const query of ["encoding=opus", "language=xx-XX", "diarize=true", "latency=5ms", "sample_rate=1"])
    assert.equal((await listen([closeStream], query)).code, 1006, query);
  const answer = await fetch(`${url}/v1/listen?language=xx-XX`, { method: "POST", body: wav });
  assert.equal(answer.status, 400);
  assert.match((await answer.json()).err_msg, /xx-XX/);
});

test("/v1/listen: phrases are boosted, samples need no header", async () => {
  const phrases = boosted.phrases.map((phrase) => `keyterm=${encodeURIComponent(phrase)}`).join("&");
  const { events } = await listen([pcm, closeStream], `punctuate=true&latency=${longest}&${phrases}`);
  assert.equal(heard(events), squeezed(boosted.text));
  const answer = await fetch(`${url}/v1/listen?encoding=linear16&sample_rate=16000&punctuate=true&${phrases}`,
    { method: "POST", body: pcm });
  const { results } = await answer.json();
  assert.equal(squeezed(results.channels[0].alternatives[0].transcript), squeezed(boosted.text));
});
