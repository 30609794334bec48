"""Names are bytes; as texts they are what base/name.h of the library says."""

from __future__ import annotations

import codecs
import re
from typing import Tuple

_LIKE_AN_ESCAPE = re.compile(rb"\\(?=x[0-9A-Fa-f]{2})")


def _escape(error: UnicodeError) -> Tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    data = error.object[error.start:error.end]
    return "".join(f"\\x{byte:02X}" for byte in data), error.end


codecs.register_error("dmsnet", _escape)


def name_text(name: bytes) -> str:
    r"""A name, or a message with names in it, as text: a byte that is not UTF-8
    becomes \xE9, and a backslash that looks like one of these \x5C."""
    return _LIKE_AN_ESCAPE.sub(rb"\\x5C", name).decode("utf-8", "dmsnet")


def name_bytes(name: str) -> bytes:
    """A str's bytes in UTF-8, or those that os.fsdecode could not read."""
    return name.encode("utf-8", "surrogateescape")
