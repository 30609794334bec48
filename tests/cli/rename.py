#!/usr/bin/env python3
"""rename.py IN OUT PREFIX [--drop NAME...] [--add NAME...]: a safetensors file
with its tensors under a prefix, some left out, some of two zeros added."""
import argparse
import json
import struct

parser = argparse.ArgumentParser()
parser.add_argument("source")
parser.add_argument("target")
parser.add_argument("prefix")
parser.add_argument("--drop", nargs="*", default=[])
parser.add_argument("--add", nargs="*", default=[])
options = parser.parse_args()

with open(options.source, "rb") as file:
    header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    data = file.read()
header.pop("__metadata__", None)
renamed, out = {}, b""
for name, entry in header.items():
    if name not in options.drop:
        begin, end = entry["data_offsets"]
        entry["data_offsets"] = [len(out), len(out) + end - begin]
        renamed[options.prefix + name] = entry
        out += data[begin:end]
for name in options.add:
    renamed[options.prefix + name] = {
        "dtype": "F32", "shape": [2], "data_offsets": [len(out), len(out) + 8]}
    out += bytes(8)
text = json.dumps(renamed).encode()
with open(options.target, "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + out)
