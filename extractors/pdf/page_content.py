"""Recognising a page by the objects of the file that it is made of, without interpreting them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from extractors.page import PageLayout
from extractors.pdf.structure_tags import is_tagged

MAX_DEPTH = 50
"""Of the page tree."""
MAX_STREAM = 64 << 20
"""Bytes of a stream that is read as a whole; the layout tells pages with larger ones apart."""
_INHERITED = ("Resources", "MediaBox", "CropBox", "Rotate")
_SHARED = ("OCProperties", "AcroForm/DA", "AcroForm/DR", "AcroForm/NeedAppearances")
"""Entries of the catalogue that change how pages are drawn: layers, and how form fields look."""
_REFERENCE = re.compile(r"\b(\d{1,8}) \d{1,5} R\b")
_PAGE = re.compile(r"/Type ?/Pages?\b")
_LENGTH = re.compile(r"/Length (\d+)(?! \d+ R)")
_NOT_DRAWN = frozenset(("B", "Metadata", "PieceInfo", "StructParents", "Thumb"))
"""Entries of a page that lead out of it, or do not change how it looks."""
_KIDS = re.compile(r"/Kids ?(?:\[[^\[\]]*\]|\d+ \d+ R)")
"""Of a form field: what shows it on other pages."""


class PageContents:
    """Digests of the pages of a `pymupdf.Document`: equal for pages that are drawn alike, whatever their number.

    Objects have other numbers in every version of a file, so a reference counts as what it refers to.
    """

    def __init__(self, document: Any) -> None:
        self._document = document
        self._digests: dict[int, bytes] = {}  # by object number
        self._of_page: dict[int, bytes] = {}  # of objects that refer to each other, which depend on where one begins
        self._open: set[int] = set()  # objects whose digests are being made
        self._cycles = 0
        self._is_tagged = is_tagged(document)
        self._shared: list[str] | None = None

    def digest(self, page: Any, read: Callable[[], PageLayout]) -> bytes:
        """The digest of a page that was not turned.

        Tags are in a tree that spans the document: `read` then returns the layout, which shows what they say.
        """
        digest = hashlib.sha256()
        needs_layout = self._is_tagged
        try:
            digest.update(_encoded(self._describe(page.xref)))
        except (RecursionError, RuntimeError, ValueError):  # objects are broken, too large, or nested too deeply
            digest.update(page.read_contents() or b"")
            needs_layout = True
        if needs_layout:
            digest.update(_encoded(repr(replace(read(), number=0))))
        return digest.digest()

    def _describe(self, page: int) -> str:
        self._open.clear()
        if self._shared is None:
            catalogue = self._document.pdf_catalog()
            self._shared = [self._expand(self._document.xref_get_key(catalogue, key)[1]) for key in _SHARED]
        self._of_page.clear()
        own = set(self._document.xref_get_keys(page))
        inherited = [self._inherited(page, key) for key in _INHERITED if key not in own]
        drawn = (f"{key} {self._document.xref_get_key(page, key)[1]}" for key in sorted(own - _NOT_DRAWN))
        return "\n".join((*self._shared, *inherited, *map(self._expand, drawn)))

    def _inherited(self, page: int, key: str) -> str:
        for _ in range(MAX_DEPTH):
            kind, value = self._document.xref_get_key(page, key)
            if kind != "null":
                return self._expand(value)
            kind, parent = self._document.xref_get_key(page, "Parent")
            if kind != "xref":
                break
            page = int(parent.split()[0])
        return ""

    def _expand(self, text: str) -> str:
        """The text of an object with digests instead of references."""
        return _REFERENCE.sub(lambda reference: self._digest(int(reference[1])).hex(), text)

    def _digest(self, number: int) -> bytes:
        """The digest of an object and of all that it refers to, except pages."""
        if number in self._digests:
            return self._digests[number]
        if number in self._open or number in self._of_page:
            self._cycles += 1
            return self._of_page.get(number, b"")
        cycles = self._cycles
        self._open.add(number)
        digest = self._make_digest(number)
        self._open.remove(number)
        known = self._digests if self._cycles == cycles else self._of_page
        known[number] = digest
        return digest

    def _make_digest(self, number: int) -> bytes:
        if number >= self._document.xref_length():  # a reference to nothing is a null
            return b""
        text = self._document.xref_object(number, compressed=True)
        if (length := _LENGTH.search(text)) and int(length[1]) > MAX_STREAM:
            raise ValueError("a stream is too large")
        if _PAGE.search(text):
            return b""
        digest = hashlib.sha256(_encoded(self._expand(_KIDS.sub("", text))))
        digest.update(self._document.xref_stream_raw(number) or b"")
        return digest.digest()


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
