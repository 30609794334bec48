"""The C library's structs, member for member in the order of include/dms.

tests/python/test_structs.py holds every size and offset to the compiler's.
"""

from __future__ import annotations

import ctypes as c

K = 8  # DMS_LABELS


class Error(c.Structure):
    """dms_error."""

    _fields_ = [("code", c.c_int), ("message", c.c_char * 512)]


class Field(c.Structure):
    """dms_field."""

    _fields_ = [
        ("kind", c.c_int),
        ("white_background", c.c_bool),
        ("center_x", c.c_double),
        ("center_y", c.c_double),
        ("radius", c.c_double),
        ("coverage", c.c_double),
    ]


class Photograph(c.Structure):
    """dms_photograph."""

    _fields_ = [
        ("data", c.c_void_p),
        ("size", c.c_size_t),
        ("width", c.c_int),
        ("height", c.c_int),
    ]


class Pair(c.Structure):
    """dms_pair."""

    _fields_ = [
        ("id", c.c_char_p),
        ("path", c.c_char_p * 2),
        ("memory", Photograph * 2),
    ]


class Prediction(c.Structure):
    """dms_prediction."""

    _fields_ = [
        ("error", Error),
        ("present", c.c_bool * 2),
        ("field", Field * 2),
        ("patient", c.c_double * K),
        ("eye", (c.c_double * K) * 2),
        ("finding", c.c_bool * K),
        ("patient_logits", c.c_float * K),
        ("eye_logits", (c.c_float * K) * 2),
    ]


class Outputs(c.Structure):
    """dms_outputs."""

    _fields_ = [
        ("predictions", c.POINTER(Prediction)),
        ("features", c.c_void_p),
    ]


class Compute(c.Structure):
    """dms_compute."""

    _fields_ = [
        ("precision", c.c_int),
        ("winograd", c.c_int),
        ("threads", c.c_int),
        ("workers", c.c_int),
        ("deterministic", c.c_bool),
    ]


PROGRESS = c.CFUNCTYPE(
    None, c.c_void_p, c.c_char_p, c.c_size_t, c.c_size_t, c.c_char_p
)
MESSAGE = c.CFUNCTYPE(None, c.c_void_p, c.c_int, c.c_char_p)
SHOULD_STOP = c.CFUNCTYPE(c.c_bool, c.c_void_p)


class Monitor(c.Structure):
    """dms_monitor."""

    _fields_ = [
        ("user", c.c_void_p),
        ("progress", PROGRESS),
        ("message", MESSAGE),
        ("should_stop", SHOULD_STOP),
    ]


class Architecture(c.Structure):
    """dms_architecture."""

    _fields_ = [
        ("backbone", c.c_int),
        ("context", c.c_int),
        ("fusion", c.c_int),
        ("eyes", c.c_int),
        ("task", c.c_int),
        ("width", c.c_int),
        ("size", c.c_int),
    ]


class ImportOptions(c.Structure):
    """dms_import_options."""

    _fields_ = [
        ("architecture", Architecture),
        ("seed", c.c_uint64),
        ("prefix", c.c_char * 256),
    ]


class ImportReport(c.Structure):
    """dms_import_report."""

    _fields_ = [
        ("rows", c.c_void_p),
        ("count", c.c_size_t),
        ("fates", c.c_size_t * 4),
        ("whole", c.c_bool),
        ("backbone", c.c_int),
        ("prefix", c.c_char * 256),
    ]


class ExportOptions(c.Structure):
    """dms_export_options."""

    _fields_ = [("type", c.c_int), ("backbone_only", c.c_bool)]


class OnnxOptions(c.Structure):
    """dms_onnx_options."""

    _fields_ = [
        ("size", c.c_int),
        ("preprocessing", c.c_bool),
        ("probabilities", c.c_bool),
        ("keep_norms", c.c_bool),
    ]


QUANTIZE_PATH_MAX = 1024  # DMS_QUANTIZE_PATH_MAX


class QuantizeOptions(c.Structure):
    """dms_quantize_options."""

    _fields_ = [
        ("model", c.c_char * QUANTIZE_PATH_MAX),
        ("data", c.c_char * QUANTIZE_PATH_MAX),
        ("images", c.c_char * QUANTIZE_PATH_MAX),
        ("out", c.c_char * QUANTIZE_PATH_MAX),
        ("split", c.c_int),
        ("patients", c.c_int),
        ("method", c.c_int),
        ("percentile", c.c_double),
        ("tolerance", c.c_double),
        ("seed", c.c_uint64),
        ("threads", c.c_int),
    ]


class QuantizeReport(c.Structure):
    """dms_quantize_report."""

    _fields_ = [
        ("options", QuantizeOptions),
        ("layers", c.c_void_p),
        ("count", c.c_size_t),
        ("quantised", c.c_size_t),
        ("kept", c.c_size_t),
        ("patients", c.c_size_t),
        ("gflop", c.c_double),
        ("quantised_gflop", c.c_double),
        ("mean_difference", c.c_double),
        ("largest_difference", c.c_double),
        ("float_bytes", c.c_size_t),
        ("bytes", c.c_size_t),
    ]


# every struct that crosses the border, by its name in C
STRUCTS = {
    "dms_error": Error,
    "dms_field": Field,
    "dms_photograph": Photograph,
    "dms_pair": Pair,
    "dms_prediction": Prediction,
    "dms_outputs": Outputs,
    "dms_compute": Compute,
    "dms_monitor": Monitor,
    "dms_architecture": Architecture,
    "dms_import_options": ImportOptions,
    "dms_import_report": ImportReport,
    "dms_export_options": ExportOptions,
    "dms_onnx_options": OnnxOptions,
    "dms_quantize_options": QuantizeOptions,
    "dms_quantize_report": QuantizeReport,
}
