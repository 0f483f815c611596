"""Starts and stops glossa-serve, and asks `glossa transcribe` what a client should hear."""
import atexit
import re
import signal
import subprocess
import sys
import threading


class Server:
    def __init__(self, *command):
        self.process = subprocess.Popen([*command, "--http-port", "0", "--grpc-port", "0"], stderr=subprocess.PIPE,
                                        text=True)
        atexit.register(self.process.kill)
        self.ports = {}
        for line in self.process.stderr:
            found = re.search(r"(https?|Riva|Wyoming): ?(?://)?127\.0\.0\.1:(\d+)", line)
            if found:
                self.ports[found.group(1)] = found.group(2)
            if len(self.ports) == (3 if "--wyoming-port" in command else 2):
                break
        else:
            sys.exit(f"the server did not start: exit code {self.process.wait()}")
        # Who writes into a pipe that nobody reads stands still.
        self.messages = ""
        self.reader = threading.Thread(target=self.read_messages, daemon=True)
        self.reader.start()

    def read_messages(self):
        self.messages = self.process.stderr.read()

    def address(self, protocol):
        return f"127.0.0.1:{self.ports[protocol]}"

    def url(self):
        scheme = "https" if "https" in self.ports else "http"
        return f"{scheme}://{self.address(scheme)}"

    def stop(self):
        """The exit code after SIGTERM, which must be 0."""
        self.process.send_signal(signal.SIGTERM)
        self.reader.join()
        code = self.process.wait()
        if code != 0:
            print(self.messages[-100_000:], file=sys.stderr)
        return code


def transcribe(glossa, *arguments):
    return subprocess.run([glossa, "transcribe", *arguments], check=True, capture_output=True, text=True).stdout
