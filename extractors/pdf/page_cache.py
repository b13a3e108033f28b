"""A cache of extracted pages, so that a changed page costs only itself, wherever the other pages moved.

The key is a hash of everything that determines the parts of a page: its layout, the bytes of its content streams, which
of its elements repeat on other pages, the captions carried over, and the options. The page number is not included.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extractors.atomic_write import write_file
from extractors.layout.captions import Caption
from extractors.page import Drawing, PageLayout, Raster
from extractors.pdf.page_extractor import PageContext, PageParts, extract_page
from extractors.pictures.store import image_path

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = 12  # raise it when the same page is extracted differently, or when a field of `PageParts` changes


def extract_page_cached(page: Any, layout: PageLayout, context: PageContext, carried: Sequence[Caption]) -> PageParts:
    """Like `extract_page`, but reuse the parts of the same page from the folder `options.pages`, if there is one."""
    folder = context.options.pages
    if folder is None:
        return extract_page(page, layout, context, carried)
    with context.timer.stage("reuse"):
        key = _page_key(page, layout, context, carried)
        path = folder / key[:2] / f"{key}.json"
        cached = _load_parts(path, context.pictures)
    if cached:
        return _renumber(cached, layout.number)
    parts = extract_page(page, layout, context, carried)
    if not parts.problems and not parts.notes:  # what failed may succeed the next time
        with contextlib.suppress(OSError):  # a full disk costs the reuse, not the page
            write_file(path, parts_type().dump_json(parts))
    return parts


def _page_key(page: Any, layout: PageLayout, context: PageContext, carried: Sequence[Caption]) -> str:
    # The tokenizer and the length of passages only matter after the pages have been extracted.
    options = asdict(replace(context.options, tokenizer=None, pages=None, max_tokens=0))
    del options["page_range"]  # the same page is the same, whichever others are read
    marks: list[Raster | Drawing] = [*layout.rasters, *layout.drawings]
    repeats = [context.furniture.repeats(mark, layout) for mark in marks]
    running = sorted(context.furniture.running_lines(layout))
    captions = [replace(caption, page=caption.page - layout.number, lines=frozenset()) for caption in carried]
    digest = hashlib.sha256()
    for fact in (FORMAT, options, context.ocr_engine, replace(layout, number=0), running, repeats, captions):
        digest.update(repr(fact).encode("utf-8", "surrogatepass"))
    digest.update(page.read_contents())
    for xref, *_ in page.get_xobjects():
        digest.update(page.parent.xref_stream_raw(xref) or b"")
    return digest.hexdigest()


def _load_parts(path: Path, pictures: Path) -> PageParts | None:
    """The parts in the file `path`; None when there are none, or when one of their pictures is missing."""
    try:
        parts = parts_type().validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    images = [image_path(picture.image, pictures) for picture in parts.pictures]
    if not all(image.exists() for image in images):
        return None
    with contextlib.suppress(OSError):
        for file in (*images, path):
            os.utime(file)  # a sweep spares recent files
    return parts


def _renumber(parts: PageParts, number: int) -> PageParts:
    shift = number - parts.number
    return replace(
        parts,
        number=number,
        paragraphs=[replace(paragraph, page=paragraph.page + shift) for paragraph in parts.paragraphs],
        pictures=[replace(picture, page=picture.page + shift) for picture in parts.pictures],
        unmatched_captions=tuple(replace(caption, page=caption.page + shift) for caption in parts.unmatched_captions),
    )


@cache
def parts_type() -> TypeAdapter[PageParts]:
    """How parts are written and read; building it takes 0.1 s."""
    from pydantic import TypeAdapter

    return TypeAdapter(PageParts)
