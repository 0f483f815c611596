// Sentences as SubRip (.srt) and WebVTT (.vtt): at most two lines of 42 characters and 7 seconds, at the times of
// their words. A cue never holds parts of two sentences.

const LINE_LENGTH = 42;
const LONGEST_CUE = 7;     // seconds
const SHORTEST_CUE = 0.8;  // seconds; shorter ones stay when nothing follows at once
const PAUSE = 2;           // seconds without a word that end a cue

const segmenter = globalThis.Intl?.Segmenter && new Intl.Segmenter();

function characters(text) {
  return segmenter ? Array.from(segmenter.segment(text), ({ segment }) => segment) : Array.from(text);
}

const lengthOf = (text) => characters(text).length;

// The words of a sentence that came without: their times are in proportion to their lengths.
function guessWords({ text, start, end }) {
  const words = text.split(/\s+/u).filter(Boolean);
  const total = words.reduce((sum, word) => sum + lengthOf(word), 0);
  let seen = 0;
  return words.map((word) => {
    const from = start + ((end - start) * seen) / total;
    seen += lengthOf(word);
    return { word, start: from, end: start + ((end - start) * seen) / total };
  });
}

// A word that fits into no line (a sentence of a script without spaces) becomes equal parts that do.
function cutWord({ word, start, end }) {
  const letters = characters(word);
  const parts = Math.max(1, Math.ceil(letters.length / LINE_LENGTH));
  const border = (part) => Math.ceil((part * letters.length) / parts);
  const duration = (end - start) / parts;
  return Array.from({ length: parts }, (_, part) => ({
    text: letters.slice(border(part), border(part + 1)).join(''),
    start: start + part * duration,
    end: start + (part + 1) * duration,
    joined: part > 0,
  }));
}

// True when the piece went into the cue.
function addToCue(cue, piece) {
  if (piece.end - cue.start > LONGEST_CUE || piece.start - cue.end > PAUSE) return false;
  const line = cue.lines.at(-1) + (piece.joined ? '' : ' ') + piece.text;
  if (lengthOf(line) <= LINE_LENGTH) {
    cue.lines[cue.lines.length - 1] = line;
  } else if (cue.lines.length < 2) {
    cue.lines.push(piece.text);
  } else {
    return false;
  }
  cue.end = Math.max(cue.end, piece.end);
  return true;
}

function cutSentence(sentence) {
  const words = sentence.words?.length ? sentence.words : guessWords(sentence);
  const cues = [];
  for (const piece of words.flatMap(cutWord)) {
    if (cues.length > 0 && addToCue(cues.at(-1), piece)) continue;
    cues.push({ start: piece.start, end: piece.end, lines: [piece.text] });
  }
  return cues;
}

// { startMs, endMs, lines }, in order; they last at least 1 ms and never overlap.
export function makeCues(sentences) {
  let freeFrom = 0;
  return sentences.flatMap(cutSentence).map((cue, index, cues) => {
    let end = Math.min(Math.max(cue.end, cue.start + SHORTEST_CUE), cue.start + LONGEST_CUE);
    if (index + 1 < cues.length) end = Math.min(end, cues[index + 1].start);
    const startMs = Math.max(freeFrom, Math.round(cue.start * 1000));
    const endMs = Math.max(startMs + 1, Math.round(end * 1000));
    freeFrom = endMs;
    return { startMs, endMs, lines: cue.lines };
  });
}

function timestamp(ms, decimalMark) {
  const two = (number) => String(Math.floor(number)).padStart(2, '0');
  const clock = [ms / 3600000, (ms / 60000) % 60, (ms / 1000) % 60].map(two).join(':');
  return clock + decimalMark + String(ms % 1000).padStart(3, '0');
}

const timing = (cue, mark) => `${timestamp(cue.startMs, mark)} --> ${timestamp(cue.endMs, mark)}`;

export function toSrt(sentences) {
  // SubRip has no escapes.
  const text = (cue) => cue.lines.join('\n').replaceAll('-->', '->');
  return makeCues(sentences).map((cue, index) => `${index + 1}\n${timing(cue, ',')}\n${text(cue)}\n\n`).join('');
}

export function toVtt(sentences) {
  const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
  const text = (cue) => cue.lines.join('\n').replace(/[&<>]/g, (letter) => escapes[letter]);
  return 'WEBVTT\n\n' + makeCues(sentences).map((cue) => `${timing(cue, '.')}\n${text(cue)}\n\n`).join('');
}
