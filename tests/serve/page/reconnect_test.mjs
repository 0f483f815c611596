import assert from 'node:assert/strict';
import test from 'node:test';

import { AudioHistory } from '../../../src/serve/page/audio_history.js';
import { classifyFailure, planReplay, reconnectDelay } from '../../../src/serve/page/reconnect.js';

test('pauses grow, end at 8 s, and differ between clients', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 20].map((attempt) => reconnectDelay(attempt, () => 0.5)),
    [500, 1000, 2000, 4000, 8000, 8000]);
  assert.equal(reconnectDelay(0, () => 0), 375);
  assert.equal(reconnectDelay(0, () => 1), 625);
});

test('kinds of failures', () => {
  const cases = [
    [{}, 'lost'],
    [{ code: 1000 }, 'lost'],
    [{ code: 1001 }, 'lost'],
    [{ code: 1011 }, 'lost'],
    [{ code: 1013 }, 'busy'],
    [{ status: 503 }, 'busy'],
    [{ code: 1011, error: { code: 'overloaded' } }, 'busy'],
    [{ status: 401 }, 'key'],
    [{ status: 200 }, 'lost'],
    [{ code: 1008, error: { type: 'authentication_error' } }, 'key'],
    [{ code: 1008 }, 'refused'],
    [{ code: 1000, error: { type: 'invalid_request_error', code: 'invalid_value' } }, 'refused'],
  ];
  for (const [failure, kind] of cases) assert.equal(classifyFailure(failure), kind, JSON.stringify(failure));
});

test('where to go on', () => {
  const plan = (settled, open, lostAt, end, limit = 100) =>
    planReplay({ settled, open, lostAt, end, limit, margin: 5 });
  assert.deepEqual(plan(30, 50, 80, 90), { from: 45, keepOpen: false, missing: 0 });
  assert.deepEqual(plan(48, 50, 80, 90), { from: 48, keepOpen: false, missing: 0 });
  assert.deepEqual(plan(30, null, 80, 90), { from: 30, keepOpen: false, missing: 0 });
  assert.deepEqual(plan(0, 2, 80, 90), { from: 0, keepOpen: false, missing: 0 });
  // The sound before the outage is too old.
  assert.deepEqual(plan(30, null, 800, 850), { from: 700, keepOpen: false, missing: 0 });
  assert.deepEqual(plan(30, 50, 800, 850), { from: 800, keepOpen: true, missing: 0 });
  // The outage was too long.
  assert.deepEqual(plan(30, 50, 80, 280), { from: 180, keepOpen: true, missing: 100 });
  assert.deepEqual(plan(30, null, 80, 280), { from: 180, keepOpen: false, missing: 100 });
  // A file is there as a whole.
  assert.deepEqual(plan(30, null, 8000, 9000, Infinity), { from: 30, keepOpen: false, missing: 0 });
});

test('an audio history reads across chunks and forgets the oldest', () => {
  const history = new AudioHistory();
  assert.equal(history.read(0, 10).length, 0);
  for (let chunk = 0; chunk < 10; ++chunk) history.append(new Int16Array(100).fill(chunk));
  assert.equal(history.end, 1000);
  assert.deepEqual([...history.read(395, 10)], [3, 3, 3, 3, 3]);
  assert.deepEqual([...history.read(400, 3)], [4, 4, 4]);
  history.forgetBefore(450);
  assert.equal(history.start, 400);
  assert.equal(history.read(400, 1)[0], 4);
  assert.equal(history.read(1000, 10).length, 0);
});
