"""Results: plain dataclasses of numpy arrays."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from dmsnet._errors import Error
from dmsnet._names import name_bytes, name_text


@dataclasses.dataclass(frozen=True)
class Field:
    """The round retina that was found in a photograph.

    Centre and radius are in pixels of the photograph as stored; coverage is
    the share of the disc that is inside it, 0 to 1. kind: "circle", "cut",
    "cropped", or "none" if no retina was found (docs/preprocessing.md).
    """

    kind: str
    white_background: bool
    center_x: float
    center_y: float
    radius: float
    coverage: float
    coloured_background: bool


@dataclasses.dataclass(frozen=True, eq=False)
class Eye:
    """The result for one eye by itself.

    probabilities: float64 of shape (K,); logits: float32 of shape (K,);
    features: float32 of shape (F,) if requested, else None. path: the file
    that it was read from, or None for a photograph in memory.
    """

    path: Optional[str]
    field: Field
    probabilities: NDArray[np.float64]
    logits: NDArray[np.float32]
    features: Optional[NDArray[np.float32]] = None


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """The result for a patient.

    probabilities  float64 of shape (K,), in the order of labels
    logits         float32 of shape (K,), before calibration and sigmoid (or
                   softmax for one-of labels)
    findings       codes of the labels above their thresholds (one-of labels:
                   the most probable one)
    left, right    the result for each eye by itself; None if the photograph is
                   missing and the other eye stands in for it
    features       float32 of shape (2, F), left eye first, if requested, else
                   None: the input of the network's heads, equation 9 of
                   docs/model.md; F = 2 * width: the mean of each channel over
                   the positions, then the maxima
    error          None, or why there is no result; arrays are then zero
    labels         the model's label codes: "N", "D", ... for ODIR's

    prediction["D"] is the patient's probability of one label.
    """

    id: str
    probabilities: NDArray[np.float64]
    logits: NDArray[np.float32]
    findings: Tuple[str, ...]
    left: Optional[Eye]
    right: Optional[Eye]
    features: Optional[NDArray[np.float32]] = None
    error: Optional[Error] = None
    labels: Tuple[str, ...] = ()

    def __getitem__(self, label: str) -> float:
        if label not in self.labels:
            raise KeyError(label)
        return float(self.probabilities[self.labels.index(label)])

    def to_dict(self) -> Dict[str, Any]:
        """The members of `dmsnet predict --format json`; a byte of a name that
        is not UTF-8 is a text \\xE9."""
        if self.error is not None:
            return {"id": _text(self.id), "error": str(self.error)}
        return {
            "id": _text(self.id),
            "probabilities": _by_label(self.labels, self.probabilities),
            "findings": list(self.findings),
            "left": _eye_dict(self.labels, self.left),
            "right": _eye_dict(self.labels, self.right),
        }


def _text(name: str) -> str:
    return name_text(name_bytes(name))


def _by_label(
    labels: Tuple[str, ...], values: NDArray[np.float64]
) -> Dict[str, float]:
    return dict(zip(labels, values.tolist()))


def _eye_dict(
    labels: Tuple[str, ...], eye: Optional[Eye]
) -> Optional[Dict[str, Any]]:
    if eye is None:
        return None
    return {
        "path": None if eye.path is None else _text(eye.path),
        "field": dataclasses.asdict(eye.field),
        "probabilities": _by_label(labels, eye.probabilities),
    }


@dataclasses.dataclass(frozen=True)
class ImportReport:
    """What became of each tensor of an imported file.

    data   the members of `dmsnet import --json`
    table  the same as text
    """

    data: Dict[str, Any]
    table: str

    def names(self, fate: str) -> List[str]:
        """Names of the tensors "taken", "left", "missing" or "misshapen"."""
        return [
            row["name"] for row in self.data["tensors"] if row["fate"] == fate
        ]

    def __str__(self) -> str:
        return self.table
