import { toPcm16 } from './resampler.js';

function mixToMono(buffer) {
  const mono = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; ++channel) {
    const samples = buffer.getChannelData(channel);
    for (let index = 0; index < mono.length; ++index) mono[index] += samples[index] / buffer.numberOfChannels;
  }
  return mono;
}

// 16-bit samples of whatever the browser can decode. Throws an error whose message is for the reader.
export async function readAudioFile(file, rate) {
  try {
    const context = new OfflineAudioContext(1, 1, rate);
    return toPcm16(mixToMono(await context.decodeAudioData(await file.arrayBuffer())));
  } catch {
    throw new Error(`${file.name}: this browser cannot decode it. WAV, MP3, FLAC and M4A usually work.`);
  }
}
