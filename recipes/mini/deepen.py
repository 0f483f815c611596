#!/usr/bin/python3
"""Gives a trained .nemo more encoder layers, so that training goes on with a larger model instead of from nothing.

    deepen.py IN.nemo OUT.nemo 1 3 4      # a new layer after each of layers 1, 3 and 4, counted from 0

The deeper model computes the same: a new layer is a copy of the one before it whose four branches end in zeros, so only
its last normalisation is left. It takes over scale and shift of the normalisation before, which keeps neither:
LayerNorm of what is normalised already changes nothing. Needs Debian's python3-torch.
"""
import argparse
import collections
import io
import re
import tarfile

import torch

LAYER = re.compile(r"encoder\.layers\.(\d+)\.(.+)")
BRANCH_ENDS = ("feed_forward1.linear2.", "feed_forward2.linear2.", "self_attn.linear_out.", "conv.pointwise_conv2.")


def deepened(weights, after):
    """`weights` with a new layer after each layer in `after`; the others are renumbered."""
    layers = collections.defaultdict(dict)
    for key, value in weights.items():
        if match := LAYER.fullmatch(key):
            layers[int(match[1])][match[2]] = value
    stack = []
    for number in sorted(layers):
        layer = dict(layers[number])
        stack.append(layer)
        if number in after:
            stack.append({name: torch.zeros_like(value) if name.startswith(BRANCH_ENDS) else value.clone()
                          for name, value in layer.items()})
            layer["norm_out.weight"] = torch.ones_like(layer["norm_out.weight"])
            layer["norm_out.bias"] = torch.zeros_like(layer["norm_out.bias"])
    deeper = type(weights)((key, value) for key, value in weights.items() if not LAYER.fullmatch(key))
    for number, layer in enumerate(stack):
        deeper.update((f"encoder.layers.{number}.{name}", value) for name, value in layer.items())
    return deeper, len(stack)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", metavar="IN.nemo")
    parser.add_argument("target", metavar="OUT.nemo")
    parser.add_argument("after", metavar="LAYER", type=int, nargs="+")
    arguments = parser.parse_args()
    try:
        with tarfile.open(arguments.source) as archive:
            files = {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}
        weights_name, = (name for name in files if name.endswith("model_weights.ckpt"))
        config_name, = (name for name in files if name.endswith("model_config.yaml"))
    except (OSError, tarfile.TarError, ValueError):
        parser.error(f"{arguments.source} is no readable .nemo with one model_weights.ckpt and one model_config.yaml")
    weights = torch.load(io.BytesIO(files[weights_name]), map_location="cpu", weights_only=True)
    unknown = [number for number in arguments.after if f"encoder.layers.{number}.norm_out.weight" not in weights]
    if unknown:
        parser.error(f"{arguments.source} has no encoder layer {unknown[0]}")
    deeper, count = deepened(weights, set(arguments.after))
    buffer = io.BytesIO()
    torch.save(deeper, buffer)
    files[weights_name] = buffer.getvalue()
    files[config_name], changed = re.subn(rb"(?m)^([ \t]+n_layers:) \d+$", rb"\1 %d" % count, files[config_name])
    if changed != 1:
        parser.error(f"{arguments.source}: n_layers expected once in {config_name}, found {changed} times")
    with tarfile.open(arguments.target, "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


if __name__ == "__main__":
    main()
