"""HTML as blocks: headings, paragraphs, lists, tables, figures and code, in reading order.

Everything that becomes HTML on the way is read here as well: Markdown, reStructuredText, e-books, mail.
"""

import re
from dataclasses import replace
from html.entities import html5
from typing import Any

from extractors.blocks.types import Code, Content, Heading, Image, Table, Text
from extractors.errors import ExtractionError
from extractors.markup.image_files import ImageFinder
from extractors.markup.page_content import drop_hidden, find_content, move_content_to_body
from extractors.table_grid import SpannedText
from extractors.text.list_numbers import STYLES, format_number

MAX_DEPTH = 200
"""Nested elements that are followed; deeper ones are read as one text."""
POINTS_PER_PIXEL = 0.75

_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup",
    "hr", "html", "legend", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td",
    "tfoot", "th", "thead", "tr", "ul", "caption", "optgroup", "option", "picture", "img", "svg",
))  # fmt: skip
_NAMED_ENTITY = re.compile(r"&(\w+);")
_XML_ENTITIES = frozenset(("amp", "lt", "gt", "quot", "apos"))
_ORDINAL = re.compile(r"-?\d{1,6}")
_TEX = re.compile(r"[\\^_={}]")
_PERMALINK = re.compile(r"\s*[¶§#🔗]\s*$")


def parse_html(text: str, *, xml: bool = False) -> Any:
    """Return the root element of a page; `xml`: it is XHTML, where `<a/>` is complete.

    Entities are not resolved and nothing is fetched. Raises `ExtractionError` for XHTML that cannot be parsed; HTML of
    which nothing is left is an empty page.
    """
    from lxml import etree

    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)  # lxml refuses declarations of an encoding in decoded text
    if xml:
        text = _NAMED_ENTITY.sub(_spell_out, text)
        parser: Any = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, huge_tree=False)
    else:
        parser = etree.HTMLParser(no_network=True, huge_tree=False, remove_comments=True)
    try:
        root = etree.fromstring(text, parser)
    except etree.XMLSyntaxError:
        root = None
    if not xml:
        return etree.Element("html") if root is None else move_content_to_body(root)
    if root is None:
        raise ExtractionError("contains no XHTML")
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = etree.QName(element).localname
    return root


def read_title(root: Any) -> str:
    """Return the title in the head of a page."""
    title = root.find(".//head/title")
    return "".join(title.itertext()) if title is not None else ""


def read_html(root: Any, find_image: ImageFinder, *, whole: bool = False) -> list[Content]:
    """Return the content of a page as blocks, without navigation and what is hidden. Changes the tree.

    `whole`: the file consists of content only, as e-books and Markdown do.
    """
    reader = _Reader(find_image)
    if whole:
        drop_hidden(root)
        content = root
    else:
        headings = root.findall(".//h1")
        content = find_content(root)
        if len(headings) == 1 and all(one is not headings[0] for one in content.iter("h1")):
            reader.blocks.append(Heading(inline_text(headings[0]), 0))  # the title, above the content
    reader.read(content)
    reader.finish()
    return reader.blocks


def _spell_out(match: re.Match[str]) -> str:
    return match[0] if match[1] in _XML_ENTITIES else html5.get(f"{match[1]};", match[0])


