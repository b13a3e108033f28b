"""`diptych query`: questions in, ranked hits out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flows.commands import options
from flows.hits import COLUMNS, hit_cells
from flows.terminal import json_line, put, show, table

if TYPE_CHECKING:
    from diptych import Diptych, Query
    from diptych.where import Expression

TOGETHER = 64
"""Questions of a batch that are encoded together; the answers of one group are printed before the next."""

file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(short_help="Search both panels; one ranked list.")
@click.argument("text", default="")
@click.option("--image", type=file, help="A picture to search with, instead of words or beside them.")
@click.option("--where", metavar="EXPR", help='A filter: price < 200 and category = "jackets".')
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="Most hits of a question.")
@click.option("--batch", type=file, help="JSON Lines of questions: id, text?, image?, where?; needs --json.")
@options.as_json
@options.store
def query(
    text: str,
    image: Path | None,
    where: str | None,
    limit: int,
    batch: Path | None,
    as_json: bool,
    store: str | None,
) -> None:
    """Search both panels, text and images, and print one list, best first, with the ranks that brought each hit.

    \b
    --where names document, page, kind, modality and your own fields.
    --batch FILE prints one object a line for each question, in order: id, hits. Pictures are looked for from FILE's
    folder; its where is {"field": value} or a filter as above.
    """
    if batch and (text or image or not as_json):
        raise click.UsageError("--batch takes its questions from the file and needs --json: no TEXT, no --image")
    if not batch and not text.strip() and not image:
        raise click.UsageError("give a question: TEXT, --image or --batch")

    from diptych import Diptych, Query
    from diptych.settings import load
    from diptych.where import parse

    condition = parse(where) if where else None
    questions = list(_read(batch, condition)) if batch else []
    with Diptych.open(load(store)) as diptych:
        if batch:
            _answer_all(diptych, questions, limit)
            return
        hits = [hit.as_dict() for hit in diptych.search(Query(text, image, condition), limit)]
    if as_json:
        for hit in hits:
            put(json_line(hit))
    else:
        show(table(COLUMNS, map(hit_cells, hits)) if hits else "nothing found")


def _answer_all(diptych: Diptych, questions: list[tuple[object, Query]], limit: int) -> None:
    for start in range(0, len(questions), TOGETHER):
        group = questions[start : start + TOGETHER]
        answers = diptych.search_many([question for _, question in group], limit)
        for (name, _), hits in zip(group, answers, strict=True):
            put(json_line({"id": name, "hits": [hit.as_dict() for hit in hits]}))


def _read(path: Path, condition: Expression | None) -> Iterator[tuple[object, Query]]:
    """The questions of a batch with their ids. Raises `QueryError` naming the line."""
    from diptych.errors import QueryError

    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield _question(json.loads(line), path.parent, condition)
            except (ValueError, QueryError) as error:
                raise QueryError(f"{path}, line {number}: {error}") from error


def _question(record: Any, folder: Path, condition: Expression | None) -> tuple[object, Query]:
    from diptych import Query
    from diptych.where import both, from_mapping, parse

    if not isinstance(record, dict) or "id" not in record:
        raise ValueError('not an object with an id, such as {"id": 1, "text": "…"}')
    text, image, own = record.get("text") or "", record.get("image"), record.get("where") or {}
    if not isinstance(text, str) or not isinstance(image, str | None) or not isinstance(own, str | dict):
        raise ValueError("text and image are texts, where is an object or a text")
    if not text.strip() and not image:
        raise ValueError("has neither text nor image")
    picture = folder / image if image else None
    if picture and not picture.is_file():
        raise ValueError(f"there is no picture {picture}")
    return record["id"], Query(
        text, picture, both(condition, parse(own) if isinstance(own, str) else from_mapping(own))
    )
