"""Models: opened, made or imported; predicting; written out again."""

from __future__ import annotations

import contextlib
import copy
import ctypes as c
import dataclasses
import json
import os
import threading
import warnings
import weakref
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence
from typing import Tuple, Union

import numpy as np
from numpy.typing import NDArray

from dmsnet import _structs as s
from dmsnet._errors import InvalidError, MismatchError, ModelWarning, error_of
from dmsnet._library import (
    call,
    fresh,
    lib,
    number_of,
    path_bytes,
    take_text,
)
from dmsnet._names import name_bytes, name_text
from dmsnet._photographs import Batch, Pair, Photograph
from dmsnet._results import Eye, Field, ImportReport, Prediction
from dmsnet._sessions import Sessions

Path = Union[str, "os.PathLike[str]"]
_BATCH_MAX = 256
_WARNING = 1  # DMS_LOG_WARNING


class Model:
    """A DMS-Net that predicts: made by load, create or import_weights.

    Safe for use by several threads at once: each call works with a session of
    its own. Close it, leave its `with` block, or let it be collected; a call
    that is under way in another thread is not disturbed.
    """

    def __init__(self, handle: c.c_void_p, compute: s.Compute) -> None:
        self._sessions = Sessions(handle, compute)
        # not tied to self: the finalizer must not keep it alive
        self._finalizer = weakref.finalize(self, self._sessions.close)
        self._lock = threading.Lock()
        self._info: Optional[Dict[str, Any]] = None

    def __enter__(self) -> "Model":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self.closed:
            return "<dmsnet.Model, closed>"
        arch = self.info["architecture"]
        return (
            f"<dmsnet.Model {arch['backbone']}, width {arch['width']}, "
            f"{self.size} px>"
        )

    def close(self) -> None:
        """Free the model's memory; further use raises InvalidError."""
        self._finalizer()

    @property
    def closed(self) -> bool:
        return self._sessions.closed

    @property
    def info(self) -> Dict[str, Any]:
        """What `dmsnet info --json` prints: architecture, preprocessing,
        thresholds, calibration, provenance, numbers of parameters. A copy."""
        with self._lock, self._sessions.model() as model:
            if self._info is None:
                text = take_text(lib().dms_model_describe, model, True)
                self._info = json.loads(text)
            return copy.deepcopy(self._info)

    @property
    def labels(self) -> Tuple[str, ...]:
        """The labels' codes, in the order of every array of them: "N", "D",
        ... of ODIR's, whatever words the model was trained for else."""
        with self._sessions.model() as model:
            return _codes(model)

    @property
    def label_names(self) -> Tuple[str, ...]:
        """The labels' names: "Normal", "Diabetes", ..."""
        with self._sessions.model() as model:
            return tuple(
                lib().dms_model_label_name(model, k).decode()
                for k in range(lib().dms_model_label_count(model))
            )

    @property
    def thresholds(self) -> Dict[str, float]:
        """A finding is a probability above its label's threshold."""
        return dict(zip(self.labels, self.info["thresholds"]))

    @property
    def size(self) -> int:
        """Side of the network's input in pixels."""
        return int(self.info["preprocessing"]["size"])

    @property
    def feature_width(self) -> int:
        """F, numbers in an eye's features: twice the width."""
        return 2 * int(self.info["architecture"]["width"])

    def predict(
        self,
        left: Photograph = None,
        right: Photograph = None,
        *,
        id: str = "pair",
        features: bool = False,
    ) -> Prediction:
        """Predict one patient from the photographs of both eyes.

        left, right  see Photograph; one may be None, then the other stands in
                     for both
        id           the patient's name in messages and in the answer
        features     also give the features before the heads

        Raises the Error of a photograph that cannot be read.
        """
        answer = self.predict_batch(
            [(left, right)], ids=[id], features=features, batch=1
        )[0]
        if answer.error is not None:
            raise answer.error
        return answer

    def predict_batch(
        self,
        pairs: Sequence[Pair],
        *,
        ids: Optional[Sequence[str]] = None,
        features: bool = False,
        batch: int = 8,
        raise_errors: bool = False,
        progress: Optional[Callable[[int, int], None]] = None,
    ) -> List[Prediction]:
        """Predict many patients; answers in the order of pairs.

        pairs         (left, right) of each patient, as predict takes them
        ids           their names; None: "1", "2", ...
        batch         patients that run at once, 1 to 256; more need more
                      memory
        raise_errors  raise the first error of a pair; else a pair that cannot
                      be read carries it in .error and the others come out
        progress      called as progress(done, total) after each batch; what it
                      raises stops the work
        """
        names = self._names(pairs, ids)
        if not 1 <= batch <= _BATCH_MAX:
            raise InvalidError(
                f"a batch of {batch} patients, expected 1 to {_BATCH_MAX}"
            )
        answers: List[Prediction] = []
        size = max(1, min(batch, len(pairs)))
        with self._sessions.session(size) as (model, session):
            for at in range(0, len(pairs), batch):
                part = Batch(pairs[at : at + batch], names[at : at + batch])
                answers += _run(model, session, part, features)
                for answer in answers[at:] if raise_errors else ():
                    if answer.error is not None:
                        raise answer.error
                if progress is not None:
                    progress(len(answers), len(pairs))
        return answers

    @staticmethod
    def _names(
        pairs: Sequence[Pair], ids: Optional[Sequence[str]]
    ) -> List[str]:
        for at, pair in enumerate(pairs):
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise InvalidError(
                    f"pair {at} is no tuple of two photographs, left and right"
                )
        if ids is None:
            return [str(i + 1) for i in range(len(pairs))]
        if len(ids) != len(pairs):
            raise InvalidError(f"{len(ids)} ids for {len(pairs)} pairs")
        return [str(name) for name in ids]

    def save(self, path: Path) -> None:
        """Write a model file; whole or not at all."""
        with self._sessions.model() as model:
            call(lib().dms_model_write, model, path_bytes(path))

    def export_safetensors(
        self, path: Path, *, dtype: str = "f32", backbone_only: bool = False
    ) -> None:
        """Write the weights as safetensors that PyTorch loads strictly.

        dtype          "f32", "f16" or "bf16"
        backbone_only  the backbone alone under torchvision's names, without fc
        """
        number = number_of(lib().dms_weight_type_name, "dtype", dtype)
        options = fresh(s.ExportOptions, "dms_export_options")
        options.type = number
        options.backbone_only = backbone_only
        with self._sessions.model() as model:
            call(
                lib().dms_model_export_safetensors,
                model,
                path_bytes(path),
                c.byref(options),
            )

    def export_onnx(
        self,
        path: Path,
        *,
        size: int = 0,
        preprocessing: bool = False,
        probabilities: bool = False,
        keep_norms: bool = False,
    ) -> None:
        """Write the network as ONNX, opset 17, in one file.

        Inputs `left` and `right`, outputs `patient`, `eye_left`, `eye_right`
        of shape (N, K), for any N and the K labels.

        size           S of the inputs in pixels; 0: the model's own
        preprocessing  inputs are 8-bit RGB, (N, S, S, 3); else normalised
                       float32, (N, 3, S, S)
        probabilities  outputs are calibrated probabilities; else logits
        keep_norms     batch norms stay nodes; else folded into convolutions
        """
        options = fresh(s.OnnxOptions, "dms_onnx_options")
        options.size = size
        options.preprocessing = preprocessing
        options.probabilities = probabilities
        options.keep_norms = keep_norms
        with self._sessions.model() as model:
            call(
                lib().dms_model_export_onnx,
                model,
                path_bytes(path),
                c.byref(options),
            )


