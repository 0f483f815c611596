import { Recording } from './recording.js';
import { fetchModel, hasApiKey, setApiKey } from './server.js';
import { Settings, remember, remembered } from './settings.js';
import { copyText, download, keepAwake } from './sharing.js';
import { toSrt, toVtt } from './subtitles.js';
import { Transcript } from './transcript.js';
import { TranscriptView, clockTime } from './view.js';

const byId = (id) => document.getElementById(id);

const settings = new Settings({ language: byId('language'), latency: byId('latency') });
const view = new TranscriptView({
  scroller: byId('captions'),
  settled: byId('settled'),
  interim: byId('interim'),
  empty: byId('empty'),
  latest: byId('latest'),
});

let transcript = new Transcript();
let earlier = null;    // the transcript before this one
let recording = null;  // while one runs
let letSleep = null;

let statusText = '';
let announcement = 0;

function showStatus(state, text) {
  clearTimeout(announcement);
  document.body.dataset.state = state;
  statusText = text;
  if (byId('status').textContent !== text) byId('status').textContent = text;
}

// In place of the status, for a moment.
function announce(text) {
  clearTimeout(announcement);
  byId('status').textContent = text;
  announcement = setTimeout(() => (byId('status').textContent = statusText), 3000);
}

function showProblem(text) {
  byId('problem').hidden = !text;
  byId('problem-text').textContent = text;
}

// What can be pressed, and what it says.
function showControls() {
  const running = recording !== null;
  byId('start').classList.toggle('running', running);
  byId('start-label').textContent = running ? 'Stop' : 'Start';
  byId('open').disabled = running;
  byId('earlier').hidden = running || !earlier;
  byId('clear').disabled = running || transcript.isEmpty;
  byId('copy').disabled = transcript.isEmpty;
  byId('srt').disabled = byId('vtt').disabled = transcript.sentences.length === 0;
  settings.enable(!running);
}

function showTranscript(next) {
  transcript = next;
  view.show(transcript);
  showControls();
}

function showClock() {
  if (!recording) byId('clock').textContent = '';
  else if (recording.isLive) byId('clock').textContent = clockTime(recording.seconds);
  else byId('clock').textContent = `${Math.round(100 * recording.progress)} %`;
}
setInterval(showClock, 500);

async function loadSettings() {
  const { status, model } = await fetchModel();
  if (model) settings.show(model);
  else if (status === 401 || status === 403) askForKey(loadSettings);
  else if (status === 0) showProblem('The server cannot be reached.');
  else showProblem(`The server does not say which languages it knows (HTTP ${status}).`);
}

// A file gets a transcript of its own, a microphone goes on with what is there.
async function record(file = null) {
  if (recording) return;
  showProblem('');
  const language = settings.language;
  if (file || transcript.name) startAnew();
  if (file) transcript.name = file.name;
  recording = new Recording({
    transcript,
    session: settings.session,
    language,
    listener: {
      changed: () => {
        view.update(language);
        showControls();
      },
      status: (state, text) => {
        showStatus(state, text);
        if (state === 'live' && !settings.loaded) loadSettings();
      },
      level: (level) => byId('dot').style.setProperty('--level', Math.min(1, 3 * level).toFixed(2)),
      notice: showProblem,
      ended: (kind, problem) => {
        end(kind, problem);
        if (kind === 'key') askForKey(() => record(file));
      },
    },
  });
  letSleep = keepAwake();
  showControls();
  await (file ? recording.useFile(file) : recording.useMicrophone());
}

function end(kind, problem) {
  recording = null;
  letSleep?.();
  byId('dot').style.removeProperty('--level');
  view.update();
  showControls();
  showClock();
  showStatus('idle', problem ? 'Stopped' : kind === 'finished' ? 'Done' : 'Stopped');
  if (problem) showProblem(problem);
}

function startAnew() {
  if (!transcript.isEmpty) earlier = transcript;
  showTranscript(new Transcript());
}

