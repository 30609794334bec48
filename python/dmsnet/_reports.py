"""Calling functions that write a model file and return a report."""

from __future__ import annotations

import ctypes as c
import json
import os
import warnings
from typing import Any, Dict, List, Union

from dmsnet import _structs as s
from dmsnet._errors import InvalidError, ModelWarning
from dmsnet._library import call, lib, take_text
from dmsnet._names import name_text

Path = Union[str, "os.PathLike[str]"]

_WARNING = 1  # DMS_LOG_WARNING
_SPLITS = ("all", "train", "val", "test")  # as dms_split


def split_number(split: str) -> int:
    if split not in _SPLITS:
        raise InvalidError(
            f"split {split!r} is not one of {', '.join(_SPLITS)}"
        )
    return _SPLITS.index(split)


def check_out(out: Path, model: Path) -> None:
    """The new file must not be the model itself. The model may also be a name,
    or missing, of which the library tells."""
    both = os.path.exists(out) and os.path.exists(model)
    if both and os.path.samefile(model, out):
        raise InvalidError(f"out: '{os.fspath(out)}' is the model itself")


def report_of(name: str, options: c.Structure) -> Dict[str, Any]:
    """Call the C function of that name; its report as `--json` prints it."""
    texts: List[str] = []

    def message(_user: Any, level: int, text: bytes) -> None:
        if level <= _WARNING:
            texts.append(name_text(text))

    monitor = s.Monitor(message=s.MESSAGE(message))
    report = c.c_void_p()
    try:
        call(
            getattr(lib(), name),
            c.byref(report),
            c.byref(options),
            c.byref(monitor),
        )
        text = take_text(getattr(lib(), f"{name}_report_print"), report, True)
    finally:
        getattr(lib(), f"{name}_report_destroy")(report)
    for line in texts:
        warnings.warn(line, ModelWarning, stacklevel=3)
    result: Dict[str, Any] = json.loads(text)
    return result
