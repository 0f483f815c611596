"""glossa for Python: the C interface (glossa.h) through ctypes, without anything to install but libglossa.

    import glossa

    recognizer = glossa.Recognizer("nemotron.nemo", weights="int8")
    stream = recognizer.create_stream(target_lang="de-DE", att_context=(56, 3))
    for samples in microphone():              # bytes of 16-bit PCM, or an array of float32; recognizer.sample_rate
        stream.accept_waveform(samples)
        stream.decode()
        print(stream.text)
    stream.input_finished()
    stream.decode()
    for word in stream.words:
        print(word.start, word.end, word.text)

Names, meanings and threads are those of glossa.h, which documents them: a recognizer belongs to everybody, a stream
to one thread at a time. Python's lock is free while something is computed. Errors are glossa.Error. What a stream
gives are copies, which stay as they are.

The library is $GLOSSA_LIBRARY, or libglossa.so.0 beside this file or in the folder above, or where the system finds it.
"""
import ctypes
import os
import pathlib
from ctypes import POINTER, byref, c_char_p, c_double, c_float, c_int, c_int16, c_int32, c_int64, c_size_t, c_void_p
from dataclasses import dataclass

__all__ = ["Alternative", "Error", "Language", "LanguageModel", "Recognizer", "Sentence", "Stream", "Token", "Word",
           "version"]

STREAMING_MODES = {"exact": 0, "nemo-buffer": 1, "uniform": 2, "offline": 3}


class Error(Exception):
    """Its text is glossa_last_error(), its status a glossa_status."""

    INTERNAL, INVALID_ARGUMENT, BAD_INPUT = 1, 2, 3

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Language:
    code: str
    aliases: tuple
    prompt_slot: int


@dataclass(frozen=True)
class Token:
    id: int
    frame: int  # encoder frame, from the start of the stream
    log_prob: float
    confidence: float
    boosted: bool


@dataclass(frozen=True)
class Word:
    text: str
    language: str  # "" while its sentence is open
    start: float  # seconds
    end: float
    confidence: float


@dataclass(frozen=True)
class Sentence:
    text: str
    language: str
    start: float  # seconds
    end: float


@dataclass(frozen=True)
class Alternative:
    text: str
    score: float


# ---- The structs of glossa.h, field by field ----

class _RecognizerOptions(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("model", c_char_p), ("backend", c_char_p), ("threads", c_int64),
                ("weights", c_char_p), ("kv_cache", c_char_p), ("cache_packed_weights", c_int64),
                ("weight_cache_folder", c_char_p)]


class _AttContext(ctypes.Structure):
    _fields_ = [("left", c_int32), ("right", c_int32)]


class _ModelInfo(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("backend", c_char_p), ("parameters", c_int64), ("frame_seconds", c_double),
                ("sample_rate", c_int32), ("hop", c_int32), ("vocabulary", c_int32), ("threads", c_int32),
                ("has_prompt", c_int32), ("att_context_count", c_int32), ("language_count", c_int32),
                ("weights", c_char_p), ("kv_cache", c_char_p)]


class _Language(ctypes.Structure):
    _fields_ = [("code", c_char_p), ("aliases", POINTER(c_char_p)), ("prompt_slot", c_int32)]


class _Alternative(ctypes.Structure):
    _fields_ = [("text", c_char_p), ("score", c_double)]


class _StreamOptions(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("att_context", POINTER(_AttContext)), ("target_lang", c_char_p),
                ("unknown_lang_is_auto", c_int32), ("mode", c_int32), ("max_symbols", c_int32),
                ("keep_lang_tags", c_int32), ("nemo_batch_mel_frames", c_int64),
                ("boosted_phrases", POINTER(c_char_p)), ("boost", c_double), ("language_model", c_void_p),
                ("lm_alpha", c_double), ("final_silence", c_double), ("beam_size", c_int64),
                ("draft_att_context", POINTER(_AttContext)), ("settle_delay", c_double)]


class _Token(ctypes.Structure):
    _fields_ = [("id", c_int32), ("frame", c_int32), ("log_prob", c_float), ("confidence", c_float),
                ("boosted", c_int32)]


class _Word(ctypes.Structure):
    _fields_ = [("text", c_char_p), ("language", c_char_p), ("start", c_double), ("end", c_double),
                ("confidence", c_float)]


