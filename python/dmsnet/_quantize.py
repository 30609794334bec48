"""Quantising: the door to dms_quantize."""

from __future__ import annotations

import ctypes as c
import json
import os
import warnings
from typing import Any, Dict, List, Union

from dmsnet import _structs as s
from dmsnet._errors import InvalidError, ModelWarning
from dmsnet._library import call, lib, number_of, path_bytes, take_text

Path = Union[str, "os.PathLike[str]"]

_WARNING = 1  # DMS_LOG_WARNING
_SPLITS = ("all", "train", "val", "test")  # as dms_split


def quantize(
    model: Path,
    data: Path,
    out: Path,
    *,
    images: Path = "",
    split: str = "train",
    patients: int = 64,
    method: str = "percentile",
    percentile: float = 99.99,
    tolerance: float = 0.01,
    seed: int = 1,
    threads: int = 0,
) -> Dict[str, Any]:
    """Make a model file whose convolutions multiply 8-bit integers.

    model, data, out  the trained model, the folder or table of photographs
                      that tell the ranges, the file to write; the rest are the
                      options of `dmsnet quantize`

    Returns what `dmsnet quantize --json` prints. Photographs that cannot be
    read are warned of and left out. Needs a CPU with VNNI. Raises
    InvalidError, FileError, FormatError, MismatchError.
    """
    if split not in _SPLITS:
        raise InvalidError(
            f"split {split!r} is not one of {', '.join(_SPLITS)}"
        )
    if os.path.exists(out) and os.path.samefile(model, out):
        raise InvalidError(f"out: '{os.fspath(out)}' is the model itself")
    options = s.QuantizeOptions(
        _text(model),
        _text(data),
        _text(images),
        _text(out),
        _SPLITS.index(split),
        patients,
        number_of(lib().dms_quantize_method_name, "method", method),
        percentile,
        tolerance,
        seed,
        threads,
    )
    return _run(options)


def _text(path: Path) -> bytes:
    data = path_bytes(path)
    if len(data) >= s.QUANTIZE_PATH_MAX:
        raise InvalidError(f"path of {len(data)} bytes: too long")
    return data


def _run(options: s.QuantizeOptions) -> Dict[str, Any]:
    texts: List[str] = []

    def message(_user: Any, level: int, text: bytes) -> None:
        if level <= _WARNING:
            texts.append(text.decode("utf-8", "replace"))

    monitor = s.Monitor(message=s.MESSAGE(message))
    report = s.QuantizeReport()
    try:
        call(
            lib().dms_quantize,
            c.byref(report),
            c.byref(options),
            c.byref(monitor),
        )
        text = take_text(
            lib().dms_quantize_report_print, c.byref(report), True
        )
    finally:
        lib().dms_quantize_report_release(c.byref(report))
    for line in texts:
        warnings.warn(line, ModelWarning, stacklevel=3)
    result: Dict[str, Any] = json.loads(text)
    return result
