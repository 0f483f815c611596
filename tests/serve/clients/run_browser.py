#!/usr/bin/env python3
"""The caption page in Chromium: run_browser.py GLOSSA GLOSSA_SERVE MODEL AUDIO PHRASE.

The file's text is what `glossa transcribe` writes. The microphone plays it over and over, through the browser's gain
control, and PHRASE comes out more than once. NODE_PATH: where npm has put what package.json lists."""
import pathlib
import subprocess
import sys
import tempfile

from server import Server, transcribe

TEST = pathlib.Path(__file__).resolve().parents[1] / "page/browser_test.mjs"
LATENCY = "320ms"  # the page's choice


def main():
    glossa, serve, model, audio, phrase = sys.argv[1:]
    weights = ["--model", model, "--weights", "f32"]
    codes = [subprocess.run(["node", TEST]).returncode]
    with tempfile.TemporaryDirectory() as folder:
        spoken = f"{folder}/spoken.wav"  # with a pause behind it
        subprocess.run(["ffmpeg", "-v", "error", "-i", audio, "-af", "apad=pad_dur=2", "-ar", "16000", spoken], check=True)
        text = transcribe(glossa, *weights, "--latency", LATENCY, "--format", "text", spoken).strip()
        assert phrase in text, text
        server = Server(serve, *weights)
        codes.append(subprocess.run(["node", TEST, server.url(), spoken, phrase, text]).returncode)
        codes.append(server.stop())
    sys.exit(any(codes))


if __name__ == "__main__":
    main()
