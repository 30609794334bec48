"""Calibrating a model: dms_calibrate."""

from __future__ import annotations

import ctypes as c
from typing import Any, Dict, Optional, Sequence

from dmsnet import _structs as s
from dmsnet._library import fresh, lib, number_of, path_bytes
from dmsnet._reports import Path, check_out, report_of, split_number


def calibrate(
    model: Path,
    data: Path,
    out: Path,
    *,
    predictions: Sequence[Path] = (),
    images: Path = "",
    labels: str = "",
    split: Optional[str] = None,
    method: str = "platt",
    point: str = "f1",
    batch: int = 8,
    encoding: str = "",
    cache: Path = "",
) -> Dict[str, Any]:
    """Fit a model's probabilities and thresholds to outcomes.

    model, data, out  the model, the folder or table with the labels of
                      patients that it was not trained on, the file to write
    predictions       files of uncalibrated probabilities to use instead of
                      running the model
    split             None: "val", or "all" with predictions
    others            the options of `dmsnet calibrate`

    Returns what `dmsnet calibrate --json` prints. Labels with too few
    patients are named in a warning. Raises InvalidError, FileError,
    FormatError, MismatchError.
    """
    check_out(out, model)
    files = (c.c_char_p * len(predictions))(*map(path_bytes, predictions))
    options = fresh(s.CalibrateOptions, "dms_calibrate_options")
    options.model = path_bytes(model)
    options.data = path_bytes(data)
    if predictions:
        options.predictions = files
        options.predictions_count = len(predictions)
    options.images = path_bytes(images)
    options.labels = path_bytes(labels)
    options.encoding = path_bytes(encoding)
    options.cache = path_bytes(cache)
    options.out = path_bytes(out)
    options.split = split_number(split or ("all" if predictions else "val"))
    options.method = number_of(
        lib().dms_calibrate_method_name, "method", method
    )
    options.point = path_bytes(point)
    options.batch = batch
    return report_of("dms_calibrate", options)
