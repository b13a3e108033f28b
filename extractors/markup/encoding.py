"""The characters of a text file whose encoding nobody states."""

import codecs
import re
from contextlib import suppress

from extractors.errors import ExtractionError
from extractors.markup.encoding_guess import guess_encoding
from extractors.text.cleaning import replace_surrogates

MAX_TEXT_BYTES = 64 << 20
"""Larger text files are data or logs rather than documents."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"""(?:<meta[^>]{0,200}?charset|^<\?xml[^>]{0,100}?encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.I)
_HEAD = 4096  # bytes in which HTML declares its encoding
_NUL_SHARE = 0.2  # of the bytes of UTF-16 without a mark, at even or at odd places


def decode_text(data: bytes, name: str, declared: str = "") -> str:
    """Return the text of a file: by its byte order mark, else UTF-8, else what it or `declared` says, else a guess.

    UTF-8 comes before the declaration, which is often wrong while text that decodes as UTF-8 seldom is anything else.
    Raises `ExtractionError` for what is too large or not text; `name` is used in messages.
    """
    if len(data) > MAX_TEXT_BYTES:
        raise ExtractionError(f"{name}: has more than {MAX_TEXT_BYTES >> 20} MiB of text; split the file")
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    if encoding := _utf_16(data):
        return data.decode(encoding, errors="replace")
    if b"\0" in data:
        raise ExtractionError(f"{name}: is not text, whatever its suffix says; correct the suffix")
    found = _DECLARED.search(data[:_HEAD])
    stated = found[1].decode("ascii", errors="replace") if found else ""
    for encoding in ("utf-8", declared, stated):
        with suppress(ValueError, LookupError):  # also for a name that is none, or of an encoding that only fails
            return str(replace_surrogates(data.decode(encoding or "utf-8")))
    return _guess(data)


def _utf_16(data: bytes) -> str:
    """The byte order of UTF-16 without a mark, by the zeros in its Latin letters, or ""."""
    head = data[:_HEAD]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) < _NUL_SHARE * len(head) / 2 or min(even, odd) > 0.1 * max(even, odd):
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def _guess(data: bytes) -> str:
    from charset_normalizer import from_bytes

    if encoding := guess_encoding(data):
        return data.decode(encoding, errors="replace")
    best = from_bytes(data[: 1 << 20]).best()
    return data.decode(best.encoding if best else "cp1252", errors="replace")
