"""A client of Riva's service: stubs made from the repository's .proto files, requests, and G.711 samples."""
import bisect
import importlib
import shutil
import struct
import subprocess
import sys

RATE = 16000


class Riva:
    """The generated modules: `asr` and `audio` have the messages, `stubs` the service."""

    def __init__(self, source, folder):
        """Generates them from `source`, the repository, into `folder`."""
        plugin = shutil.which("grpc_python_plugin")
        protos = sorted(str(path) for path in (source / "src/serve/proto").glob("riva_*.proto"))
        subprocess.run(["protoc", f"-I{source / 'src'}", f"--python_out={folder}", f"--grpc_out={folder}",
                        f"--plugin=protoc-gen-grpc={plugin}", *protos], check=True)
        sys.path.insert(0, str(folder))
        self.asr, self.audio, self.stubs = (importlib.import_module(f"serve.proto.{name}") for name in (
            "riva_asr_pb2", "riva_audio_pb2", "riva_asr_pb2_grpc"))

    def configuration(self, **fields):
        return self.asr.RecognitionConfig(**{
            "encoding": self.audio.LINEAR_PCM, "sample_rate_hertz": RATE, "language_code": "en-US",
            "enable_automatic_punctuation": True, **fields})

    def opening(self, config, interim=True, request_id=None):
        message = self.asr.StreamingRecognizeRequest(
            streaming_config=self.asr.StreamingRecognitionConfig(config=config, interim_results=interim))
        if request_id:
            message.id.value = request_id
        return message

    def sound(self, samples):
        return self.asr.StreamingRecognizeRequest(audio_content=samples)

    def requests(self, config, samples, slice_bytes, **options):
        yield self.opening(config, **options)
        for at in range(0, len(samples), slice_bytes):
            yield self.sound(samples[at:at + slice_bytes])


def final_results(responses):
    return [result for response in responses for result in response.results if result.is_final]


def transcript_of(results):
    return "".join(result.alternatives[0].transcript for result in results)


# What the 256 codes of G.711 stand for, in 16 bits.
def mulaw_values():
    for code in range(256):
        bits = ~code & 0xff
        magnitude = ((((bits & 0x0f) << 3) + 0x84) << (bits >> 4 & 7)) - 0x84
        yield -magnitude if bits & 0x80 else magnitude


def alaw_values():
    for code in range(256):
        bits = code ^ 0x55
        exponent = bits >> 4 & 7
        magnitude = ((bits & 0x0f) << 4) + 8
        if exponent:
            magnitude = magnitude + 0x100 << exponent - 1
        yield magnitude if bits & 0x80 else -magnitude


def companded(sound, values):
    """The codes next to the samples, and the samples that they stand for."""
    values = list(values)
    order = sorted(range(256), key=lambda code: values[code])
    ladder = [values[code] for code in order]
    codes = bytes(order[min(bisect.bisect_left(ladder, sample), 255)]
                  for sample in struct.unpack(f"<{len(sound) // 2}h", sound))
    return codes, struct.pack(f"<{len(codes)}h", *(values[code] for code in codes))