@dataclasses.dataclass(frozen=True)
class Imported:
    """A model of another program's weights, and what became of them."""

    model: Model
    report: ImportReport


def load(
    path: Path,
    *,
    precision: str = "fp32",
    threads: int = 0,
    workers: int = 1,
    winograd: bool = False,
) -> Model:
    """Open a model file.

    precision  of maps and weights: "fp32", "bf16" (a CPU with AVX-512 BF16),
               "int8" (a quantised model, a CPU with VNNI) or "auto": int8 of a
               quantised model, else bf16, where the CPU has it
    threads    of one call's work, 0 to 1024; 0: all cores
    workers    batches of one call that run side by side, each on its share of
               the threads: more patients a second, where one call brings many
    winograd   quicker 3x3 convolutions in fp32, for twice the memory and about
               two seconds at the first call of each batch size

    Raises FileError, FormatError, MismatchError, InvalidError.
    """
    compute = _compute(precision, threads, winograd, workers)
    handle = c.c_void_p()
    with _warnings() as monitor:
        call(
            lib().dms_model_open,
            c.byref(handle),
            path_bytes(path),
            c.byref(monitor),
        )
    return Model(handle, compute)


def create(
    *,
    seed: int = 1,
    labels: Optional[str] = None,
    precision: str = "fp32",
    threads: int = 0,
    workers: int = 1,
    winograd: bool = False,
    **architecture: Any,
) -> Model:
    """A model of random initial values.

    labels        what its outputs stand for, as `--labels` takes it: "a,b,c",
                  "grade=none,mild,severe" or a YAML file; None: ODIR's eight
    architecture  backbone ("resnet18" to "resnet152"), width, size, context,
                  fusion, eyes, task: the words of `dmsnet init`
    """
    compute = _compute(precision, threads, winograd, workers)
    handle = c.c_void_p()
    arch = _architecture(architecture)
    with _label_set(labels) as known:
        call(
            lib().dms_model_create, c.byref(handle), c.byref(arch), known, seed
        )
    return Model(handle, compute)


