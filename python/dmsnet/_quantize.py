"""Quantising a model: dms_quantize."""

from __future__ import annotations

import ctypes as c
import json
import os
import warnings
from typing import Any, Dict, List, Union

from dmsnet import _structs as s
from dmsnet._errors import InvalidError, ModelWarning
from dmsnet._library import (
    call,
    fresh,
    lib,
    number_of,
    path_bytes,
    take_text,
)
from dmsnet._names import name_text

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
    encoding: str = "",
) -> Dict[str, Any]:
    """Make a model file whose convolutions multiply 8-bit integers.

    model, data, out  the trained model, the folder or table of photographs to
                      find the ranges on, and the file to write
    others            the options of `dmsnet quantize`

    Returns what `dmsnet quantize --json` prints. Photographs that cannot be
    read are left out with a warning. Needs a CPU with VNNI. Raises
    InvalidError, FileError, FormatError, MismatchError.
    """
    if split not in _SPLITS:
        raise InvalidError(
            f"split {split!r} is not one of {', '.join(_SPLITS)}"
        )
    if os.path.exists(out) and os.path.samefile(model, out):
        raise InvalidError(f"out: '{os.fspath(out)}' is the model itself")
    options = fresh(s.QuantizeOptions, "dms_quantize_options")
    options.model = path_bytes(model)
    options.data = path_bytes(data)
    options.images = path_bytes(images)
    options.out = path_bytes(out)
    options.split = _SPLITS.index(split)
    options.patients = patients
    options.method = number_of(
        lib().dms_quantize_method_name, "method", method
    )
    options.percentile = percentile
    options.tolerance = tolerance
    options.seed = seed
    options.threads = threads
    options.encoding = path_bytes(encoding)
    return _run(options)


def _run(options: s.QuantizeOptions) -> Dict[str, Any]:
    texts: List[str] = []

    def message(_user: Any, level: int, text: bytes) -> None:
        if level <= _WARNING:
            texts.append(name_text(text))

    monitor = s.Monitor(message=s.MESSAGE(message))
    report = c.c_void_p()
    try:
        call(
            lib().dms_quantize,
            c.byref(report),
            c.byref(options),
            c.byref(monitor),
        )
        text = take_text(lib().dms_quantize_report_print, report, True)
    finally:
        lib().dms_quantize_report_destroy(report)
    for line in texts:
        warnings.warn(line, ModelWarning, stacklevel=3)
    result: Dict[str, Any] = json.loads(text)
    return result
