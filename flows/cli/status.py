"""`diptych status`: what is in the store, and what is missing from it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.table import Table

from flows.cli import options
from flows.support import failed_documents as quarantine
from flows.support.terminal import json_line, one_line, put, show, table

if TYPE_CHECKING:
    from diptych.store.register import DocumentRecord

COLUMNS = ("status", "document", "#pages", "#passages", "#pictures", "updated", "missing")
PAID = "#paid"
"""A further column, where paid models read any document."""
HIDDEN = {"id", "generation", "retired", "fingerprint"}
"""Of a register entry: how the store works inside."""


@click.command(short_help="What is in the store, and what is missing.")
@options.store
@options.as_json
def status(store: str | None, as_json: bool) -> None:
    """List the documents of the store: how much of each is in, what is missing and why, and what mends it.

    --json prints one object a document: uri, name, status (complete, partial, failed), error, transient, problems,
    counts, fields, usage (of its last ingest: model -> requests, input_tokens, output_tokens, usd) …
    """
    from diptych import Diptych
    from diptych.settings import load_settings

    settings = load_settings(store)
    with Diptych.open(settings) as diptych:
        documents = diptych.documents()
    if as_json:
        for document in documents:
            put(json_line({name: value for name, value in asdict(document).items() if name not in HIDDEN}))
        return
    if documents:
        show(_table(documents))
    show(_sentence(documents, settings.store), *quarantine.ways_out(documents, settings.store))


def _table(documents: list[DocumentRecord]) -> Table:
    from diptych.models.meter import format_charges

    rows = [_cells(document) for document in documents]
    if not any(document.usage for document in documents):
        return table(COLUMNS, rows)
    paid = [format_charges(document.usage) for document in documents]
    return table(
        (*COLUMNS[:-1], PAID, COLUMNS[-1]), [[*r[:-1], cost, r[-1]] for r, cost in zip(rows, paid, strict=True)]
    )


def _cells(document: DocumentRecord) -> list[str]:
    counts = (document.pages, document.passages, document.pictures)
    missing = one_line(quarantine.missing(document), 300)
    return [quarantine.kind(document), document.name, *map(str, counts), document.updated_at[:16], missing]


def _sentence(documents: list[DocumentRecord], store: str) -> str:
    found = Counter(document.status for document in documents)
    passages, pictures = (sum(getattr(d, name) for d in documents) for name in ("passages", "pictures"))
    parts = ", ".join(f"{found[name]} {name}" for name in ("complete", "partial", "failed") if found[name]) or "empty"
    return f"{store}: {len(documents)} documents ({parts}), {passages} passages, {pictures} pictures"
