#!/usr/bin/env python3
"""Reads GGUF files from the description of the format alone: the oracle of glossa's GGUF writer and reader.

  read_gguf.py A.nemo B.gguf FORMAT VALUES  B must hold A's tensors in FORMAT, everything that the layout in
                                            docs/checkpoint.md asks for, and exactly the numbers of VALUES: what
                                            glossa read, f32 one after the other, in A's order of tensors
  read_gguf.py --dequantize TYPE HEX        the numbers of blocks, as hexadecimal floats
  read_gguf.py --quantize-q8_0 FILE         the blocks of a file of f32, as hexadecimal bytes
"""
import array
import math
import re
import struct
import sys

from check_nemo import read_nemo

ALIGNMENT = 32
# number in the file: name, numbers of a block, bytes of a block
TYPES = {0: ("f32", 1, 4), 1: ("f16", 1, 2), 2: ("q4_0", 32, 18), 8: ("q8_0", 32, 34), 12: ("q4_k", 256, 144),
         13: ("q5_k", 256, 176), 14: ("q6_k", 256, 210), 30: ("bf16", 1, 2)}
FILE_TYPES = {"f32": 0, "f16": 1, "q8_0": 7, "q4_k": 15, "bf16": 32}
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
U32, I32, F32, BOOL, STRING, STRINGS, I32S = 4, 5, 6, 7, 8, (9, 8), (9, 5)
KEYS = {
    "general.architecture": STRING, "general.name": STRING, "general.file_type": U32, "asr.head_type": STRING,
    "asr.encoder.d_model": U32, "asr.encoder.n_layers": U32, "asr.encoder.n_heads": U32, "asr.encoder.d_ff": U32,
    "asr.encoder.conv_kernel_size": U32, "asr.encoder.subsampling_factor": U32,
    "asr.encoder.subsampling_conv_channels": U32, "asr.encoder.feat_in": U32, "asr.encoder.pos_emb_max_len": U32,
    "asr.encoder.train_left_ctx": U32, "asr.encoder.train_right_ctx": U32, "asr.encoder.offline_left_ctx": I32,
    "asr.encoder.offline_right_ctx": I32, "asr.encoder.xscaling": BOOL, "asr.encoder.use_bias": BOOL,
    "asr.encoder.cache_supported": BOOL, "asr.encoder.q8_layout": STRING, "asr.encoder.qkv_q8_layout": STRING,
    "asr.encoder.conv_norm": STRING, "asr.encoder.conv_context": STRING, "asr.encoder.att_context_style": STRING,
    "asr.preprocessor.sample_rate": U32, "asr.preprocessor.n_fft": U32, "asr.preprocessor.features": U32,
    "asr.preprocessor.window_size": F32, "asr.preprocessor.window_stride": F32, "asr.preprocessor.preemph": F32,
    "asr.preprocessor.dither": F32, "asr.preprocessor.normalize": STRING, "asr.preprocessor.stft_center_window": BOOL,
    "asr.preprocessor.hann_periodic": BOOL, "asr.preprocessor.mask_invalid_frames": BOOL,
    "asr.rnnt.vocab_size": U32, "asr.rnnt.blank_id": U32, "asr.rnnt.pred_embed_dim": U32, "asr.rnnt.pred_hidden": U32,
    "asr.rnnt.pred_num_layers": U32, "asr.rnnt.joint_dim": U32, "asr.rnnt.max_symbols_per_step": U32,
    "asr.rnnt.num_prompts": U32, "asr.rnnt.prompt_dictionary": STRINGS, "asr.tokenizer.type": STRING,
    "asr.tokenizer.vocab": STRINGS, "asr.tokenizer.spm_model": STRING, "glossa.att_context_sizes": I32S,
}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        self.at += size
        assert self.at <= len(self.data), "truncated"
        return self.data[self.at - size:self.at]

    def scalar(self, code):
        return struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0]

    def string(self):
        return self.take(self.scalar("Q")).decode()

    def value(self, kind):
        if kind == 8:
            return self.string()
        if kind == 9:
            element, count = self.scalar("I"), self.scalar("Q")
            return (9, element), [self.value(element) for _ in range(count)]
        return self.scalar(SCALARS[kind])


