import assert from 'node:assert/strict';
import test from 'node:test';

import { makeCues, toSrt, toVtt } from '../../../src/serve/page/subtitles.js';

// One word per `step` seconds.
function sentence(text, start = 0, step = 0.3) {
  const words = text.split(' ').map((word, index) => ({
    word,
    start: start + index * step,
    end: start + (index + 1) * step,
  }));
  return { text, start, end: words.at(-1).end, words };
}

test('a short sentence is one cue', () => {
  assert.deepEqual(makeCues([sentence('Good morning everyone.', 1)]), [
    { startMs: 1000, endMs: 1900, lines: ['Good morning everyone.'] },
  ]);
});

test('cues keep to two lines, 42 characters and 7 seconds, lose no word, and never overlap', () => {
  const said = Array.from({ length: 200 }, (_, index) => 'word'.repeat(1 + (index % 3)) + index).join(' ');
  for (const step of [0.05, 0.3, 1.1, 5]) {
    const cues = makeCues([sentence(said, 0, step), sentence('Next.', 200 * step, step)]);
    assert.equal(cues.flatMap(({ lines }) => lines).join(' '), `${said} Next.`);
    let before = 0;
    for (const { startMs, endMs, lines } of cues) {
      assert.ok(lines.length <= 2);
      assert.ok(lines.every((line) => line.length <= 42));
      assert.ok(startMs >= before && endMs > startMs && endMs - startMs <= 7000);
      before = endMs;
    }
  }
});

test('sentences do not share a cue', () => {
  const cues = makeCues([sentence('Yes.', 0), sentence('No.', 0.3)]);
  assert.deepEqual(cues.map(({ lines }) => lines), [['Yes.'], ['No.']]);
});

test('a pause ends a cue', () => {
  const paused = sentence('one two', 0);
  paused.words[1].start += 3;
  paused.words[1].end += 3;
  assert.equal(makeCues([paused]).length, 2);
});

test('a short cue stays until the next one, at most 0.8 s', () => {
  assert.equal(makeCues([sentence('Yes.', 1)])[0].endMs, 1800);
  assert.equal(makeCues([sentence('Yes.', 1), sentence('No.', 1.5)])[0].endMs, 1500);
});

test('scripts without spaces are cut between characters, never within one', () => {
  const letter = 'कि';  // two code points
  const text = letter.repeat(100);
  const cues = makeCues([{ text, start: 0, end: 12, words: [{ word: text, start: 0, end: 12 }] }]);
  assert.equal(cues.flatMap(({ lines }) => lines).join(''), text);
  assert.ok(cues.flatMap(({ lines }) => lines).every((line) => line.startsWith('क') && line.length <= 84));
});

test('without words, times follow the letters', () => {
  const cues = makeCues([{ text: 'aaaa bb '.repeat(20).trim(), start: 10, end: 20 }]);
  assert.equal(cues[0].startMs, 10000);
  assert.equal(cues.at(-1).endMs, 20000);
  assert.ok(cues.length > 1);
});

test('SRT', () => {
  assert.equal(toSrt([sentence('A --> B', 3661.25), sentence('C', 3663)]),
    '1\n01:01:01,250 --> 01:01:02,150\nA -> B\n\n2\n01:01:03,000 --> 01:01:03,800\nC\n\n');
  assert.equal(toSrt([]), '');
});

test('VTT', () => {
  assert.equal(toVtt([sentence('Q&A <b>', 0)]),
    'WEBVTT\n\n00:00:00.000 --> 00:00:00.800\nQ&amp;A &lt;b&gt;\n\n');
  assert.equal(toVtt([]), 'WEBVTT\n\n');
});
