#!/usr/bin/env python3
"""Starts glossa-serve and lets real clients talk to it: run_clients.py GLOSSA GLOSSA_SERVE MODEL.

NODE_PATH: where npm has put what package.json lists."""
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import urllib.request

from server import Server, transcribe

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
AUDIO = ROOT / "tests/data/golden/audio/en-US_13.wav"
SENTENCES = ROOT / "tests/data/golden/audio/long.wav"
SENTENCE = ROOT / "tests/data/golden/audio/en-US_0.wav"
RIVA_TEST = HERE.parent / "grpc_client" / "riva_client_test.py"
PHRASES = ["Δασε", "the"]  # that change what the model hears in AUDIO
LATENCIES = {"80ms": "56,0", "320ms": "56,3", "1120ms": "56,13"}


def check_options(serve):
    """The command line goes before the environment, the environment before the file."""
    def complaint(file="", arguments=(), **environment):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
            config.write(file)
            config.flush()
            run = subprocess.run([serve, "--model", "nowhere.nemo", "--config", config.name, *arguments],
                                 env={**os.environ, **environment}, capture_output=True, text=True)
        assert run.returncode != 0
        return run.stderr
    for wrong, text in [
            (complaint("nonsense: 1"), "no option 'nonsense'"), (complaint("- a"), "not a map"),
            (complaint("http_port: 70000"), "got 70000"), (complaint(GLOSSA_HTTP_PORT="70001"), "got 70001"),
            (complaint("http_port: 70000", GLOSSA_HTTP_PORT="0"), "nowhere.nemo"),
            (complaint("http_port: 70000", GLOSSA_HTTP_PORT=""), "got 70000"),  # an empty variable says nothing
            (complaint("api_key: ['']", GLOSSA_API_KEY=""), "--api-key is empty"),
            (complaint("api_key: [[a]]"), "api-key is neither a value nor a list of values"),
            (complaint("[a, b]: c"), "a key of the configuration is a list"),
            (complaint("log: json\nlog: text"), "log is given twice"),
            (complaint("http-port: 1\nhttp_port: 2"), "http-port is given twice"),
            (complaint("settle_delay_ms: 200"), "--settle-delay-ms is of --decoding beam"),
            (complaint("tls_key: none.pem\ntls_certificate: none.crt"), "none.crt: no such file"),
            (complaint("http_port: 70000", ["--http-port", "0"], GLOSSA_HTTP_PORT="70001"), "nowhere.nemo"),
            (complaint("tls_key: key.pem\nmodel: elsewhere.nemo"), "belong together")]:
        assert text in wrong, wrong
    assert subprocess.run([serve, "--version"], capture_output=True, text=True).stdout.startswith("glossa ")
    help_text = subprocess.run([serve, "--help"], capture_output=True, text=True).stdout
    assert not re.search("[A-Z]:[A-Z{]|FLOAT in", help_text), help_text


