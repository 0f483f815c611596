"""Riva's service of a running server, as its clients use it.

    python3 riva_client_test.py --server 127.0.0.1:50051 --source REPOSITORY --boosted '{"phrases": [...], "text": ...}'
    python3 riva_client_test.py --server ... --source ... --locked 127.0.0.1:50052 --key KEY
        --impatient 127.0.0.1:50053
    python3 riva_client_test.py --beam 127.0.0.1:50054 --alternatives '["...", ...]' --source ...

Needs grpcio, protoc and grpc_python_plugin. The servers run the demo model; --locked names one that wants
KEY, --impatient one that waits 1 s for sound and carries one stream, --beam one of beam search that settles
what hypotheses do not agree on at the end.
"""
import argparse
import concurrent.futures
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import wave

import grpc

from riva_client import RATE, Riva, alaw_values, companded, final_results, mulaw_values, transcript_of

TIMEOUT = 120  # seconds of a call
SPEECH = ["en-US_0", "en-US_2", "de-DE_6", "es-ES_5"]
SERVICE = b"nvidia.riva.asr.RivaSpeechRecognition"
SERVING = b"\x08\x01"  # a HealthCheckResponse
INVALID = grpc.StatusCode.INVALID_ARGUMENT

arguments = None
riva = None


def sound_path(name):
    return arguments.source / "tests/data/golden/audio" / f"{name}.wav"


def format_path(name):
    return arguments.source / "tests/data/golden/audio/formats" / name


def samples_of(name):
    with wave.open(str(sound_path(name))) as sound:
        return sound.readframes(sound.getnframes())


