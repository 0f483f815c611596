"""Wyoming as Home Assistant speaks it: wyoming_test.py HOST:PORT AUDIO EXPECTED FULL, where AUDIO is 16-bit WAV of 16 kHz,
EXPECTED what `glossa transcribe` writes for it, and FULL the HOST:PORT of a server with a place for one."""
import concurrent.futures
import json
import pathlib
import socket
import sys
import unittest

own_address, audio, expected, full_address = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
pcm = audio.read_bytes()[44:]
FORMAT = {"rate": 16000, "width": 2, "channels": 1}


class Client:
    def __init__(self, address=own_address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send_if_heard(self, send):
        """The server may have hung up already."""
        try:
            send()
        except (BrokenPipeError, ConnectionResetError):
            pass

    def send(self, type_, data=None, payload=b"", inline=False):
        header, body = {"type": type_, "version": "1.0"}, b""
        if inline:
            header["data"] = data
        elif data is not None:
            body = json.dumps(data).encode()
            header["data_length"] = len(body)
        if payload:
            header["payload_length"] = len(payload)
        self.socket.sendall(json.dumps(header).encode() + b"\n" + body + payload)

    def receive(self):
        """(type, data); none when the server has closed."""
        line = self.file.readline()
        if not line:
            return None
        header = json.loads(line)
        return header["type"], json.loads(self.file.read(header["data_length"]))

    def receive_all(self):
        events = []
        while event := self.receive():
            events.append(event)
        return events

    def speak(self, sound, slice_bytes, inline=False, **transcribe):
        self.send("transcribe", transcribe, inline=inline)
        self.send("audio-start", FORMAT, inline=inline)
        for at in range(0, len(sound), slice_bytes):
            self.send("audio-chunk", FORMAT, sound[at:at + slice_bytes], inline=inline)
        self.send("audio-stop", inline=inline, data={})

    def hear(self):
        """Everything up to transcript-stop."""
        events = []
        while not events or events[-1][0] != "transcript-stop":
            events.append(self.receive())
        return events


def text_of(events):
    return " ".join(next(data["text"] for type_, data in events if type_ == "transcript").split())


class Wyoming(unittest.TestCase):
    def test_description(self):
        with Client() as client:
            client.send("describe")
            type_, data = client.receive()
            self.assertEqual(type_, "info")
            program = data["asr"][0]
            self.assertTrue(program["installed"] and program["supports_transcript_streaming"])
            self.assertIn("de-DE", program["models"][0]["languages"])
            client.send("ping", {"text": "still there?"})
            self.assertEqual(client.receive(), ("pong", {"text": "still there?"}))

    def test_slices_change_nothing(self):
        for slice_bytes, inline in ((7, False), (2048, True), (len(pcm), False)):
            with Client() as client:
                client.speak(pcm, slice_bytes, inline)
                events = client.hear()
                self.assertEqual(text_of(events), expected)
                types = [type_ for type_, _ in events]
                self.assertEqual((types[0], types[-2:]), ("transcript-start", ["transcript", "transcript-stop"]))
                chunks = "".join(data["text"] for type_, data in events if type_ == "transcript-chunk")
                self.assertEqual(" ".join(chunks.split()), expected)

    def test_one_after_the_other(self):
        with Client() as client:
            for language in ("", "de", None):
                client.speak(pcm, 3200, language=language)
                text_of(client.hear())
            client.speak(b"", 1)
            self.assertEqual(text_of(client.hear()), "")

    def test_a_client_that_closes_its_half_hears_the_end(self):
        with Client() as client:
            client.speak(pcm, len(pcm))
            client.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(text_of(client.hear()), expected)

    def test_many_at_once(self):
        def one(_):
            with Client() as client:
                client.speak(pcm, 4096)
                return text_of(client.hear())
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            self.assertEqual(set(pool.map(one, range(40))), {expected})

    def test_what_cannot_be_done_is_said(self):
        def refused(send):
            with Client() as client:
                send(client)
                events = client.receive_all()
                self.assertEqual([type_ for type_, _ in events], ["error"])
                return events[0][1]["text"]
        raw = lambda data: lambda client: client.socket.sendall(data)
        self.assertIn("no JSON", refused(raw(b"hello\n")))
        self.assertIn("no JSON", refused(raw(b"[1]\n")))
        self.assertIn("nested", refused(raw(b"[" * 1000 + b"\n")))
        self.assertIn("payload_length is -1", refused(raw(b'{"type": "audio-chunk", "payload_length": -1}\n')))
        self.assertIn("data_length is 9999999", refused(raw(b'{"type": "audio-chunk", "data_length": 9999999}\n')))
        self.assertIn("no JSON", refused(raw(b'{"type": "describe", "data_length": 2}\n[]')))
        self.assertIn("longer than 65536", refused(raw(b"x" * 70000)))
        self.assertIn("xx", refused(lambda client: client.send("transcribe", {"language": "xx"})))
        self.assertIn("rate is 1,", refused(lambda client: client.send("audio-start", {"rate": 1})))
        self.assertIn("width is", refused(lambda client: client.send("audio-start", {"width": "two"})))

    def test_a_full_server_says_so(self):
        with Client(full_address) as other:
            other.send("audio-start", FORMAT)
            other.send("ping", {})
            other.receive()
            for _ in range(5):  # whatever came with the first event
                with Client(full_address) as client:
                    client.send_if_heard(lambda: client.speak(pcm[:6400], 3200))
                    events = client.receive_all()
                    self.assertEqual([(type_, data["code"]) for type_, data in events], [("error", "overloaded")])
            other.send("audio-stop", {})
            text_of(other.hear())

    def test_who_does_not_read_is_dropped(self):
        with Client() as client:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            with self.assertRaises(OSError):
                for _ in range(200_000):
                    client.send("ping", {"text": "x" * 1000})

    def test_who_leaves_disturbs_nobody(self):
        for _ in range(10):
            with Client() as client:
                client.send("audio-start", FORMAT)
                client.send("audio-chunk", FORMAT, pcm[:64000])
        with Client() as client:
            client.send("music", {"of": "the future"})
            client.speak(pcm, 3200)
            self.assertEqual(text_of(client.hear()), expected)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
