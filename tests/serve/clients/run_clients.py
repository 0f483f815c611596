#!/usr/bin/env python3
"""Starts glossa-serve and lets real clients talk to it: run_clients.py GLOSSA GLOSSA_SERVE MODEL."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
AUDIO = ROOT / "tests/data/golden/audio/en-US_13.wav"
LATENCIES = {"80ms": "56,0", "320ms": "56,3", "1120ms": "56,13"}


class Server:
    def __init__(self, *command):
        self.process = subprocess.Popen([*command, "--http-port", "0", "--grpc-port", "0"], stderr=subprocess.PIPE,
                                        text=True)
        self.ports = {}
        for line in self.process.stderr:
            found = re.search(r"(http|Riva): ?(?://)?127\.0\.0\.1:(\d+)", line)
            if found:
                self.ports[found.group(1)] = found.group(2)
            if len(self.ports) == 2:
                return
        sys.exit(f"the server did not start: exit code {self.process.wait()}")

    def address(self, protocol):
        return f"127.0.0.1:{self.ports[protocol]}"

    def stop(self):
        """The exit code after SIGTERM, which must be 0."""
        self.process.send_signal(signal.SIGTERM)
        self.process.stderr.read()
        return self.process.wait()


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
            (complaint("http_port: 70000", ["--http-port", "0"], GLOSSA_HTTP_PORT="70001"), "nowhere.nemo"),
            (complaint("tls_key: key.pem\nmodel: elsewhere.nemo"), "belong together")]:
        assert text in wrong, wrong


def main():
    glossa, serve, model = sys.argv[1:]
    check_options(serve)
    weights = ["--model", model, "--weights", "f32"]
    expected = {}
    for latency, context in LATENCIES.items():
        output = subprocess.run([glossa, "transcribe", *weights, "--att-context-size", context, "--format", "json",
                                 AUDIO], check=True, capture_output=True, text=True).stdout
        expected[latency] = json.loads(output)["text"]
    server = Server(serve, *weights, "--max-streams", "100")
    locked = Server(serve, *weights, "--api-key", "sesame")
    impatient = Server(serve, *weights, "--idle-seconds", "1", "--max-streams", "1")
    environment = {**os.environ, "GLOSSA_URL": f"http://{server.address('http')}", "GLOSSA_AUDIO": str(AUDIO),
                   "GLOSSA_LOCKED_URL": f"http://{locked.address('http')}", "GLOSSA_KEY": "sesame",
                   "GLOSSA_EXPECTED": json.dumps(expected)}
    codes = [
        subprocess.run(["node", "--test", HERE / "http_test.mjs"], env=environment).returncode,
        subprocess.run([sys.executable, HERE.parent / "grpc_client" / "riva_client_test.py",
                        "--server", server.address("Riva"), "--source", ROOT, "--locked", locked.address("Riva"),
                        "--key", "sesame", "--impatient", impatient.address("Riva")]).returncode]
    codes += [started.stop() for started in (server, locked, impatient)]
    sys.exit(any(codes))


if __name__ == "__main__":
    main()