class _Reader:
    """Walks through a tree; text that is not in a block of its own is gathered until the next block begins or ends."""

    def __init__(self, find_image: ImageFinder) -> None:
        self.blocks: list[Content] = []
        self._find_image = find_image
        self._pending: list[str] = []
        self._marker = ""  # of the list item whose first paragraph has not been seen
        self._lists: list[tuple[int | None, str]] = []  # open lists: the next number and its style, or None for bullets
        self._in_caption = False

    def read(self, element: Any, depth: int = 0) -> None:
        if depth > MAX_DEPTH:
            self._pending.append(" ".join(element.itertext()))
            return
        tag = element.tag
        if tag in _BLOCKS:
            self._flush()
        handler = _Reader._read_heading if _heading_level(element) else _HANDLERS.get(tag, _Reader._read_children)
        handler(self, element, depth)
        if tag in _BLOCKS:
            self._flush()

    def finish(self) -> None:
        """Take in the text behind the last block, when the root is no block itself."""
        self._flush()

    def _read_children(self, element: Any, depth: int) -> None:
        self._pending.append(element.text or "")
        for child in element:
            if isinstance(child.tag, str):
                self.read(child, depth + 1)
            self._pending.append(child.tail or "")

    def _flush(self) -> None:
        text = "".join(self._pending).strip()
        self._pending = []
        if text:
            self.blocks.append(Text(text, marker=self._marker, is_caption=self._in_caption))
            self._marker = ""

    def _read_heading(self, element: Any, depth: int) -> None:
        text = _PERMALINK.sub("", inline_text(element))
        if text.strip():
            self.blocks.append(Heading(text, _heading_level(element)))
        for image in element.iter("img"):
            self._read_img(image, depth)

    def _read_br(self, element: Any, depth: int) -> None:
        self._pending.append("\n")

    def _read_sup(self, element: Any, depth: int) -> None:
        text = "".join(element.itertext()).strip()
        is_power = text.lstrip("-−+").isalnum() and element.find(".//a") is None
        before = "".join(self._pending)[-1:]
        self._pending.append(f"^{text}" if is_power and before.isdigit() else text)

    def _read_math(self, element: Any, depth: int) -> None:
        tex = next((one.text for one in element.iter() if one.get("encoding") == "application/x-tex"), None)
        stated = element.get("alttext") or ""  # TeX from some programs, a phrase such as "formula" from others
        content = stated if _TEX.search(stated) else " ".join(element.itertext()).strip()
        self._pending.append(f" {tex or content or stated} ")

    def _read_pre(self, element: Any, depth: int) -> None:
        self.blocks.append(Code("".join(element.itertext()).strip("\n")))

    def _skip(self, element: Any, depth: int) -> None:
        """Neither the title in the head nor that of a drawing is printed."""

    def _read_ul(self, element: Any, depth: int) -> None:
        self._read_list(element, depth, None)

    def _read_ol(self, element: Any, depth: int) -> None:
        start = element.get("start") or "1"
        style = STYLES.get(element.get("type") or "", "")
        self._read_list(element, depth, int(start) if _ORDINAL.fullmatch(start) else 1, style)

    def _read_list(self, element: Any, depth: int, number: int | None, style: str = "") -> None:
        outer = self._marker
        self._lists.append((number, style))
        self._read_children(element, depth)
        self._flush()
        self._lists.pop()
        self._marker = outer

    def _read_li(self, element: Any, depth: int) -> None:
        number, style = self._lists[-1] if self._lists else (None, "")
        if number is None:
            self._marker = "•" if len(self._lists) < 2 else "–"
        else:
            stated = element.get("value") or ""
            number = int(stated) if _ORDINAL.fullmatch(stated) else number
            self._marker = f"{format_number(number, style)}."
            self._lists[-1] = number + 1, style
        self._read_children(element, depth)
        self._flush()
        self._marker = ""

    def _read_img(self, element: Any, depth: int) -> None:
        first_of_set = (element.get("srcset") or "").split(",")[0].strip().split(" ")[0]
        address = element.get("src") or element.get("data-src") or first_of_set
        alt = element.get("alt") or element.get("title") or ""
        if address:
            size = _shown_size(element)
            self.blocks.append(Image(self._find_image(address.strip()), alt=alt, size=size))

    def _read_image(self, element: Any, depth: int) -> None:
        """An image in the SVG that wraps the covers of e-books."""
        address = next((value for name, value in element.items() if name.endswith("href")), "")
        if address:
            self.blocks.append(Image(self._find_image(address.strip())))

    def _read_figure(self, element: Any, depth: int) -> None:
        start = len(self.blocks)
        self._read_children(element, depth)
        self._flush()
        inside = self.blocks[start:]
        caption = " ".join(one.text for one in inside if isinstance(one, Text) and one.is_caption)
        if caption and any(isinstance(one, Image | Table) for one in inside):
            rest = [one for one in inside if not (isinstance(one, Text) and one.is_caption)]
            self.blocks[start:] = [
                replace(one, caption=one.caption or caption) if isinstance(one, Image | Table) else one for one in rest
            ]

    def _read_figcaption(self, element: Any, depth: int) -> None:
        self._in_caption = True
        self._read_children(element, depth)
        self._flush()
        self._in_caption = False

    def _read_table(self, element: Any, depth: int) -> None:
        if _is_layout(element):
            self._read_children(element, depth)
            return
        rows = [row for row in element.iter("tr") if next(row.iterancestors("table"), None) is element]
        heads = [cell for row in rows for cell in row if cell.tag == "th"]
        head_rows = [row for row in rows if row.getparent().tag == "thead"]
        cells = [[_cell(cell, row in head_rows) for cell in row if cell.tag in ("td", "th")] for row in rows]
        caption = element.find("caption")
        text = inline_text(caption) if caption is not None else ""
        is_marked = bool(heads or head_rows)
        self.blocks.append(Table(cells, caption=text, header_rows=None if is_marked else 1))
        for image in element.iter("img"):
            self._read_img(image, depth)


