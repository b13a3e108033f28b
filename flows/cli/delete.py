"""`diptych delete`: documents out of the store."""

from __future__ import annotations

import click

from flows.cli import options
from flows.support import ingest_report as report
from flows.support.terminal import json_line, put, say


@click.command(short_help="Take documents out of the store.")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@options.store
@options.as_json
def delete(names: tuple[str, ...], store: str | None, as_json: bool) -> None:
    """Take documents out of the store, each from both collections at once. NAME is a name, path or URI of `status`.

    Every document of that name goes; when one NAME is not known, none does. The files themselves stay, and an ingest
    that covers them brings them in again. Their pictures go with a `diptych sweep` once they are an hour old.
    """
    from diptych import Diptych
    from diptych.settings import load_settings

    with Diptych.open(load_settings(store)) as diptych:
        deleted = diptych.delete(names)
    for record in deleted:
        if as_json:
            put(json_line({"uri": record.uri, "name": record.name, "status": "deleted"}))
        else:
            say(f"deleted    {record.name}")
    say(f"{report.number(len(deleted), 'document')} deleted")
