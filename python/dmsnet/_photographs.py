"""Photographs and pairs on their way into C."""

from __future__ import annotations

import os
from typing import Any, Iterable, List, Optional, Tuple, Union

import numpy as np
from numpy.typing import NDArray

from dmsnet import _structs as s
from dmsnet._errors import Error, InvalidError
from dmsnet._library import path_bytes
from dmsnet._names import name_bytes

#: The path of a file; the content of a file (JPEG, PNG, TIFF, WebP); decoded
#: pixels, uint8 of shape (height, width, 3), RGB; None: this eye is missing.
Photograph = Union[
    str,
    "os.PathLike[str]",
    bytes,
    bytearray,
    memoryview,
    NDArray[np.uint8],
    None,
]
Pair = Tuple[Photograph, Photograph]

_NAMES = ("left photograph", "right photograph")


def _pixels(value: Any, name: str) -> NDArray[np.uint8]:
    array = np.asarray(value)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise InvalidError(
            f"{name}: an array of {array.dtype} and shape {array.shape}; "
            "expected uint8 and shape (height, width, 3), RGB"
        )
    if 0 in array.shape:
        raise InvalidError(f"{name}: an array of shape {array.shape} is empty")
    return np.ascontiguousarray(array)


def _content(value: Union[bytes, bytearray, memoryview]) -> NDArray[np.uint8]:
    view = memoryview(value)
    return np.frombuffer(view if view.nbytes else b"\0", np.uint8)


class Batch:
    """Pairs in the form of the C library; owns their memory.

    errors: what is wrong with a pair before C reads it, else None.
    """

    def __init__(self, pairs: Iterable[Pair], ids: List[str]) -> None:
        self.ids = ids
        self.pairs = (s.Pair * len(ids))()
        self.paths: List[List[Optional[str]]] = []
        self.errors: List[Optional[Error]] = []
        self._kept: List[NDArray[np.uint8]] = []
        for item, name, pair in zip(self.pairs, ids, pairs):
            item.id = name_bytes(name).replace(b"\0", b"?")
            self.paths.append([None, None])
            self.errors.append(None)
            try:
                for eye in range(2):
                    self._add(item, eye, pair[eye])
            except Error as error:
                self.errors[-1] = error

    def _add(self, item: s.Pair, eye: int, value: Photograph) -> None:
        if value is None:
            return
        if isinstance(value, (str, os.PathLike)):
            item.path[eye] = path_bytes(value)
            self.paths[-1][eye] = os.fsdecode(value)
            return
        memory = item.memory[eye]
        if isinstance(value, (bytes, bytearray, memoryview)):
            array = _content(value)
            memory.size = memoryview(value).nbytes
        else:
            array = _pixels(value, _NAMES[eye])
            memory.size = array.nbytes
            memory.height, memory.width = array.shape[:2]
        memory.data = array.ctypes.data
        self._kept.append(array)
