"""Read PPTX files with python-pptx: slides in order, hidden ones too, with notes, sections and comments."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from extractors.errors import ExtractionError, error_summary
from extractors.office_xml import EMU_PER_POINT
from extractors.slides.deck import Deck, Slide
from extractors.slides.shapes import Frame, paragraph_texts, read_shapes, shape_box
from extractors.types import Problem

_DEFAULT_SIZE = (720 * EMU_PER_POINT, 540 * EMU_PER_POINT)
_SECTIONS = "{http://schemas.microsoft.com/office/powerpoint/2010/main}"
_UNNAMED_SECTION = "Default Section"  # PowerPoint's name for the slides before the first section
_DEFAULT_TITLES = frozenset(
    ("PowerPoint Presentation", "PowerPoint-Präsentation", "Présentation PowerPoint", "Presentation")
)
"""Titles that programs fill in by themselves."""


def read_pptx(path: Path) -> Deck:
    """Read a PPTX file. A slide that cannot be read becomes a problem of the deck.

    Raises `ExtractionError` when the file is not a PPTX.
    """
    from pptx import Presentation

    try:
        presentation = Presentation(str(path))
        width, height = presentation.slide_width, presentation.slide_height
        slides = list(presentation.slides)
    except Exception as error:  # python-pptx lets many kinds of KeyError, XML and zip errors through
        raise ExtractionError(f"{path.name}: cannot be read as PowerPoint ({error_summary(error)})") from error
    size = ((width or _DEFAULT_SIZE[0]) / EMU_PER_POINT, (height or _DEFAULT_SIZE[1]) / EMU_PER_POINT)
    sections = _read_sections(presentation)
    problems: list[Problem] = []
    found = []
    for number, slide in enumerate(slides, 1):
        try:
            found.append(_read_slide(slide, number, size, sections.get(slide.slide_id, ""), problems))
        except Exception as error:  # as above: a broken slide costs only itself
            found.append(Slide(number))
            reason = f"slide {number} cannot be read ({error_summary(error)}); saving the deck again may repair it"
            problems.append(Problem(reason, number))
    title = ""
    with suppress(Exception):  # broken properties cost no content
        title = str(presentation.core_properties.title or "").strip()
    return Deck(*size, tuple(found), "" if title in _DEFAULT_TITLES else title, tuple(problems))


def _read_sections(presentation: Any) -> dict[int, str]:
    """Return slide id -> name of its section."""
    return {
        int(entry.get("id")): section.get("name", "")
        for section in presentation._element.iter(f"{_SECTIONS}section")
        for entry in section.iter(f"{_SECTIONS}sldId")
        if section.get("name", "") != _UNNAMED_SECTION
    }


def _read_slide(slide: Any, number: int, size: tuple[float, float], section: str, problems: list[Problem]) -> Slide:
    title, frame = _title_shape(slide), Frame((0.0, 0.0, *size))
    shapes = list(read_shapes(slide.shapes, frame, title))
    problems += [replace(shape, page=number) for shape in shapes if isinstance(shape, Problem)]
    return Slide(
        number=number,
        title=" ".join(paragraph_texts(title._element)) if title is not None else "",
        title_box=shape_box(title, frame) if title is not None else None,
        section=section,
        hidden=slide._element.get("show") in ("0", "false"),
        shapes=tuple(shape for shape in shapes if not isinstance(shape, Problem)),
        notes=tuple(_read_notes(slide.notes_slide)) if slide.has_notes_slide else (),
        comments=tuple(_read_comments(slide.part)),
    )


def _title_shape(slide: Any) -> Any:
    """The placeholder that is the title, or None; python-pptx takes any without a number, which LibreOffice writes."""
    kinds = ("TITLE", "CENTER_TITLE", "VERTICAL_TITLE")
    return next((one for one in slide.placeholders if one.placeholder_format.type.name in kinds), None)


def _read_notes(page: Any) -> Iterator[str]:
    """The speaker's notes, and what was drawn beside them; not the header, footer and number of the page."""
    for shape in page.shapes:
        if not shape.is_placeholder or shape.placeholder_format.type.name == "BODY":
            yield from paragraph_texts(shape._element)


def _read_comments(part: Any) -> Iterator[str]:
    """Yield review comments, both of the old kind (one text each) and of the new kind (threads of paragraphs)."""
    from pptx.oxml import parse_xml

    for relation in part.rels.values():
        if relation.is_external or not relation.reltype.endswith("/comments"):
            continue
        try:
            root = parse_xml(relation.target_part.blob)
        except SyntaxError:  # the base class of lxml's error for broken XML
            continue
        for comment in root.iter("{*}cm", "{*}reply"):
            own = [child for child in comment if child.tag.endswith(("}text", "}txBody"))]
            texts = [node.text or "" for child in own for node in child.iter() if node.tag.endswith(("}text", "}t"))]
            if text := " ".join(" ".join(texts).split()):
                yield text
