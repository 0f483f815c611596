import { SAMPLE_RATE } from './connection.js';

const ENDPOINTING = 1000;        // milliseconds of silence that end a sentence
const PREFERRED_LATENCY = 320;   // milliseconds
const ODD_NAMES = { 'ar-AR': 'Arabic' };  // not that of Argentina
const names = globalThis.Intl?.DisplayNames &&
  new Intl.DisplayNames(['en'], { type: 'language', languageDisplay: 'standard' });

export function remembered(name) {
  try {
    return localStorage.getItem(`glossa.${name}`);
  } catch {
    return null;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(`glossa.${name}`, value);
  } catch {
    // Storage is blocked: the choice lasts as long as the page.
  }
}

export function languageName(code) {
  try {
    return ODD_NAMES[code] ?? names?.of(code) ?? code;
  } catch {
    return code;
  }
}

function fill(select, options) {
  select.replaceChildren(...options.map(({ value, label }) => new Option(label, value)));
}

// Takes `wanted` if it is on offer.
function choose(select, wanted) {
  if (Array.from(select.options).some(({ value }) => value === wanted)) select.value = wanted;
}

// The choices a stream is opened with.
export class Settings {
  #language;
  #latency;
  #enabled = true;
  loaded = false;

  constructor({ language, latency }) {
    this.#language = language;
    this.#latency = latency;
    language.addEventListener('change', () => remember('language', language.value));
    latency.addEventListener('change', () => remember('latency', latency.value));
  }

  show(model) {
    const languages = (model.languages ?? [])
      .filter(({ code }) => code !== 'auto')
      .map(({ code, name }) => ({ value: code, label: name ?? languageName(code) }))
      .sort((a, b) => a.label.localeCompare(b.label));
    fill(this.#language, [{ value: 'auto', label: 'Detect automatically' }, ...languages]);
    choose(this.#language, remembered('language'));

    const latencies = [...(model.latencies ?? [])].sort((a, b) => a.milliseconds - b.milliseconds);
    const notes = latencies.length > 1 ? { 0: ', fastest', [latencies.length - 1]: ', most exact' } : {};
    fill(this.#latency, latencies.map(({ milliseconds, att_context_size: context }, index) => ({
      value: JSON.stringify(context),
      label: `${milliseconds} ms${notes[index] ?? ''}`,
    })));
    const preferred = latencies.find(({ milliseconds }) => milliseconds === PREFERRED_LATENCY);
    if (preferred) choose(this.#latency, JSON.stringify(preferred.att_context_size));
    choose(this.#latency, remembered('latency'));
    this.loaded = true;
    this.enable(this.#enabled);
  }

  enable(enabled) {
    this.#enabled = enabled;
    this.#language.disabled = this.#latency.disabled = !enabled || !this.loaded;
  }

  // "" when it is detected.
  get language() {
    return this.#language.value === 'auto' ? '' : this.#language.value;
  }

  get session() {
    const session = {
      sample_rate: SAMPLE_RATE,
      language: this.#language.value,
      word_timestamps: true,
      endpointing_ms: ENDPOINTING,
    };
    if (this.#latency.value) session.att_context_size = JSON.parse(this.#latency.value);
    return session;
  }
}
