"""Models: load, create or import them, predict, and write them."""

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
    """A DMS-Net that predicts; made by load, create or import_weights.

    Several threads may use it at once: each call has a session of its own.
    close(), the end of its `with` block or garbage collection frees it; a call
    that is still running in another thread is not disturbed.
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
        thresholds, calibration, provenance, number of parameters. A copy."""
        with self._lock, self._sessions.model() as model:
            if self._info is None:
                text = take_text(lib().dms_model_describe, model, True)
                self._info = json.loads(text)
            return copy.deepcopy(self._info)

    @property
    def labels(self) -> Tuple[str, ...]:
        """The codes of the labels, in the order of every array of labels: "N",
        "D", ... for ODIR's, else those that the model was trained for."""
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
        """By label code: a label is found if its probability is above this."""
        return dict(zip(self.labels, self.info["thresholds"]))

    @property
    def size(self) -> int:
        """Side of the network's input in pixels."""
        return int(self.info["preprocessing"]["size"])

    @property
    def feature_width(self) -> int:
        """F, the length of an eye's features: twice the width."""
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

        left, right  see Photograph; if one is None, the other stands in for
                     both
        id           the patient's name in messages and in the result
        features     also return the features before the heads

        Raises an Error if a photograph cannot be read.
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
        """Predict many patients; results in the order of pairs.

        pairs         (left, right) for each patient, as for predict
        ids           their names; None: "1", "2", ...
        batch         patients per batch, 1 to 256; more need more memory
        raise_errors  raise the first error of a pair; otherwise a pair that
                      cannot be read has it in .error, and the other pairs
                      are predicted
        progress      called as progress(done, total) after each batch; an
                      exception from it stops the work
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
                    f"pair {at} is not a tuple of two photographs, "
                    "left and right"
                )
        if ids is None:
            return [str(i + 1) for i in range(len(pairs))]
        if len(ids) != len(pairs):
            raise InvalidError(f"{len(ids)} ids for {len(pairs)} pairs")
        return [str(name) for name in ids]

    def save(self, path: Path) -> None:
        """Write a model file; after an error there is no partial file."""
        with self._sessions.model() as model:
            call(lib().dms_model_write, model, path_bytes(path))

    def export_safetensors(
        self, path: Path, *, dtype: str = "f32", backbone_only: bool = False
    ) -> None:
        """Write the weights as safetensors for PyTorch (strict=True works).

        dtype          "f32", "f16" or "bf16"
        backbone_only  only the backbone, under torchvision's names, without fc
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
        preprocessing  inputs are 8-bit RGB, (N, S, S, 3), instead of
                       normalised float32, (N, 3, S, S)
        probabilities  outputs are calibrated probabilities instead of logits
        keep_norms     keep batch norms as nodes instead of folding them into
                       the convolutions
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
    """A model made from another program's weights, and the report on them."""

    model: Model
    report: ImportReport


def load(
    path: Path,
    *,
    precision: str = "fp32",
    threads: int = 0,
    workers: int = 1,
    winograd: bool = False,
    tta: str = "none",
) -> Model:
    """Open a model file.

    path       of the file, or the name of a model that ships with dmsnet:
               "odir-small" (shipped_models lists them); "./odir-small" is
               always a file
    precision  number type of activations and weights: "fp32", "bf16" (needs a
               CPU with AVX-512 BF16), "int8" (needs a quantised model and a
               CPU with VNNI) or "auto": int8 for a quantised model, else bf16,
               where the CPU supports it, else fp32
    threads    threads of one call, 0 to 1024; 0: all cores
    workers    batches of one call that run in parallel, each on its share of
               the threads: more patients per second in calls of many patients
    winograd   Winograd's algorithm: faster 3x3 convolutions in fp32, for twice
               the memory and about two seconds at the first call of each batch
               size
    tta        test-time augmentation of predict and predict_batch: "flips"
               averages the logits over the photographs and their mirror
               images, for four times the work

    Raises FileError, FormatError, MismatchError, InvalidError.
    """
    compute = _compute(precision, threads, winograd, workers, tta)
    handle = c.c_void_p()
    with _warnings() as monitor:
        call(
            lib().dms_model_open,
            c.byref(handle),
            path_bytes(path),
            c.byref(monitor),
        )
    return Model(handle, compute)


def shipped_models() -> List[Dict[str, Any]]:
    """The models that ship with dmsnet, as `dmsnet models --json` prints
    them: name, file, bytes, sha256, backbone, width, size, quantised, labels,
    card and the card's figures."""
    return list(json.loads(take_text(lib().dms_model_list, True)))


def create(
    *,
    seed: int = 1,
    labels: Optional[str] = None,
    precision: str = "fp32",
    threads: int = 0,
    workers: int = 1,
    winograd: bool = False,
    tta: str = "none",
    **architecture: Any,
) -> Model:
    """Make a model with random initial weights.

    seed          of the weights
    labels        labels of its outputs, in the form of `--labels`: "a,b,c",
                  "grade=none,mild,severe" or a YAML file; None: ODIR's eight
    architecture  backbone ("resnet18" to "resnet152"), width, size, context,
                  fusion, eyes, task, with the values of `dmsnet init`

    The other arguments are those of load.
    """
    compute = _compute(precision, threads, winograd, workers, tta)
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
    tta: str = "none",
    **architecture: Any,
) -> Imported:
    """Make a model from the weights of a ResNet or of a whole DMS-Net, in a
    safetensors file or one of torch.save. Nothing in the file is executed.

    prefix        of the tensor names to import; "": found automatically
    seed          of the initial values of parameters that are not in the file
    labels        as in create, if the file does not say
    architecture  as in create, without backbone: what the file does not say

    The other arguments are those of load. Raises MismatchError if tensors are
    missing or of another shape (its report lists them) and FormatError, which
    names what is refused.
    """
    compute = _compute(precision, threads, winograd, workers, tta)
    data = name_bytes(prefix)
    if len(data) > 255 or b"\0" in data:
        raise InvalidError(
            "prefix: is longer than 255 bytes or has a NUL byte"
        )
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
    precision: str,
    threads: int,
    winograd: bool,
    workers: int = 1,
    tta: str = "none",
) -> s.Compute:
    number = number_of(lib().dms_precision_name, "precision", precision)
    compute: s.Compute = fresh(s.Compute, "dms_compute")
    compute.precision = number
    compute.winograd = 2 if winograd else 1
    compute.threads = threads
    compute.workers = workers
    compute.tta = number_of(lib().dms_tta_name, "tta", tta)
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
            raise TypeError(f"{key!r} is not an option of the architecture")
    return arch


@contextlib.contextmanager
def _warnings() -> Iterator[s.Monitor]:
    """A monitor whose warnings become Python warnings at the end."""
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
    """The label set of a `--labels` text; None gives NULL."""
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
