"""Pages that were taken apart before: a document of which one page changed costs that page, wherever the others moved.

A page is known by what lies on it, down to the bytes of its content streams, by what the document taught about
repetition as far as it touches this page, and by how it is read. Its number is no part of that.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extractors.layout.captions import Caption
from extractors.page import Drawing, PageLayout, Raster
from extractors.pdf.page_parts import Desk, PageParts
from extractors.pictures.store import image_path

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = 3
"""Raise it whenever the same page gives other parts."""


def key(page: Any, layout: PageLayout, desk: Desk, carried: Sequence[Caption]) -> str:
    """The name under which a page's parts are kept; `page` is PyMuPDF's."""
    options = asdict(replace(desk.options, tokenizer=None, pages=None, max_tokens=0))  # passages come later
    furniture = desk.furniture
    lifted = [replace(caption, page=caption.page - layout.number, lines=frozenset()) for caption in carried]
    parts: list[Raster | Drawing] = [*layout.rasters, *layout.drawings]
    repeats = [furniture.repeats(part, layout) for part in parts]
    running = sorted(furniture.running_lines(layout))
    digest = hashlib.sha256()
    for fact in (FORMAT, options, desk.engine, replace(layout, number=0), running, repeats, lifted):
        digest.update(repr(fact).encode("utf-8", "surrogatepass"))
    digest.update(page.read_contents())
    for xref, *_ in page.get_xobjects():
        digest.update(page.parent.xref_stream_raw(xref) or b"")
    return digest.hexdigest()


def load(name: str, desk: Desk, number: int) -> PageParts | None:
    """The parts kept under `name`, as page `number`; None when there are none, or when a picture of theirs is gone."""
    path = _path(name, desk)
    try:
        parts = _parts_type().validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    if not all(image_path(picture.image, desk.pictures).exists() for picture in parts.pictures):
        return None
    with contextlib.suppress(OSError):
        for picture in parts.pictures:
            os.utime(image_path(picture.image, desk.pictures))  # young again, so that no sweep takes it now
        os.utime(path)
    return _moved(parts, number)


def keep(name: str, desk: Desk, parts: PageParts) -> None:
    """Keep what a page gave, if it gave all: what failed may go well another time."""
    if parts.problems or parts.notes:
        return
    path = _path(name, desk)
    with contextlib.suppress(OSError):  # a full disk costs the reuse, not the page
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
        with os.fdopen(handle, "wb") as file:
            file.write(_parts_type().dump_json(parts))
        Path(draft).replace(path)


def _moved(parts: PageParts, number: int) -> PageParts:
    by = number - parts.number
    if not by:
        return parts
    return replace(
        parts,
        number=number,
        paragraphs=[replace(paragraph, page=paragraph.page + by) for paragraph in parts.paragraphs],
        pictures=[replace(picture, page=picture.page + by) for picture in parts.pictures],
        unmatched=tuple(replace(caption, page=caption.page + by) for caption in parts.unmatched),
    )


def _path(name: str, desk: Desk) -> Path:
    assert desk.options.pages is not None
    return desk.options.pages / name[:2] / f"{name}.json"


@cache
def _parts_type() -> TypeAdapter[PageParts]:
    from pydantic import TypeAdapter

    return TypeAdapter(PageParts)
