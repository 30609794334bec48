"""Quantising a model: dms_quantize."""

from __future__ import annotations

from typing import Any, Dict

from dmsnet import _structs as s
from dmsnet._library import fresh, lib, number_of, path_bytes
from dmsnet._reports import Path, check_out, report_of, split_number


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
    check_out(out, model)
    options = fresh(s.QuantizeOptions, "dms_quantize_options")
    options.model = path_bytes(model)
    options.data = path_bytes(data)
    options.images = path_bytes(images)
    options.out = path_bytes(out)
    options.split = split_number(split)
    options.patients = patients
    options.method = number_of(
        lib().dms_quantize_method_name, "method", method
    )
    options.percentile = percentile
    options.tolerance = tolerance
    options.seed = seed
    options.threads = threads
    options.encoding = path_bytes(encoding)
    return report_of("dms_quantize", options)