def sound_file(samples, channels, kind):
    """The bytes of a sound file of 16-bit samples."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/a.wav"
        with wave.open(path, "wb") as sound:
            sound.setparams((channels, 2, RATE, 0, "NONE", ""))
            sound.writeframes(samples)
        if kind != "wav":
            subprocess.run(["ffmpeg", "-v", "error", "-i", path, f"{folder}/a.{kind}"], check=True)
        return pathlib.Path(f"{folder}/a.{kind}").read_bytes()


def check_health(channel, request=b""):
    return channel.unary_unary("/grpc.health.v1.Health/Check")(request, timeout=TIMEOUT)


class ServerTest(unittest.TestCase):
    server = None  # HOST:PORT; empty: skipped

    def setUp(self):
        address = getattr(arguments, self.server)
        if not address:
            self.skipTest(f"no --{self.server} server")
        self.channel = grpc.insecure_channel(address)
        self.addCleanup(self.channel.close)
        self.stub = riva.stubs.RivaSpeechRecognitionStub(self.channel)

    def send(self, messages, **options):
        return self.stub.StreamingRecognize(messages, **{"timeout": TIMEOUT, **options})

    def stream(self, config, samples, slice_bytes=3200, **options):
        return list(self.send(riva.requests(config, samples, slice_bytes, **options)))

    def transcribe(self, samples, slice_bytes=3200, **fields):
        return transcript_of(final_results(self.stream(riva.configuration(**fields), samples, slice_bytes)))

    def recognize(self, config, sound, **options):
        request = riva.asr.RecognizeRequest(config=config, audio=sound)
        return self.stub.Recognize(request, timeout=TIMEOUT, **options)

    def assert_refused(self, code, text, call):
        with self.assertRaises(grpc.RpcError) as refused:
            call()
        self.assertEqual(refused.exception.code(), code, refused.exception.details())
        self.assertIn(text, refused.exception.details())


class RivaTest(ServerTest):
    server = "server"

    def test_slices_do_not_change_the_transcript(self):
        sound = samples_of("en-US_2")
        wanted = transcript_of(self.recognize(riva.configuration(), sound).results)
        self.assertTrue(wanted.strip())
        for slice_bytes in (7, 333, 3200, 10 * 2 * RATE):
            with self.subTest(slice_bytes=slice_bytes):
                self.assertEqual(self.transcribe(sound, slice_bytes), wanted)

    def test_single_bytes(self):
        sound = samples_of("en-US_2")[:20001]  # and half a sample
        self.assertEqual(self.transcribe(sound, 1), self.transcribe(sound))

    def test_results(self):
        sound = samples_of("en-US_8")

        def as_spoken():
            config = riva.configuration(enable_word_time_offsets=True)
            for request in riva.requests(config, sound, 3200, request_id="seven"):
                yield request
                time.sleep(0.1)

        responses = list(self.send(as_spoken()))
        for response in responses:
            self.assertEqual(response.id.value, "seven")
            for result in response.results:
                self.assertEqual(result.channel_tag, 1)
                self.assertGreater(result.audio_processed, 0)
                self.assertTrue(result.alternatives[0].transcript.endswith(" "))
                self.assertEqual(result.stability > 0, not result.is_final)
                self.assertEqual(len(result.alternatives[0].words) > 0, result.is_final)
        self.assertFalse(all(result.is_final for response in responses for result in response.results))
        final = final_results(responses)[0].alternatives[0]
        self.assertGreater(final.confidence, 0)
        self.assertTrue(final.language_code)
        starts = [word.start_time for word in final.words]
        self.assertEqual(starts, sorted(starts))
        for word in final.words:
            self.assertLess(word.start_time, word.end_time)
            self.assertLessEqual(word.end_time, 1000 * len(sound) / 2 / RATE + 80)
        self.assertEqual(" ".join(word.word for word in final.words), final.transcript.strip())

    def test_without_interims_and_punctuation(self):
        config = riva.configuration(enable_automatic_punctuation=False)
        responses = self.stream(config, samples_of("en-US_8"), interim=False)
        self.assertTrue(all(result.is_final for response in responses for result in response.results))
        transcript = transcript_of(final_results(responses))
        self.assertEqual(transcript, transcript.lower())
        self.assertFalse(set(transcript) & set(".,?!"))

    def test_header_is_no_sound(self):
        wanted = self.transcribe(samples_of("en-US_0"))
        file = sound_path("en-US_0").read_bytes()
        for slice_bytes in (5, 3200):  # the header knows the rate better
            self.assertEqual(self.transcribe(file, slice_bytes, sample_rate_hertz=8000), wanted)

    def test_companded_samples(self):
        for encoding, values in ((riva.audio.MULAW, mulaw_values()), (riva.audio.ALAW, alaw_values())):
            codes, samples = companded(samples_of("en-US_0"), values)
            wanted = self.transcribe(samples)
            self.assertTrue(wanted.strip())
            self.assertEqual(self.transcribe(codes, 1600, encoding=encoding), wanted)

    def test_other_rates(self):
        sound = b"".join(sample * 3 for sample, in struct.iter_unpack("2s", samples_of("en-US_0")))
        got = [self.transcribe(sound, slice_bytes, sample_rate_hertz=48000) for slice_bytes in (999, 96000)]
        self.assertTrue(got[0].strip())
        self.assertEqual(got[0], got[1])

    def test_channels(self):
        sounds = [samples_of(name) for name in ("en-US_0", "en-US_8")]
        frames = min(len(sound) for sound in sounds) // 2
        sounds = [sound[:2 * frames] for sound in sounds]
        columns = [struct.unpack(f"<{frames}h", sound) for sound in sounds]
        both = struct.pack(f"<{2 * frames}h", *(sample for frame in zip(*columns) for sample in frame))
        config = riva.configuration(audio_channel_count=2, enable_separate_recognition_per_channel=True)
        alone = [self.transcribe(sound) for sound in sounds]
        for results in (final_results(self.stream(config, both, 1111)), self.recognize(config, both).results):
            got = [transcript_of(result for result in results if result.channel_tag == tag) for tag in (1, 2)]
            self.assertEqual(got, alone)
        for kind in ("wav", "flac"):
            file = sound_file(both, 2, kind)
            results = self.recognize(config, file).results
            self.assertEqual([transcript_of(result for result in results if result.channel_tag == tag)
                              for tag in (1, 2)], alone, kind)
        three = riva.configuration(audio_channel_count=3, enable_separate_recognition_per_channel=True)
        with self.assertRaises(grpc.RpcError) as caught:
            self.recognize(three, file)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn("audio_channel_count is 3, expected 2", caught.exception.details())
        mean = final_results(self.stream(riva.configuration(audio_channel_count=2), both))
        self.assertEqual({result.channel_tag for result in mean}, {1})

    def test_whole_files(self):
        wanted = transcript_of(self.recognize(riva.configuration(), samples_of("en-US_0")).results)
        config = riva.asr.RecognitionConfig(enable_automatic_punctuation=True, language_code="en-US")
        request = riva.asr.RecognizeRequest(config=config, audio=sound_path("en-US_0").read_bytes())
        request.id.value = "eight"
        response = self.stub.Recognize(request, timeout=TIMEOUT)
        self.assertEqual(transcript_of(response.results), wanted)
        self.assertEqual(response.id.value, "eight")
        for name, encoding in (("flac24_44k_stereo.flac", "FLAC"), ("vorbis_16k_mono.ogg", "LINEAR_PCM"),
                               ("pcm16_44k_stereo.wav", "ENCODING_UNSPECIFIED"),
                               ("mulaw_8k_mono.wav", "MULAW")):
            self.recognize(riva.configuration(encoding=encoding), format_path(name).read_bytes())

    def test_silence_ends_utterances(self):
        sound = samples_of("en-US_0") + bytes(2 * 3 * RATE) + samples_of("en-US_8")
        config = riva.configuration()
        config.endpointing_config.stop_history = 800
        results = final_results(self.stream(config, sound))
        self.assertGreaterEqual(len(results), 2)
        self.assertLess(results[0].audio_processed, 2.4 + 3 + 1.2)

    def test_the_client_ends_utterances(self):
        first, second = samples_of("en-US_0"), samples_of("en-US_8")
        eou = riva.asr.StreamingRecognizeRequest(audio_content=first, runtime_config={"force_eou": "true"})
        start, rest = riva.requests(riva.configuration(enable_word_time_offsets=True), second, len(second))
        results = final_results(list(self.send(iter([start, eou, rest]))))
        self.assertEqual(transcript_of(results).split(),
                         (self.transcribe(first) + " " + self.transcribe(second)).split())
        words = [word for result in results for word in result.alternatives[0].words]
        heard = len(self.transcribe(first).split())
        self.assertLessEqual(words[heard - 1].end_time, 1000 * len(first) / 2 / RATE + 80)
        self.assertGreaterEqual(words[heard].start_time, 1000 * len(first) / 2 / RATE)

    def test_long_sound_at_once(self):
        self.assertTrue(self.transcribe(samples_of("long") * 8, 1 << 20).strip())

    def test_languages_and_latencies(self):
        sound = samples_of("de-DE_6")
        for language in ("", "auto", "multi", "de", "de-DE"):
            self.transcribe(sound, 32000, language_code=language)
        for custom in ({"latency": "80ms"}, {"att_context_size": "56,3", "target_lang": "de-DE"},
                       {"stop_history_eou": "500"}):
            self.transcribe(sound, 32000, custom_configuration=custom)
        self.transcribe(sound, 32000, model="160ms")

    def test_boosted_phrases(self):
        boosted = json.loads(arguments.boosted)
        contexts = [riva.asr.SpeechContext(phrases=boosted["phrases"])]
        text = self.transcribe(samples_of("en-US_13"), speech_contexts=contexts, language_code="auto",
                               custom_configuration={"latency": "1120ms"})
        self.assertEqual(text.split(), boosted["text"].split())

    def test_refused_configurations(self):
        contexts = [riva.asr.SpeechContext(phrases=["glossa"], boost=-1)]
        diarization = riva.asr.SpeakerDiarizationConfig(enable_speaker_diarization=True)
        for text, fields in (("nearest: de", {"language_code": "dee-DE"}),
                             ("profanity_filter", {"profanity_filter": True}),
                             ("boost", {"speech_contexts": contexts}),
                             ("diarization", {"diarization_config": diarization}),
                             ("FLAC", {"encoding": riva.audio.FLAC}),
                             ("sample_rate_hertz", {"sample_rate_hertz": 4000}),
                             ("did you mean latency", {"custom_configuration": {"latencey": "80ms"}})):
            with self.subTest(text=text):
                self.assert_refused(INVALID, text, lambda: self.transcribe(samples_of("en-US_0"), **fields))
        self.assert_refused(grpc.StatusCode.NOT_FOUND, "80ms", lambda: self.transcribe(b"", model="100ms"))

    def test_what_others_call_their_models_and_options(self):
        """NVIDIA's voice agent and LiveKit's plug-in say it unasked."""
        sound = samples_of("en-US_0")
        custom = {"enable_vad_endpointing": "true", "neural_vad.onset": "0.65", "apply_partial_itn": "true"}
        model = "parakeet-1.1b-en-US-asr-streaming-silero-vad-sortformer"
        self.assertEqual(self.transcribe(sound, model=model, custom_configuration=custom), self.transcribe(sound))

    def test_refused_sounds(self):
        opening = riva.opening(riva.configuration())
        sound = riva.sound(samples_of("en-US_0"))
        for text, messages in (("no streaming_config", [sound]), ("without a streaming_config", []),
                               ("again", [opening, sound, opening])):
            with self.subTest(text=text):
                self.assert_refused(INVALID, text, lambda: list(self.send(iter(messages))))
        flac = format_path("flac16_16k_mono.flac").read_bytes()
        self.assert_refused(INVALID, "FLAC", lambda: self.transcribe(flac, 1))
        self.assert_refused(INVALID, "empty", lambda: self.recognize(riva.configuration(), b""))
        config = riva.configuration(encoding=riva.audio.FLAC)
        self.assert_refused(INVALID, "audio", lambda: self.recognize(config, b"no sound" * 99))

    def test_models(self):
        request = riva.asr.RivaSpeechRecognitionConfigRequest()
        response = self.stub.GetRivaSpeechRecognitionConfig(request, timeout=TIMEOUT)
        self.assertEqual(len(response.model_config), 1)
        model = response.model_config[0]
        self.assertEqual(model.parameters["type"], "online")
        self.assertEqual(model.parameters["streaming"], "True")
        self.assertEqual(model.parameters["sample_rate"], "16000")
        self.assertIn("de-DE", model.parameters["language_code"].split(","))
        request.model_name = model.model_name
        self.assertEqual(self.stub.GetRivaSpeechRecognitionConfig(request, timeout=TIMEOUT), response)
        request.model_name = "another"
        self.assert_refused(grpc.StatusCode.NOT_FOUND, model.model_name,
                            lambda: self.stub.GetRivaSpeechRecognitionConfig(request, timeout=TIMEOUT))

    def test_clients_at_once(self):
        alone = {name: self.transcribe(samples_of(name)) for name in SPEECH}

        def client(index):
            name = SPEECH[index % len(SPEECH)]
            messages = riva.requests(riva.configuration(), samples_of(name), 997 + 500 * index)
            own_connection = [("grpc.use_local_subchannel_pool", 1)]
            with grpc.insecure_channel(arguments.server, own_connection) as channel:
                stub = riva.stubs.RivaSpeechRecognitionStub(channel)
                responses = stub.StreamingRecognize(messages, timeout=TIMEOUT)
                return name, transcript_of(final_results(responses))

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for name, transcript in pool.map(client, range(8)):
                self.assertEqual(transcript, alone[name])

    def test_clients_that_leave(self):
        sound = samples_of("long")

        def endless():
            yield from riva.requests(riva.configuration(), sound, 3200)
            while True:
                time.sleep(0.05)
                yield riva.sound(sound[:3200])

        for index in range(20):
            call = self.send(endless())
            if index % 2:
                next(call)
            call.cancel()
            request = riva.asr.RecognizeRequest(config=riva.configuration(), audio=sound * 4)
            self.stub.Recognize.future(request).cancel()
        with self.assertRaises(grpc.RpcError) as late:
            list(self.send(endless(), timeout=1))
        self.assertEqual(late.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        self.test_slices_do_not_change_the_transcript()

    def test_slow_reader(self):
        call = self.send(riva.requests(riva.configuration(), samples_of("long") * 2, 3200))
        time.sleep(3)
        self.assertTrue(transcript_of(final_results(call)).strip())

    def test_health_and_reflection(self):
        self.assertEqual(check_health(self.channel), SERVING)
        self.assertEqual(check_health(self.channel, b"\x0a" + bytes([len(SERVICE)]) + SERVICE), SERVING)
        reflect = self.channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        list_services = b"\x3a\x00"
        self.assertIn(SERVICE, next(reflect(iter([list_services]), timeout=TIMEOUT)))


class BeamTest(ServerTest):
    server = "beam"

    def test_alternatives(self):
        sound = samples_of("en-US_0")
        hypotheses = json.loads(arguments.alternatives)
        self.assertGreater(len(set(hypotheses)), 2)
        for most in (0, 1, 2, len(hypotheses), 100):
            config = riva.configuration(max_alternatives=most, language_code="auto")
            wanted = [f"{text} " for text in hypotheses[:max(most, 1)]]
            responses = self.stream(config, sound)
            for result in [*self.recognize(config, sound).results, *final_results(responses)]:
                with self.subTest(most=most, result=result):
                    self.assertEqual([alternative.transcript for alternative in result.alternatives], wanted)
                    self.assertGreater(result.alternatives[0].confidence, 0)
            interims = [result for response in responses for result in response.results if not result.is_final]
            self.assertTrue(interims)
            self.assertEqual({len(result.alternatives) for result in interims}, {1})

    def test_what_the_client_ends_has_alternatives(self):
        config = riva.configuration(max_alternatives=2, language_code="auto")
        sound = samples_of("en-US_0")
        eou = riva.asr.StreamingRecognizeRequest(audio_content=sound, runtime_config={"force_eou": "true"})
        results = final_results(list(self.send(iter([riva.opening(config), eou, riva.sound(sound)]))))
        self.assertEqual([len(result.alternatives) for result in results], [2, 2])


class LockedTest(ServerTest):
    server = "locked"

    def test_keys(self):
        config = riva.configuration()
        sound = samples_of("en-US_0")
        request = riva.asr.RivaSpeechRecognitionConfigRequest()
        calls = [lambda metadata: self.stub.GetRivaSpeechRecognitionConfig(request, metadata=metadata),
                 lambda metadata: self.recognize(config, sound, metadata=metadata),
                 lambda metadata: list(self.send(riva.requests(config, sound, 32000), metadata=metadata))]
        for call in calls:
            for key in ("Bearer wrong", arguments.key, "Bearer ", ""):
                with self.subTest(key=key):
                    metadata = [("authorization", key)]
                    self.assert_refused(grpc.StatusCode.UNAUTHENTICATED, "API key", lambda: call(metadata))
            self.assert_refused(grpc.StatusCode.UNAUTHENTICATED, "API key", lambda: call(None))
            call([("authorization", f"Bearer {arguments.key}"), ("function-id", "any")])
            call([("authorization", f"bearer {arguments.key}")])

    def test_health_needs_no_key(self):
        self.assertEqual(check_health(self.channel), SERVING)


class ImpatientTest(ServerTest):
    server = "impatient"

    def test_nothing_comes(self):
        def quiet(messages):
            yield from messages
            time.sleep(10)

        for messages in ([], [riva.opening(riva.configuration())]):
            began = time.monotonic()
            self.assert_refused(grpc.StatusCode.DEADLINE_EXCEEDED, "no audio for 1 s",
                                lambda: list(self.send(quiet(messages))))
            self.assertLess(time.monotonic() - began, 8)

    def test_slow_is_not_idle(self):
        def slow():
            yield riva.opening(riva.configuration())
            for _ in range(6):
                time.sleep(0.5)
                yield riva.sound(bytes(3200))

        list(self.send(slow()))

    def test_too_many(self):
        done = threading.Event()

        def lasting():
            yield from riva.requests(riva.configuration(), samples_of("en-US_0"), 32000)
            while not done.wait(0.2):
                yield riva.sound(bytes(320))

        first = self.send(lasting())
        next(first)
        self.assert_refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "streams are open",
                            lambda: self.transcribe(b""))
        done.set()
        self.assertTrue(final_results(first))


def main():
    global arguments, riva
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", help="HOST:PORT")
    parser.add_argument("--source", required=True, type=pathlib.Path, help="the repository")
    parser.add_argument("--boosted", help="JSON: phrases, and text of en-US_13 with them at 1120ms")
    parser.add_argument("--beam", help="HOST:PORT of a server of beam search")
    parser.add_argument("--alternatives", help="JSON: what its hypotheses have for en-US_0, the best first")
    parser.add_argument("--locked", help="HOST:PORT of a server that wants a key")
    parser.add_argument("--key", default="", help="that key")
    parser.add_argument("--impatient", help="HOST:PORT of a server that waits 1 s and carries one stream")
    arguments, rest = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        riva = Riva(arguments.source, pathlib.Path(folder))
        unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
