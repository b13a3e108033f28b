"""DOCX as blocks, in the order of the file: headings, lists, tables, figures, notes and comments."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from extractors.blocks.types import Heading, Image, Table, Text
from extractors.errors import ExtractionError
from extractors.office_xml import CHART, DIAGRAM, EMU_PER_POINT, MC, A, R, parse_xml
from extractors.slides.charts import read_chart_space
from extractors.table_grid import SpannedText
from extractors.word.docx_package import Package, W, value
from extractors.word.docx_text import PRINTED_NUMBER, paragraph_text
from extractors.word.types import Drawing, WordContent

MAX_NESTING = 20
"""Tables and text boxes within each other."""
MIN_DRAWING_SIDE = 40.0
"""Points; smaller shapes are rules and ornaments."""

_WP = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
_WPS = "{http://schemas.microsoft.com/office/word/2010/wordprocessingShape}"
_V = "{urn:schemas-microsoft-com:vml}"
_WRAPPERS = frozenset(f"{W}{name}" for name in ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag"))
_OWN_CONTENT = frozenset((f"{W}txbxContent", f"{W}del", f"{W}moveFrom", f"{MC}Fallback"))


def read_docx(path: Path, name: str) -> tuple[list[WordContent], str]:
    """Return the blocks and the title of a file. Raises `ExtractionError` when it cannot be read as DOCX."""
    package = Package(path, name)
    return _Reader(package).read(), package.title


class _Reader:
    def __init__(self, package: Package) -> None:
        self._package = package
        self._notes = {kind: package.notes(kind) for kind in ("footnotes", "endnotes")}
        self._comments = package.notes("comments")
        for kind in ("footnote", "endnote"):
            for number, reference in enumerate(package.body.iter(f"{W}{kind}Reference"), start=1):
                reference.set(PRINTED_NUMBER, str(number))
        self._waiting: list[WordContent] = []  # footnotes, until the section ends

    def read(self) -> list[WordContent]:
        blocks: list[WordContent] = []
        for block in self._container(self._package.body, 0):
            if isinstance(block, Heading):
                blocks += self._take_waiting()
            blocks.append(block)
        blocks += self._take_waiting()
        for reference in self._package.body.iter(f"{W}endnoteReference"):
            blocks += self._note(reference, "endnotes")
        return blocks

    def _take_waiting(self) -> list[WordContent]:
        taken, self._waiting = self._waiting, []
        return taken

    def _container(self, element: Any, depth: int) -> Iterator[WordContent]:
        """The blocks in the body, a cell, a text box or a note."""
        for child in element if depth < MAX_NESTING else ():
            if child.tag == f"{W}p":
                yield from self._paragraph(child, depth)
            elif child.tag == f"{W}tbl":
                yield from self._table(child, depth)
            elif child.tag in _WRAPPERS:
                yield from self._container(child, depth)

    def _paragraph(self, paragraph: Any, depth: int) -> Iterator[WordContent]:
        text = paragraph_text(paragraph)
        pictures = list(self._pictures(paragraph))
        styles = self._package.styles
        identity, list_level = styles.numbering(paragraph)
        marker = self._package.numbering.next_marker(identity, list_level) if identity and text.strip() else ""
        if text.strip():
            level = styles.level(paragraph)
            if level is not None and len(text) <= 300:  # a style used for whole paragraphs makes no heading
                yield Heading(f"{marker} {text}" if any(map(str.isalnum, marker)) else text, level)
            else:
                is_field = any("SEQ " in (code or "") for code in _field_codes(paragraph))
                yield Text(text, marker=marker, is_caption=is_field or styles.is_caption(paragraph))
        yield from pictures
        for box in _own(paragraph, f"{W}txbxContent"):
            yield from self._container(box, depth + 1)
        yield from self._comments_of(paragraph)
        self._waiting += self._footnotes_of(paragraph)

    def _footnotes_of(self, paragraph: Any) -> Iterator[WordContent]:
        for reference in _own(paragraph, f"{W}footnoteReference"):
            yield from self._note(reference, "footnotes")

    def _note(self, reference: Any, kind: str) -> Iterator[Text]:
        note = self._notes[kind].get(reference.get(f"{W}id"))
        text = "" if note is None else " ".join(paragraph_text(one).strip() for one in note.iter(f"{W}p"))
        if text.strip():
            yield Text(text, marker=f"[{reference.get(PRINTED_NUMBER)}]")

    def _comments_of(self, paragraph: Any) -> Iterator[Text]:
        for reference in _own(paragraph, f"{W}commentReference"):
            comment = self._comments.get(reference.get(f"{W}id"))
            if comment is not None:
                text = " ".join(paragraph_text(one) for one in comment.iter(f"{W}p"))
                author = comment.get(f"{W}author")
                yield Text(f"Comment ({author}): {text}" if author else f"Comment: {text}", kind="notes")

    def _pictures(self, paragraph: Any) -> Iterator[WordContent]:
        """Images, charts and drawings that are anchored in a paragraph."""
        for drawing in _own(paragraph, f"{W}drawing"):
            yield from self._drawing(drawing)
        for data in _own(paragraph, f"{_V}imagedata"):
            yield self._image(data.get(f"{R}id"), data.get(f"{R}title") or "", None)

    def _drawing(self, drawing: Any) -> Iterator[WordContent]:
        properties = next(drawing.iter(f"{_WP}docPr"), None)
        extent = next(drawing.iter(f"{_WP}extent"), None)
        alt = "" if properties is None else properties.get("descr") or properties.get("title") or ""
        size = None if extent is None else (_points(extent.get("cx")), _points(extent.get("cy")))
        blips = [blip for blip in drawing.iter(f"{A}blip") if next(blip.iterancestors(f"{W}txbxContent"), None) is None]
        charts = list(drawing.iter(f"{CHART}chart"))
        for chart in charts:
            yield from self._chart(chart.get(f"{R}id"), alt)
        shapes = [shape for shape in drawing.iter(f"{_WPS}wsp") if next(shape.iter(f"{_WPS}txbx"), None) is None]
        if len(blips) == 1 and not shapes:
            yield self._image(blips[0].get(f"{R}embed") or blips[0].get(f"{R}link"), alt, size)
        elif not charts:
            words = self._diagram_words(drawing)
            is_large = size is None or min(size) >= MIN_DRAWING_SIDE
            if is_large and (words or blips or len(shapes) > 1 or alt):
                yield Drawing(words, alt, size)

    def _image(self, identity: str | None, alt: str, size: tuple[float, float] | None) -> WordContent:
        with suppress(ExtractionError):
            if str(self._package.related_part(identity).partname).lower().endswith((".emf", ".wmf")):
                return Drawing(alt=alt, size=size)

        def read() -> bytes:
            return bytes(self._package.related_part(identity).blob)

        return Image(read, alt=alt, size=size)

    def _chart(self, identity: str | None, alt: str) -> Iterator[WordContent]:
        try:
            space = parse_xml(self._package.related_part(identity).blob)
        except (ExtractionError, SyntaxError):
            return
        caption, rows = read_chart_space(space)
        words = "\n".join(filter(None, (cell for row in rows for cell in row[:1])))
        printed = "\n".join(filter(None, (caption, *rows[0][1:], words))) if rows else caption
        yield Drawing(printed, caption or alt, chart=space)
        if rows:
            yield Table(rows, caption=caption)

    def _diagram_words(self, drawing: Any) -> str:
        """The words of SmartArt, which are in a part of their own."""
        for diagram in drawing.iter(f"{DIAGRAM}relIds"):
            try:
                data = parse_xml(self._package.related_part(diagram.get(f"{R}dm")).blob)
            except (ExtractionError, SyntaxError):
                continue
            return "\n".join(filter(None, ("".join(p.itertext(f"{A}t")) for p in data.iter(f"{A}p"))))
        return ""

    def _table(self, table: Any, depth: int) -> Iterator[WordContent]:
        rows = [row for row in _parts(table, f"{W}tr") if row.find(f"{W}trPr/{W}del") is None]
        cells = [cell for row in rows for cell in _parts(row, f"{W}tc")]
        inside = [list(self._container(cell, depth + 1)) for cell in cells]
        if len(cells) == 1 or any(isinstance(one, Heading) for content in inside for one in content):
            yield from (one for content in inside for one in content)  # a frame around a part of the page
            return
        texts = {id(cell): _cell_text(content) for cell, content in zip(cells, inside, strict=True)}
        headers = 0
        while headers < len(rows) and rows[headers].find(f"{W}trPr/{W}tblHeader") is not None:
            headers += 1
        caption = value(table, "tblPr/tblCaption")
        spanned = _spanned_rows(rows, lambda cell: texts[id(cell)])
        yield Table(spanned, caption=caption, header_rows=max(1, headers) if len(rows) > 1 else 0)
        for content in inside:
            yield from (one for one in content if not isinstance(one, Text) or one.kind == "notes")


def _own(paragraph: Any, tag: str) -> Iterator[Any]:
    """The elements of a paragraph that are not in a text box, a deletion or a fallback for older programs within it."""
    for element in paragraph.iter(tag):
        for ancestor in element.iterancestors():
            if ancestor is paragraph:
                yield element
                break
            if ancestor.tag in _OWN_CONTENT:
                break


def _field_codes(paragraph: Any) -> Iterator[str | None]:
    yield from (code.text for code in paragraph.iter(f"{W}instrText"))
    yield from (field.get(f"{W}instr") for field in paragraph.iter(f"{W}fldSimple"))


def _points(length: str | None) -> float:
    return int(length) / EMU_PER_POINT if length and length.isdecimal() else 0.0


def _parts(element: Any, tag: str) -> Iterator[Any]:
    """The rows of a table, or the cells of a row."""
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag in _WRAPPERS:
            yield from _parts(child, tag)


def _cell_text(content: list[WordContent]) -> str:
    texts = [f"{one.marker} {one.text}".strip() for one in content if isinstance(one, Text) and one.kind == "text"]
    return " ".join(texts)


def _spanned_rows(rows: list[Any], text: Callable[[Any], str]) -> list[list[SpannedText]]:
    """The cells of a table row by row, those merged with the cell above counted in its span."""
    open_cells: dict[int, tuple[int, int]] = {}  # column -> row and index of the cell that may continue downwards
    result: list[list[SpannedText]] = []
    for number, row in enumerate(rows):
        before = value(row, "trPr/gridBefore", "0")
        column = int(before) if before.isdigit() else 0
        found = [SpannedText("", 1, column)] if column else []
        for cell in _parts(row, f"{W}tc"):
            width = value(cell, "tcPr/gridSpan", "1")
            span = max(int(width), 1) if width.isdigit() else 1
            merge = cell.find(f"{W}tcPr/{W}vMerge")
            continues = merge is not None and merge.get(f"{W}val") != "restart" and column in open_cells
            if continues:
                at, index = open_cells[column]
                result[at][index] = result[at][index]._replace(row_span=number - at + 1)
            else:
                found.append(SpannedText(text(cell), 1, span))
                if merge is not None:
                    open_cells[column] = (number, len(found) - 1)
                else:
                    open_cells.pop(column, None)
            column += span
        result.append(found)
    return result
