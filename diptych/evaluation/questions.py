"""Questions with the places that answer them, one JSON object per line.

    {"id": "q1", "text": "…", "document": "manual.pdf", "pages": [3, 7]}
    {"id": "q2", "text": "…", "document": "paper.pdf", "pages": [4], "boxes": [{"page": 4, "bbox": [72, 90, 300, 280]}],
     "label": "figure 2", "type": "figure"}
    {"id": "q3", "image": "photo.jpg", "document": "products.csv#17", "type": "product"}

`document` is a name as hits show it, or the end of one. A question with several types has a list, `types`. Other keys
are ignored.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from diptych.errors import QueryError
from diptych.search.query.query import Query
from diptych.search.query.question_lines import QuestionLine, parse_lines
from diptych.store.names import select_documents
from diptych.store.register import DocumentRecord


@dataclass(frozen=True, slots=True)
class Box:
    page: int
    bbox: tuple[float, float, float, float]
    """x0, y0, x1, y1 in PDF points, origin top left, of the page as displayed."""


class _Line(QuestionLine):
    document: str
    pages: tuple[int, ...] = ()
    page: int | None = None
    boxes: tuple[Box, ...] = ()
    label: str = ""
    type: str = ""
    types: tuple[str, ...] = ()
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    id: str
    query: Query
    document: str
    pages: tuple[int, ...] = ()
    """Pages that answer it; empty if the whole document does (a photo, a catalogue row)."""
    boxes: tuple[Box, ...] = ()
    label: str = ""
    """Normalised, as in hits: `figure 2`."""
    types: tuple[str, ...] = ()
    """Types by which results are compared."""

    @property
    def about_a_figure(self) -> bool:
        return bool(self.boxes or self.label)


def read_questions(path: Path) -> list[Question]:
    """Raises `QueryError`, naming the line, for a file that is not valid."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise QueryError(f"{path}: no such file; create one with `diptych questions`") from error
    except OSError as error:
        raise QueryError(f"{path}: cannot read the questions ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise QueryError(f"{path}: cannot read the questions: not UTF-8 from byte {error.start} on") from error
    found = list(parse_lines(lines, path, _Line, lambda line: _as_question(line, path.parent)))
    if not found:
        raise QueryError(f"{path}: no questions; write one JSON object per line with id, text, document, pages")
    repeated = [id_ for id_, count in Counter(question.id for question in found).items() if count > 1]
    if repeated:
        raise QueryError(f"{path}: the id {repeated[0]!r} is used twice; give every question its own")
    return found


def locate_documents(questions: Sequence[Question], records: Sequence[DocumentRecord]) -> list[Question]:
    """The questions with the whole names of their documents; unknown documents stay as they are.

    Raises `QueryError` for a question about an ambiguous name.
    """
    names: dict[str, str] = {}
    for question in questions:
        if question.document not in names:
            try:
                found = select_documents(question.document, records)
            except QueryError as error:
                raise QueryError(f"question {question.id}: {error}") from error
            is_document = found and found.kind == "document"
            names[question.document] = found.documents[0].name if found and is_document else question.document
    return [replace(question, document=names[question.document]) for question in questions]


def append_questions(questions: Sequence[Question], path: Path) -> None:
    """Append what `read_questions` reads, except filters, which proposed questions do not have. Creates the file."""
    lines = "".join(json.dumps(_as_line(question), ensure_ascii=False) + "\n" for question in questions)
    with path.open("a+b") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            lines = lines if file.read() == b"\n" else f"\n{lines}"
        file.write(lines.encode())


def _as_question(line: _Line, folder: Path) -> Question:
    return Question(
        id=str(line.id),
        query=line.query(folder),
        document=line.document,
        pages=line.pages or ((line.page,) if line.page else ()),
        boxes=line.boxes,
        label=line.label.strip().lower(),
        types=tuple(sorted({name for name in (*line.types, line.type or line.kind) if name})),
    )


def _as_line(question: Question) -> dict[str, Any]:
    """The keys that have a value."""
    line = {
        "id": question.id,
        "text": question.query.text,
        "image": str(question.query.image) if question.query.image else "",
        "document": question.document,
        "pages": list(question.pages),
        "boxes": list(map(asdict, question.boxes)),
        "label": question.label,
        "types": list(question.types),
    }
    return {name: value for name, value in line.items() if value}


def group_by_type(questions: Sequence[Question]) -> Iterator[tuple[str, list[int]]]:
    """(type, indices of its questions), by name; nothing if there is only one type, which compares with nothing."""
    names = sorted({name for question in questions for name in question.types})
    if len(names) > 1:
        for name in names:
            yield name, [index for index, question in enumerate(questions) if name in question.types]