def import_weights(
    path: Path,
    *,
    prefix: str = "",
    seed: int = 1,
    labels: Optional[str] = None,
    precision: str = "fp32",
    threads: int = 0,
    workers: int = 1,
    winograd: bool = False,
    **architecture: Any,
) -> Imported:
    """A model of a ResNet's or a whole DMS-Net's weights, from safetensors or
    from what torch.save wrote. Nothing in the file is executed.

    prefix        of the names to take; "": found by itself
    seed          of the initial values of what the file has not
    labels        as in create, where the file does not tell
    architecture  what the file does not tell, as in create; not the backbone

    Raises MismatchError, whose report says which, where tensors are missing
    or of another shape; FormatError names what it refuses.
    """
    compute = _compute(precision, threads, winograd, workers)
    data = name_bytes(prefix)
    if len(data) > 255 or b"\0" in data:
        raise InvalidError("prefix: longer than 255 bytes, or with a NUL byte")
    options = fresh(s.ImportOptions, "dms_import_options")
    options.architecture = c.pointer(_architecture(architecture))
    options.seed = seed
    options.prefix = data
    report = c.c_void_p()
    handle = c.c_void_p()
    try:
        try:
            with _label_set(labels) as known, _warnings() as monitor:
                options.labels = known
                call(
                    lib().dms_model_import,
                    c.byref(handle),
                    c.byref(report),
                    path_bytes(path),
                    c.byref(options),
                    c.byref(monitor),
                )
        except MismatchError as error:
            if report:
                error.report = _report(report)
            raise
        model = Model(handle, compute)
        return Imported(model, _report(report))
    finally:
        lib().dms_import_report_destroy(report)


def _report(report: c.c_void_p) -> ImportReport:
    function = lib().dms_import_report_print
    return ImportReport(
        json.loads(take_text(function, report, True)),
        take_text(function, report, False),
    )


def _compute(
    precision: str, threads: int, winograd: bool, workers: int = 1
) -> s.Compute:
    number = number_of(lib().dms_precision_name, "precision", precision)
    compute: s.Compute = fresh(s.Compute, "dms_compute")
    compute.precision = number
    compute.winograd = 2 if winograd else 1
    compute.threads = threads
    compute.workers = workers
    call(lib().dms_compute_check, c.byref(compute))
    return compute


