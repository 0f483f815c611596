// The page in a browser. Needs Chromium, and playwright-core where NODE_PATH finds it. clients/run_browser.py runs both:
//
//   node browser_test.mjs                             against the stub server, outages and keys included
//   node browser_test.mjs URL AUDIO.wav TEXT TEXT...  against a running server that should hear these texts in the file,
//                                                     and the first of them from the microphone, which plays it over and
//                                                     over, more than once
//
// CHROMIUM: the browser, /usr/bin/chromium. SCREENSHOTS: a folder for pictures, none.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { SENTENCES, startStub } from './stub_server.mjs';

const browserPath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const pictures = process.env.SCREENSHOTS;
const playwright = createRequire(import.meta.url)('playwright-core');

// Seconds of a quiet tone.
function makeWav(seconds) {
  const wav = Buffer.alloc(44 + 32000 * seconds);
  wav.write('RIFF\0\0\0\0WAVEfmt ', 'latin1');
  wav.writeUInt32LE(wav.length - 8, 4);
  [[16, 4], [1, 2], [1, 2], [16000, 4], [32000, 4], [2, 2], [16, 2]].reduce((at, [value, size]) => {
    return wav.writeUIntLE(value, at, size);
  }, 16);
  wav.write('data', 36);
  wav.writeUInt32LE(wav.length - 44, 40);
  for (let at = 44; at < wav.length; at += 2) wav.writeInt16LE(3000 * Math.sin(at / 20), at);
  return wav;
}

const folder = await mkdtemp(join(tmpdir(), 'captions-'));
const [givenUrl, givenAudio, ...givenTexts] = process.argv.slice(2);
const stub = givenUrl ? null : await startStub();
const url = givenUrl ?? stub.url;
const audio = givenAudio ?? join(folder, 'talk.wav');
const texts = givenUrl ? givenTexts : ['welcome', 'Stadtwerke', 'الاجتماع', 'A < b & c > d.'];
if (!givenAudio) await writeFile(audio, makeWav(30));

const browser = await playwright.chromium.launch({
  executablePath: browserPath,
  args: ['--no-sandbox', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
         `--use-file-for-fake-audio-capture=${audio}`, '--host-resolver-rules=MAP captions.test 127.0.0.1'],
});
const complaints = [];

async function openPage(options = {}, address = url) {
  const context = await browser.newContext({ acceptDownloads: true, ...options });
  const page = await context.newPage();
  page.on('filechooser', () => {});  // asks for the event before any click
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) complaints.push(message.text());
  });
  await page.goto(address);
  return page;
}

const status = (page, text) => page.locator('#status', { hasText: text }).waitFor({ timeout: 60000 });
const seen = (page, text) => page.locator('#settled').getByText(text).first().waitFor({ timeout: 60000 });
const picture = async (page, name) => pictures && page.screenshot({ path: join(pictures, `${name}.png`) });
const text = (page) => page.locator('#settled').innerText();

async function saved(page, button) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator(button).click()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
}

async function openFile(page, path) {
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.locator('#open').click()]);
  await chooser.setFiles(path);
}

const tests = {
  async 'a file becomes text and subtitles'() {
    const page = await openPage({ colorScheme: 'light' });
    await page.locator('#latency option').first().waitFor({ state: 'attached' });
    assert.equal(await page.locator('#language option').first().getAttribute('value'), 'auto');
    await picture(page, 'empty');
    await openFile(page, audio);
    await status(page, 'Done');
    for (const wanted of texts) await seen(page, wanted);
    const srt = await saved(page, '#srt');
    assert.match(srt.name, /\.srt$/);
    assert.match(srt.text, /^1\n\d\d:\d\d:\d\d,\d{3} --> \d\d:\d\d:\d\d,\d{3}\n/);
    assert.ok(srt.text.includes(texts[0]));
    const vtt = await saved(page, '#vtt');
    assert.match(vtt.text, /^WEBVTT\n\n\d\d:\d\d:\d\d\.\d{3} --> /);
    await page.locator('#captions').evaluate((element) => (element.scrollTop = 0));
    await picture(page, 'light');
    await page.keyboard.press('t');
    await picture(page, 'dark');
  },

  async 'the keyboard starts and stops the microphone'() {
    const page = await openPage({ colorScheme: 'dark' });
    await page.locator('#latency option').first().waitFor({ state: 'attached' });
    await page.keyboard.press('r');
    await status(page, 'Listening');
    await page.locator('#interim:not(:empty)').waitFor({ timeout: 60000 });
    await seen(page, texts[0]);
    // What comes after a sentence and a pause is heard, too. The stub says everything once.
    if (givenUrl) {
      await page.waitForFunction((wanted) => document.querySelector('#settled').innerText.split(wanted).length > 2,
                                 texts[0], { timeout: 60000 });
    }
    await picture(page, 'recording');
    await page.locator('#start').focus();
    await page.keyboard.press('Enter');
    await status(page, 'Done');
    assert.equal(await page.locator('#interim').innerText(), '');
    await page.keyboard.press('x');
    assert.equal(await text(page), '');
    await page.keyboard.press('z');
    assert.ok((await text(page)).includes(texts[0]));
  },
};

