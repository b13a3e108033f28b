"""The parts of a DOCX file besides its body: styles, numbering, notes, comments and what it embeds."""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

from extractors.containers import open_zip
from extractors.errors import ExtractionError, error_summary
from extractors.office_xml import parse_xml
from extractors.text.list_numbers import format_number

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
MAX_STYLE_DEPTH = 20
"""Styles that a style is based on, one on the other; more is a circle."""
BODY_LEVEL = 9
"""The outline level of running text; headings have 0 to 8."""

_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_CAPTIONS = ("caption", "figure", "table caption", "figure caption", "image caption")
_BULLETS = frozenset(("bullet", "none", ""))


class Package:
    """An opened DOCX file. Raises `ExtractionError` when it is not one."""

    def __init__(self, path: Path, name: str) -> None:
        from docx.opc.package import OpcPackage

        with open_zip(path, name):  # the limits; python-docx opens it itself
            pass
        try:
            self._package = OpcPackage.open(str(path))
            relations = self._package.rels.values()
            self.part: Any = next(one for one in relations if one.reltype.endswith("/officeDocument")).target_part
            self.body: Any = parse_xml(self.part.blob).find(f"{W}body")
        except Exception as error:  # StopIteration, and what python-docx raises on unexpected content
            reason = f"cannot be read as DOCX ({error_summary(error)})"
            raise ExtractionError(f"{name}: {reason}; open and save it again") from error
        if self.body is None:
            raise ExtractionError(f"{name}: cannot be read as DOCX (it has no text part); open and save it again")

    @property
    def title(self) -> str:
        try:
            return str(self._package.core_properties.title or "")
        except Exception:  # broken properties
            return ""

    def related_part(self, identity: str | None) -> Any:
        """Return the part of the file that an element refers to. Raises `ExtractionError`, also for links."""
        relation = self.part.rels.get(identity or "")
        if relation is None:
            raise ExtractionError("not in the file")
        if relation.is_external:
            raise ExtractionError("linked and not fetched; embed the pictures of the file")
        return relation.target_part

    @cached_property
    def styles(self) -> Styles:
        return Styles(self._parse_related("styles"))

    @cached_property
    def numbering(self) -> Numbering:
        return Numbering(self._parse_related("numbering"))

    def notes(self, kind: str) -> dict[str, Any]:
        """Return the `footnotes` or `endnotes`, or the `comments`, by id."""
        root = self._parse_related(kind)
        return {} if root is None else {one.get(f"{W}id"): one for one in root if not one.get(f"{W}type")}

    def _parse_related(self, kind: str) -> Any:
        relation = next((one for one in self.part.rels.values() if one.reltype.endswith(f"/{kind}")), None)
        try:
            return None if relation is None or relation.is_external else parse_xml(relation.target_part.blob)
        except SyntaxError:  # lxml's; the body can be read without it
            return None


def value(element: Any, path: str, default: str = "") -> str:
    """Return `w:val` of a descendant such as `pPr/pStyle`, or the default."""
    found = element.find("/".join(f"{W}{name}" for name in path.split("/"))) if element is not None else None
    return default if found is None else found.get(f"{W}val", default)


class Styles:
    """What the names of styles mean, also in a Word of another language and for styles based on headings."""

    def __init__(self, root: Any) -> None:
        styles = [] if root is None else root.findall(f"{W}style")
        self._by_id = {style.get(f"{W}styleId"): style for style in styles}

    def _chain(self, identity: str) -> list[Any]:
        chain: list[Any] = []
        while identity in self._by_id and len(chain) < MAX_STYLE_DEPTH:
            chain.append(self._by_id[identity])
            identity = value(chain[-1], "basedOn")
        return chain

    def level(self, paragraph: Any) -> int | None:
        """The level of a heading from 1, 0 for the title, None for running text.

        An outline level of the paragraph or its style makes a heading, and so does a style with Word's own name.
        """
        chain = self._chain(value(paragraph, "pPr/pStyle"))
        for element in (paragraph, *chain):
            name = value(element, "name").lower()
            if name == "title":
                return 0
            if match := _HEADING.fullmatch(name):
                return int(match[1])
            if level := value(element, "pPr/outlineLvl"):
                return int(level) + 1 if level.isdigit() and int(level) < BODY_LEVEL else None
        return None

    def is_caption(self, paragraph: Any) -> bool:
        return any(value(style, "name").lower() in _CAPTIONS for style in self._chain(value(paragraph, "pPr/pStyle")))

    def numbering(self, paragraph: Any) -> tuple[str, int]:
        """The id of the list that a paragraph belongs to ("" for none), and its level in it, from 0."""
        for element in (paragraph, *self._chain(value(paragraph, "pPr/pStyle"))):
            if number := value(element, "pPr/numPr/numId"):
                level = value(element, "pPr/numPr/ilvl", "0")
                return ("" if number == "0" else number), int(level) if level.isdigit() else 0
        return "", 0


class Numbering:
    """Counts the items of lists and headings as Word prints them."""

    def __init__(self, root: Any) -> None:
        lists = [] if root is None else root.findall(f"{W}abstractNum")
        abstract = {one.get(f"{W}abstractNumId"): one for one in lists}
        self._levels: dict[str, dict[int, Any]] = {}
        self._counted_as: dict[str, str] = {}  # list -> its definition, which several lists may share and continue
        for one in [] if root is None else root.findall(f"{W}num"):
            identity, definition = one.get(f"{W}numId"), value(one, "abstractNumId")
            levels = {level.get(f"{W}ilvl"): level for level in abstract.get(definition, ())}
            levels |= {level.get(f"{W}ilvl"): level for level in one.iterfind(f"{W}lvlOverride/{W}lvl")}
            self._levels[identity] = {int(key): level for key, level in levels.items() if key and key.isdigit()}
            restarts = one.find(f"{W}lvlOverride/{W}startOverride") is not None
            self._counted_as[identity] = f"restarted {identity}" if restarts else definition
        self._counts: Counter[tuple[str, int]] = Counter()

    def next_marker(self, identity: str, level: int) -> str:
        """Return what is printed before the next item: `2.1`, `b)`, `•` or `–`; "" for an unknown list."""
        levels = self._levels.get(identity, {})
        if level not in levels:
            return "•" if identity else ""
        counted = self._counted_as[identity]
        self._counts[counted, level] += 1
        for deeper in range(level + 1, BODY_LEVEL + 1):
            del self._counts[counted, deeper]
        if value(levels[level], "numFmt") in _BULLETS:
            return "–" if level else "•"

        def print_number(match: re.Match[str]) -> str:
            at = int(match[1]) - 1
            start = value(levels.get(at), "start", "1")
            count = max(self._counts[counted, at], 1) - 1 + (int(start) if start.isdigit() else 1)
            return format_number(count, value(levels.get(at), "numFmt"))

        return re.sub(r"%([1-9])", print_number, value(levels[level], "lvlText")).strip()
