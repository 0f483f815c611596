"""OpenAI's realtime dialect: who commits gets an answer, whatever was in the buffer."""
import base64

from case import FaultTest
from serving import COMMIT, COMPLETED
from wire import WebSocket

COMMITTED = "input_audio_buffer.committed"
EMPTY = "input_audio_buffer_commit_empty"
VAD = {"type": "server_vad", "silence_duration_ms": 500}


def update(detection, **session):
    return {"type": "session.update", "session": {"type": "transcription", **session, "audio": {"input": {
        "format": {"type": "audio/pcm", "rate": 16000}, "turn_detection": detection}}}}


def append(samples):
    return {"type": "input_audio_buffer.append", "audio": base64.b64encode(samples).decode()}


class OpenAiTest(FaultTest):
    def committed(self, client):
        """Commits, and reads until the answer: the item's transcript, or the error's code."""
        client.send(COMMIT)
        event = client.next_of(COMMITTED, "error")
        if event["type"] == "error":
            return event["error"]["code"]
        completed = client.next(COMPLETED)
        self.assertEqual(completed["item_id"], event["item_id"])
        return completed["transcript"]

    def test_every_commit_is_answered(self):
        silence = bytes(2 * 32000)
        for detection in (VAD, None):
            with self.subTest(detection=detection), WebSocket(self.server.http) as client:
                client.send(update(detection))
                self.assertEqual(self.committed(client), EMPTY)
                for sound in (silence, silence[:640], b"\0\0"):
                    client.send(append(sound))
                    self.assertNotEqual(self.committed(client), EMPTY)
                    self.assertEqual(self.committed(client), EMPTY)
                client.send(append(b""))
                self.assertEqual(self.committed(client), EMPTY)
                client.send(append(self.speech))
                self.assertNotEqual(self.committed(client), EMPTY)

    def test_sessions_have_openais_shape(self):
        detection = {"type": "server_vad", "silence_duration_ms": 500}  # where the server has none
        transcription = {"model": "small", "language": "auto", "prompt": ""}
        for path in ("?intent=transcription", "?model=whisper-1"):
            with self.subTest(path=path), WebSocket(self.server.http, "/v1/realtime" + path) as client:
                created = client.next("session.created")["session"]
                self.assertEqual((created["type"], created["object"]), ("transcription", "realtime.transcription_session"))
                self.assertTrue(created["id"].startswith("sess_"))
                self.assertIsNone(created["include"])
                self.assertEqual(created["audio"]["input"], {
                    "format": {"type": "audio/pcm", "rate": 24000}, "transcription": transcription,
                    "noise_reduction": None, "turn_detection": detection})
                logprobs = ["item.input_audio_transcription.logprobs"]
                client.send(update(None, include=logprobs))
                updated = client.next("session.updated")["session"]
                self.assertEqual((updated["id"], updated["include"]), (created["id"], logprobs))
                self.assertIsNone(updated["audio"]["input"]["turn_detection"])

    def test_beta_clients(self):
        with WebSocket(self.server.http, "/v1/realtime?intent=transcription", ["OpenAI-Beta: realtime=v1"]) as client:
            self.assertEqual(client.next("session.created")["session"]["input_audio_format"], "pcm16")
            client.send({"type": "transcription_session.update", "session": {
                "input_audio_format": "g711_ulaw", "turn_detection": None}})
            session = client.next("transcription_session.updated")["session"]
            self.assertEqual(session["input_audio_format"], "g711_ulaw")
            self.assertIsNone(session["turn_detection"])
            client.send(append(bytes(8000)))
            client.send(COMMIT)
            item = client.next("conversation.item.created")["item"]["id"]
            self.assertEqual(client.next(COMPLETED)["item_id"], item)

    def test_sound_at_once_is_of_the_rate_that_was_told(self):
        with WebSocket(self.server.http, "/v1/realtime?intent=transcription") as client:
            client.send(append(bytes(24000 * 2)))
            client.send(COMMIT)
            # From its first word to its last: at 16 kHz it would be a second and a half.
            self.assertAlmostEqual(client.next(COMPLETED)["usage"]["seconds"], 1, delta=0.3)

    def test_turns_follow_each_other_where_there_is_one_place(self):
        """Sound flows on behind each commit, while what was committed is being decoded."""
        with self.own_server(streams=1) as own, WebSocket(own.http) as client:
            client.send(update(None))
            for _ in range(4):
                client.send(append(self.speech))
                client.send(COMMIT)
            heard = [client.next(COMPLETED)["transcript"] for _ in range(4)]
            self.assertTrue(heard[0])
            self.assertEqual(heard, [heard[0]] * 4)

    def test_an_item_that_cannot_be_transcribed(self):
        with self.own_server(hours=0.01) as own, WebSocket(own.http) as client:
            client.send(update(None))
            client.send(append(bytes(40 * 32000)))
            failed = client.next("conversation.item.input_audio_transcription.failed")
            self.assertIn("longer than", failed["error"]["message"])
            self.assertEqual((failed["item_id"], failed["content_index"]), ("item_1", 0))
