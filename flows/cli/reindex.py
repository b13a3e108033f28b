"""`diptych reindex`: the store read anew."""

from __future__ import annotations

import click

from flows.cli import options
from flows.support import maintenance_text as upkeep
from flows.support.progress import display
from flows.support.terminal import json_line, put, say


@click.command(short_help="Read what is stored with another encoder.")
@options.store
@options.as_json
def reindex(store: str | None, as_json: bool) -> None:
    """Read everything that is stored anew, with the encoder, language and vector type that the settings name now.

    Nothing is extracted again. The store keeps answering as before until the new edition is whole; interrupted, it
    goes on from there when it is run again. The old edition stays until `diptych sweep`. --json prints one object:
    encoded, the number of texts.
    """
    from diptych import Diptych
    from diptych.models.meter import format_usage
    from diptych.settings import load_settings

    settings = load_settings(store)

    def done(name: str) -> None:
        progress.advance(name)
        say(f"read anew  {name}")

    with Diptych.open(settings) as diptych, display("opening the store") as progress:
        encoded = diptych.maintenance.reindex(done)
    if as_json:
        put(json_line({"encoded": encoded}))
    for line in format_usage(diptych.meter):
        say(line)
    say(upkeep.reindexed(encoded, settings))
