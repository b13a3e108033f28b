"""Questions with the places that answer them, one JSON object a line.

    {"id": "q1", "text": "…", "document": "manual.pdf", "pages": [3, 7]}
    {"id": "q2", "text": "…", "document": "paper.pdf", "pages": [4], "boxes": [{"page": 4, "bbox": [72, 90, 300, 280]}],
     "label": "figure 2", "type": "figure"}
    {"id": "q3", "image": "photo.jpg", "document": "products.csv#17", "type": "product"}

`document` is a name as hits show it. A question of several types has a list, `types`; other keys are left alone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from diptych.errors import QueryError
from diptych.search.query import Query
from diptych.where import parse_where, where_from_fields

Corners = Annotated[list[float], Field(min_length=4, max_length=4)]


class _Box(BaseModel):
    model_config = ConfigDict(extra="ignore")
    page: int
    bbox: Corners


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: str | int
    text: str = ""
    image: str = ""
    where: str | dict[str, Any] = ""
    document: str
    pages: list[int] = []
    page: int | None = None
    boxes: list[_Box] = []
    label: str = ""
    type: str = ""
    types: list[str] = []
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    page: int
    corners: tuple[float, float, float, float]
    """In PDF points, origin top left, of the page as displayed."""


@dataclass(frozen=True, slots=True)
class Question:
    id: str
    query: Query
    document: str
    pages: tuple[int, ...] = ()
    """Any of which answers; empty: the document as a whole does (a photo, a catalogue row)."""
    boxes: tuple[Box, ...] = ()
    label: str = ""
    """Normalised, as hits have it: `figure 2`."""
    types: tuple[str, ...] = ()
    """What kinds of question it is, to compare kinds by."""

    @property
    def about_a_figure(self) -> bool:
        """Whether a place smaller than a page is known."""
        return bool(self.boxes or self.label)


def read_questions(path: Path) -> list[Question]:
    """The questions of a file. Raises `QueryError` naming the line that is wrong."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise QueryError(f"{path}: there is no such file of questions; `diptych questions` proposes some") from error
    except OSError as error:
        raise QueryError(f"{path}: cannot be read as questions ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise QueryError(f"{path}: cannot be read as questions: not UTF-8 from byte {error.start} on") from error
    found = [_question(line, path, number) for number, line in enumerate(lines, start=1) if line.strip()]
    if not found:
        raise QueryError(f"{path}: holds no question; one JSON object a line, with id, text, document, pages")
    twice = [name for name, count in Counter(one.id for one in found).items() if count > 1]
    if twice:
        raise QueryError(f"{path}: the id {twice[0]!r} stands twice; give every question its own")
    return found


def write_questions(questions: Sequence[Question], path: Path) -> None:
    """In the form that `read` reads; filters are not kept, as proposed questions have none."""
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in map(_record, questions)))


def _question(line: str, path: Path, number: int) -> Question:
    place = f"{path}, line {number}"
    try:
        read = _Line.model_validate_json(line)
        where = parse_where(read.where) if isinstance(read.where, str) and read.where else None
        if isinstance(read.where, dict) and read.where:
            where = where_from_fields(read.where)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "the line"
        raise QueryError(f"{place}: {name}: {first['msg']}") from error
    except QueryError as error:
        raise QueryError(f"{place}: {error}") from error
    image = path.parent / read.image if read.image else None
    if not read.text.strip() and not image:
        raise QueryError(f"{place}: has neither text nor image")
    if image and not image.is_file():
        raise QueryError(f"{place}: there is no picture {image}")
    return Question(
        id=str(read.id),
        query=Query(read.text, image, where),
        document=read.document,
        pages=tuple(read.pages or ([read.page] if read.page else [])),
        boxes=tuple(Box(box.page, (box.bbox[0], box.bbox[1], box.bbox[2], box.bbox[3])) for box in read.boxes),
        label=read.label.strip().lower(),
        types=tuple(sorted({one for one in (*read.types, read.type or read.kind) if one})),
    )


def _record(question: Question) -> dict[str, Any]:
    boxes = [{"page": box.page, "bbox": list(box.corners)} for box in question.boxes]
    image = str(question.query.image) if question.query.image else ""
    return {
        name: value
        for name, value in (
            ("id", question.id),
            ("text", question.query.text),
            ("image", image),
            ("document", question.document),
            ("pages", list(question.pages)),
            ("boxes", boxes),
            ("label", question.label),
            ("types", list(question.types)),
        )
        if value
    }


def by_type(questions: Sequence[Question]) -> Iterator[tuple[str, list[int]]]:
    """Each type with the places of its questions, by name; a single type is no comparison, and is left out."""
    names = sorted({name for question in questions for name in question.types})
    if len(names) > 1:
        for name in names:
            yield name, [row for row, question in enumerate(questions) if name in question.types]
