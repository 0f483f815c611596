#!/usr/bin/env python3
"""transcribe.py MODEL.nemo AUDIO.wav [LANG]: prints the growing text of a 16-bit mono WAV file at the model's rate,
then words with times. The twin of transcribe.c and transcribe.cc; needs bindings/python/glossa.py on PYTHONPATH."""
import sys
import wave

import glossa


def main(model, audio, lang="auto"):
    recognizer = glossa.Recognizer(model)
    stream = recognizer.create_stream(target_lang=lang)
    with wave.open(audio) as sound:
        while samples := sound.readframes(recognizer.sample_rate * 80 // 1000):
            stream.accept_waveform(samples)
            stream.decode()
            print("...", stream.text, file=sys.stderr)
    stream.input_finished()
    stream.decode()
    print(stream.text)
    for word in stream.words:
        print(f"{word.start:.2f} {word.end:.2f} {word.text}")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except glossa.Error as error:
        sys.exit(f"transcribe.py: {error}")