_HANDLERS = {
    "br": _Reader._read_br,
    "figcaption": _Reader._read_figcaption,
    "figure": _Reader._read_figure,
    "image": _Reader._read_image,
    "img": _Reader._read_img,
    "li": _Reader._read_li,
    "math": _Reader._read_math,
    "ol": _Reader._read_ol,
    "pre": _Reader._read_pre,
    "sup": _Reader._read_sup,
    "table": _Reader._read_table,
    "title": _Reader._skip,
    "ul": _Reader._read_ul,
}


def inline_text(element: Any) -> str:
    """Return the text of an element with spaces between its blocks and lines."""
    parts = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str):
            gap = " " if child.tag in _BLOCKS or child.tag == "br" else ""
            parts += [gap, inline_text(child), gap]
        parts.append(child.tail or "")
    return "".join(parts)


def _heading_level(element: Any) -> int:
    """The level of a heading, 0 for other elements."""
    if re.fullmatch(r"h[1-6]", element.tag):
        return int(element.tag[1])
    if element.get("role") == "heading" and (element.get("aria-level") or "").isdigit():
        return int(element.get("aria-level"))
    return 0


def _shown_size(element: Any) -> tuple[float, float] | None:
    sides = [re.match(r"\s*(\d+)", element.get(name) or "") for name in ("width", "height")]
    width, height = (float(side[1]) * POINTS_PER_PIXEL if side else 0.0 for side in sides)
    return (width or height, height or width) if width or height else None


def _is_layout(table: Any) -> bool:
    """True for a table that only arranges parts of the page: nested ones, single cells, headings in cells."""
    if table.get("role") in ("presentation", "none"):
        return True
    if next(table.iter("th", "caption", "thead"), None) is not None:
        return False
    cells = sum(1 for _ in table.iter("td"))
    arranges = any(one is not table for one in table.iter("table", "h1", "h2", "h3", "ul", "ol", "pre", "figure"))
    rows = list(table.iter("tr"))
    return cells < 2 or len(rows) < 2 or arranges


def _cell(element: Any, in_head: bool) -> SpannedText:
    def span(name: str) -> int:
        value = element.get(name) or "1"
        return max(int(value), 1) if re.fullmatch(r"\d{1,4}", value) else 1

    text = inline_text(element) or " ".join(image.get("alt") or "" for image in element.iter("img"))
    return SpannedText(text, span("rowspan"), span("colspan"), header=in_head or element.tag == "th")