const stubTests = {
  async 'a dropped file; sentences have languages and directions'() {
    const page = await openPage();
    const transfer = await page.evaluateHandle((bytes) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], 'dropped.wav'));
      return transfer;
    }, (await readFile(audio)).toString('base64'));
    await page.dispatchEvent('#captions', 'dragover', { dataTransfer: transfer });
    await page.dispatchEvent('#captions', 'drop', { dataTransfer: transfer });
    await status(page, 'Done');
    const german = page.locator('#settled p.text', { hasText: 'Stadtwerke' }).first();
    assert.equal(await german.getAttribute('lang'), 'de-DE');
    const arabic = page.locator('#settled p.text', { hasText: 'الاجتماع' }).first();
    assert.equal(await arabic.evaluate((element) => getComputedStyle(element).direction), 'rtl');
  },

  async 'the choices reach the server'() {
    const page = await openPage();
    await page.locator('#language').selectOption('el-GR');
    await page.locator('#latency').selectOption('[56,13]');
    await page.locator('#start').click();
    await status(page, 'Listening');
    const { language, att_context_size: context, sample_rate: rate } = stub.sessions.at(-1);
    assert.deepEqual([language, context, rate], ['el-GR', [56, 13], 16000]);
  },

  async 'a lost connection loses no text'() {
    stub.settled = 0;
    const page = await openPage({ colorScheme: 'light' });
    await page.locator('#start').click();
    await seen(page, 'welcome');
    stub.full = true;
    stub.drop();
    await status(page, 'at capacity');
    await picture(page, 'lost');
    if (pictures) {
      await page.setViewportSize({ width: 390, height: 700 });
      await picture(page, 'lost-phone');
    }
    stub.full = false;
    await status(page, 'Listening');
    await page.locator('.marker', { hasText: 'nothing is missing' }).waitFor();
    await seen(page, 'exits');
    await page.locator('#start').click();
    await status(page, 'Done');
    const said = (await page.locator('#settled p.text').allInnerTexts()).join(' ');
    assert.ok(SENTENCES.map(([, sentence]) => sentence).join(' ').startsWith(said), said);
    await picture(page, 'reconnected');
  },

  async 'a file survives a lost connection as a whole'() {
    stub.settled = 0;
    const long = join(folder, 'long.wav');
    await writeFile(long, makeWav(300));
    const page = await openPage();
    await openFile(page, long);
    await seen(page, 'welcome');
    stub.drop();
    await status(page, 'Done');
    // Where a sentence was cut, the sound after it is heard again and so is shifted; the number of words is not.
    const said = (await page.locator('#settled p.text').allInnerTexts()).join(' ').split(/\s+/);
    assert.ok(Math.abs(said.length - 1000) <= 2, `${said.length} words`);
  },

  async 'no capacity, no microphone'() {
    stub.full = true;
    const page = await openPage();
    await page.locator('#start').click();
    await page.locator('#problem', { hasText: 'at capacity' }).waitFor();
    stub.full = false;
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = async () => {
        throw new DOMException('no', 'NotAllowedError');
      };
    });
    await page.locator('#start').click();
    await page.locator('#problem', { hasText: 'microphone is blocked' }).waitFor();
    await picture(page, 'problem');
  },

  async 'without a secure connection there is no microphone, but files'() {
    const page = await openPage({}, url.replace('127.0.0.1', 'captions.test'));
    await page.locator('#start').click();
    await page.locator('#problem', { hasText: 'https://' }).waitFor();
    await openFile(page, audio);
    await status(page, 'Done');
    await page.locator('#copy').click();
    await status(page, 'Copied');
  },

  async 'what is no sound'() {
    const path = join(folder, 'notes.wav');
    await writeFile(path, 'not a sound');
    const page = await openPage();
    await openFile(page, path);
    await page.locator('#problem', { hasText: 'cannot decode' }).waitFor();
  },

  async 'an API key is asked for and kept'() {
    const guarded = await startStub({ key: 'secret' });
    const page = await openPage({}, guarded.url);
    await page.locator('#key').fill('wrong');
    await picture(page, 'key');
    await page.keyboard.press('Enter');
    await page.locator('#key-dialog[open]').waitFor();
    await page.locator('#key').fill('secret');
    await page.keyboard.press('Enter');
    await page.locator('#latency option').first().waitFor({ state: 'attached' });
    await page.reload();
    await page.locator('#start').click();
    await status(page, 'Listening');
    guarded.close();
  },

  async 'the text follows its end until the reader scrolls up'() {
    const page = await openPage({ viewport: { width: 390, height: 700 }, hasTouch: true, isMobile: true });
    await page.locator('#start').click();
    await seen(page, 'welcome');
    await page.locator('#start').click();
    await status(page, 'Done');
    const place = () => page.locator('#captions').evaluate(({ scrollTop, scrollHeight, clientHeight }) =>
      [scrollTop, scrollHeight - scrollTop - clientHeight]);
    await openFile(page, audio);
    await status(page, 'Done');
    assert.ok((await place())[1] < 2);
    await picture(page, 'phone');
    await page.locator('#captions').evaluate((element) => (element.scrollTop = 0));
    await page.locator('#latest').waitFor();
    await page.keyboard.press('End');
    await page.locator('#latest').waitFor({ state: 'hidden' });
    assert.ok((await place())[1] < 2);
  },

  async 'help and its switch'() {
    const page = await openPage({ colorScheme: 'light' });
    await page.keyboard.press('?');
    await page.locator('#help-dialog[open]').waitFor();
    await picture(page, 'help');
    await page.locator('#shortcuts').uncheck();
    await page.keyboard.press('Escape');
    await page.keyboard.press('r');
    await page.waitForTimeout(200);
    assert.equal(await page.locator('#status').innerText(), 'Ready');
  },
};

let failed = 0;
for (const [name, run] of Object.entries(stub ? { ...tests, ...stubTests } : tests)) {
  if (stub) stub.settled = 0;
  try {
    await run();
    assert.deepEqual(complaints, []);
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
  complaints.length = 0;
  await Promise.all(browser.contexts().map((context) => context.close()));
}
await browser.close();
stub?.close();
await rm(folder, { recursive: true });
process.exit(failed === 0 ? 0 : 1);
