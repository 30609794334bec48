"""What comes back: plain dataclasses of numpy arrays."""

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
    the share of the disc that lies inside it, 0 to 1. kind: "circle", "cut",
    "cropped", or "none" where no retina was seen.
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
    """What one eye's photograph gives by itself.

    probabilities: float64 of shape (K,); logits: float32 of shape (K,);
    features: float32 of shape (F,) where asked for, else None. path: the file
    it was read from; None: it came from memory.
    """

    path: Optional[str]
    field: Field
    probabilities: NDArray[np.float64]
    logits: NDArray[np.float32]
    features: Optional[NDArray[np.float32]] = None


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """A patient's answer.

    probabilities  float64 of shape (K,), in the order of labels
    logits         float32 of shape (K,), before temperature and sigmoid (or
                   softmax, of one-of labels)
    findings       codes of the labels above their thresholds (one-of labels:
                   the greatest)
    left, right    what each eye shows by itself; None where it is missing and
                   the other stands in for it
    features       float32 of shape (2, F), left eye first, where asked for:
                   what the network's heads read, equation 9 of docs/model.md;
                   F = 2 * width: the mean of each channel over the positions,
                   then the greatest values. None where not asked for
    error          None, or why there is no answer; arrays are zero then
    labels         the model's codes: "N", "D", ... of ODIR's

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
    table  the same for a person
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
