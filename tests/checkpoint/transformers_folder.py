#!/usr/bin/env python3
"""Folders of Hugging Face's transformers, from what its converter, configuration classes and modules say alone: the
oracle of glossa's reader and writer.

  transformers_folder.py make A.nemo FOLDER [--first-exports]
      what transformers' converter makes of A: no SentencePiece model, weights as they are; but of a Unigram model a
      Unigram, where the converter knows BPE only. --first-exports: under the names of the first exports, the front end in a file of its own, look-aheads with the encoder
  transformers_folder.py check A.nemo FOLDER FORMAT
      FOLDER must hold A's tensors in FORMAT (f32, f16, bf16) under transformers' names, and a configuration and a
      tokenizer that fit them
"""
import array
import base64
import json
import pathlib
import re
import struct
import sys

from check_nemo import read_nemo

DTYPES = {"FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16"}
RENAMED = [(r"^encoder\.pre_encode\.out\.", "encoder.subsampling.linear."), (r"\.conv\.batch_norm\.", ".conv.norm."),
           (r"\.linear_([qkv])\.", r".\1_proj."), (r"\.linear_out\.", ".o_proj."), (r"\.linear_pos\.", ".relative_k_proj."),
           (r"\.pos_bias_([uv])$", r".bias_\1"), (r"^decoder\.prediction\.embed\.", "decoder.embedding."),
           (r"^decoder\.prediction\.dec_rnn\.lstm\.", "decoder.lstm."), (r"^joint\.enc\.", "encoder_projector."),
           (r"^joint\.pred\.", "decoder.decoder_projector."), (r"^joint\.joint_net\.2\.", "joint.head.")]
LATER = [(r"^prompt_kernel\.0\.", "prompt_projector.linear_1."), (r"^prompt_kernel\.2\.", "prompt_projector.linear_2."),
         (r"^encoder\.pre_encode\.conv\.0\.", "encoder.subsampling.conv_in.")]
for layer in range(4):
    LATER += [(rf"^encoder\.pre_encode\.conv\.{3 * layer + 2}\.", f"encoder.subsampling.layers.{layer}.depthwise_conv."),
              (rf"^encoder\.pre_encode\.conv\.{3 * layer + 3}\.", f"encoder.subsampling.layers.{layer}.pointwise_conv.")]
FIRST = [(r"^encoder\.pre_encode\.conv\.", "encoder.subsampling.layers.")]
TAG = re.compile(r"^<[a-z]{2,3}-[A-Za-z]{2}>$")
METASPACE = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6


def renamed(name, first):
    for pattern, replacement in RENAMED + (FIRST if first else LATER):
        name = re.sub(pattern, replacement, name)
    return name


