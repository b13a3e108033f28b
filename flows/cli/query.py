"""`diptych query`: questions in, ranked hits out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flows.cli import options
from flows.support.hit_tables import tell_hits
from flows.support.no_hits import found_nothing
from flows.support.terminal import json_line, put, say
from flows.support.understood_filters import tell

if TYPE_CHECKING:
    from diptych import Diptych, Query
    from diptych.where import Expression

MODALITIES = ("text", "image")
TOGETHER = 64
"""Questions of a batch that are encoded together; the answers of one group are printed before the next."""

file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(short_help="Search both panels; one ranked list.")
@click.argument("text", default="")
@click.option("--image", type=file, help="A picture to search with, instead of words or beside them.")
@options.where
@click.option("--modality", type=click.Choice(MODALITIES), help="Only passages, or only pictures.")
@options.span
@click.option("--batch", type=file, help="JSON Lines of questions, see above; needs --json.")
@options.as_json
@options.store
def query(
    text: str,
    image: Path | None,
    where: str | None,
    modality: str | None,
    limit: tuple[int, int],
    batch: Path | None,
    as_json: bool,
    store: str | None,
) -> None:
    """Search both panels, text and images, and print one list, best first, with the ranks that brought each hit.

    \b
    --where names document, page, kind, modality and your own fields. "under $200" in TEXT is a filter on a field of
    prices, if there is one, and that is said; not "in double quotes".
    --batch FILE has lines with id, text?, image?, where?, least?, literal?, and one object a line is printed for each,
    in order: id, hits. Pictures are looked for from FILE's folder; where is {"field": value} or a filter as above;
    least, such as {"image": 3}, tells how many passages (text) and pictures (image) there have to be among the hits;
    literal: true takes "under $200" for nothing but words.
    """
    if batch and (text or image or not as_json):
        raise click.UsageError("--batch takes its questions from the file and needs --json: no TEXT, no --image")
    if not batch and not text.strip() and not image:
        raise click.UsageError("give a question: TEXT, --image or --batch")

    from diptych import Diptych, Query
    from diptych.models.meter import format_usage
    from diptych.settings import load_settings
    from diptych.where import all_of, parse_where, where_from_fields

    condition = all_of(
        parse_where(where) if where else None, where_from_fields({"modality": modality}) if modality else None
    )
    questions = list(_read(batch, condition)) if batch else []
    with Diptych.open(load_settings(store)) as diptych:
        if batch:
            _answer_all(diptych, questions, *limit)
        hits = [] if batch else _answer(diptych, Query(text, image, condition), *limit)
        why = "" if batch or hits else found_nothing(diptych, condition)
    tell_hits(hits, as_json)
    for line in (*filter(None, [why]), *format_usage(diptych.meter)):
        say(line)


def _answer(diptych: Diptych, question: Query, limit: int, offset: int) -> list[dict[str, Any]]:
    tell(diptych.interpret(question))
    return [hit.as_dict() for hit in diptych.search(question, limit, offset)]


def _answer_all(diptych: Diptych, questions: list[tuple[object, Query]], limit: int, offset: int) -> None:
    for start in range(0, len(questions), TOGETHER):
        group = questions[start : start + TOGETHER]
        for name, question in group:
            tell(diptych.interpret(question), f"question {json.dumps(name)}: ")
        answers = diptych.search_many([question for _, question in group], limit, offset)
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
    from diptych.where import all_of, parse_where, where_from_fields

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
    where = all_of(condition, parse_where(own) if isinstance(own, str) else where_from_fields(own))
    return record["id"], Query(text, picture, where, literal=record.get("literal") is True, least=_least(record))


def _least(record: dict[str, Any]) -> dict[str, int]:
    least = record.get("least") or {}
    if not isinstance(least, dict) or not all(type(count) is int and count >= 0 for count in least.values()):
        raise ValueError('least is an object such as {"text": 2, "image": 2}')
    if unknown := set(least) - set(MODALITIES):
        raise ValueError(f"least knows text and image, not {sorted(unknown)[0]!r}")
    return least
