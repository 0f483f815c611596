#!/usr/bin/env python3
"""Seeds for the fuzz targets, cut out of the golden checkpoints.

  make_corpus.py MODELS_FOLDER OUTPUT_FOLDER
"""
import base64
import io
import json
import math
import pathlib
import re
import struct
import sys
import tarfile
import zipfile


def small_tar(format, compression=""):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:" + compression, format=format) as tar:
        folder = tarfile.TarInfo("./")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name in ("./model_config.yaml", "./" + "x" * 120 + "_tokenizer.model", "plain"):
            member = tarfile.TarInfo(name)
            member.size = 5
            member.mtime = 1.5
            tar.addfile(member, io.BytesIO(b"hello"))
    return out.getvalue()


def small_zip(names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            with archive.open(name, "w", force_zip64=name.endswith("1")) as entry:
                entry.write(b"0123456789")
    return out.getvalue()


def tiny_config(text):
    """The lists of pieces are most of the file and of no interest."""
    text = re.sub(r"(?m)^( *)(labels|vocabulary):\n(?:\1- .*\n)+", r"\1\2: [a, b]\n", text)
    text = re.sub(r"(?m)^( *)(vocab_size|num_classes): \d+$", r"\1\2: 2", text)
    return re.sub(r"(?ms)^(train_ds|validation_ds|test_ds|optim|loss):\n(?: .*?\n)+(?=\S)", "", text)


def one_tensor():
    """What torch.save writes for OrderedDict(w=torch.zeros(2, 3))."""
    word = lambda text: b"X" + len(text).to_bytes(4, "little") + text
    return (b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01(" + word(b"w") + b"ctorch._utils\n_rebuild_tensor_v2\n((" +
            word(b"storage") + b"ctorch\nFloatStorage\n" + word(b"0") + word(b"cpu") + b"K\x06tQK\x00K\x02K\x03\x86K\x03K\x01\x86" +
            b"\x89h\x00)RtRu}" + word(b"_metadata") + b"}sb.")


def small_nemo(config, pickle):
    weights = io.BytesIO()
    with zipfile.ZipFile(weights, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("model_weights/data.pkl", pickle)
        archive.writestr("model_weights/data/0", b"\0" * 1600)
        archive.writestr("model_weights/version", b"3\n")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:") as tar:
        for name, data in (("model_config.yaml", config), ("x_tokenizer.model", b"pieces"), ("model_weights.ckpt", weights.getvalue())):
            member = tarfile.TarInfo("./" + name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def field(number, value):
    """Of a message of protobuf: a small whole number, or bytes."""
    if isinstance(value, int):
        return bytes([number << 3]) + value.to_bytes(1, "little")
    tag = number << 3 | 2
    return (bytes([tag]) if tag < 128 else bytes([tag & 127 | 128, tag >> 7])) + bytes([len(value)]) + value


def riva_config():
    """A RecognitionConfig with most of its fields."""
    context = field(1, b"Glossa") + field(1, b"$OOV") + b"\x25" + struct.pack("<f", 2.5)
    return (field(1, 1) + b"\x10\xc0\x3e" + field(3, b"de-DE") + field(4, 1) + field(6, context) + field(7, 2) +
            field(8, 1) + field(11, 1) + field(12, 1) + field(13, b"320ms") +
            field(24, field(1, b"att_context_size") + field(2, b"[56,3]")) +
            field(24, field(1, b"stop_history_eou") + field(2, b"400")) + field(25, field(5, 80)))


def small_wav(channels, bits):
    data = bytes(range(16)) * channels * bits
    return (b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " +
            struct.pack("<IHHIIHH", 16, 1, channels, 8000, 8000 * channels * bits // 8, channels * bits // 8, bits) +
            b"data" + struct.pack("<I", len(data)) + data)


class SmallGguf:
    """The smallest model there is, with 30 tensors of a few numbers."""

    def __init__(self, prompts, pieces_only, kind):
        self.values, self.tensors, self.data = [], [], b""
        self.kind = kind  # ggml's type of what may be quantised, numbers and bytes of its blocks
        self.metadata(prompts, pieces_only)
        self.model(prompts)

    def string(self, text):
        text = text if isinstance(text, bytes) else text.encode()
        return len(text).to_bytes(8, "little") + text

    def put(self, key, code, value):
        self.values.append(self.string(key) + code.to_bytes(4, "little") + value)

    def u32(self, key, value, code=4):
        self.put(key, code, value.to_bytes(4, "little"))

    def f32(self, key, value):
        self.put(key, 6, struct.pack("<f", value))

    def text(self, key, value):
        self.put(key, 8, self.string(value))

    def texts(self, key, values):
        self.put(key, 9, struct.pack("<IQ", 8, len(values)) + b"".join(map(self.string, values)))

    def metadata(self, prompts, pieces_only):
        for key, value in (("general.architecture", "asr"), ("general.name", "small"), ("asr.head_type", "rnnt"),
                           ("asr.encoder.q8_layout", "block_q8_0"), ("asr.encoder.conv_norm", "layer_norm"),
                           ("asr.encoder.conv_context", "causal"), ("asr.encoder.att_context_style", "chunked_limited"),
                           ("asr.preprocessor.normalize", "NA")):
            self.text(key, value)
        for key, value in (("d_model", self.width()), ("n_layers", 1), ("n_heads", 1), ("d_ff", self.width()),
                           ("conv_kernel_size", 1), ("subsampling_factor", 2), ("subsampling_conv_channels", 1),
                           ("feat_in", 1), ("pos_emb_max_len", 10)):
            self.u32("asr.encoder." + key, value)
        for key, value in (("offline_left_ctx", 56), ("offline_right_ctx", 3)):
            self.u32("asr.encoder." + key, value, 5)
        for key in ("encoder.use_bias", "encoder.xscaling", "preprocessor.hann_periodic"):
            self.put("asr." + key, 7, b"\0")
        for key, value in (("sample_rate", 1000), ("n_fft", 2), ("features", 1)):
            self.u32("asr.preprocessor." + key, value)
        for key, value in (("window_size", 0.002), ("window_stride", 0.001), ("preemph", 0.97), ("dither", 1e-5)):
            self.f32("asr.preprocessor." + key, value)
        for key, value in (("vocab_size", 4), ("blank_id", 3), ("pred_embed_dim", 1), ("pred_hidden", 1),
                           ("pred_num_layers", 1), ("joint_dim", 1), ("max_symbols_per_step", 10),
                           ("num_prompts", prompts)):
            self.u32("asr.rnnt." + key, value)
        if prompts:
            self.texts("asr.rnnt.prompt_dictionary", ["en-US:0", "False:1", "auto:1"])
        if pieces_only:
            self.texts("asr.tokenizer.vocab", ["<unk>", "<en-US>", "a"])
        else:
            pieces = ((b"<unk>", 2), (b"a", 1), (b"b", 1))
            proto = b"".join(b"\x0a" + bytes([len(text) + 4]) + b"\x0a" + bytes([len(text)]) + text + b"\x18" + bytes([kind])
                             for text, kind in pieces)
            self.text("asr.tokenizer.spm_model", base64.b64encode(proto))
            self.put("glossa.att_context_sizes", 9, struct.pack("<IQ4I", 5, 4, 56, 0, 7, 0))

    def width(self):
        return max(2, self.kind[1])

    def tensor(self, name, *shape):
        type_, block, size = self.kind if shape[-1] % self.kind[1] == 0 and len(shape) == 2 else (0, 1, 4)
        elements = 1
        for dimension in shape:
            elements *= dimension
        self.tensors.append(self.string(name) + struct.pack("<I", len(shape)) +
                            b"".join(struct.pack("<Q", dimension) for dimension in reversed(shape)) +
                            struct.pack("<IQ", type_, len(self.data)))
        self.data += bytes(elements // block * size)
        self.data += bytes(-len(self.data) % 32)

    def model(self, prompts):
        d = self.width()
        self.tensor("preprocessor.fb", 1, 2)
        for name, shape in (("out.weight", (d, 1)), ("out.bias", (d,)), ("conv.0.weight", (1, 1, 3, 3)), ("conv.0.bias", (1,))):
            self.tensor("encoder.pre_encode." + name, *shape)
        for norm in ("norm_feed_forward1", "norm_conv", "conv.batch_norm", "norm_self_att", "norm_feed_forward2", "norm_out"):
            self.tensor(f"encoder.layers.0.{norm}.weight", d)
            self.tensor(f"encoder.layers.0.{norm}.bias", d)
        for linear in ("feed_forward1.linear1", "feed_forward1.linear2", "feed_forward2.linear1", "feed_forward2.linear2",
                       "conv.pointwise_conv2", "self_attn.linear_q", "self_attn.linear_k", "self_attn.linear_v",
                       "self_attn.linear_out", "self_attn.linear_pos"):
            self.tensor(f"encoder.layers.0.{linear}.weight", d, d)
        self.tensor("encoder.layers.0.conv.pointwise_conv1.weight", 2 * d, d)
        self.tensor("encoder.layers.0.conv.depthwise_conv.weight", d, 1, 1)
        for bias in ("pos_bias_u", "pos_bias_v"):
            self.tensor(f"encoder.layers.0.self_attn.{bias}", 1, d)
        self.tensor("decoder.prediction.embed.weight", 4, 1)
        for side in ("ih", "hh"):
            self.tensor(f"decoder.prediction.dec_rnn.lstm.{side}_l0.weight", 4, 1)
            self.tensor(f"decoder.prediction.dec_rnn.lstm.{side}_l0.bias", 4)
        for name, shape in (("pred", (1, 1)), ("enc", (1, d)), ("joint_net.2", (4, 1))):
            self.tensor(f"joint.{name}.weight", *shape)
            self.tensor(f"joint.{name}.bias", shape[0])
        if prompts:
            for layer, shape in ((0, (2 * d, d + prompts)), (2, (d, 2 * d))):
                self.tensor(f"prompt_kernel.{layer}.weight", *shape)
                self.tensor(f"prompt_kernel.{layer}.bias", shape[0])

    def file(self):
        head = b"GGUF" + struct.pack("<IQQ", 3, len(self.tensors), len(self.values)) + b"".join(self.values + self.tensors)
        return head + bytes(-len(head) % 32) + self.data


def small_transformers(prompts, bpe):
    """The smallest model there is as a folder of transformers, in one piece: texts, each before a line of signs, and weights."""
    names = [("encoder.subsampling.linear.weight", (2, 1)), ("encoder.subsampling.linear.bias", (2,)),
             ("encoder.subsampling.conv_in.weight", (1, 1, 3, 3)), ("encoder.subsampling.conv_in.bias", (1,))]
    layer = "encoder.layers.0."
    for norm in ("norm_feed_forward1", "norm_conv", "conv.norm", "norm_self_att", "norm_feed_forward2", "norm_out"):
        names += [(f"{layer}{norm}.weight", (2,)), (f"{layer}{norm}.bias", (2,))]
    for linear in ("feed_forward1.linear1", "feed_forward1.linear2", "feed_forward2.linear1", "feed_forward2.linear2",
                   "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "self_attn.relative_k_proj"):
        names.append((f"{layer}{linear}.weight", (2, 2)))
    names += [(layer + "conv.pointwise_conv1.weight", (4, 2, 1)), (layer + "conv.pointwise_conv2.weight", (2, 2, 1)),
              (layer + "conv.depthwise_conv.weight", (2, 1, 1)), (layer + "self_attn.bias_u", (1, 2)),
              (layer + "self_attn.bias_v", (1, 2)), ("decoder.embedding.weight", (4, 1)), ("decoder.lstm.weight_ih_l0", (4, 1)),
              ("decoder.lstm.weight_hh_l0", (4, 1)), ("decoder.lstm.bias_ih_l0", (4,)), ("decoder.lstm.bias_hh_l0", (4,)),
              ("decoder.decoder_projector.weight", (1, 1)), ("decoder.decoder_projector.bias", (1,)),
              ("encoder_projector.weight", (1, 2)), ("encoder_projector.bias", (1,)), ("joint.head.weight", (4, 1)),
              ("joint.head.bias", (4,))]
    if prompts:
        names += [("prompt_projector.linear_1.weight", (4, 2 + prompts)), ("prompt_projector.linear_1.bias", (4,)),
                  ("prompt_projector.linear_2.weight", (2, 4)), ("prompt_projector.linear_2.bias", (2,))]
    header, size = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in names:
        end = size + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [size, end]}
        size = end
    encoder = {"hidden_size": 2, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 2, "attention_bias": False,
               "convolution_bias": False, "conv_kernel_size": 1, "subsampling_factor": 2, "subsampling_conv_channels": 1,
               "num_mel_bins": 1, "scale_input": False, "sliding_window": 57, "max_position_embeddings": 10}
    config = {"model_type": "nemotron3_5_asr" if prompts else "nemotron_asr_streaming", "vocab_size": 4, "blank_token_id": 3,
              "decoder_hidden_size": 1, "num_decoder_layers": 1, "num_prompts": prompts, "prompt_intermediate_size": 4,
              "encoder_config": encoder}
    front_end = {"sampling_rate": 1000, "win_length": 2, "hop_length": 1, "n_fft": 2, "feature_size": 1}
    processor = {"supported_num_lookahead_tokens": [0, 7], "prompt_dictionary": {"en-US": 0, "False": 1, "auto": 1}}
    if bpe:
        processor["feature_extractor"] = front_end
    pieces = ["<unk>", "a", "aa"]
    model = ({"type": "BPE", "unk_token": "<unk>", "vocab": {piece: index for index, piece in enumerate(pieces)}, "merges": [["a", "a"]]}
             if bpe else {"type": "Unigram", "unk_id": 0, "vocab": [[piece, -1.5] for piece in pieces]})
    tokenizer = {"model": model, "added_tokens": [{"id": 0, "content": "<unk>", "special": True}],
                 "normalizer": {"type": "Sequence", "normalizers": [{"type": "Strip", "strip_left": False, "strip_right": True},
                                                                    {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u2581"}]},
                 "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always"}}
    text = json.dumps(header).encode()
    own = b"".join(field(1, field(1, piece.encode()) + field(3, kind)) for piece, kind in zip(pieces, (2, 1, 1)))
    texts = [json.dumps(config).encode(), json.dumps(processor).encode(), b"" if bpe else json.dumps(front_end).encode(),
             json.dumps(tokenizer).encode(), b"" if bpe else own]
    return b"".join(part + b"\n====\n" for part in texts) + struct.pack("<Q", len(text)) + text + bytes(size)


def main():
    models, corpus = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])

    def put(target, name, data):
        (corpus / target).mkdir(parents=True, exist_ok=True)
        (corpus / target / name).write_bytes(data)

    for name, format in (("pax", tarfile.PAX_FORMAT), ("gnu", tarfile.GNU_FORMAT)):
        put("tar", name, small_tar(format))
    put("tar", "gzip", small_tar(tarfile.PAX_FORMAT, "gz"))
    put("zip", "two", small_zip(["model_weights/data.pkl", "model_weights/data/1"]))
    put("zip", "none", small_zip([]))
    for model in ("tiny", "tiny-en", "tiny-fp16"):
        with tarfile.open(models / f"{model}.nemo") as tar:
            read = {member.name.removeprefix("./"): tar.extractfile(member).read() for member in tar if member.isfile()}
        archive = zipfile.ZipFile(io.BytesIO(read["model_weights.ckpt"]))
        pickle = archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))
        config = tiny_config(read["model_config.yaml"].decode()).encode()
        put("pickle", model, pickle)
        put("yaml", model, config)
        put("nemo", model, small_nemo(config, pickle))
        tokenizer = next(data for name, data in read.items() if name.endswith("tokenizer.model"))
        put("sentencepiece", model, tokenizer)
    put("pickle", "one", one_tensor())
    put("subtitles", "subrip", "\ufeff1\r\n00:00:01,000 --> 00:00:02,500\r\n- <i>One &amp; {\\an8}two</i>\r\n\u266a [door] three\r\n".encode())
    put("subtitles", "webvtt", b"WEBVTT\n\nSTYLE\n::cue {}\n\nNOTE none\n\nname\n00:01.000 --> 00:02.000 align:start\n"
        b"<v Anna>One<00:01.500> < two&nbsp;three</v>\n")
    put("arpa", "bigrams", "\\data\\\nngram 1=5\nngram 2=3\n\n\\1-grams:\n-1.5\t<unk>\t0\n0\t<s>\t-0.3\n-0.7\t</s>\n-0.5\ti\t-0.2\n"
        "-0.6\t\u0080\t0.1\n\n\\2-grams:\n-0.1\t<s> i\n-0.2\ti \u0080\n-inf\ti </s>\n\n\\end\\\n".encode())
    put("gguf", "f32", SmallGguf(2, False, (0, 1, 4)).file())
    put("gguf", "f16", SmallGguf(0, True, (1, 1, 2)).file())
    put("gguf", "q8_0", SmallGguf(0, False, (8, 32, 34)).file())
    put("transformers", "bpe", small_transformers(2, True))
    put("transformers", "unigram", small_transformers(0, False))
    put("cuts", "manifest", b'm{"audio_filepath": "a.wav", "offset": 1, "duration": 2.5, "text": "hi", "lang": "de-DE"}\n')
    put("cuts", "pattern", b"paudio__OP_08..11_CL_{a,b}.tar")
    put("cuts", "mixture", b"y- {type: group, weight: 1, input_cfg: [{type: nemo_tarred, manifest_filepath: m.json, "
        b"tarred_audio_filepaths: [[a.tar]], tags: {lang: el-GR}}]}")
    put("http", "form", b"fmultipart/form-data; boundary=x\n--x\r\nContent-Disposition: form-data; name=\"file\"; "
        b"filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n--x\r\nContent-Disposition: form-data; "
        b"name=\"language\"\r\n\r\nde-DE\r\n--x--\r\n")
    put("http", "query", b"qlanguage=de-DE&keyterm=a%20b+c&flag")
    put("http", "listen", b"lencoding=linear16&sample_rate=24000&language=de&keyterm=%5B%22a%22%5D&keywords=b:2&endpointing="
        b"300&utterance_end_ms=1000&interim_results=true&latency=320ms&channels=2&multichannel=false")
    for channels, bits in ((1, 16), (2, 24)):
        put("http", f"wav{bits}", b"s\x01\x32" + bytes([channels - 1, 6]) + small_wav(channels, bits))
    put("realtime", "captions", b's{"sample_rate": 48000, "language": "de-DE", "latency": "320ms", "endpointing_ms": 500, '
        b'"speech_contexts": [{"phrases": ["Glossa"], "boost": 3}]}')
    put("realtime", "openai", b's{"type": "transcription", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}, '
        b'"transcription": {"language": "de", "keywords": ["Glossa"]}, "turn_detection": {"silence_duration_ms": 300}}}}')
    put("realtime", "riva", b't{"input_audio_format": "none", "input_audio_params": {"sample_rate_hz": 8000, '
        b'"num_channels": 2}, "word_boosting": {"enable_word_boosting": true, "word_boosting_list": [{"phrases": ["x"], '
        b'"boost": 9}]}, "endpointing_config": {"stop_history": 400}, "custom_configuration": {"att_context_size": [56, 3]}}')
    put("riva", "live", b"l" + riva_config())
    put("riva", "file", b"f" + field(1, 2) + field(3, b"multi"))
    (corpus / "stamp").touch()


main()
