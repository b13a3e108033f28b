"""Queries from the options of a command, the parameters of a flow, or those of a request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from diptych.errors import QueryError
from diptych.search.query.query import Query, as_filter
from diptych.where import Expression, all_of, where_from_fields

Modality = Literal["text", "image"]
MODALITIES: tuple[Modality, ...] = ("text", "image")


@dataclass(frozen=True, slots=True)
class Question:
    """A query with the number of hits it asks for."""

    query: Query
    limit: int


def make_question(
    text: str,
    image: Path | str | bytes | None = None,
    where: str | None = None,
    limit: int = 10,
    offset: int = 0,
    *,
    modality: Modality | None = None,
    passages: str | None = None,
    pictures: str | None = None,
    split_rows: bool = False,
    copies: bool = False,
) -> Question:
    """A question from its options; the limit is raised to the number of passages and pictures. Raises `QueryError`."""
    least, exact = parse_counts(passages, pictures)
    condition = parse_filter(where, modality)
    image = None if image == "" else image  # of no bytes is an image that cannot be read
    query = Query(text, image, condition, least=least, exact=exact, split_rows=split_rows, copies=copies)
    return Question(query, limit if offset else max(limit, sum(least.values()) + sum(exact.values())))


def parse_filter(where: str | None, modality: str | None = None) -> Expression | None:
    """The filter of a query. Raises `QueryError` with the column of a syntax error."""
    return all_of(
        as_filter(where),
        where_from_fields({"modality": modality}) if modality else None,
    )


def parse_counts(passages: str | None, pictures: str | None) -> tuple[dict[str, int], dict[str, int]]:
    """(minimum, exact) number of hits by modality, from `3+` or `3`. Raises `QueryError`."""
    least: dict[str, int] = {}
    exact: dict[str, int] = {}
    for modality, text in (("text", passages), ("image", pictures)):
        if not text:
            continue
        if not (match := re.fullmatch(r"\s*(\d{1,3})\s*(\+?)\s*", text)):
            raise QueryError(f"{text!r} is no number of hits; write 3 for exactly three, 3+ for at least three")
        (least if match[2] else exact)[modality] = int(match[1])
    return least, exact
