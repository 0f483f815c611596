// The sound of one recording as 16-bit samples, counted from its beginning.
export class AudioHistory {
  #chunks = [];  // { start, samples }, in order and without gaps
  start = 0;     // the first sample that is still here
  end = 0;

  append(samples) {
    if (samples.length === 0) return;
    this.#chunks.push({ start: this.end, samples });
    this.end += samples.length;
  }

  // Forgets whole chunks, so somewhat less than asked for.
  forgetBefore(position) {
    while (this.#chunks.length > 1 && this.#chunks[1].start <= position) this.#chunks.shift();
    this.start = this.#chunks[0]?.start ?? this.end;
  }

  // A view of at most `most` samples from `position` on; empty only at the end.
  read(position, most) {
    for (const { start, samples } of this.#chunks) {
      const offset = position - start;
      if (offset < samples.length) return samples.subarray(offset, offset + most);
    }
    return new Int16Array(0);
  }
}