def check_ipv6(serve, weights):
    """Addresses stand in brackets before a port, for gRPC as in what is announced."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        return  # this machine has none
    server = subprocess.Popen([serve, *weights, "--address", "::1", "--http-port", "0", "--grpc-port", "0"],
                              stderr=subprocess.PIPE, text=True)
    try:
        announced = {}
        for line in server.stderr:
            announced.update(re.findall(r"(http|Riva):(?: |//)\[::1\]:(\d+)", line))
            if len(announced) == 2:
                break
        assert set(announced) == {"http", "Riva"}, announced
        for port in announced.values():
            socket.create_connection(("::1", int(port)), timeout=10).close()
    finally:
        server.terminate()
        server.stderr.close()
        server.wait()


def check_beam(glossa, serve, weights):
    """What the operator says about the search holds for clients."""
    search = ["--decoding", "beam", "--beam-size", "4"]
    expected = transcribe(glossa, *weights, *search, AUDIO)
    assert expected != transcribe(glossa, *weights, AUDIO)
    # Live streams wait as long as uploads, and so have the same alternatives.
    server = Server(serve, *weights, *search, "--settle-delay-ms", "60000")
    form = (b'--x\r\nContent-Disposition: form-data; name="response_format"\r\n\r\ntext\r\n'
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
            + AUDIO.read_bytes() + b"\r\n--x--\r\n")
    request = urllib.request.Request(server.url() + "/v1/audio/transcriptions", form,
                                     {"Content-Type": "multipart/form-data; boundary=x"})
    heard = urllib.request.urlopen(request, timeout=60).read().decode()
    assert heard.split() == expected.split(), heard
    hypotheses = json.loads(transcribe(glossa, *weights, *search, "--n-best", "4", "--format", "json", SENTENCE))
    assert len(hypotheses["sentences"]) == 1
    texts = json.dumps([alternative["text"] for alternative in hypotheses["alternatives"]])
    riva = subprocess.run([sys.executable, RIVA_TEST, "--source", ROOT, "--beam", server.address("Riva"),
                           "--alternatives", texts]).returncode
    return riva or server.stop()


def run_sdk(glossa, serve, weights):
    """OpenAI's SDK, whose WebSocket client knows only wss, and Deepgram's, at a server with a certificate and a key."""
    def write(audio, form, latency):
        return transcribe(glossa, *weights, "--latency", latency, "--format", form, audio)
    with tempfile.TemporaryDirectory() as folder:
        certificate, key, resampled = (f"{folder}/{name}" for name in ("certificate.pem", "key.pem", "24k.wav"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", "/CN=glossa", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", key, "-out", certificate], check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["ffmpeg", "-v", "error", "-i", SENTENCES, "-ar", "24000", "-bitexact", resampled], check=True)
        expected = {audio: {latency: json.loads(write(audio, "json", latency)) for latency in LATENCIES}
                    for audio in (str(SENTENCES), resampled)}
        formats = {form: write(SENTENCES, form, "1120ms") for form in ("text", "srt", "vtt")}
        secured = Server(serve, *weights, "--api-key", "sesame", "--tls-certificate", certificate, "--tls-key", key,
                         "--draft-latency", "80ms")
        environment = {**os.environ, "NODE_EXTRA_CA_CERTS": certificate, "GLOSSA_URL": secured.url(),
                       "GLOSSA_KEY": "sesame", "GLOSSA_EXPECTED": json.dumps(expected),
                       "GLOSSA_FORMATS": json.dumps(formats)}
        codes = [subprocess.run(["node", "--test", HERE / name], env=environment).returncode
                 for name in ("openai_test.mjs", "deepgram_test.mjs")] + [secured.stop()]
        return any(codes)


def check_log(messages, spoken):
    """Each stream has a request of the same name, and what was understood is told, since the server was asked to."""
    lines = [json.loads(line) for line in messages.splitlines()]
    requests, streams, utterances = ([line for line in lines if line["event"] == event]
                                     for event in ("request", "stream", "utterance"))
    names = {line["request"] for line in requests}
    assert all(line["request"] in names for line in streams + utterances)
    protocols = {line["protocol"] for line in streams}
    assert protocols == {"http", "websocket", "grpc", "wyoming"}, protocols
    assert any(line["text"] == spoken for line in utterances), utterances[:10]
    assert all(line["words"] > 0 for line in streams if line["utterances"])
    assert any(line["boosted_words"] > 0 for line in streams), "phrases were boosted"
    assert all(line["boosted_words"] <= line["words"] for line in streams)
    assert all(line["most_lag"] > 0 for line in streams if line["kind"] == "live" and line["audio_seconds"] > 1)


def main():
    glossa, serve, model = sys.argv[1:]
    check_options(serve)
    weights = ["--model", model, "--weights", "f32"]
    check_ipv6(serve, weights)
    expected = {}
    for latency, context in LATENCIES.items():
        output = transcribe(glossa, *weights, "--att-context-size", context, "--format", "json", AUDIO)
        expected[latency] = json.loads(output)["text"]
    phrases = [word for phrase in PHRASES for word in ("--boost", phrase)]
    boosted = {"phrases": PHRASES, "text": transcribe(glossa, *weights, "--latency", "1120ms", *phrases, AUDIO).strip()}
    server = Server(serve, *weights, "--max-streams", "100", "--wyoming-port", "0", "--log", "json",
                    "--log-transcripts")
    plain = " ".join(transcribe(glossa, *weights, AUDIO).split())
    locked = Server(serve, *weights, "--api-key", "sesame")
    impatient = Server(serve, *weights, "--idle-seconds", "1", "--max-streams", "1", "--wyoming-port", "0")
    environment = {**os.environ, "GLOSSA_URL": server.url(), "GLOSSA_AUDIO": str(AUDIO),
                   "GLOSSA_LOCKED_URL": locked.url(), "GLOSSA_KEY": "sesame",
                   "GLOSSA_EXPECTED": json.dumps(expected), "GLOSSA_BOOSTED": json.dumps(boosted)}
    codes = [
        subprocess.run(["node", "--test", HERE / "http_test.mjs"], env=environment).returncode,
        subprocess.run([sys.executable, RIVA_TEST,
                        "--server", server.address("Riva"), "--source", ROOT, "--locked", locked.address("Riva"),
                        "--key", "sesame", "--impatient", impatient.address("Riva"),
                        "--boosted", json.dumps(boosted)]).returncode,
        subprocess.run([sys.executable, HERE / "wyoming_test.py", server.address("Wyoming"), AUDIO, plain,
                        impatient.address("Wyoming")]).returncode,
        run_sdk(glossa, serve, weights),
        check_beam(glossa, serve, weights)]
    codes += [started.stop() for started in (server, locked, impatient)]
    check_log(server.messages, plain)
    sys.exit(any(codes))


if __name__ == "__main__":
    main()
