// Decisions about connections that failed.

const FIRST_DELAY = 500;  // milliseconds
const LONGEST_DELAY = 8000;

export function reconnectDelay(attempt, random = Math.random) {
  return Math.min(FIRST_DELAY * 2 ** attempt, LONGEST_DELAY) * (0.75 + random() / 2);
}

const KEY_ERRORS = ['invalid_api_key', 'missing_api_key', 'authentication_error', 'unauthorized', 'forbidden'];
const KEY_CODES = [3000, 3003, 401, 403];  // of WebSocket closes, of HTTP
const BUSY_CODES = [1013, 503, 429];
const REFUSAL_CODES = [1002, 1003, 1007, 1008, 1009];

// `code`: of the close event. `status`: of an HTTP request made afterwards, 0 when there was none.
// `error`: the server's last event if that was an error.
// "key": it wants another one. "busy": at capacity. "refused": it does not like what we ask. "lost": anything else.
export function classifyFailure({ code = 1006, status = 0, error = null }) {
  const is = (codes) => codes.includes(code) || codes.includes(status);
  if (KEY_ERRORS.includes(error?.code) || KEY_ERRORS.includes(error?.type) || is(KEY_CODES)) return 'key';
  if (error?.code === 'overloaded' || is(BUSY_CODES)) return 'busy';
  if (error || is(REFUSAL_CODES)) return 'refused';
  return 'lost';
}

// Where to go on in the sound after an outage; everything in samples.
// settled: the end of the last final sentence. open: the start of the open utterance, or null. lostAt: up to where
// sound was sent. end: up to where there is sound. limit: how much may be sent again of the time before the outage,
// and how much of the outage itself. margin: an utterance begins that much before its first word's time, at most.
// The result: from: where to go on. keepOpen: whether the open utterance stays as it is, because it will not be
// heard again. missing: what will never be heard.
export function planReplay({ settled, open, lostAt, end, limit, margin }) {
  const outage = end - lostAt;
  if (outage > limit) return { from: end - limit, keepOpen: open !== null, missing: outage - limit };
  const oldest = Math.max(0, lostAt - limit);
  if (open === null) return { from: Math.min(Math.max(settled, oldest), end), keepOpen: false, missing: 0 };
  const from = Math.max(settled, open - margin, 0);
  if (from < oldest) return { from: lostAt, keepOpen: true, missing: 0 };
  return { from: Math.min(from, end), keepOpen: false, missing: 0 };
}
