"""Find libdmsnet and declare the functions that are called."""

from __future__ import annotations

import ctypes as c
import os
import threading
from pathlib import Path
from typing import Any, Callable, Iterator, Optional, Tuple

from dmsnet import _structs as s
from dmsnet._errors import InvalidError, LibraryError, error_of

__version__ = "0.2.0"

_NAMES = ("libdmsnet.so", "libdmsnet.so.0.2")
_PATH = "DMSNET_LIBRARY"
_lock = threading.Lock()
_loaded: Optional[Tuple[c.CDLL, str]] = None

_err = c.POINTER(s.Error)
_handle = c.c_void_p
_out = c.POINTER(c.c_void_p)

# name: result, arguments
_FUNCTIONS = {
    "dms_version": (c.c_char_p, []),
    "dms_label_set_odir": (_handle, []),
    "dms_label_set_parse": (c.c_int, [_out, c.c_char_p, _err]),
    "dms_label_set_destroy": (None, [_handle]),
    "dms_label_set_count": (c.c_int, [_handle]),
    "dms_label_set_code": (c.c_char_p, [_handle, c.c_int]),
    "dms_model_label_count": (c.c_int, [_handle]),
    "dms_model_label_code": (c.c_char_p, [_handle, c.c_int]),
    "dms_model_label_name": (c.c_char_p, [_handle, c.c_int]),
    "dms_model_feature_width": (c.c_size_t, [_handle]),
    "dms_field_kind_name": (c.c_char_p, [c.c_int]),
    "dms_precision_name": (c.c_char_p, [c.c_int]),
    "dms_tta_name": (c.c_char_p, [c.c_int]),
    "dms_weight_type_name": (c.c_char_p, [c.c_int]),
    "dms_backbone_name": (c.c_char_p, [c.c_int]),
    "dms_context_name": (c.c_char_p, [c.c_int]),
    "dms_fusion_name": (c.c_char_p, [c.c_int]),
    "dms_eyes_name": (c.c_char_p, [c.c_int]),
    "dms_task_name": (c.c_char_p, [c.c_int]),
    "dms_text_free": (None, [_handle]),
    "dms_architecture_default": (s.Architecture, []),
    "dms_compute_init": (None, [c.POINTER(s.Compute), c.c_size_t]),
    "dms_compute_check": (c.c_int, [c.POINTER(s.Compute), _err]),
    "dms_model_open": (
        c.c_int,
        [_out, c.c_char_p, c.POINTER(s.Monitor), _err],
    ),
    "dms_model_create": (
        c.c_int,
        [_out, c.POINTER(s.Architecture), _handle, c.c_uint64, _err],
    ),
    "dms_model_import": (
        c.c_int,
        [
            _out,
            _out,
            c.c_char_p,
            c.POINTER(s.ImportOptions),
            c.POINTER(s.Monitor),
            _err,
        ],
    ),
    "dms_import_options_init": (
        None,
        [c.POINTER(s.ImportOptions), c.c_size_t],
    ),
    "dms_import_report_print": (
        c.c_int,
        [_out, _handle, c.c_bool, _err],
    ),
    "dms_import_report_destroy": (None, [_handle]),
    "dms_model_list": (c.c_int, [_out, c.c_bool, _err]),
    "dms_model_describe": (c.c_int, [_out, _handle, c.c_bool, _err]),
    "dms_model_write": (c.c_int, [_handle, c.c_char_p, _err]),
    "dms_export_options_init": (
        None,
        [c.POINTER(s.ExportOptions), c.c_size_t],
    ),
    "dms_onnx_options_init": (None, [c.POINTER(s.OnnxOptions), c.c_size_t]),
    "dms_model_export_safetensors": (
        c.c_int,
        [_handle, c.c_char_p, c.POINTER(s.ExportOptions), _err],
    ),
    "dms_model_export_onnx": (
        c.c_int,
        [_handle, c.c_char_p, c.POINTER(s.OnnxOptions), _err],
    ),
    "dms_quantize_method_name": (c.c_char_p, [c.c_int]),
    "dms_quantize": (
        c.c_int,
        [
            _out,
            c.POINTER(s.QuantizeOptions),
            c.POINTER(s.Monitor),
            _err,
        ],
    ),
    "dms_quantize_report_print": (
        c.c_int,
        [_out, _handle, c.c_bool, _err],
    ),
    "dms_quantize_options_init": (
        None,
        [c.POINTER(s.QuantizeOptions), c.c_size_t],
    ),
    "dms_quantize_report_destroy": (None, [_handle]),
    "dms_calibrate_method_name": (c.c_char_p, [c.c_int]),
    "dms_calibrate": (
        c.c_int,
        [
            _out,
            c.POINTER(s.CalibrateOptions),
            c.POINTER(s.Monitor),
            _err,
        ],
    ),
    "dms_calibrate_report_print": (
        c.c_int,
        [_out, _handle, c.c_bool, _err],
    ),
    "dms_calibrate_options_init": (
        None,
        [c.POINTER(s.CalibrateOptions), c.c_size_t],
    ),
    "dms_calibrate_report_destroy": (None, [_handle]),
    "dms_model_destroy": (None, [_handle]),
    "dms_session_create_with": (
        c.c_int,
        [_out, _handle, c.c_int, c.POINTER(s.Compute), c.c_size_t, _err],
    ),
    "dms_predictions_create": (c.c_int, [_out, _handle, c.c_size_t, _err]),
    "dms_predictions_want_features": (c.c_int, [_handle, _err]),
    "dms_predictions_get": (c.POINTER(s.Prediction), [_handle, c.c_size_t]),
    "dms_predictions_destroy": (None, [_handle]),
    "dms_session_predict": (
        c.c_int,
        [
            _handle,
            _handle,
            c.POINTER(s.Pair),
            c.c_size_t,
            c.POINTER(s.Monitor),
            _err,
        ],
    ),
    "dms_session_destroy": (None, [_handle]),
}


