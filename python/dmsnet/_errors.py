"""The C library's statuses as exceptions with the same messages."""

from __future__ import annotations

from typing import Dict, Optional, Type

from dmsnet._names import name_text


class Error(Exception):
    """Something failed; str() is one sentence that names file or tensor.

    status is the name of the C library's status, such as "DMS_EFORMAT".
    """

    status = "DMS_EINTERNAL"


class InvalidError(Error, ValueError):
    """An argument or option is wrong."""

    status = "DMS_EINVAL"


class OutOfMemoryError(Error, MemoryError):
    """Out of memory."""

    status = "DMS_ENOMEM"


class FileError(Error, OSError):
    """The operating system refused to read or write."""

    status = "DMS_EIO"


class FormatError(Error, ValueError):
    """A file is invalid."""

    status = "DMS_EFORMAT"


class LimitError(Error, ValueError):
    """A file exceeds a limit."""

    status = "DMS_ELIMIT"


class MismatchError(Error, ValueError):
    """Shapes or names do not match.

    report is an ImportReport if an import failed, else None.
    """

    status = "DMS_EMISMATCH"
    report: Optional[object] = None


class StoppedError(Error):
    """The work was asked to stop."""

    status = "DMS_ESTOPPED"


class InternalError(Error, RuntimeError):
    """An underlying library failed unexpectedly."""

    status = "DMS_EINTERNAL"


class LibraryError(Error, ImportError):
    """libdmsnet was not found or has another version than this package."""

    status = "DMS_EIO"


class ModelWarning(UserWarning):
    """A warning of the library about a file that it accepts."""


# in the order of enum dms_status, from 1
STATUSES = (
    InvalidError,
    OutOfMemoryError,
    FileError,
    FormatError,
    LimitError,
    MismatchError,
    StoppedError,
    InternalError,
)
_BY_CODE: Dict[int, Type[Error]] = dict(enumerate(STATUSES, 1))


def error_of(code: int, message: bytes) -> Error:
    """The exception of a failed call's dms_error."""
    return _BY_CODE.get(code, InternalError)(name_text(message))