def _architecture(given: Dict[str, Any]) -> s.Architecture:
    arch: s.Architecture = lib().dms_architecture_default()
    for key, value in given.items():
        if key in ("width", "size"):
            setattr(arch, key, int(value))
        elif key in ("backbone", "context", "fusion", "eyes", "task"):
            name_of = getattr(lib(), f"dms_{key}_name")
            setattr(arch, key, number_of(name_of, key, value))
        else:
            raise TypeError(f"the architecture has no {key!r}")
    return arch


@contextlib.contextmanager
def _warnings() -> Iterator[s.Monitor]:
    """A monitor; what it is warned of becomes Python warnings at the end."""
    texts: List[str] = []

    def message(_user: Any, level: int, text: bytes) -> None:
        if level <= _WARNING:
            texts.append(name_text(text))

    yield s.Monitor(message=s.MESSAGE(message))
    for text in texts:
        warnings.warn(text, ModelWarning, stacklevel=4)


def _run(
    model: c.c_void_p, session: c.c_void_p, part: Batch, want: bool
) -> List[Prediction]:
    count = len(part.ids)
    width = lib().dms_model_feature_width(model) if want else 0
    rows = c.c_void_p()
    codes = _codes(model)
    call(lib().dms_predictions_create, c.byref(rows), model, count)
    try:
        if want:
            call(lib().dms_predictions_want_features, rows)
        call(
            lib().dms_session_predict, session, rows, part.pairs, count, None
        )
        return [
            _prediction(
                part,
                i,
                lib().dms_predictions_get(rows, i).contents,
                width,
                codes,
            )
            for i in range(count)
        ]
    finally:
        lib().dms_predictions_destroy(rows)


def _codes(model: c.c_void_p) -> Tuple[str, ...]:
    return tuple(
        lib().dms_model_label_code(model, k).decode()
        for k in range(lib().dms_model_label_count(model))
    )


@contextlib.contextmanager
def _label_set(text: Optional[str]) -> Iterator[c.c_void_p]:
    """The labels that `--labels` names; None: a NULL."""
    labels = c.c_void_p()
    if text is not None:
        call(lib().dms_label_set_parse, c.byref(labels), os.fsencode(text))
    try:
        yield labels
    finally:
        lib().dms_label_set_destroy(labels)


def _eye(
    row: s.Prediction,
    eye: int,
    path: Optional[str],
    features: Optional[NDArray[np.float32]],
) -> Optional[Eye]:
    field = row.field[eye]
    if not row.present[eye]:
        return None
    return Eye(
        path=path,
        field=Field(
            lib().dms_field_kind_name(field.kind).decode(),
            field.white_background,
            field.center_x,
            field.center_y,
            field.radius,
            field.coverage,
            field.coloured_background,
        ),
        probabilities=np.array(row.eye[eye][: row.label_count]),
        logits=np.array(row.eye_logits[eye][: row.label_count], np.float32),
        features=None if features is None else features[eye],
    )


def _prediction(
    part: Batch,
    at: int,
    row: s.Prediction,
    width: int,
    codes: Tuple[str, ...],
) -> Prediction:
    labels = row.label_count
    features: Optional[NDArray[np.float32]] = None
    if width:
        features = np.array(
            [row.features[eye][:width] for eye in range(2)], np.float32
        )
    error = part.errors[at]
    if error is None and row.error.code:
        error = error_of(row.error.code, row.error.message)
    if error is not None:
        return Prediction(
            id=part.ids[at],
            probabilities=np.zeros(labels),
            logits=np.zeros(labels, np.float32),
            findings=(),
            left=None,
            right=None,
            features=None if features is None else np.zeros_like(features),
            error=error,
            labels=codes,
        )
    return Prediction(
        id=part.ids[at],
        probabilities=np.array(row.patient[:labels]),
        logits=np.array(row.patient_logits[:labels], np.float32),
        findings=tuple(k for k, on in zip(codes, row.finding[:labels]) if on),
        left=_eye(row, 0, part.paths[at][0], features),
        right=_eye(row, 1, part.paths[at][1], features),
        features=features,
        labels=codes,
    )
