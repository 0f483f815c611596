#!/usr/bin/env python3
"""Seeds for the fuzz targets, cut out of the golden checkpoints.

  make_corpus.py MODELS_FOLDER OUTPUT_FOLDER
"""
import io
import pathlib
import re
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
    (corpus / "stamp").touch()


main()
