import assert from 'node:assert/strict';
import test from 'node:test';

import { Resampler, toPcm16 } from '../../../src/serve/page/resampler.js';

const tone = (frequency, rate, seconds) =>
  Float32Array.from({ length: rate * seconds }, (_, index) => Math.sin((2 * Math.PI * frequency * index) / rate));

function resample(input, from, to, slice = 128) {
  const resampler = new Resampler(from, to);
  const parts = [];
  for (let start = 0; start < input.length; start += slice) {
    parts.push(...resampler.process(input.subarray(start, start + slice)));
  }
  return Float32Array.from([...parts, ...resampler.flush()]);
}

const decibels = (samples) =>
  10 * Math.log10(2 * (samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length));

for (const rate of [8000, 22050, 44100, 48000, 96000]) {
  test(`a tone keeps its shape from ${rate} Hz`, () => {
    const output = resample(tone(440, rate, 1), rate, 16000);
    const expected = tone(440, 16000, 1);
    assert.ok(Math.abs(output.length - expected.length) <= 1, `${output.length} samples`);
    const inner = output.slice(200, -200).map((sample, index) => sample - expected[index + 200]);
    assert.ok(decibels(inner) < -60, `error ${decibels(inner)} dB`);
  });
}

test('what 16 kHz cannot hold is removed', () => {
  for (const frequency of [9000, 12000, 20000]) {
    assert.ok(decibels(resample(tone(frequency, 48000, 1), 48000, 16000).slice(200, -200)) < -50);
  }
});

test('slices do not change the result', () => {
  const input = tone(1000, 44100, 0.5);
  const whole = resample(input, 44100, 16000, input.length);
  for (const slice of [1, 7, 128, 1764]) assert.deepEqual(resample(input, 44100, 16000, slice), whole);
});

test('the same rate passes through', () => {
  const input = tone(440, 16000, 0.1);
  assert.deepEqual(resample(input, 16000, 16000), input);
});

test('16-bit samples are clipped', () => {
  assert.deepEqual([...toPcm16(Float32Array.of(0, 0.5, -0.5, 1, -1, 2, -2, NaN))],
    [0, 16384, -16384, 32767, -32768, 32767, -32768, 0]);
});