def fields(data):
    """Of a message of protobuf: (number, value)."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
            continue
        size = 4 if tag & 7 == 5 else varint()
        yield tag >> 3, data[at:at + size]
        at += size


class SentencePiece:
    def __init__(self, data):
        self.pieces, self.bpe, self.charsmap, self.byte_fallback = [], False, b"", False
        self.remove_extra_whitespaces = self.add_dummy_prefix = True
        for number, value in fields(data):
            if number == 1:
                piece = {1: b"", 2: struct.pack("<f", 0), 3: NORMAL, **dict(fields(value))}
                self.pieces.append((piece[1].decode(), struct.unpack("<f", piece[2])[0], piece[3]))
            elif number == 2:
                trainer = dict(fields(value))
                self.bpe, self.byte_fallback = trainer.get(3) == 2, bool(trainer.get(35))
            elif number == 3:
                normalizer = dict(fields(value))
                self.charsmap = normalizer.get(2, b"")
                self.add_dummy_prefix = bool(normalizer.get(3, 1))
                self.remove_extra_whitespaces = bool(normalizer.get(4, 1))


def tokenizer_json(model):
    vocabulary = {text: index for index, (text, _, _) in enumerate(model.pieces)}
    scores = {text: score for text, score, kind in model.pieces if kind == NORMAL}
    merges = []
    for text, score in scores.items():
        local = [(text[:cut], text[cut:], score) for cut in range(1, len(text))
                 if text[:cut] in vocabulary and text[cut:] in vocabulary]
        merges += sorted(local, key=lambda merge: (vocabulary[merge[0]], vocabulary[merge[1]]))
    merges.sort(key=lambda merge: (merge[2], len(merge[0]), len(merge[1])), reverse=True)
    unknown = next(text for text, _, kind in model.pieces if kind == UNKNOWN)
    added = [(index, text, kind != USER_DEFINED or bool(TAG.match(text))) for index, (text, _, kind) in enumerate(model.pieces)
             if kind in (UNKNOWN, CONTROL, USER_DEFINED) or TAG.match(text)]
    added += [(len(model.pieces), "<pad>", True), (len(model.pieces) + 1, "<blank>", True)]
    normalizers = [{"type": "Precompiled", "precompiled_charsmap": base64.b64encode(model.charsmap).decode()}] if model.charsmap else []
    if model.remove_extra_whitespaces:
        normalizers += [{"type": "Strip", "strip_left": False, "strip_right": True},
                        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u2581"}]
    metaspace = dict(METASPACE, prepend_scheme="always" if model.add_dummy_prefix else "never")
    if model.bpe:
        core = {"type": "BPE", "dropout": None, "unk_token": unknown, "continuing_subword_prefix": None,
                "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                "vocab": vocabulary, "merges": [list(merge[:2]) for merge in merges]}
    else:
        core = {"type": "Unigram", "unk_id": vocabulary[unknown], "vocab": [[text, score] for text, score, _ in model.pieces],
                "byte_fallback": model.byte_fallback}
    return {"version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [{"id": index, "content": text, "single_word": False, "lstrip": False, "rstrip": False,
                              "normalized": False, "special": special} for index, text, special in added],
            "normalizer": {"type": "Sequence", "normalizers": normalizers}, "pre_tokenizer": metaspace,
            "post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}],
                               "pair": [{"Sequence": {"id": name, "type_id": 0}} for name in "AB"], "special_tokens": {}},
            "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, metaspace]} if model.byte_fallback else metaspace,
            "model": core}


class Nemo:
    def __init__(self, path):
        self.files, tensors = read_nemo(path)
        self.tensors = {name: value for name, value in tensors.items() if not name.startswith("preprocessor.")}
        self.yaml = self.files["model_config.yaml"].decode()
        name = next(name for name in self.files if name.endswith("tokenizer.model"))
        self.pieces = SentencePiece(self.files[name])

    def shape(self, name):
        return self.tensors[name][1]

    def setting(self, key):
        """The last of that name that is not null."""
        return [value for value in re.findall(rf"(?m)(?:^ *|{{){key}: *([^\s}}]+)", self.yaml) if value != "null"][-1]

    def contexts(self):
        block = re.search(r"(?m)^( *)att_context_size: *(\[.*\])?((?:\n\1 *- .*)*)", self.yaml)
        numbers = [int(number) for number in re.findall(r"-?\d+", (block[2] or "") + (block[3] or "").replace("- ", " "))]
        return list(zip(numbers[::2], numbers[1::2]))

    def languages(self):
        block = re.search(r"(?m)^( *)prompt_dictionary:((?:\n\1 +\S.*)*)", self.yaml)
        lines = re.findall(r"(?m)^ *'?([^:'\n]+)'?: (\d+)$", block[2]) if block else []
        return {language: int(slot) for language, slot in lines}

    def geometry(self):
        """What config.json must say, as far as the tensors show it."""
        d, inputs = self.shape("encoder.layers.0.feed_forward1.linear2.weight")
        bias = "encoder.layers.0.self_attn.linear_q.bias" in self.tensors
        layers = {int(re.match(r"encoder\.layers\.(\d+)", name)[1]) for name in self.tensors if name.startswith("encoder.layers.")}
        halvings = sum(len(tensor[1]) == 4 and tensor[1][2] == 3 for tensor in self.tensors.values())
        lstm = sum(name.startswith("decoder.prediction.dec_rnn.lstm.weight_ih") for name in self.tensors)
        outputs, hidden = self.shape("decoder.prediction.embed.weight")
        encoder = {"attention_bias": bias, "convolution_bias": bias, "hidden_act": "silu", "hidden_size": d,
                   "intermediate_size": inputs, "num_attention_heads": self.shape("encoder.layers.0.self_attn.pos_bias_u")[0],
                   "num_hidden_layers": len(layers), "num_mel_bins": int(self.setting("features")),
                   "conv_kernel_size": self.shape("encoder.layers.0.conv.depthwise_conv.weight")[2],
                   "subsampling_factor": 2 ** halvings, "scale_input": self.setting("xscaling") == "true",
                   "subsampling_conv_channels": self.shape("encoder.pre_encode.conv.0.weight")[0],
                   "subsampling_conv_kernel_size": 3, "subsampling_conv_stride": 2,
                   "model_type": "nemotron_asr_streaming_encoder", "sliding_window": self.contexts()[0][0] + 1}
        prompt = "prompt_kernel.0.weight" in self.tensors
        config = {"architectures": ["Nemotron3_5AsrForRNNT" if prompt else "NemotronAsrStreamingForRNNT"],
                  "model_type": "nemotron3_5_asr" if prompt else "nemotron_asr_streaming", "blank_token_id": outputs - 1,
                  "vocab_size": outputs, "decoder_hidden_size": hidden, "joint_hidden_size": self.shape("joint.enc.weight")[0],
                  "num_decoder_layers": lstm, "hidden_act": "relu", "is_encoder_decoder": True,
                  "max_symbols_per_step": int(self.setting("max_symbols"))}
        if prompt:
            config["prompt_intermediate_size"] = self.shape("prompt_kernel.0.weight")[0]
            config["num_prompts"] = self.shape("prompt_kernel.0.weight")[1] - d
        return config, encoder

    def front_end(self):
        rate = int(self.setting("sample_rate"))
        return {"feature_size": int(self.setting("features")), "sampling_rate": rate, "n_fft": int(self.setting("n_fft")),
                "win_length": int(float(self.setting("window_size")) * rate), "preemphasis": 0.97, "padding_value": 0.0,
                "hop_length": int(float(self.setting("window_stride")) * rate)}


def make(nemo, folder, first):
    folder.mkdir()
    config, encoder = nemo.geometry()
    rights = [right for _, right in nemo.contexts()]
    looks = {"supported_num_lookahead_tokens": rights, "default_num_lookahead_tokens": rights[0]}
    processor = {"blank_token": "<blank>", "prompt_dictionary": nemo.languages(), "feature_extractor": nemo.front_end(), **looks}
    if first:
        encoder |= looks
        (folder / "preprocessor_config.json").write_text(json.dumps(processor.pop("feature_extractor")))
        del processor["supported_num_lookahead_tokens"], processor["default_num_lookahead_tokens"]
    (folder / "config.json").write_text(json.dumps(config | {"encoder_config": encoder, "pad_token_id": 0}))
    (folder / "processor_config.json").write_text(json.dumps(processor, sort_keys=True))  # as save_pretrained()
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer_json(nemo.pieces), ensure_ascii=False))
    header, data = {}, b""
    for name, (kind, shape, numbers) in nemo.tensors.items():
        header[renamed(name, first)] = {"dtype": DTYPES[kind], "shape": shape, "data_offsets": [len(data), len(data) + len(numbers)]}
        data += numbers
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


def rounded(kind, numbers, wanted):
    """f32 to nearest even; the bytes of any other format as they are."""
    if DTYPES[kind] == wanted:
        return numbers
    assert kind == "FloatStorage"
    if wanted == "F16":
        values = array.array("f", numbers)
        return struct.pack(f"<{len(values)}e", *values)
    words = array.array("I", numbers)
    return array.array("H", ((word + 0x7fff + (word >> 16 & 1)) >> 16 for word in words)).tobytes()


def check(nemo, folder, dtype):
    wanted = dtype.upper()
    data = (folder / "model.safetensors").read_bytes()
    size, = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + size])
    assert size % 8 == 0 and header.pop("__metadata__")["format"] == "pt"
    assert set(header) == {renamed(name, False) for name in nemo.tensors}, set(header) ^ {renamed(name, False) for name in nemo.tensors}
    end = 0
    for entry in sorted(header.values(), key=lambda entry: entry["data_offsets"]):
        assert entry["data_offsets"][0] == end, "a gap"
        end = entry["data_offsets"][1]
    assert 8 + size + end == len(data)
    for name, (kind, shape, numbers) in nemo.tensors.items():
        entry = header[renamed(name, False)]
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        assert (entry["dtype"], tuple(entry["shape"])) == (wanted, shape), name
        assert data[begin:end] == rounded(kind, numbers, wanted), name
    config = json.loads((folder / "config.json").read_text())
    processor = json.loads((folder / "processor_config.json").read_text())
    model, encoder = nemo.geometry()
    for expected, found in ((model, config), (encoder, config["encoder_config"]), (nemo.front_end(), processor["feature_extractor"])):
        for key, value in expected.items():
            assert found[key] == value, (key, found[key], value)
    assert config["dtype"] == {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}[dtype]
    rights = [right for _, right in nemo.contexts()]
    assert processor["supported_num_lookahead_tokens"] == rights and processor["default_num_lookahead_tokens"] == rights[0]
    assert processor.get("prompt_dictionary", {}) == nemo.languages()
    if nemo.languages():
        assert config["default_prompt_id"] == nemo.languages().get("auto", next(iter(nemo.languages().values())))
        assert config["num_prompts"] == processor["num_prompts"]
    found, expected = json.loads((folder / "tokenizer.json").read_text()), tokenizer_json(nemo.pieces)
    if not nemo.pieces.bpe:  # f32 in decimals
        for (_, score), (_, value) in zip(found["model"]["vocab"], expected["model"]["vocab"]):
            assert struct.pack("<f", score) == struct.pack("<f", value)
        expected["model"]["vocab"] = found["model"]["vocab"]
    else:  # equally good cuts of one piece may come in any order
        assert sorted(found["model"]["merges"]) == sorted(expected["model"]["merges"])
        order = ["".join(merge) for merge in found["model"]["merges"]]
        assert order == ["".join(merge) for merge in expected["model"]["merges"]]
        expected["model"]["merges"] = found["model"]["merges"]
    assert found == expected
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    assert tokenizer["tokenizer_class"] == "ParakeetTokenizer"
    assert set(tokenizer["extra_special_tokens"]) == {text for text, _, _ in nemo.pieces.pieces if TAG.match(text)}
    assert json.loads((folder / "generation_config.json").read_text())["decoder_start_token_id"] == config["blank_token_id"]
    name = next(name for name in nemo.files if name.endswith("tokenizer.model"))
    assert (folder / "tokenizer.model").read_bytes() == nemo.files[name]


def main():
    nemo, folder = Nemo(sys.argv[2]), pathlib.Path(sys.argv[3])
    if sys.argv[1] == "make":
        make(nemo, folder, "--first-exports" in sys.argv)
    else:
        check(nemo, folder, sys.argv[4])


if __name__ == "__main__":
    main()
