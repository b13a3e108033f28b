"""`diptych query`, `documents` and `like`: search for hits, for whole documents, and for what is similar to a hit."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diptych.printable import one_line
from diptych.search.query.query_options import MODALITIES, Modality, make_question, parse_filter
from flows.cli import options
from flows.output.search_results import NOTHING_RESEMBLES, print_hits
from flows.output.terminal import build_table, print_json, print_message, print_output
from flows.runs.local_prefect import image_parameter, recorded_runs, run_recorded
from flows.runs.questions import Found, explain, find_batch, find_hits, read_batch

if TYPE_CHECKING:
    from diptych import Group
    from diptych.search.groups import By

DOCUMENT_COLUMNS = ("#rank", "document", "place", "#best hit", "hits", "text")


@click.command()
@options.question
@options.image
@options.where
@click.option("--modality", type=click.Choice(MODALITIES), help="Only passages, or only pictures.")
@click.option(
    "--limit", type=options.Span(), default="10", show_default=True, help="Maximum hits, or a range such as 11-20."
)
@options.split_rows
@options.copies
@options.passages
@options.pictures
@click.option("--batch", type=options.file_type, help="JSON Lines file of questions, see above; needs --json.")
@options.prefect
@options.as_json
@options.store
def query(
    text: str,
    image: Path | str | bytes | None,
    where: str | None,
    modality: Modality | None,
    limit: tuple[int, int],
    split_rows: bool,
    copies: bool,
    passages: str,
    pictures: str,
    batch: Path | None,
    prefect: bool | None,
    as_json: bool,
    store: str | None,
) -> None:
    """Search text and images, and print one list of hits, best first, with the ranks that led to each hit.

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

    settings, (count, offset) = options.load(store), limit
    show = partial(_print_found, as_json=as_json, in_batch=bool(batch))
    question = make_question(
        text, image, where, count, offset,
        modality=modality, passages=passages, pictures=pictures, split_rows=split_rows, copies=copies,
    )  # fmt: skip
    questions = read_batch(batch, question) if batch else []
    if options.is_recorded(prefect, settings):
        with recorded_runs(show), image_parameter(image) as image_place:
            from flows.query import query as query_flow

            run_recorded(
                query_flow,
                text=text, image=image_place, where=where, panels=modality or "both", limit=count, offset=offset,
                passages=passages or None, pictures=pictures or None, split_rows=split_rows, copies=copies,
                batch=str(batch) if batch else None, store=settings.store,
            )  # fmt: skip
        return
    from diptych import Diptych

    with Diptych.open(settings) as diptych:
        if batch:
            for found in find_batch(diptych, questions, count, offset):
                show(found)
            options.print_usage(diptych)
        else:
            show(find_hits(diptych, question, offset))


def _print_found(found: Found, *, as_json: bool, in_batch: bool) -> None:
    if in_batch:
        for note in filter(None, [found.filters, found.hits.problem]):
            print_message(f"question {json.dumps(found.id)}: {note}")
        print_json(found.as_dict())
        return
    print_message(found.filters)
    print_hits(found.hits, as_json)
    if as_json and not found.hits.resembles:
        print_json(NOTHING_RESEMBLES)
    for line in found.notes:
        print_message(line)


@click.command()
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
        groups = diptych.search_groups(question, by, limit, each)
        for line in explain(diptych, question, groups, groups.resembles):
            print_message(line)
    if as_json and not groups.resembles:
        print_json(NOTHING_RESEMBLES)
    elif as_json:
        for group in groups:
            print_json(group.as_dict())
    elif groups:
        print_output(build_table(DOCUMENT_COLUMNS, map(_document_cells, groups)))
    options.print_usage(diptych)


def _document_cells(group: Group) -> list[str]:
    best = group.hits[0]
    kinds = ", ".join(dict.fromkeys(part.kind for hit in group.hits for part in hit.faces or (hit,)))
    text = one_line(best.caption or best.text or best.title)
    return [str(group.rank), group.document, best.place, str(best.rank), f"{len(group.hits)}: {kinds}", text]


@click.command()
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
    from diptych.library.explanations import explain_no_hits

    condition = parse_filter(where)
    with options.open_store(store) as diptych:
        hits = diptych.like(hit_id, limit, condition, split_rows)
        nothing = "" if hits else explain_no_hits(diptych.documents(), condition)
    print_hits(hits, as_json)
    print_message(nothing)
