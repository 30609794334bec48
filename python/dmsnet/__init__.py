"""DMS-Net, a binocular classifier of fundus photographs.

    import dmsnet

    with dmsnet.load("m.safetensors") as model:
        answer = model.predict("l.jpg", "r.jpg")
    print(answer.findings, answer["D"], answer.probabilities)

The C library libdmsnet does the work and is called through ctypes; numpy is
the only dependency. Errors are subclasses of dmsnet.Error and have the same
text as on the command line. A research tool, not a medical device.
"""

from dmsnet._calibrate import calibrate
from dmsnet._errors import (
    Error,
    FileError,
    FormatError,
    InternalError,
    InvalidError,
    LibraryError,
    LimitError,
    MismatchError,
    ModelWarning,
    OutOfMemoryError,
    StoppedError,
)
from dmsnet._library import __version__, library_path
from dmsnet._model import (
    Imported,
    Model,
    create,
    import_weights,
    load,
    shipped_models,
)
from dmsnet._photographs import Photograph
from dmsnet._quantize import quantize
from dmsnet._results import Eye, Field, ImportReport, Prediction

__all__ = [
    "LABELS",
    "Error",
    "Eye",
    "Field",
    "FileError",
    "FormatError",
    "ImportReport",
    "Imported",
    "InternalError",
    "InvalidError",
    "LibraryError",
    "LimitError",
    "MismatchError",
    "Model",
    "ModelWarning",
    "OutOfMemoryError",
    "Photograph",
    "Prediction",
    "StoppedError",
    "__version__",
    "calibrate",
    "create",
    "import_weights",
    "library_path",
    "load",
    "quantize",
    "shipped_models",
]


def __getattr__(name: str) -> "tuple[str, ...]":
    """LABELS: the codes of ODIR's eight labels, the library's default."""
    if name != "LABELS":
        raise AttributeError(f"module 'dmsnet' has no attribute {name!r}")
    from dmsnet._library import lib

    odir = lib().dms_label_set_odir()
    return tuple(
        lib().dms_label_set_code(odir, k).decode()
        for k in range(lib().dms_label_set_count(odir))
    )