class _Sentence(ctypes.Structure):
    _fields_ = [("text", c_char_p), ("language", c_char_p), ("start", c_double), ("end", c_double)]


# ---- Its functions ----

_INPUT, _RESULT = c_void_p, POINTER(c_void_p)  # handles that go in and come out

# Every function that gives a glossa_status: the types of its arguments.
_CALLS = {
    "recognizer_options_init": [POINTER(_RecognizerOptions), c_size_t],
    "recognizer_load": [POINTER(_RecognizerOptions), _RESULT],
    "recognizer_info": [_INPUT, POINTER(POINTER(_ModelInfo))],
    "recognizer_att_context": [_INPUT, c_size_t, POINTER(POINTER(_AttContext))],
    "recognizer_language": [_INPUT, c_size_t, POINTER(POINTER(_Language))],
    "recognizer_decode": [_INPUT, POINTER(c_void_p), c_size_t],
    "language_model_load": [_INPUT, c_char_p, _RESULT],
    "stream_options_init": [POINTER(_StreamOptions), c_size_t],
    "stream_create": [_INPUT, POINTER(_StreamOptions), _RESULT],
    "stream_accept_waveform": [_INPUT, POINTER(c_float), c_size_t],
    "stream_accept_waveform_s16": [_INPUT, POINTER(c_int16), c_size_t],
    "stream_input_finished": [_INPUT],
    "stream_is_ready": [_INPUT, POINTER(c_int)],
    "stream_set_target_lang": [_INPUT, c_char_p],
    "stream_forget_closed": [_INPUT],
    "stream_reset": [_INPUT],
    "stream_text": [_INPUT, POINTER(c_char_p)],
    "stream_drafted_text": [_INPUT, POINTER(c_char_p)],
    "stream_language": [_INPUT, POINTER(c_char_p)],
    "stream_duration": [_INPUT, POINTER(c_double)],
    "stream_settled": [_INPUT, POINTER(c_double)],
    "stream_score": [_INPUT, POINTER(c_double)],
    "stream_sentence_count": [_INPUT, POINTER(c_size_t)],
    "stream_sentence": [_INPUT, c_size_t, POINTER(POINTER(_Sentence))],
    "stream_word_count": [_INPUT, POINTER(c_size_t)],
    "stream_word": [_INPUT, c_size_t, POINTER(POINTER(_Word))],
    "stream_token_count": [_INPUT, POINTER(c_size_t)],
    "stream_token": [_INPUT, c_size_t, POINTER(POINTER(_Token))],
    "stream_alternative_count": [_INPUT, POINTER(c_size_t)],
    "stream_alternative": [_INPUT, c_size_t, POINTER(POINTER(_Alternative))],
}
_FREES = ("recognizer_free", "language_model_free", "stream_free")
_STRINGS = ("last_error", "version")


def _open_library():
    name, folder = "libglossa.so.0", pathlib.Path(__file__).resolve().parent
    near = [str(place / name) for place in (folder, folder.parent) if (place / name).exists()]
    try:
        library = ctypes.CDLL(os.environ.get("GLOSSA_LIBRARY") or (near or [name])[0])
    except OSError as error:
        raise OSError(f"{error} (expected the path of {name} in GLOSSA_LIBRARY)") from None
    for name, arguments in _CALLS.items():
        function = getattr(library, "glossa_" + name)
        function.argtypes, function.restype = arguments, c_int
    for name in _FREES:
        function = getattr(library, "glossa_" + name)
        function.argtypes, function.restype = [c_void_p], None
    for name in _STRINGS:
        function = getattr(library, "glossa_" + name)
        function.argtypes, function.restype = [], c_char_p
    return library


_library = _open_library()


def _call(name, *arguments):
    status = getattr(_library, "glossa_" + name)(*arguments)
    if status != 0:
        raise Error(status, _decoded(_library.glossa_last_error()))


def _ask(kind, name, *arguments):
    """The result that a function writes through its last pointer."""
    result = kind()
    _call(name, *arguments, byref(result))
    return result


def _encoded(text):
    """Of a str, or of what is a path; bytes stay. Names of files need not be UTF-8."""
    if text is None:
        return None
    text = os.fspath(text)
    encoded = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    if b"\0" in encoded:
        raise ValueError(f"{text!r} has a zero byte")
    return encoded


