"""safetensors with numpy alone, independent of the C code it is to check."""

import json
import struct

import numpy as np

DTYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "U8": np.dtype("u1"),
}


def read(path):
    """The tensors by name as arrays, and the metadata (a dict, may be {})."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"]).copy()
    return tensors, metadata


def write(path, tensors, metadata=None):
    """Write arrays by name, in the dict's order; metadata: text by text."""
    names = {dtype: name for name, dtype in DTYPES.items()}
    header = {"__metadata__": metadata} if metadata else {}
    chunks = []
    offset = 0
    for name, values in tensors.items():
        values = np.asarray(values)
        if values.dtype.newbyteorder("<") not in names:
            raise TypeError(f"{name}: dtype {values.dtype} is not written")
        dtype = values.dtype.newbyteorder("<")
        chunk = values.astype(dtype).tobytes()
        header[name] = {
            "dtype": names[dtype],
            "shape": list(values.shape),
            "data_offsets": [offset, offset + len(chunk)],
        }
        offset += len(chunk)
        chunks.append(chunk)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(chunks))