def _candidates() -> Iterator[str]:
    """Where the library may be, in order of preference."""
    named = os.environ.get(_PATH)
    if named:  # no other is tried
        yield named
        return
    package = Path(__file__).resolve().parent
    checkout = package.parent.parent
    folders = [package]
    if (checkout / "include" / "dms" / "dms.h").exists():
        folders.append(checkout / "build")
    else:  # lib/python3/dist-packages/dmsnet, as cmake --install puts it
        folders.append(package.parents[2])
    for folder in folders:
        for name in _NAMES:
            if (folder / name).exists():
                yield str(folder / name)
    yield from _NAMES


def _load() -> Tuple[c.CDLL, str]:
    reasons = []
    for path in _candidates():
        try:
            library = c.CDLL(path)
        except OSError as error:
            reasons.append(str(error))
            continue
        _declare(library, path)
        return library, path
    raise LibraryError(
        f"libdmsnet was not found: {'; '.join(reasons)}. Install dmsnet, or "
        f"set {_PATH} to the path of the library"
    )


def _declare(library: c.CDLL, path: str) -> None:
    wanted = __version__.rsplit(".", 1)[0]
    try:
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype = result
            function.argtypes = arguments
    except AttributeError as error:
        raise LibraryError(
            f"{path} is not libdmsnet {wanted}: {error}"
        ) from None
    found = library.dms_version().decode()
    if found.rsplit(".", 1)[0] != wanted:
        raise LibraryError(
            f"{path} is libdmsnet {found}; this package needs {wanted}"
        )


def lib() -> Any:
    """The C library, loaded at the first call."""
    global _loaded
    with _lock:
        if _loaded is None:
            _loaded = _load()
        return _loaded[0]


def library_path() -> str:
    """Path (or the loader's name) of the C library in use; loads it."""
    lib()
    assert _loaded is not None
    return _loaded[1]


def call(function: Callable[..., int], *arguments: Any) -> None:
    """Call a function that returns a status and takes a dms_error last; raise
    the error."""
    err = s.Error()
    code = function(*arguments, c.byref(err))
    if code:
        raise error_of(code, err.message)


def fresh(kind: Callable[[], Any], name: str) -> Any:
    """An options struct with the library's defaults, by its name in C."""
    options = kind()
    init = getattr(lib(), f"{name}_init")
    init(c.byref(options), c.sizeof(options))
    return options


def take_text(function: Callable[..., int], *arguments: Any) -> str:
    """Call a function that allocates a text for the caller."""
    text = c.c_void_p()
    call(function, c.byref(text), *arguments)
    try:
        return c.string_at(text.value or 0).decode()
    finally:
        lib().dms_text_free(text)


def number_of(name_of: Callable[[int], Optional[bytes]], what: str,
              word: str) -> int:
    """The enum value of a word, such as "fp32" for precision."""
    words = []
    name = name_of(0)
    while name is not None:
        words.append(name.decode())
        name = name_of(len(words))
    if word not in words:
        raise InvalidError(
            f"{what} {word!r} is not one of {', '.join(words)}"
        )
    return words.index(word)


def path_bytes(path: Any) -> bytes:
    """A path in the encoding of the file system, for C."""
    data = os.fsencode(path)
    if b"\0" in data:
        raise InvalidError(f"path {path!r} has a NUL byte")
    return data
