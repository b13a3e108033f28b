"""`diptych reindex`: encode what is stored with the current settings."""

from __future__ import annotations

import click

from flows.cli import options
from flows.support.maintenance_text import describe_reindex
from flows.support.progress import progress_display
from flows.support.terminal import print_json, print_message


@click.command(short_help="Rebuild the store for another encoder or language.")
@options.store
@options.as_json
def reindex(store: str | None, as_json: bool) -> None:
    """Rebuild the collections with the encoders, the language and the vector type of the current settings.

    Nothing is extracted again. Searches use the old edition until the new one is complete; `diptych sweep` deletes it.
    After an interruption, run the command again to continue. --json prints one object: encoded, the number of texts.
    """
    with options.open_store(store) as diptych, progress_display("opening the store") as progress:

        def report_document(name: str) -> None:
            progress.advance(name)
            print_message(f"reindexed  {name}")

        encoded = diptych.maintenance.reindex(report_document)
    if as_json:
        print_json({"encoded": encoded})
    options.print_usage(diptych)
    print_message(describe_reindex(encoded, diptych.settings))