// Opens the dialog, and does `then` once there is a key.
function askForKey(then) {
  const dialog = byId('key-dialog');
  byId('key').value = '';
  byId('key-note').textContent = hasApiKey()
    ? 'The server did not accept this key. Try another one.'
    : 'This server needs a key. It is kept until this tab is closed.';
  dialog.returnValue = '';
  dialog.onclose = () => {
    const key = byId('key').value.trim();
    byId('key').value = '';
    if (dialog.returnValue !== 'use' || !key) return showProblem('The server needs a valid API key.');
    setApiKey(key);
    showProblem('');
    if (!settings.loaded && then !== loadSettings) loadSettings();
    then();
  };
  if (!dialog.open) dialog.showModal();
}

function save(format, type, text) {
  const now = new Date().toLocaleString('sv').slice(0, 16).replace(':', '');
  const stem = transcript.name.replace(/\.[^.]*$/, '') || `captions ${now}`;
  download(`${stem}.${format}`, type, text);
  announce(`${format.toUpperCase()} file saved`);
}

const actions = {
  start: () => (recording ? recording.stop() : record()),
  open: () => byId('file').click(),
  copy: async () => {
    try {
      await copyText(transcript.toText());
      announce('Copied');
    } catch {
      showProblem('The browser did not allow copying. Select the text and copy it by hand.');
    }
  },
  clear: () => {
    const focused = byId('clear').matches(':focus');
    startAnew();
    if (focused) byId('earlier').focus();
  },
  earlier: () => {
    const other = transcript.isEmpty ? null : transcript;
    showTranscript(earlier);
    earlier = other;
    showControls();
    if (!earlier) byId('captions').focus();
  },
  srt: () => save('srt', 'application/x-subrip', toSrt(transcript.sentences)),
  vtt: () => save('vtt', 'text/vtt', toVtt(transcript.sentences)),
  help: () => byId('help-dialog').showModal(),
  dismiss: () => showProblem(''),
};
for (const [id, action] of Object.entries(actions)) byId(id).addEventListener('click', action);

byId('file').addEventListener('change', ({ target }) => {
  const [file] = target.files;
  target.value = '';
  if (file) record(file);
});

document.addEventListener('dragover', (event) => {
  if (!event.dataTransfer.types.includes('Files')) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = recording ? 'none' : 'copy';
  document.body.classList.toggle('dropping', !recording);
});
document.addEventListener('dragleave', (event) => {
  if (!event.relatedTarget) document.body.classList.remove('dropping');
});
document.addEventListener('drop', (event) => {
  event.preventDefault();
  document.body.classList.remove('dropping');
  const [file] = event.dataTransfer.files;
  if (file) record(file);
});

// Single keys disturb some speech and switch users, who can turn them off.
const shortcuts = byId('shortcuts');
shortcuts.checked = remembered('shortcuts') !== 'off';
const showShortcuts = () => document.body.classList.toggle('no-shortcuts', !shortcuts.checked);
shortcuts.addEventListener('change', () => {
  remember('shortcuts', shortcuts.checked ? 'on' : 'off');
  showShortcuts();
});
showShortcuts();

const buttons = new Map(Array.from(document.querySelectorAll('button[aria-keyshortcuts]'),
                                   (button) => [button.getAttribute('aria-keyshortcuts').toLowerCase(), button]));
document.addEventListener('keydown', (event) => {
  if (!shortcuts.checked || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest('input, select, textarea, dialog')) return;
  const button = buttons.get(event.key.toLowerCase());
  if (!button || button.disabled || button.hidden) return;
  event.preventDefault();
  button.click();
});

document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && recording?.wake());
window.addEventListener('online', () => recording?.wake());
window.addEventListener('beforeunload', (event) => recording && event.preventDefault());

view.show(transcript);
showStatus('idle', 'Ready');
showControls();
loadSettings();
