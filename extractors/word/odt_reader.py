"""ODT as blocks: headings, lists, tables, images, notes and comments from `content.xml`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from extractors.blocks.types import Heading, Image, Table, Text
from extractors.containers import DAMAGED_ZIP, open_zip, read_member
from extractors.errors import ExtractionError, error_summary
from extractors.office_xml import (
    DC,
    DRAW,
    HREF,
    OFFICE,
    STYLE,
    SVG,
    TABLE,
    TEXT,
    alternative_text,
    cell_spans,
    parse_xml,
    to_points,
)
from extractors.sheets.opendocument import read_chart
from extractors.table_grid import SpannedText
from extractors.word.odt_lists import Lists
from extractors.word.types import Drawing, WordContent

MAX_REPEATED = 1000
"""Copies of a row or cell that a file may ask for; empty ones fill up the page."""

_SHAPES = frozenset(f"{DRAW}{name}" for name in ("g", "custom-shape", "rect", "ellipse", "line", "path", "polygon"))
_NOT_TEXT = frozenset((
    f"{DRAW}frame", f"{TEXT}note", f"{OFFICE}annotation", f"{TEXT}tracked-changes", f"{DRAW}a", *_SHAPES,
))  # fmt: skip
_SPACES = frozenset(f"{TEXT}{name}" for name in ("s", "tab", "line-break"))


def read_odt(path: Path, name: str) -> tuple[list[WordContent], str]:
    """Return the blocks and the title of a file. Raises `ExtractionError` when it is damaged or encrypted."""
    with open_zip(path, name) as archive:
        try:
            if b"encryption-data" in archive.read("META-INF/manifest.xml"):
                raise ExtractionError(f"{name}: is encrypted; save it without a password", needs_action=True)
            content = parse_xml(archive.read("content.xml"))
            styles = parse_xml(archive.read("styles.xml")) if "styles.xml" in archive.namelist() else content
            meta = parse_xml(archive.read("meta.xml")) if "meta.xml" in archive.namelist() else content
        except (KeyError, SyntaxError, RuntimeError) as error:
            raise ExtractionError(f"{name}: cannot be read as ODT ({error_summary(error)}); save it again") from error
    body = content.find(f"{OFFICE}body/{OFFICE}text")
    if body is None:
        raise ExtractionError(f"{name}: has no text, whatever its suffix says; correct the suffix")
    title = meta.find(f".//{DC}title")
    return _Reader(path, name, content, styles).read(body), (title.text or "") if title is not None else ""


class _Reader:
    def __init__(self, path: Path, name: str, content: Any, styles: Any) -> None:
        self._path, self._name = path, name
        self._styles = {
            one.get(f"{STYLE}name"): one for root in (styles, content) for one in root.iter(f"{STYLE}style")
        }
        self._lists = Lists((styles, content))
        self._notes: list[WordContent] = []

    def read(self, body: Any) -> list[WordContent]:
        blocks: list[WordContent] = []
        for block in self._container(body):
            if isinstance(block, Heading):
                blocks += self._take_notes()
            blocks.append(block)
        return blocks + self._take_notes()

    def _take_notes(self) -> list[WordContent]:
        taken, self._notes = self._notes, []
        return taken

    def _container(self, element: Any, level: int = 0) -> Iterator[WordContent]:
        """The blocks in an element; `level` is that of the list it is an item of."""
        for child in element:
            tag = child.tag
            if tag in (f"{TEXT}h", f"{TEXT}p"):
                yield from self._paragraph(child, level)
            elif tag == f"{TEXT}list":
                self._lists.open(child)
                yield from self._container(child, level + 1)
                self._lists.close()
            elif tag == f"{TABLE}table":
                yield from self._table(child)
            elif tag in _NOT_TEXT and tag != f"{TEXT}tracked-changes":
                yield from self._frame(child)
            elif tag in (f"{TEXT}section", f"{TEXT}list-item", f"{TEXT}list-header", f"{TEXT}index-body"):
                if tag == f"{TEXT}list-item" and level:
                    self._lists.count(child)
                yield from self._container(child, level)

    def _paragraph(self, paragraph: Any, list_level: int) -> Iterator[WordContent]:
        text = "".join(_pieces(paragraph)).strip()
        style = self._style_names(paragraph)
        if text:
            is_first = list_level and _is_first_of_item(paragraph)
            marker = self._lists.marker() if is_first else ""
            level = paragraph.get(f"{TEXT}outline-level", "1") if paragraph.tag == f"{TEXT}h" else ""
            if "title" in style:
                yield Heading(text, 0)
            elif level.isdigit():
                yield Heading(f"{marker} {text}" if any(map(str.isalnum, marker)) else text, int(level))
            else:
                is_caption = bool(style & {"caption", "illustration", "figure", "drawing"})
                is_caption = is_caption or next(paragraph.iter(f"{TEXT}sequence"), None) is not None
                yield Text(text, marker=marker, is_caption=is_caption)
        for child in paragraph.iter(*_NOT_TEXT):
            if next((one for one in child.iterancestors(*_NOT_TEXT)), None) is None or child.tag == f"{TEXT}note":
                yield from self._frame(child)

    def _style_names(self, paragraph: Any) -> set[str]:
        """The names of a paragraph's style and of those it is based on, in lower case."""
        names: set[str] = set()
        name = paragraph.get(f"{TEXT}style-name")
        while name and name.lower() not in names and len(names) < 20:
            names.add(name.lower())
            style = self._styles.get(name)
            name = style.get(f"{STYLE}parent-style-name") if style is not None else None
        return names

    def _frame(self, element: Any) -> Iterator[WordContent]:
        """What is anchored in a paragraph: images, objects, text boxes, notes, comments and drawings."""
        if element.tag == f"{TEXT}note":
            citation = element.findtext(f"{TEXT}note-citation") or ""
            text = " ".join(_paragraphs(element.find(f"{TEXT}note-body")))
            if text:
                self._notes.append(Text(text, marker=f"[{citation}]"))
        elif element.tag == f"{OFFICE}annotation":
            author, text = element.findtext(f"{DC}creator"), " ".join(_paragraphs(element))
            yield Text(f"Comment ({author}): {text}" if author else f"Comment: {text}", kind="notes")
        elif element.tag in _SHAPES:
            yield Drawing("\n".join(_paragraphs(element)), alternative_text(element))
        elif (box := element.find(f"{DRAW}text-box")) is not None:
            yield from self._container(box)
        elif (embedded := element.find(f"{DRAW}object")) is not None:
            yield from self._object(embedded, alternative_text(element))
        elif (image := element.find(f"{DRAW}image")) is not None:
            sides = to_points(element.get(f"{SVG}width")), to_points(element.get(f"{SVG}height"))
            size, address, alt = sides if all(sides) else None, image.get(HREF) or "", alternative_text(element)
            is_vector = address.lower().endswith((".emf", ".wmf", ".svm", ".svg", ".pdf"))
            yield Drawing(alt=alt, size=size) if is_vector else self._image(address, alt, size)
        else:
            yield from (block for child in element if child.tag in _NOT_TEXT for block in self._frame(child))

    def _object(self, embedded: Any, alt: str) -> Iterator[WordContent]:
        """A formula as text, a chart with its numbers; other objects have only a picture."""
        part = f"{(embedded.get(HREF) or '').removeprefix('./')}/content.xml"
        try:
            root = parse_xml(read_member(self._path, part))
        except (KeyError, SyntaxError, *DAMAGED_ZIP):
            yield Drawing("", alt)
            return
        if root.tag.endswith("}math"):
            typed = root.findtext(".//{*}annotation") or " ".join(root.itertext())
            yield Text(" ".join(typed.split()))
            return
        caption, rows = read_chart(root)
        yield Drawing("\n".join(filter(None, (caption, *(row[0] for row in rows if row)))), caption or alt)
        if rows:
            yield Table(rows, caption=caption)

    def _image(self, address: str, alt: str, size: tuple[float, float] | None) -> Image:
        def read() -> bytes:
            if "://" in address or address.startswith(("/", "../")):
                raise ExtractionError("linked and not fetched; embed the pictures of the file")
            with open_zip(self._path, self._name) as archive:
                return archive.read(address.removeprefix("./"))

        return Image(read, alt=alt, size=size)

    def _table(self, table: Any) -> Iterator[WordContent]:
        rows = [row for row in table.iter(f"{TABLE}table-row") if next(row.iterancestors(f"{TABLE}table")) is table]
        cells = [[cell for cell in row if cell.tag == f"{TABLE}table-cell"] for row in rows]
        if sum(map(len, cells)) == 1:
            yield from self._container(cells[0][0])
            return
        heads = [row for row in rows if row.getparent().tag == f"{TABLE}table-header-rows"]
        texts = [[_cell(cell) for cell in row for _ in range(_repeated(cell))] for row in cells]
        yield Table(texts, header_rows=max(1, len(heads)) if len(rows) > 1 else 0)
        for cell in (cell for row in cells for cell in row):
            yield from (block for block in self._container(cell) if not isinstance(block, Heading | Text))


def _pieces(element: Any) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if child.tag in _SPACES:
            yield " "
        elif child.tag == f"{TEXT}note":
            yield f"[{child.findtext(f'{TEXT}note-citation') or ''}]"
        elif isinstance(child.tag, str) and child.tag not in _NOT_TEXT:
            yield from _pieces(child)
        yield child.tail or ""


def _paragraphs(element: Any) -> Iterator[str]:
    for paragraph in element.iter(f"{TEXT}p", f"{TEXT}h") if element is not None else ():
        if text := "".join(_pieces(paragraph)).strip():
            yield text


def _is_first_of_item(paragraph: Any) -> bool:
    return paragraph.getparent().tag == f"{TEXT}list-item" and paragraph.getprevious() is None


def _cell(cell: Any) -> SpannedText:
    return SpannedText(" ".join(_paragraphs(cell)), *cell_spans(cell))


def _repeated(cell: Any) -> int:
    times = cell.get(f"{TABLE}number-columns-repeated", "1")
    return min(int(times), MAX_REPEATED) if times.isdecimal() else 1
