"""`diptych query`, `documents` and `like`: search for hits, for whole documents, and for what is similar to a hit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flows.cli import options
from flows.support.search_results import (
    NOTHING_RESEMBLES,
    describe_filters,
    explain_no_hits,
    format_page,
    parse_counts,
    parse_filter,
    print_hits,
)
from flows.support.terminal import build_table, print_json, print_message, print_output
from flows.support.text import one_line

if TYPE_CHECKING:
    from diptych import Diptych, Group, Query
    from diptych.search.groups import By
    from diptych.where import Expression

MODALITIES = ("text", "image")
DOCUMENT_COLUMNS = ("#rank", "document", "#page", "#best hit", "hits", "text")
GROUP_SIZE = 64
"""Questions of a batch that are encoded together; their answers are printed before the next group."""


@click.command(short_help="Search text and images; one ranked list.")
@options.question
@options.image
@options.where
@click.option("--modality", type=click.Choice(MODALITIES), help="Only passages, or only pictures.")
@click.option(
    "--limit", type=options.Span(), default="10", show_default=True, help="Maximum hits, or a range such as 11-20."
)
@options.split_rows
@options.passages
@options.pictures
@click.option("--batch", type=options.file_type, help="JSON Lines file of questions, see above; needs --json.")
@options.as_json
@options.store
def query(
    text: str,
    image: Path | str | bytes | None,
    where: str | None,
    modality: str | None,
    limit: tuple[int, int],
    split_rows: bool,
    passages: str,
    pictures: str,
    batch: Path | None,
    as_json: bool,
    store: str | None,
) -> None:
    """Search text and images, and print one list of hits, best first, with the ranks that led to each hit.

    \b
    --where filters by document, page, kind, modality and your own fields. "under $200" in TEXT also becomes a filter
    if documents have a field of prices, and a message says so; double quotes around it prevent this.
    --batch FILE has lines with id, text?, image?, where?, least?, exact?, literal?. For each of them one object is
    printed, in order: id, hits, resembles (false: nothing in the store resembles the question). image is a URL, or a
    path relative to the folder of FILE; where is {"field": value} or a filter as above; least and exact, such as
    {"image": 3}, are numbers of passages (text) and pictures (image); literal: true takes "under $200" as plain words.
    """
    if batch and (text or image is not None or passages or pictures or not as_json):
        raise click.UsageError(
            "--batch reads questions from the file and needs --json; omit TEXT, --image, --passages and --pictures"
        )
    if not batch and not text.strip() and image is None:
        raise click.UsageError("give a question: TEXT, --image or --batch")

    from diptych import Query

    condition = parse_filter(where, modality)
    questions = list(_read_batch(batch, condition)) if batch else []
    nothing = ""
    with options.open_store(store) as diptych:
        if batch:
            _search_batch(diptych, [(name, replace(one, split_rows=split_rows)) for name, one in questions], *limit)
        else:
            least, exact = parse_counts(passages, pictures)
            question = Query(text, image, condition, split_rows=split_rows, least=least, exact=exact)
            if (first := limit[1]) == 0:
                limit = max(limit[0], sum(least.values()) + sum(exact.values())), first
            print_message(describe_filters(diptych, question))
            hits = diptych.search(question, *limit)
            nothing = "" if hits else explain_no_hits(diptych, condition, resembles=hits.resembles)
            print_hits(hits, as_json)
            if as_json and not hits.resembles:
                print_json(NOTHING_RESEMBLES)
    print_message(nothing)
    options.print_usage(diptych)


def _search_batch(diptych: Diptych, questions: list[tuple[object, Query]], limit: int, offset: int) -> None:
    for start in range(0, len(questions), GROUP_SIZE):
        group = questions[start : start + GROUP_SIZE]
        for name, question in group:
            if filters := describe_filters(diptych, question):
                print_message(f"question {json.dumps(name)}: {filters}")
        answers = diptych.search_many([question for _, question in group], limit, offset)
        for (name, _), hits in zip(group, answers, strict=True):
            print_json({"id": name, "hits": [hit.as_dict() for hit in hits], "resembles": hits.resembles})


def _read_batch(path: Path, condition: Expression | None) -> Iterator[tuple[object, Query]]:
    """The questions of a batch with their ids. Raises `QueryError` with the line number."""
    from diptych.errors import QueryError

    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield _parse_question(json.loads(line), path.parent, condition)
            except (ValueError, QueryError) as error:
                raise QueryError(f"{path}, line {number}: {error}") from error


def _parse_question(record: Any, folder: Path, condition: Expression | None) -> tuple[object, Query]:
    from diptych import Query
    from diptych.where import all_of, parse_where, where_from_fields
    from extractors.catalog.table import is_url

    if not isinstance(record, dict) or "id" not in record:
        raise ValueError('expected an object with an id, such as {"id": 1, "text": "…"}')
    text, image, own = record.get("text") or "", record.get("image"), record.get("where") or {}
    if not isinstance(text, str) or not isinstance(image, str | None) or not isinstance(own, str | dict):
        raise ValueError("text and image must be strings, and where an object or a string")
    if not text.strip() and not image:
        raise ValueError("the question has neither text nor image")
    picture = image if image is None or is_url(image) else folder / image
    if isinstance(picture, Path) and not picture.is_file():
        raise ValueError(f"{picture}: no such image file")
    where = all_of(condition, parse_where(own) if isinstance(own, str) else where_from_fields(own))
    literal = record.get("literal") is True
    least, exact = _parse_numbers(record, "least"), _parse_numbers(record, "exact")
    return record["id"], Query(text, picture or None, where, literal=literal, least=least, exact=exact)


def _parse_numbers(record: dict[str, Any], name: str) -> dict[str, int]:
    numbers = record.get(name) or {}
    if not isinstance(numbers, dict) or not all(type(count) is int and count >= 0 for count in numbers.values()):
        raise ValueError(f'{name} must be an object such as {{"text": 2, "image": 2}}')
    if unknown := set(numbers) - set(MODALITIES):
        raise ValueError(f"{name} may contain text and image, not {sorted(unknown)[0]!r}")
    return numbers


@click.command(short_help="Search for documents or pages, with their best hits.")
@options.question
@click.option("--by", type=click.Choice(("document", "page")), default="document", show_default=True)
@click.option("--each", type=click.IntRange(1, 100), default=3, show_default=True, help="Maximum hits per document.")
@options.where
@click.option("--limit", type=click.IntRange(1, 200), default=10, show_default=True, help="Maximum documents.")
@options.as_json
@options.store
def documents(text: str, by: By, each: int, where: str | None, limit: int, as_json: bool, store: str | None) -> None:
    """Search text and images, and print documents or pages instead of single hits, ordered by their best hit."""
    if not text.strip():
        raise click.UsageError("give a question: TEXT")

    from diptych import Query

    question = Query(text, where=parse_filter(where))
    with options.open_store(store) as diptych:
        print_message(describe_filters(diptych, question))
        groups = diptych.search_groups(question, by, limit, each)
        if not groups:
            print_message(explain_no_hits(diptych, question.where, resembles=groups.resembles))
    if as_json and not groups.resembles:
        print_json(NOTHING_RESEMBLES)
    elif as_json:
        for group in groups:
            print_json(group.as_dict())
    elif groups:
        print_output(build_table(DOCUMENT_COLUMNS, map(_document_cells, groups)))
    options.print_usage(diptych)


def _document_cells(group: Group) -> list[str]:
    from extractors.formats import is_row

    best = group.hits[0]
    kinds = ", ".join(dict.fromkeys(part.kind for hit in group.hits for part in hit.faces or (hit,)))
    page = "" if is_row(group.document) else format_page(best.as_dict())
    text = one_line(best.caption or best.text or best.title)
    return [str(group.rank), group.document, page, str(best.rank), f"{len(group.hits)}: {kinds}", text]


@click.command(short_help="Find passages, pictures or products similar to a hit.")
@click.argument("hit_id")
@options.where
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="Maximum hits.")
@options.split_rows
@options.as_json
@options.store
def like(hit_id: str, where: str | None, limit: int, split_rows: bool, as_json: bool, store: str | None) -> None:
    """Find what is most similar to a hit of `diptych query` in meaning, looks and words. HIT_ID is shown with the hit.

    A product is compared by its text and its photo together. Nothing is encoded, and nothing is paid for.
    """
    condition = parse_filter(where)
    with options.open_store(store) as diptych:
        hits = diptych.like(hit_id, limit, condition, split_rows)
        nothing = "" if hits else explain_no_hits(diptych, condition)
    print_hits(hits, as_json)
    print_message(nothing)
