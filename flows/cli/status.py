"""`diptych status`: list the documents of the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from flows.cli import options
from flows.support.maintenance_text import describe_missing, status_label, suggest_fixes
from flows.support.terminal import build_table, print_json, print_output
from flows.support.text import one_line

if TYPE_CHECKING:
    from diptych.store.register import DocumentRecord

COLUMNS = ("status", "document", "#pages", "#passages", "#pictures", "updated", "missing")
HIDDEN = {"id", "generation", "retired", "fingerprint"}
"""Fields of a register record that only matter inside the store."""


@click.command(short_help="List the documents of the store and what is missing.")
@options.store
@options.as_json
def status(store: str | None, as_json: bool) -> None:
    """List the documents of the store: how much of each is stored, what is missing and why, and how to fix it.

    --json prints one object per document: uri, name, status (complete, partial, failed), error, transient, problems,
    counts, fields, usage (of its last ingest: model -> requests, input_tokens, output_tokens, usd) …
    """
    with options.open_store(store) as diptych:
        documents = diptych.documents()
    if as_json:
        for document in documents:
            print_json({name: value for name, value in asdict(document).items() if name not in HIDDEN})
        return
    if documents:
        columns = list(COLUMNS)
        rows = [_cells(document) for document in documents]
        if any(document.usage for document in documents):
            _insert_paid(columns, rows, documents)
        print_output(build_table(columns, rows))
    place = diptych.settings.store
    print_output(_summary(documents, place), *suggest_fixes(documents, place))


def _cells(document: DocumentRecord) -> list[str]:
    counts = (document.pages, document.passages, document.pictures)
    missing = one_line(describe_missing(document), 300)
    return [status_label(document), document.name, *map(str, counts), document.updated_at[:16], missing]


def _insert_paid(columns: list[str], rows: list[list[str]], documents: Sequence[DocumentRecord]) -> None:
    """Add a column with the cost of paid models, before the last one."""
    from diptych.models.meter import format_charges

    columns.insert(-1, "#paid")
    for row, document in zip(rows, documents, strict=True):
        row.insert(-1, format_charges(document.usage))


def _summary(documents: Sequence[DocumentRecord], store: str) -> str:
    counts = Counter(document.status for document in documents)
    passages, pictures = (sum(getattr(d, name) for d in documents) for name in ("passages", "pictures"))
    parts = ", ".join(f"{counts[name]} {name}" for name in ("complete", "partial", "failed") if counts[name]) or "empty"
    return f"{store}: {len(documents)} documents ({parts}), {passages} passages, {pictures} pictures"