def read_gguf(path):
    """{key: (type, value)}, {name: (type, dims as stored, bytes)} in the file's order."""
    data = open(path, "rb").read()
    reader = Reader(data)
    assert reader.take(4) == b"GGUF" and reader.scalar("I") == 3
    tensors, values = reader.scalar("Q"), reader.scalar("Q")
    metadata, found = {}, {}
    for _ in range(values):
        key, kind = reader.string(), reader.scalar("I")
        value = reader.value(kind)
        assert key not in metadata, key
        metadata[key] = value if kind == 9 else (kind, value)
    infos = []
    for _ in range(tensors):
        name = reader.string()
        dims = [reader.scalar("Q") for _ in range(reader.scalar("I"))]
        infos.append((name, dims, reader.scalar("I"), reader.scalar("Q")))
    start = -(-reader.at // ALIGNMENT) * ALIGNMENT
    assert not any(data[reader.at:start]), "padding is zero"
    end = start
    for name, dims, kind, offset in infos:
        _, numbers, size = TYPES[kind]
        assert offset % ALIGNMENT == 0 and dims[0] % numbers == 0, name
        begin = start + offset
        assert begin == -(-end // ALIGNMENT) * ALIGNMENT, f"{name} does not follow the tensor before it"
        end = begin + math.prod(dims) // numbers * size
        assert end <= len(data) and name not in found and len(name) < 64, name
        found[name] = (kind, dims, data[begin:end])
    assert len(data) == -(-end // ALIGNMENT) * ALIGNMENT
    return metadata, found


def f16(data, at=0):
    return struct.unpack_from("<e", data, at)[0]


def scales_of(packed):
    """Eight scales and eight minimums of 6 bits in 12 bytes."""
    scales = [packed[j] % 64 for j in range(4)]
    minimums = [packed[4 + j] % 64 for j in range(4)]
    for j in range(4):
        scales.append(packed[8 + j] % 16 + packed[j] // 64 * 16)
        minimums.append(packed[8 + j] // 16 + packed[4 + j] // 64 * 16)
    return scales, minimums


def block_values(name, block):
    if name == "q8_0":
        return [f16(block) * q for q in struct.unpack_from("<32b", block, 2)]
    if name == "q4_0":
        nibbles = [b % 16 for b in block[2:]] + [b // 16 for b in block[2:]]
        return [f16(block) * (q - 8) for q in nibbles]
    if name in ("q4_k", "q5_k"):
        scales, minimums = scales_of(block[4:16])
        values = []
        for i in range(256):
            j = i // 32
            byte = block[(16 if name == "q4_k" else 48) + i // 64 * 32 + i % 32]
            q = byte // 16 if j % 2 else byte % 16
            if name == "q5_k" and block[16 + i % 32] >> j & 1:
                q += 16
            values.append(f16(block) * scales[j] * q - f16(block, 2) * minimums[j])
        return values
    assert name == "q6_k"
    values = []
    for i in range(256):
        half, row, column = i // 128, i % 128 // 32, i % 32
        low = block[half * 64 + row % 2 * 32 + column]
        high = block[128 + half * 32 + column] >> 2 * row & 3
        q = (low // 16 if row >= 2 else low % 16) + 16 * high - 32
        values.append(f16(block, 208) * struct.unpack_from("<b", block, 192 + i // 16)[0] * q)
    return values


def values_of(kind, data):
    """As f32. Every product of block_values() is exact in a double, so this rounds once."""
    name, _, size = TYPES[kind]
    if name == "f32":
        return array.array("f", data)
    if name == "bf16":
        return array.array("f", b"".join(b"\0\0" + data[at:at + 2] for at in range(0, len(data), 2)))
    if name == "f16":
        return array.array("f", (value for value, in struct.iter_unpack("<e", data)))
    result = array.array("f")
    for at in range(0, len(data), size):
        result.extend(block_values(name, data[at:at + size]))
    return result


def quantize_q8_0(values):
    out = b""
    f32 = lambda value: struct.unpack("<f", struct.pack("<f", value))[0]
    for at in range(0, len(values), 32):
        block = values[at:at + 32]
        scale = f32(max(abs(value) for value in block) / 127)
        inverse = f32(1 / scale) if scale else 0
        levels = []
        for value in block:
            level = abs(f32(value * inverse))
            levels.append(int(math.copysign(math.floor(level) + (level - math.floor(level) >= 0.5), value)))
        out += struct.pack("<e32b", scale, *levels)
    return out


def is_linear(name):
    return re.fullmatch(
        r"encoder\.layers\.\d+\.(self_attn\.linear_(q|k|v|pos|out)|feed_forward[12]\.linear[12]|conv\.pointwise_conv[12])"
        r"\.weight|encoder\.pre_encode\.out\.weight|decoder\.prediction\.dec_rnn\.lstm\.(ih|hh)_l\d+\.weight|"
        r"joint\.(enc|pred|joint_net\.2)\.weight", name)


def is_f16(name):
    return re.fullmatch(r"encoder\.layers\.\d+\.conv\.depthwise_conv\.weight|encoder\.pre_encode\.conv\.\d+\.weight|"
                        r"decoder\.prediction\.embed\.weight", name)


def expected_type(name, dims, wanted):
    if wanted == "f32":
        return "f32"
    if is_linear(name):
        numbers = next(block for known, block, _ in TYPES.values() if known == wanted)
        return wanted if dims[0] % numbers == 0 else "f16"
    return "f16" if is_f16(name) else "f32"


def expected_place(name, shape):
    """Name and dims of a state-dict tensor; None for what is left out."""
    if name == "preprocessor.featurizer.fb":
        return "preprocessor.fb", list(reversed(shape[1:]))
    if name.startswith("preprocessor."):
        return None
    name = re.sub(r"\.lstm\.(weight|bias)_(ih|hh)_l(\d+)$", r".lstm.\2_l\3.\1", name)
    dims = list(reversed(shape))
    return name, dims[1:] if "pointwise_conv" in name and len(dims) == 3 else dims


def check_metadata(metadata, tensors, wanted):
    prompts = metadata["asr.rnnt.num_prompts"][1] > 0
    for key, kind in KEYS.items():
        if key == "asr.rnnt.prompt_dictionary" and not prompts:
            assert key not in metadata
            continue
        assert metadata[key][0] == kind, (key, metadata[key][0], kind)
    # Of models that have a window of their own.
    assert set(metadata) <= set(KEYS) | {"glossa.preprocessor_window"}, set(metadata) - set(KEYS)
    get = lambda key: metadata[key][1]
    assert get("general.architecture") == "asr" and get("asr.head_type") == "rnnt"
    assert get("general.file_type") == FILE_TYPES[wanted]
    assert get("asr.rnnt.blank_id") == get("asr.rnnt.vocab_size") - 1 == len(get("asr.tokenizer.vocab"))
    contexts = get("glossa.att_context_sizes")
    assert contexts[:2] == [get("asr.encoder.offline_left_ctx"), get("asr.encoder.offline_right_ctx")]
    assert contexts[:2] == [get("asr.encoder.train_left_ctx"), get("asr.encoder.train_right_ctx")]
    for entry in get("asr.rnnt.prompt_dictionary") if prompts else []:
        assert re.fullmatch(r"[^:]+:\d+", entry), entry
    for shape, key in (("encoder.layers.0.feed_forward1.linear1.weight", "asr.encoder.d_ff"),
                       ("joint.enc.weight", "asr.rnnt.joint_dim"), ("joint.joint_net.2.weight", "asr.rnnt.vocab_size"),
                       ("preprocessor.fb", "asr.preprocessor.features")):
        assert tensors[shape][1][1] == get(key), key


def check_positions(metadata, tensors):
    kind, dims, data = tensors["encoder.pos_enc.pe"]
    longest, width = metadata["asr.encoder.pos_emb_max_len"][1], metadata["asr.encoder.d_model"][1]
    assert kind == 0 and dims == [width, 2 * longest - 1]
    for row in (0, 1, longest - 2, longest - 1, longest, longest + 55, 2 * longest - 2):
        values = struct.unpack_from(f"<{width}f", data, 4 * width * row)
        for k in range(0, width, 2):
            angle = (longest - 1 - row) * 10000 ** (-k / width)
            # f32 angles of up to 5000 are off by a few units in the last place.
            assert abs(values[k] - math.sin(angle)) < 2e-3 and abs(values[k + 1] - math.cos(angle)) < 2e-3, (row, k)


def check_rounding(name, kind, dims, data, values, original):
    type_name, numbers, size = TYPES[kind]
    if type_name == "f32":
        assert values == original, name
    elif type_name == "f16":
        assert data == struct.pack(f"<{len(original)}e", *original), name
    elif type_name == "bf16":
        for value, old in zip(values, original):
            assert abs(value - old) <= abs(old) / 256, name
    elif type_name == "q8_0":
        assert data == quantize_q8_0(original), name
    else:
        # Half a step, and what the rounding of a 6-bit scale and a 6-bit minimum adds, at most.
        for block in range(0, len(values), 32):
            part = original[block:block + 32]
            super_block = original[block // 256 * 256:block // 256 * 256 + 256]
            step = (max(max(part), 0) - min(min(part), 0)) / 15
            slack = (max(map(abs, super_block)) + 15 * step) / 63
            for value, old in zip(values[block:block + 32], part):
                assert abs(value - old) <= 1.3 * step + slack, (name, value, old, step, slack)


def check(nemo, gguf, wanted, dumped):
    state = read_nemo(nemo)[1]
    metadata, tensors = read_gguf(gguf)
    check_metadata(metadata, tensors, wanted)
    check_positions(metadata, tensors)
    read = array.array("f", open(dumped, "rb").read())
    left, at = set(tensors) - {"encoder.pos_enc.pe", "preprocessor.fb"}, 0
    for name, (storage, shape, bytes_) in state.items():
        assert storage == "FloatStorage"
        place = expected_place(name, shape)
        if place is None:
            continue
        kind, dims, data = tensors[place[0]]
        assert dims == place[1], (name, dims, place[1])
        assert TYPES[kind][0] == expected_type(place[0], dims, wanted), (name, kind)
        values = values_of(kind, data)
        check_rounding(name, kind, dims, data, values, array.array("f", bytes_))
        assert values.tobytes() == read[at:at + len(values)].tobytes(), f"glossa reads {name} differently"
        at += len(values)
        left.discard(place[0])
    assert not left, left
    print(len(tensors), "tensors are as they should be")


def main():
    if sys.argv[1] == "--dequantize":
        kind = next(number for number, (name, _, _) in TYPES.items() if name == sys.argv[2])
        print(" ".join(value.hex() for value in values_of(kind, bytes.fromhex(sys.argv[3]))))
    elif sys.argv[1] == "--quantize-q8_0":
        print(quantize_q8_0(array.array("f", open(sys.argv[2], "rb").read())).hex())
    else:
        check(*sys.argv[1:])


if __name__ == "__main__":
    main()