def _decoded(text):
    return text.decode("utf-8", "surrogateescape")


def _context(pair):
    return None if pair is None else ctypes.pointer(_AttContext(*pair))


def _strings(texts):
    """A list of C strings that ends with NULL; None when there are none."""
    if isinstance(texts, (str, bytes)):
        raise TypeError(f"{texts!r} is one text (expected a list of them)")
    texts = [_encoded(text) for text in texts or ()]
    return (c_char_p * (len(texts) + 1))(*texts, None) if texts else None


def _until_null(strings):
    index = 0
    while strings[index] is not None:
        yield _decoded(strings[index])
        index += 1


class _Handle:
    """Owns what `free` gives back."""

    def __init__(self, handle, free):
        self._as_parameter_ = handle  # what ctypes passes on
        self._free = free

    def __del__(self):
        if getattr(self, "_as_parameter_", None):
            self._free(self._as_parameter_)

    def __reduce__(self):  # of copy and pickle, too: nobody else may free it
        raise TypeError(f"a {type(self).__name__} cannot be copied")


def version():
    """Of the library, "0.1.0"."""
    return _decoded(_library.glossa_version())


class LanguageModel(_Handle):
    """Made by Recognizer.load_language_model()."""


class Recognizer(_Handle):
    """The weights of a .nemo or .gguf file, or of a folder of transformers. `weights`: "f32" (None), "bf16", "int8" or
    "int4"; what they are packed into is kept in a file (`cache_packed_weights`), beside the model or in
    `weight_cache_folder`."""

    def __init__(self, model, *, weights=None, threads=0, kv_cache=None, cache_packed_weights=True,
                 weight_cache_folder=None, backend=None):
        options = _RecognizerOptions()
        _call("recognizer_options_init", byref(options), ctypes.sizeof(options))
        options.model = _encoded(model)
        options.backend = _encoded(backend)
        options.threads = threads
        options.weights = _encoded(weights)
        options.kv_cache = _encoded(kv_cache)
        options.cache_packed_weights = int(cache_packed_weights)
        options.weight_cache_folder = _encoded(weight_cache_folder)
        super().__init__(_ask(c_void_p, "recognizer_load", byref(options)), _library.glossa_recognizer_free)
        info = _ask(POINTER(_ModelInfo), "recognizer_info", self).contents
        for name, kind in _ModelInfo._fields_:
            value = getattr(info, name)
            if not name.endswith("_count"):
                setattr(self, name, _decoded(value) if kind is c_char_p else value)
        self.has_prompt = bool(info.has_prompt)
        self.att_contexts = []  # the first is the default
        for index in range(info.att_context_count):
            context = _ask(POINTER(_AttContext), "recognizer_att_context", self, index).contents
            self.att_contexts.append((context.left, context.right))
        self.languages = []
        for index in range(info.language_count):
            language = _ask(POINTER(_Language), "recognizer_language", self, index).contents
            self.languages.append(Language(_decoded(language.code), tuple(_until_null(language.aliases)),
                                           language.prompt_slot))

    def create_stream(self, **options):
        """The options of glossa_stream_options by their names: att_context=(56, 3), target_lang="auto", mode="exact",
        boosted_phrases=[...], boost, language_model, lm_alpha, final_silence (seconds), beam_size,
        draft_att_context=(56, 0), settle_delay (seconds), max_symbols, keep_lang_tags, ..."""
        return Stream(self, options)

    def decode(self, streams):
        """One step: the next chunk of every stream that is ready, as one batch."""
        streams = list(streams)
        handles = (c_void_p * len(streams))(*(stream._as_parameter_ for stream in streams))
        _call("recognizer_decode", self, handles, len(streams))

    def load_language_model(self, path):
        return LanguageModel(_ask(c_void_p, "language_model_load", self, _encoded(path)),
                             _library.glossa_language_model_free)

    def transcribe(self, samples, **options):
        """All of a sound at once: its finished stream. Options as create_stream(); the model hears half a second of
        silence behind the sound and takes many chunks a step unless they say otherwise."""
        stream = self.create_stream(**{"mode": "offline", "final_silence": 0.48, **options})
        stream.accept_waveform(samples)
        stream.input_finished()
        stream.decode()
        return stream


