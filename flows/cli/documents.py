"""`diptych documents`: search for whole documents, or pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flows.cli import options
from flows.support.search_results import describe_filters, explain_no_hits, parse_filter
from flows.support.terminal import build_table, print_json, print_message, print_output
from flows.support.text import one_line

if TYPE_CHECKING:
    from diptych.search.groups import By, Group

COLUMNS = ("#rank", "document", "#page", "#best hit", "hits", "text")


@click.command(short_help="Search for documents or pages, with their best hits.")
@click.argument("text")
@click.option("--by", type=click.Choice(("document", "page")), default="document", show_default=True)
@click.option("--each", type=click.IntRange(1, 100), default=3, show_default=True, help="Maximum hits per document.")
@options.where
@click.option("--limit", type=click.IntRange(1, 200), default=10, show_default=True, help="Maximum documents.")
@options.as_json
@options.store
def documents(text: str, by: By, each: int, where: str | None, limit: int, as_json: bool, store: str | None) -> None:
    """Search text and images, and print documents or pages instead of single hits, ordered by their best hit."""
    from diptych import Query

    question = Query(text, where=parse_filter(where))
    with options.open_store(store) as diptych:
        if filters := describe_filters(diptych, question):
            print_message(filters)
        groups = diptych.search_groups(question, by, limit, each)
        if not groups:
            print_message(explain_no_hits(diptych, question.where))
    if as_json:
        for group in groups:
            print_json(group.as_dict())
    elif groups:
        print_output(build_table(COLUMNS, map(_cells, groups)))


def _cells(group: Group) -> list[str]:
    from extractors.formats import is_row

    best = group.hits[0]
    kinds = ", ".join(dict.fromkeys(hit.kind for hit in group.hits))
    page = "" if is_row(group.document) else str(group.page or best.page or "")
    text = one_line(best.caption or best.text or best.title)
    return [str(group.rank), group.document, page, str(best.rank), f"{len(group.hits)}: {kinds}", text]
