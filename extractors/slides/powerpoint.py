"""PPTX files as python-pptx reads them: slides in order, with hidden ones, notes, sections and comments."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from extractors.errors import ExtractionError
from extractors.slides import shapes
from extractors.slides.deck import Deck, Slide
from extractors.types import Problem

_MAX_UNPACKED = 2 * 2**30
_MAX_ENTRIES = 50_000
_SECTIONS = "{http://schemas.microsoft.com/office/powerpoint/2010/main}"
# What programs fill in for want of a title.
_NO_TITLE = frozenset(("PowerPoint Presentation", "PowerPoint-Präsentation", "Présentation PowerPoint", "Presentation"))
_BLANK = re.compile(r"\s+")


def read(path: Path) -> Deck:
    """Read a PPTX file. Raises `ExtractionError` when it is none, or larger unpacked than a deck can be."""
    check_archive(path)
    from pptx import Presentation

    try:
        presentation = Presentation(str(path))
        width, height = (presentation.slide_width or 9144000), (presentation.slide_height or 6858000)
        found = list(presentation.slides)
    except Exception as error:  # python-pptx lets KeyError, XML and zip errors of many kinds through
        raise ExtractionError(f"{path.name}: cannot be read as PowerPoint ({_brief(error)})") from error
    size = (width / shapes.EMU, height / shapes.EMU)
    sections = _sections(presentation)
    problems: list[Problem] = []
    slides = []
    for number, slide in enumerate(found, 1):
        try:
            slides.append(_slide(slide, number, size, sections.get(slide.slide_id, ""), problems))
        except Exception as error:  # as above; a broken slide costs itself only
            slides.append(Slide(number))
            problems.append(
                Problem(f"slide {number} cannot be read ({_brief(error)}); saving the deck anew may mend it", number)
            )
    return Deck(*size, tuple(slides), _title(presentation), tuple(problems))


def check_archive(path: Path) -> None:
    """Refuse what is no zip archive, and what would fill the memory when unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ExtractionError(
            f"{path.name}: not a whole office file ({_brief(error)}); save or copy it again"
        ) from error
    if len(entries) > _MAX_ENTRIES or sum(entry.file_size for entry in entries) > _MAX_UNPACKED:
        raise ExtractionError(f"{path.name}: unpacks to more than {_MAX_UNPACKED >> 30} GiB; refused as a zip bomb")


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _title(presentation: Any) -> str:
    try:
        title = str(presentation.core_properties.title or "").strip()
    except Exception:  # a broken property part is no loss of content
        return ""
    return "" if title in _NO_TITLE else title


def _sections(presentation: Any) -> dict[int, str]:
    """Slide id -> the name of its section."""
    return {
        int(entry.get("id")): section.get("name", "")
        for section in presentation._element.iter(f"{_SECTIONS}section")
        for entry in section.iter(f"{_SECTIONS}sldId")
        # PowerPoint's name for slides before the first section says nothing.
        if section.get("name", "") != "Default Section"
    }


def _slide(slide: Any, number: int, size: tuple[float, float], section: str, problems: list[Problem]) -> Slide:
    title = slide.shapes.title
    parts = []
    for part in shapes.parts(slide.shapes, shapes.whole(size), title):
        if isinstance(part, Problem):
            problems.append(Problem(part.reason, number))
        else:
            parts.append(part)
    return Slide(
        number=number,
        title=_BLANK.sub(" ", " ".join(shapes.paragraphs(title._element))).strip() if title is not None else "",
        title_box=shapes.box(title, shapes.whole(size)) if title is not None else None,
        section=section,
        hidden=slide._element.get("show") in ("0", "false"),
        parts=tuple(parts),
        notes=tuple(_notes(slide)),
        comments=tuple(_comments(slide.part)),
    )


def _notes(slide: Any) -> Iterator[str]:
    if not slide.has_notes_slide:
        return
    for placeholder in slide.notes_slide.placeholders:
        if placeholder.placeholder_format.type is not None and placeholder.placeholder_format.type.name == "BODY":
            yield from (text for text in shapes.paragraphs(placeholder._element) if text)


def _comments(part: Any) -> Iterator[str]:
    """Review comments, of the old kind (one text each) and the new one (threads of paragraphs)."""
    from pptx.oxml import parse_xml

    for relation in part.rels.values():
        if relation.is_external or not relation.reltype.endswith("/comments"):
            continue
        try:
            root = parse_xml(relation.target_part.blob)
        except SyntaxError:  # as lxml's own error for broken XML is
            continue
        for comment in root.iter("{*}cm", "{*}reply"):
            own = [child for child in comment if child.tag.endswith(("}text", "}txBody"))]
            texts = [node.text or "" for child in own for node in child.iter() if node.tag.endswith(("}text", "}t"))]
            if text := " ".join(" ".join(texts).split()):
                yield text
