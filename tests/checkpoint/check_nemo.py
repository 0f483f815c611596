#!/usr/bin/env python3
"""Reads .nemo files with Python's own tarfile, zipfile and pickle: the oracle of glossa's writer.

  check_nemo.py A.nemo B.nemo   both must hold the same configuration, artifacts and tensors, bit for bit
  check_nemo.py --zip FILE      lists the entries of a zip: name, size, and the bytes of entries below 100 bytes
"""
import io
import pickle
import sys
import tarfile
import zipfile
from collections import OrderedDict


class Storage:
    def __init__(self, kind, key, size):
        self.kind, self.key, self.size = kind, key, size


class Tensor:
    def __init__(self, storage, offset, shape, stride):
        self.storage, self.offset, self.shape, self.stride = storage, offset, tuple(shape), tuple(stride)


def rebuild_tensor(storage, offset, shape, stride, requires_grad, hooks):
    assert requires_grad is False and hooks == OrderedDict()
    return Tensor(storage, offset, shape, stride)


class RestrictedUnpickler(pickle.Unpickler):
    """What torch.load(weights_only=True) allows."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return rebuild_tensor
        if module == "torch" and name in ("FloatStorage", "HalfStorage", "BFloat16Storage"):
            return name
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")

    def persistent_load(self, pid):
        word, kind, key, location, size = pid
        assert word == "storage" and location == "cpu"
        return Storage(kind, key, size)


ELEMENT = {"FloatStorage": 4, "HalfStorage": 2, "BFloat16Storage": 2}


def read_nemo(path):
    files, tensors = {}, OrderedDict()
    with tarfile.open(path, "r:*") as tar:
        for member in tar.getmembers():
            assert member.isdir() or member.isfile(), member.name
            if member.isfile():
                files[member.name.removeprefix("./")] = tar.extractfile(member).read()
    weights = files.pop("model_weights.ckpt")
    archive = zipfile.ZipFile(io.BytesIO(weights))
    assert archive.testzip() is None, "wrong CRC-32"
    prefix = next(n for n in archive.namelist() if n.endswith("/data.pkl")).removesuffix("data.pkl")
    assert archive.read(prefix + "version") == b"3\n"
    state = RestrictedUnpickler(io.BytesIO(archive.read(prefix + "data.pkl"))).load()
    assert type(state) is OrderedDict
    for name, tensor in state.items():
        entry = archive.getinfo(f"{prefix}data/{tensor.storage.key}")
        assert entry.compress_type == zipfile.ZIP_STORED
        header = weights[entry.header_offset:entry.header_offset + 30]
        start = entry.header_offset + 30 + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        assert start % 64 == 0, f"{name} is not aligned"
        size = ELEMENT[tensor.storage.kind]
        count = 1
        for axis, length in reversed(list(enumerate(tensor.shape))):
            assert tensor.stride[axis] == count, f"{name} is not contiguous"
            count *= length
        assert entry.file_size == tensor.storage.size * size
        begin = tensor.offset * size
        tensors[name] = (tensor.storage.kind, tensor.shape, archive.read(entry)[begin:begin + count * size])
    return files, tensors


def main():
    if sys.argv[1] == "--zip":
        archive = zipfile.ZipFile(sys.argv[2])
        for entry in archive.infolist():
            content = archive.open(entry).read(entry.file_size).decode() if entry.file_size < 100 else ""
            print(entry.filename, entry.file_size, content)
        return
    (files_a, tensors_a), (files_b, tensors_b) = read_nemo(sys.argv[1]), read_nemo(sys.argv[2])
    assert files_a == files_b, (files_a.keys(), files_b.keys())
    assert tensors_a.keys() == tensors_b.keys()
    for name in tensors_a:
        assert tensors_a[name] == tensors_b[name], name
    print(len(tensors_a), "tensors are equal")


if __name__ == "__main__":
    main()
