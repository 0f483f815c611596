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
