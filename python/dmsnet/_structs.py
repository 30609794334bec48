"""The C library's structs, member for member in the order of include/dms.

tests/python/test_structs.py compares sizes and offsets with the compiler's.
"""

from __future__ import annotations

import ctypes as c

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
        ("coloured_background", c.c_bool),
        ("background", c.c_uint8 * 3),
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
        ("side_unknown", c.c_bool),
    ]


class Prediction(c.Structure):
    """dms_prediction."""

    _fields_ = [
        ("error", Error),
        ("present", c.c_bool * 2),
        ("field", Field * 2),
        ("label_count", c.c_int),
        ("patient", c.POINTER(c.c_double)),
        ("eye", c.POINTER(c.c_double) * 2),
        ("finding", c.POINTER(c.c_bool)),
        ("patient_logits", c.POINTER(c.c_float)),
        ("eye_logits", c.POINTER(c.c_float) * 2),
        ("features", c.POINTER(c.c_float) * 2),
    ]


class Compute(c.Structure):
    """dms_compute."""

    _fields_ = [
        ("struct_size", c.c_size_t),
        ("precision", c.c_int),
        ("winograd", c.c_int),
        ("threads", c.c_int),
        ("workers", c.c_int),
        ("deterministic", c.c_bool),
        ("tta", c.c_int),
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
        ("reserved", c.c_void_p * 4),
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
        ("labels", c.c_int),
    ]


class ImportOptions(c.Structure):
    """dms_import_options."""

    _fields_ = [
        ("struct_size", c.c_size_t),
        ("architecture", c.POINTER(Architecture)),
        ("labels", c.c_void_p),
        ("seed", c.c_uint64),
        ("prefix", c.c_char_p),
        ("depth_slice", c.c_int),
    ]


class ExportOptions(c.Structure):
    """dms_export_options."""

    _fields_ = [
        ("struct_size", c.c_size_t),
        ("type", c.c_int),
        ("backbone_only", c.c_bool),
    ]


class OnnxOptions(c.Structure):
    """dms_onnx_options."""

    _fields_ = [
        ("struct_size", c.c_size_t),
        ("size", c.c_int),
        ("preprocessing", c.c_bool),
        ("probabilities", c.c_bool),
        ("keep_norms", c.c_bool),
    ]


class QuantizeOptions(c.Structure):
    """dms_quantize_options."""

    _fields_ = [
        ("struct_size", c.c_size_t),
        ("model", c.c_char_p),
        ("data", c.c_char_p),
        ("images", c.c_char_p),
        ("out", c.c_char_p),
        ("split", c.c_int),
        ("patients", c.c_int),
        ("method", c.c_int),
        ("percentile", c.c_double),
        ("tolerance", c.c_double),
        ("seed", c.c_uint64),
        ("threads", c.c_int),
        ("encoding", c.c_char_p),
    ]


class CalibrateOptions(c.Structure):
    """dms_calibrate_options."""

    _fields_ = [
        ("struct_size", c.c_size_t),
        ("model", c.c_char_p),
        ("data", c.c_char_p),
        ("predictions", c.POINTER(c.c_char_p)),
        ("predictions_count", c.c_size_t),
        ("images", c.c_char_p),
        ("labels", c.c_char_p),
        ("encoding", c.c_char_p),
        ("cache", c.c_char_p),
        ("out", c.c_char_p),
        ("split", c.c_int),
        ("method", c.c_int),
        ("point", c.c_char_p),
        ("batch", c.c_int),
        ("compute", c.POINTER(Compute)),
    ]


# every struct that is passed to C, by its name there
STRUCTS = {
    "dms_error": Error,
    "dms_field": Field,
    "dms_photograph": Photograph,
    "dms_pair": Pair,
    "dms_prediction": Prediction,
    "dms_compute": Compute,
    "dms_monitor": Monitor,
    "dms_architecture": Architecture,
    "dms_import_options": ImportOptions,
    "dms_export_options": ExportOptions,
    "dms_onnx_options": OnnxOptions,
    "dms_quantize_options": QuantizeOptions,
    "dms_calibrate_options": CalibrateOptions,
}
