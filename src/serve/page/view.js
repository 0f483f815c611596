import { languageName } from './settings.js';

const NEAR_THE_END = 48;  // pixels

export function clockTime(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return (hours ? `${hours}:${two(minutes)}` : minutes) + `:${two(whole % 60)}`;
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

// Text in a language that is not known must not be read in the page's.
function setLanguage(element, code) {
  element.lang = code;
  element.dir = 'auto';
}

function makeSentence({ text, language, start }) {
  const row = make('div', 'sentence', '');
  const note = make('div', 'note', '');
  // Screen readers get the language from the text's own attribute.
  note.setAttribute('aria-hidden', 'true');
  note.append(make('span', 'time', clockTime(start)));
  if (language) {
    const label = make('span', 'language', language);
    label.title = languageName(language);
    note.append(label);
  }
  const words = make('p', 'text', text);
  setLanguage(words, language);
  row.append(note, words);
  return row;
}

// Shows a transcript as it grows, and stays at its end unless the reader scrolls up.
export class TranscriptView {
  #parts;
  #transcript;
  #rows = [];
  #following = true;

  // parts: scroller, settled (the live region), interim, empty, latest (a button)
  constructor(parts) {
    this.#parts = parts;
    const { scroller, latest } = parts;
    scroller.addEventListener('scroll', () => this.#follow(this.#isAtEnd()), { passive: true });
    latest.addEventListener('click', () => {
      this.#follow(true);
      scroller.focus({ preventScroll: true });
    });
    new ResizeObserver(() => this.#scroll()).observe(scroller);
  }

  // Another one, which screen readers need not read from its beginning.
  show(transcript) {
    const { settled } = this.#parts;
    this.#transcript = transcript;
    this.#rows = [];
    settled.setAttribute('aria-live', 'off');
    settled.replaceChildren();
    this.update();
    this.#follow(true);
    setTimeout(() => settled.setAttribute('aria-live', 'polite'));
  }

  update(language = '') {
    const { settled, interim, empty } = this.#parts;
    this.#transcript.items.forEach((item, index) => {
      const row = this.#rows[index];
      if (row && item.kind === 'marker' && row.textContent !== item.text) row.textContent = item.text;
      if (row) return;
      this.#rows.push(item.kind === 'marker' ? make('p', 'marker', item.text) : makeSentence(item));
      settled.append(this.#rows[index]);
    });
    const open = this.#transcript.interim?.text ?? '';
    if (interim.textContent !== open) interim.textContent = open;
    setLanguage(interim, language);
    empty.hidden = !this.#transcript.isEmpty;
    this.#scroll();
  }

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#parts.scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR_THE_END;
  }

  #follow(following) {
    this.#following = following;
    this.#parts.latest.hidden = following;
    this.#scroll();
  }

  #scroll() {
    const { scroller } = this.#parts;
    if (this.#following) scroller.scrollTop = scroller.scrollHeight;
  }
}
