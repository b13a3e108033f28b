"""`diptych documents`: which documents, or pages, answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flows.cli import options
from flows.support.no_hits import found_nothing
from flows.support.terminal import json_line, one_line, put, say, show, table
from flows.support.understood_filters import tell

if TYPE_CHECKING:
    from diptych.search.groups import By

COLUMNS = ("#rank", "document", "#page", "#best hit", "hits", "found")


@click.command(short_help="Which documents, or pages, answer; with their best hits.")
@click.argument("text")
@click.option("--by", type=click.Choice(("document", "page")), default="document", show_default=True)
@click.option("--each", type=click.IntRange(1, 100), default=3, show_default=True, help="Most hits of a document.")
@options.where
@click.option("--limit", type=click.IntRange(1, 200), default=10, show_default=True, help="Most documents.")
@options.as_json
@options.store
def documents(text: str, by: By, each: int, where: str | None, limit: int, as_json: bool, store: str | None) -> None:
    """Search both panels and print documents, or pages, instead of single hits: the one with the best hit first."""
    from diptych import Diptych, Query
    from diptych.settings import load_settings
    from diptych.where import parse_where

    question = Query(text, where=parse_where(where) if where else None)
    with Diptych.open(load_settings(store)) as diptych:
        tell(diptych.interpret(question))
        groups = diptych.search_groups(question, by, limit, each)
        if not groups:
            say(found_nothing(diptych, question.where))
    if as_json:
        for group in groups:
            put(json_line(group.as_dict()))
        return
    from extractors.formats import is_row

    rows = []
    for group in groups:
        best = group.hits[0]
        kinds = ", ".join(dict.fromkeys(hit.kind for hit in group.hits))
        page = "" if is_row(group.document) else str(group.page or best.page or "")
        found = one_line(best.caption or best.text or best.title)
        rows.append([str(group.rank), group.document, page, str(best.rank), f"{len(group.hits)}: {kinds}", found])
    if rows:
        show(table(COLUMNS, rows))
