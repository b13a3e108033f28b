"""Jupyter notebooks: their text, code and outputs."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from extractors.blocks.types import BlockDocument, Code, Content, Image
from extractors.errors import ExtractionError
from extractors.markup.html_reader import parse_html, read_html
from extractors.markup.image_files import ImageFinder, images_beside, read_data_address
from extractors.markup.lightweight import read_markdown_text
from extractors.text.cleaning import replace_surrogates

MAX_BYTES = 256 << 20
"""Larger than any notebook that a browser opens."""
MAX_OUTPUT_LENGTH = 20_000
"""Characters of one output in text; longer ones are logs, of which only the beginning is read."""
MAX_TABLE_LENGTH = 2_000_000
"""Characters of an output in HTML; larger ones are interactive charts with their data and programs."""

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_IMAGES = ("image/png", "image/jpeg", "image/svg+xml")
_FIGURE = re.compile(r"<(Figure size|[\w.]+) .*>")
"""What programs print for a picture or an object: `<Figure size 640x480 with 1 Axes>`."""


def read_notebook(path: Path, name: str) -> BlockDocument:
    """Read a notebook of Jupyter, also of its older versions. Raises `ExtractionError`."""
    if path.stat().st_size > MAX_BYTES:
        raise ExtractionError(f"{name}: is larger than {MAX_BYTES >> 20} MiB; clear its outputs and save it again")
    try:
        notebook = replace_surrogates(json.loads(path.read_bytes()))
        cells = notebook.get("cells")
        if cells is None:
            cells = list(chain.from_iterable(sheet["cells"] for sheet in notebook["worksheets"]))
        metadata = notebook.get("metadata", {})
        notes: list[str] = []
        blocks = [block for cell in cells for block in _read_cell(cell, path, notes)]
        return BlockDocument(blocks, str(metadata.get("title") or ""), notes=tuple(dict.fromkeys(notes)))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ExtractionError(f"{name}: is no Jupyter notebook; open it in Jupyter and save it again") from error


def _read_cell(cell: Mapping[str, Any], path: Path, notes: list[str]) -> Iterator[Content]:
    kind, source = cell.get("cell_type"), _text(cell.get("source", cell.get("input", "")))
    if kind == "code":
        yield Code(source)
        for output in cell.get("outputs", ()):
            yield from _read_output(output, path, notes)
    elif kind == "heading":  # until version 3 of the format
        yield from read_markdown_text(f"{'#' * int(cell.get('level', 1))} {source}", images_beside(path))
    elif kind == "markdown":
        yield from read_markdown_text(source, _image_finder(cell.get("attachments") or {}, path))
    elif source:
        yield Code(source)


def _image_finder(attachments: Mapping[str, Any], path: Path) -> ImageFinder:
    """From the address of an image to what reads it: beside the notebook, or attached to the cell."""
    beside = images_beside(path)

    def find(address: str) -> Callable[[], bytes]:
        scheme, _, name = address.partition(":")
        if scheme != "attachment" or name not in attachments:
            return beside(address)
        kind, data = next(iter(attachments[name].items()))
        return partial(_decode, kind, data)

    return find


def _read_output(output: Mapping[str, Any], path: Path, notes: list[str]) -> Iterator[Content]:
    kind = output.get("output_type")
    if kind in ("error", "pyerr"):
        yield Code(f"{output.get('ename')}: {_ESCAPES.sub('', str(output.get('evalue')))}")
    elif kind == "stream":
        yield from _plain_output(_text(output.get("text", "")), notes)
    else:
        yield from _rich_output(output.get("data", output), path, notes)


def _rich_output(data: Mapping[str, Any], path: Path, notes: list[str]) -> Iterator[Content]:
    """The best of the forms in which an output is given: image, table, Markdown or text."""
    for kind in _IMAGES:
        old = kind.partition("/")[2].partition("+")[0]  # the name in version 3 of the format
        if image := data.get(kind) or data.get(old):
            yield Image(partial(_decode, kind, image))
            return
    html, plain = (
        _text(data.get("text/html", data.get("html", ""))),
        _text(data.get("text/plain", data.get("text", ""))),
    )
    if "<table" in html and len(html) <= MAX_TABLE_LENGTH:
        yield from read_html(parse_html(html), images_beside(path), whole=True)
    elif "text/markdown" in data:
        yield from read_markdown_text(_text(data["text/markdown"]), images_beside(path))
    elif not _FIGURE.fullmatch(plain):
        yield from _plain_output(plain, notes)


def _plain_output(text: str, notes: list[str]) -> Iterator[Content]:
    text = _ESCAPES.sub("", text)
    if len(text) > MAX_OUTPUT_LENGTH:
        notes.append(f"of outputs with more than {MAX_OUTPUT_LENGTH:,} characters, only the beginning was read")
        text = text[:MAX_OUTPUT_LENGTH]
    if text.strip():
        yield Code(text)


def _decode(kind: str, data: Any) -> bytes:
    text = _text(data)
    if kind == "image/svg+xml" and text.lstrip().startswith("<"):
        return text.encode()
    return read_data_address(f"data:{kind};base64,{''.join(text.split())}")


def _text(value: Any) -> str:
    """Texts are strings or lists of lines."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value)
