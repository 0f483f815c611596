// What was said, as it is shown. Times are seconds since the first recording began.
export class Transcript {
  name = '';       // of the audio file, if it is of one
  duration = 0;    // of the recordings so far
  items = [];      // { kind: 'sentence', text, language, start, end, words } and { kind: 'marker', text }
  interim = null;  // { text, start }: the open utterance

  get isEmpty() {
    return this.items.length === 0 && !this.interim;
  }

  get sentences() {
    return this.items.filter(({ kind }) => kind === 'sentence');
  }

  setInterim(text, start) {
    this.interim = text ? { text, start } : null;
  }

  // An empty text settles nothing and takes the open utterance back.
  addSentence({ text, language = '', start, end, words = [] }) {
    this.interim = null;
    if (text) this.items.push({ kind: 'sentence', text, language, start, end, words });
  }

  // For an utterance that will not be heard to its end.
  settleInterim(end) {
    if (!this.interim) return;
    const { text, start } = this.interim;
    this.addSentence({ text, start, end: Math.max(end, start) });
  }

  // The marker may be given another text later.
  mark(text) {
    const marker = { kind: 'marker', text };
    this.items.push(marker);
    return marker;
  }

  toText() {
    const lines = this.items.map(({ kind, text }) => (kind === 'marker' ? `[${text}]` : text));
    if (this.interim) lines.push(this.interim.text);
    return lines.join('\n');
  }
}
