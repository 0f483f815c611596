import assert from 'node:assert/strict';
import test from 'node:test';

import { Transcript } from '../../../src/serve/page/transcript.js';

test('the open utterance is replaced until it is final', () => {
  const transcript = new Transcript();
  assert.ok(transcript.isEmpty);
  transcript.setInterim('Good', 1);
  transcript.setInterim('Good morning', 1);
  assert.equal(transcript.toText(), 'Good morning');
  transcript.addSentence({ text: 'Good morning.', language: 'en-US', start: 1, end: 2 });
  assert.equal(transcript.interim, null);
  assert.equal(transcript.toText(), 'Good morning.');
  assert.deepEqual(transcript.sentences.map(({ language }) => language), ['en-US']);
});

test('an empty sentence takes the open utterance back', () => {
  const transcript = new Transcript();
  transcript.setInterim('Hm', 1);
  transcript.addSentence({ text: '', start: 1, end: 1 });
  assert.ok(transcript.isEmpty);
});

test('what was open is kept when it will not be heard to its end', () => {
  const transcript = new Transcript();
  transcript.setInterim('and then he', 4);
  transcript.settleInterim(6);
  transcript.settleInterim(7);
  assert.deepEqual(transcript.sentences.map(({ text, start, end }) => [text, start, end]), [['and then he', 4, 6]]);
});

test('markers are in the text and not among the sentences', () => {
  const transcript = new Transcript();
  transcript.addSentence({ text: 'One.', start: 0, end: 1 });
  const marker = transcript.mark('Connection lost');
  marker.text = 'Connection lost for 3 s';
  transcript.setInterim('Two', 2);
  assert.equal(transcript.toText(), 'One.\n[Connection lost for 3 s]\nTwo');
  assert.equal(transcript.sentences.length, 1);
});
