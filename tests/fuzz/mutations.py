"""Changes of documents that keep enough of their form to get past the first check of a reader.

What is changed depends on what the bytes are: entries of a ZIP archive, tags and attributes of XML and HTML, objects of
a PDF, and bytes of anything.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from random import Random
from warnings import catch_warnings

NUMBERS = (
    b"0", b"-1", b"1", b"255", b"65536", b"2147483647", b"-2147483649", b"4294967296", b"99999999999999999999",
    b"1e308", b"-0.0", b"nan", b"inf", b"0.0000001", b"1000000",
)  # fmt: skip
TEXTS = (
    b"", b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"\xe2\x80\xae", b"A" * 5000, b"../../etc/passwd", b"http://127.0.0.1/",
    b"file:///etc/passwd", b"%s%n", b"&a;", b"<![CDATA[", b"]]>", b"\r\n", b"\xf3\xa0\x80\x81", b"(" * 500, b"[" * 2000,
    b"|" * 300, b"<b>" * 500, b"*" * 500, b"\\", b"\x1b[31m", "\u0130\u00df\ufb03".encode(),
    "\U0001d7d8\u0663".encode(),
)  # fmt: skip
_NUMBER = re.compile(rb"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")
_TAG = re.compile(rb"<[^<>]{1,2000}>")
_VALUE = re.compile(rb"=\s*\"([^\"]*)\"")
_OBJECT = re.compile(rb"\d+ 0 obj\b.*?\bendobj", re.DOTALL)
_REFERENCE = re.compile(rb"\b\d+ 0 R\b")
_NAME = re.compile(rb"/[A-Za-z]+")
_STREAM = re.compile(rb"(?<=stream\n).*?(?=\n?endstream)", re.DOTALL)
_TEXT = re.compile(rb">[^<>]+<")


def mutate(data: bytes, random: Random) -> bytes:
    """The bytes with one to four changes."""
    for _ in range(random.choice((1, 1, 2, 4))):
        data = random.choice(_changes(data))(data, random)
    return data


def _changes(data: bytes) -> tuple[Callable[[bytes, Random], bytes], ...]:
    if data.startswith(b"PK\x03\x04"):
        return (change_zip, change_zip, change_zip, change_bytes)
    if data.startswith(b"%PDF"):
        return (change_number, change_pdf, change_pdf, change_pdf, change_bytes)
    if b"</" in data[:4096] or b"/>" in data[:4096]:
        return (change_number, change_markup, change_markup, change_bytes)
    return (change_number, change_bytes, change_bytes)


def change_bytes(data: bytes, random: Random) -> bytes:
    """Flip, remove, repeat, insert, overwrite or cut off bytes anywhere."""
    if not data:
        return random.choice(TEXTS)
    at = random.randrange(len(data))
    end = min(len(data), at + random.choice((1, 1, 2, 4, 16, 256, 4096)))
    piece = random.choice(
        (
            bytes((data[at] ^ 1 << random.randrange(8),)) + data[at + 1 : end],
            b"",
            data[at:end] * random.choice((2, 2, 50)),
            data[at:end] + random.choice(TEXTS),
            random.choice((b"\0", b"\xff", b"\x7f")) * (end - at),
            random.randbytes(end - at),
        )
    )
    return data[:at] if random.random() < 0.05 else data[:at] + piece + data[end:]


def change_number(data: bytes, random: Random) -> bytes:
    return _replace_one(data, _NUMBER, lambda _: random.choice(NUMBERS), random)


def change_markup(data: bytes, random: Random) -> bytes:
    """Change an attribute or a text, or remove, repeat, nest or exchange tags."""
    other = random.choice(_TAG.findall(data) or [b""])
    return random.choice(
        (
            lambda: _replace_one(data, _VALUE, lambda _: b'="' + random.choice(NUMBERS + TEXTS) + b'"', random),
            lambda: _replace_one(data, _TEXT, lambda _: b">" + random.choice(TEXTS + NUMBERS) + b"<", random),
            lambda: _replace_one(data, _TAG, lambda _: b"", random),
            lambda: _replace_one(data, _TAG, lambda tag: tag * random.choice((2, 3, 300)), random),
            lambda: _replace_one(data, _TAG, lambda _: other, random),
            lambda: _replace_one(data, _TAG, lambda tag: tag + other, random),
            lambda: b'<!DOCTYPE a [<!ENTITY a "bomb"><!ENTITY b "&a;&a;&a;">]>' + data.replace(b"><", b">&b;<", 3),
        )
    )()


def change_pdf(data: bytes, random: Random) -> bytes:
    """Change references, names, objects and the content of streams, also of packed ones."""
    references, names = _REFERENCE.findall(data) or [b"1 0 R"], _NAME.findall(data) or [b"/A"]
    return random.choice(
        (
            lambda: _replace_one(data, _REFERENCE, lambda _: random.choice(references), random),
            lambda: _replace_one(data, _NAME, lambda _: random.choice(names), random),
            lambda: _replace_one(data, _OBJECT, lambda _: b"", random),
            lambda: _replace_one(data, _OBJECT, lambda one: change_number(one, random), random),
            lambda: _replace_one(data, _OBJECT, lambda one: change_bytes(one, random), random),
            lambda: _replace_one(data, _STREAM, lambda one: _change_packed(one, random), random),
            lambda: _replace_one(data, _STREAM, lambda one: change_number(one, random), random),
        )
    )()


def change_zip(data: bytes, random: Random) -> bytes:
    """Change, rename, remove, repeat or exchange entries."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [(one.filename, archive.read(one)) for one in archive.infolist() if one.file_size < 1 << 22]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, zlib.error, EOFError, RuntimeError):
        return change_bytes(data, random)
    if not entries:
        return change_bytes(data, random)
    at = random.randrange(len(entries))
    name, content = entries[at]
    kind = random.randrange(12)
    if kind == 0:
        del entries[at]
    elif kind == 1:
        entries.insert(at, (name, random.choice(entries)[1]))
    elif kind == 2:
        entries[at] = (random.choice(("../a", "/etc/a", "a\nb", "a" * 400, "CON", random.choice(entries)[0])), content)
    else:
        entries[at] = (name, random.choice(_changes(content))(content, random))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            with suppress(ValueError), catch_warnings(action="ignore", category=UserWarning):  # of names that repeat
                archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def _change_packed(stream: bytes, random: Random) -> bytes:
    try:
        return zlib.compress(change_number(change_bytes(zlib.decompress(stream), random), random))
    except zlib.error:
        return change_bytes(stream, random)


def _replace_one(
    data: bytes, pattern: re.Pattern[bytes], replacement: Callable[[bytes], bytes], random: Random
) -> bytes:
    """Replace one match, with equal probability for all of the first 20,000."""
    found = [match.span() for match, _ in zip(pattern.finditer(data), range(20_000), strict=False)]
    if not found:
        return change_bytes(data, random)
    start, end = random.choice(found)
    return data[:start] + replacement(data[start:end]) + data[end:]
