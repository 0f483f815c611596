// Deepgram's own SDK at /v1/listen. Run by run_clients.py with the environment of openai_test.mjs.
import assert from "node:assert/strict";
import { createReadStream, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";

const require = createRequire(import.meta.url);
const { DeepgramClient } = require("@deepgram/sdk");

const expected = JSON.parse(process.env.GLOSSA_EXPECTED);
const [audio, audio24k] = Object.keys(expected);
const latencies = Object.keys(expected[audio]);
const longest = latencies.at(-1);
const client = connect(process.env.GLOSSA_KEY);
const squeezed = (text) => text.split(/\s+/).filter(Boolean).join(" ");
const pcm = (file) => readFileSync(file).subarray(44);

function connect(apiKey) {
  const url = process.env.GLOSSA_URL;
  return new DeepgramClient({ apiKey, baseUrl: url, maxRetries: 0 });
}

// Opens a stream, sends `messages` (Buffers are sound, strings types of control messages, numbers pauses in ms) and gives
// all events.
async function listen(args, messages, queryParams = {}) {
  const socket = await client.listen.v1.connect({ model: "nova-3", ...args, queryParams, reconnectAttempts: 0 });
  const events = [];
  const closed = new Promise((resolve, reject) => {
    const late = () => reject(new Error(`no end after ${JSON.stringify(events.slice(-3))}`));
    const timer = globalThis.setTimeout(late, 60000);
    socket.on("message", (event) => events.push(event));
    socket.on("close", (event) => {
      clearTimeout(timer);
      resolve(event.code);
    });
  });
  socket.connect();
  await socket.waitForOpen();
  for (const message of messages) {
    if (message === "Finalize") socket.sendFinalize({ type: message });
    else if (message === "CloseStream") socket.sendCloseStream({ type: message });
    else if (message === "KeepAlive") socket.sendKeepAlive({ type: message });
    else if (typeof message === "number") await setTimeout(message);
    else for (let at = 0; at < message.length; at += 3200) socket.sendMedia(message.subarray(at, at + 3200));
  }
  const code = await closed;
  socket.close();
  return { events, code };
}

const of = (events, type) => events.filter((event) => event.type === type);
const finals = (events) => of(events, "Results").filter((event) => event.is_final);
const best = (event) => event.channel.alternatives[0];
const said = (events) => squeezed(finals(events).map((event) => best(event).transcript).join(" "));
const words = (events) => finals(events).flatMap((event) => best(event).words);

test("a stream is what glossa transcribe writes, at every latency and rate", async () => {
  for (const [file, sample_rate] of [[audio, 16000], [audio24k, 24000]]) {
    for (const latency of latencies) {
      const { events, code } = await listen(
        { encoding: "linear16", sample_rate, punctuate: "true", endpointing: "false" },
        ["KeepAlive", pcm(file), "CloseStream"], { latency });
      assert.equal(said(events), squeezed(expected[file][latency].text));
      assert.deepEqual(words(events).map((word) => word.punctuated_word).join(" "), said(events));
      assert.equal(events.at(-1).type, "Metadata");
      assert.ok(Math.abs(events.at(-1).duration - expected[file][latency].duration) < 0.1);
      assert.equal(code, 1000);
    }
  }
});

test("interim results come while one speaks", async () => {
  const sound = pcm(audio).subarray(0, 96000);
  const pieces = Array.from({ length: 10 }, (_, index) => sound.subarray(9600 * index, 9600 * (index + 1)));
  const { events } = await listen({ encoding: "linear16", sample_rate: 16000, interim_results: "true" },
    [...pieces.flatMap((piece) => [piece, 50]), "CloseStream"], { latency: latencies[0] });
  const results = of(events, "Results");
  const interims = results.filter((event) => !event.is_final);
  assert.ok(interims.length > 0);
  assert.ok(interims.every((event) => !event.speech_final && best(event).transcript.length > 0));
  assert.ok(results.at(-1).is_final && results.at(-1).speech_final);
});

test("a draft comes before a chunk is whole", async () => {
  assert.equal(longest, "1120ms");
  const { events } = await listen({ encoding: "linear16", sample_rate: 16000, interim_results: "true" },
    [pcm(audio).subarray(0, 32000), 1000, "CloseStream"], { latency: longest });
  assert.ok(of(events, "Results").some((event) => !event.is_final && best(event).transcript.length > 0));
});

test("without punctuate: small letters and no marks", async () => {
  const { events } = await listen({ encoding: "linear16", sample_rate: 16000 }, [pcm(audio), "CloseStream"]);
  assert.doesNotMatch(said(events), /[.,?!A-Z]/);
  assert.ok(said(events).length > 0);
  assert.ok(of(events, "Results").every((event) => event.is_final));
});

test("Finalize: everything so far is final, and times go on", async () => {
  const sound = pcm(audio);
  const half = Math.floor(sound.length / 4) * 2;
  const { events } = await listen({ encoding: "linear16", sample_rate: 16000, endpointing: "false" },
    [sound.subarray(0, half), "Finalize", sound.subarray(half), "CloseStream"]);
  const at = events.findIndex((event) => event.from_finalize);
  assert.ok(at >= 0 && events[at].speech_final);
  const before = words(events.slice(0, at + 1));
  const after = words(events.slice(at + 1));
  assert.ok(before.length > 0 && after.length > 0);
  assert.ok(before.at(-1).end <= half / 32000 + 0.1);
  assert.ok(after[0].start >= half / 32000 - 0.1);
});

test("pauses are told", async () => {
  const { events } = await listen(
    { encoding: "linear16", sample_rate: 16000, vad_events: "true", endpointing: "300", utterance_end_ms: "1000" },
    [pcm(audio), Buffer.alloc(64000), "CloseStream"]);
  assert.ok(of(events, "SpeechStarted").length > 0);
  assert.ok(finals(events).some((event) => event.speech_final));
  const spoken = words(events);
  assert.equal(of(events, "UtteranceEnd").at(-1).last_word_end, spoken.at(-1).end);
});

test("every channel by itself", async () => {
  const left = pcm(audio);
  const both = Buffer.alloc(2 * left.length);
  for (let at = 0; at < left.length; at += 2) left.copy(both, 2 * at, at, at + 2);
  const { events } = await listen(
    { encoding: "linear16", sample_rate: 16000, channels: 2, multichannel: "true", punctuate: "true" },
    [both, "CloseStream"], { latency: longest });
  assert.equal(said(events.filter((event) => event.channel_index?.[0] === 0)), squeezed(expected[audio][longest].text));
  assert.ok(of(events, "Results").every((event) => event.channel_index[1] === 2));
  assert.equal(events.at(-1).channels, 2);
});

test("Finalize at another rate loses nothing", async () => {
  const sound = pcm(audio24k);
  const half = Math.floor(sound.length / 4) * 2;
  const { events } = await listen({ encoding: "linear16", sample_rate: 24000, endpointing: "false" },
    [sound.subarray(0, half), "Finalize", "Finalize", sound.subarray(half), "CloseStream"]);
  const at = events.findIndex((event) => event.from_finalize);
  assert.ok(Math.abs(events.at(-1).duration * 24000 * 2 - sound.length) < 0.01 * 48000);
  assert.ok(words(events.slice(0, at + 1)).at(-1).end <= half / 48000 + 0.1);
});

test("what cannot be streamed ends the stream", async () => {
  const { events, code } = await listen({}, [Buffer.from("OggS and so on")]);
  assert.deepEqual(events.map((event) => event.type), ["Error"]);
  assert.match(events[0].description, /Ogg/);
  assert.equal(code, 1008);
});

test("nothing said", async () => {
  const { events, code } = await listen({}, ["Finalize", "CloseStream"]);
  assert.deepEqual(events.map((event) => event.type), ["Results", "Metadata"]);
  assert.ok(events[0].from_finalize);
  assert.equal(code, 1000);
});

test("a file", async () => {
  const transcribe = (request, latency = longest) =>
    client.listen.v1.media.transcribeFile(createReadStream(audio), request, { queryParams: { latency } });
  for (const latency of latencies) {
    const { metadata, results } = await transcribe({ smart_format: true, utterances: true }, latency);
    const [alternative] = results.channels[0].alternatives;
    assert.equal(squeezed(alternative.transcript), squeezed(expected[audio][latency].text));
    assert.equal(alternative.words.map((word) => word.punctuated_word).join(" "), squeezed(alternative.transcript));
    assert.equal(squeezed(results.utterances.map(({ transcript }) => transcript).join(" ")),
      squeezed(alternative.transcript));
    assert.match(metadata.sha256, /^[0-9a-f]{64}$/);
  }
});

// A WAV file of 16-bit samples, 16 kHz, from one buffer of samples for every channel.
function wav(channels) {
  const size = channels[0].length * channels.length;
  const file = Buffer.alloc(44 + size);
  file.write("RIFF", 0);
  file.writeUInt32LE(36 + size, 4);
  file.write("WAVEfmt ", 8);
  [[16, 4], [1, 2], [channels.length, 2], [16000, 4], [32000 * channels.length, 4], [2 * channels.length, 2], [16, 2]]
    .reduce((at, [value, bytes]) => file.writeUIntLE(value, at, bytes), 16);
  file.write("data", 36);
  file.writeUInt32LE(size, 40);
  for (let at = 0, to = 44; at < channels[0].length; at += 2)
    for (const channel of channels) to += channel.copy(file, to, at, at + 2);
  return file;
}

test("every channel of a file by itself", async () => {
  const transcribe = (file, request) =>
    client.listen.v1.media.transcribeFile(file, { punctuate: true, utterances: true, ...request },
      { queryParams: { latency: longest } });
  const sound = pcm(audio);
  const silence = Buffer.alloc(sound.length);
  const text = squeezed(expected[audio][longest].text);
  const spoken = ({ alternatives: [best] }) => squeezed(best.transcript);
  const call = await transcribe(wav([silence, sound, sound]), { multichannel: true });
  assert.equal(call.metadata.channels, 3);
  const black = (text) => text.replaceAll(/\s/g, "");  // this model leaves out spaces between sentences
  const heard = call.results.channels.map(spoken);
  assert.deepEqual(heard.slice(1), [text, text]);
  assert.notEqual(heard[0], text);  // whatever this model hears in silence
  for (const [channel, whole] of heard.entries()) {
    const own = call.results.utterances.filter((utterance) => utterance.channel === channel);
    assert.equal(black(own.map(({ transcript }) => transcript).join("")), black(whole));
  }
  const starts = call.results.utterances.map(({ start }) => start);
  assert.deepEqual(starts, starts.toSorted((a, b) => a - b));
  const one = await transcribe(createReadStream(audio), { multichannel: true });
  assert.deepEqual([one.metadata.channels, ...one.results.channels.map(spoken)], [1, text]);
  const mixed = await transcribe(wav([sound, sound]), {});
  assert.deepEqual([mixed.metadata.channels, ...mixed.results.channels.map(spoken)], [1, text]);
  await assert.rejects(transcribe(wav(Array(9).fill(sound)), { multichannel: true }),
    (error) => error.statusCode === 400 && /the body: too many channels/.test(error.body.err_msg));
});

test("what cannot be done is said", async () => {
  const file = () => createReadStream(audio);
  const transcribe = (request, who = client) => who.listen.v1.media.transcribeFile(file(), request);
  await assert.rejects(transcribe({ diarize: true }), (error) => error.statusCode === 400 && /diarize/.test(error.body.err_msg));
  await assert.rejects(transcribe({ language: "xx" }), (error) => error.statusCode === 400 && /xx/.test(error.body.err_msg));
  await assert.rejects(transcribe({}, connect("wrong")),
    (error) => error.statusCode === 401 && /API key/.test(error.body.err_msg));
  await assert.rejects(client.listen.v1.media.transcribeUrl({ url: "http://127.0.0.1/a.wav" }),
    (error) => /not fetched/.test(error.body.err_msg));
});
