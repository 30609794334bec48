"""Statuses of the C library as exceptions, with the same text."""

from __future__ import annotations

from typing import Dict, Optional, Type

from dmsnet._names import name_text


class Error(Exception):
    """Something failed; str() is one sentence that names file or tensor.

    status is the name of the C library's status, as "DMS_EFORMAT".
    """

    status = "DMS_EINTERNAL"


class InvalidError(Error, ValueError):
    """An argument or option is wrong."""

    status = "DMS_EINVAL"


class OutOfMemoryError(Error, MemoryError):
    """Memory could not be had."""

    status = "DMS_ENOMEM"


class FileError(Error, OSError):
    """The operating system refused to read or write."""

    status = "DMS_EIO"


class FormatError(Error, ValueError):
    """A file is not what it should be."""

    status = "DMS_EFORMAT"


class LimitError(Error, ValueError):
    """A file asks for more than the limits allow."""

    status = "DMS_ELIMIT"


class MismatchError(Error, ValueError):
    """Two things that must fit do not: shapes, names.

    report, an ImportReport, says which when an import failed; else None.
    """

    status = "DMS_EMISMATCH"
    report: Optional[object] = None


class StoppedError(Error):
    """The work was asked to stop."""

    status = "DMS_ESTOPPED"


class InternalError(Error, RuntimeError):
    """A library below failed in a way that it should not."""

    status = "DMS_EINTERNAL"


class LibraryError(Error, ImportError):
    """libdmsnet was not found, or is of another version than this package."""

    status = "DMS_EIO"


class ModelWarning(UserWarning):
    """What the library has to say of a file that it takes all the same."""


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
