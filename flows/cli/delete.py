"""`diptych delete`: delete documents from the store."""

from __future__ import annotations

import click

from flows.cli import options
from flows.support.terminal import print_json, print_message
from flows.support.text import pluralize


@click.command(short_help="Delete documents from the store.")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@options.store
@options.as_json
def delete(names: tuple[str, ...], store: str | None, as_json: bool) -> None:
    """Delete documents from both collections. NAME is a name, path or URI listed by `diptych status`.

    All documents of that name are deleted; if a NAME is unknown, none is. The files themselves are kept, and an ingest
    that covers them adds them again. `diptych sweep` deletes their pictures after an hour.
    """
    with options.open_store(store) as diptych:
        deleted = diptych.delete(names)
    for record in deleted:
        if as_json:
            print_json({"uri": record.uri, "name": record.name, "status": "deleted"})
        else:
            print_message(f"deleted    {record.name}")
    print_message(f"{pluralize(len(deleted), 'document')} deleted")