class Stream(_Handle):
    """One utterance, made by Recognizer.create_stream(). One thread at a time."""

    def __init__(self, recognizer, options):
        fields = _StreamOptions()
        _call("stream_options_init", byref(fields), ctypes.sizeof(fields))
        known = {name for name, _ in _StreamOptions._fields_} - {"size"}
        for name, value in options.items():
            if name not in known:
                raise TypeError(f"no option {name!r} (expected one of {', '.join(sorted(known))})")
            if name == "mode":
                if value not in STREAMING_MODES:
                    raise ValueError(f"mode is {value!r}, expected one of {', '.join(STREAMING_MODES)}")
                value = STREAMING_MODES[value]
            elif name in ("att_context", "draft_att_context"):
                value = _context(value)
            elif name == "target_lang":
                value = _encoded(value)
            elif name == "boosted_phrases":
                value = _strings(value)
            elif name == "language_model":
                value = None if value is None else value._as_parameter_
            setattr(fields, name, value)
        super().__init__(_ask(c_void_p, "stream_create", recognizer, byref(fields)), _library.glossa_stream_free)
        self._recognizer = recognizer

    def accept_waveform(self, samples):
        """Mono samples at the recognizer's sample_rate, any number at a time: bytes of 16-bit PCM, or a contiguous
        array (array.array, numpy.ndarray) of int16 or float32, floats in [-1, 1]."""
        view = memoryview(samples)
        kinds = {"f": ("stream_accept_waveform", c_float), "h": ("stream_accept_waveform_s16", c_int16),
                 "B": ("stream_accept_waveform_s16", c_int16)}
        if view.format not in kinds or view.ndim != 1 or not view.c_contiguous:
            raise TypeError(f"samples have format {view.format!r} and {view.ndim} dimensions (expected bytes of 16-bit "
                            "PCM, or one contiguous dimension of int16 or float32)")
        name, kind = kinds[view.format]
        count, rest = divmod(view.nbytes, ctypes.sizeof(kind))
        if rest:
            raise ValueError(f"{view.nbytes} bytes of 16-bit PCM (expected an even number)")
        if view.readonly:
            values = (kind * count).from_buffer_copy(view)
        else:
            values = (kind * count).from_buffer(view) if count else (kind * 0)()
        _call(name, self, values, count)

    def input_finished(self):
        _call("stream_input_finished", self)

    @property
    def is_ready(self):
        return bool(_ask(c_int, "stream_is_ready", self).value)

    def decode(self):
        """Steps while this stream is ready. Recognizer.decode() takes several streams together."""
        while self.is_ready:
            self._recognizer.decode([self])

    def set_target_lang(self, target_lang):
        _call("stream_set_target_lang", self, _encoded(target_lang))

    def forget_closed(self):
        _call("stream_forget_closed", self)

    def reset(self):
        _call("stream_reset", self)

    @property
    def text(self):
        """What is settled: it only ever grows."""
        return _decoded(_ask(c_char_p, "stream_text", self).value)

    @property
    def drafted_text(self):
        return _decoded(_ask(c_char_p, "stream_drafted_text", self).value)

    @property
    def language(self):
        return _decoded(_ask(c_char_p, "stream_language", self).value)

    @property
    def duration(self):
        return _ask(c_double, "stream_duration", self).value

    @property
    def settled(self):
        return _ask(c_double, "stream_settled", self).value

    @property
    def score(self):
        return _ask(c_double, "stream_score", self).value

    @property
    def sentences(self):
        return self._list("sentence", _Sentence, Sentence)

    @property
    def words(self):
        return self._list("word", _Word, Word)

    @property
    def tokens(self):
        return self._list("token", _Token, Token)

    @property
    def alternatives(self):
        return self._list("alternative", _Alternative, Alternative)

    def _list(self, name, struct, kind):
        def copied(index):
            one = _ask(POINTER(struct), "stream_" + name, self, index).contents
            values = (getattr(one, field) for field, _ in struct._fields_)
            return kind(*(_decoded(value) if isinstance(value, bytes) else value for value in values))
        return [copied(index) for index in range(_ask(c_size_t, f"stream_{name}_count", self).value)]
