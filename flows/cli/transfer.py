"""`diptych export` and `diptych import`: a whole store as files, and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.cli import options
from flows.support import maintenance_text as upkeep
from flows.support.progress import display
from flows.support.terminal import json_line, one_line, put, say

if TYPE_CHECKING:
    from diptych.pipeline.transfer import TransferReport

MOST = 20
"""Pictures that are listed as left out."""

folder_argument = click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))


@click.command("export", short_help="Write the whole store as plain files.")
@folder_argument
@options.store
@options.as_json
def export(folder: Path, store: str | None, as_json: bool) -> None:
    """Write the whole store to a new folder as files that a person can read: register, points, vectors, pictures,
    and what paid models gave for them.

    A picture file that is gone or damaged is left out, and named. --json prints one object: documents, text, images,
    pictures, captions, vectors (these two: paid ones), lacking (places of the pictures that were left out).
    """
    from diptych import Diptych
    from diptych.settings import load_settings

    with _files(folder), Diptych.open(load_settings(store)) as diptych, display("exporting"):
        moved = diptych.maintenance.export_to(folder)
    if as_json:
        put(json_line(asdict(moved)))
    _tell_lacking(moved)
    say(f"exported to {folder}: {upkeep.moved(moved)}")


@click.command("import", short_help="Read what `export` wrote into a store.")
@folder_argument
@options.store
@options.as_json
def import_(folder: Path, store: str | None, as_json: bool) -> None:
    """Read what `diptych export` wrote into a store, a new one or one that the same encoder reads.

    Documents that the store has already are replaced. Interrupted, it is simply run again. Paid captions and vectors
    join the ledger here and are not paid again. --json prints one object, as `diptych export` does.
    """
    from diptych import Diptych
    from diptych.errors import SourceError
    from diptych.pipeline.transfer import export_dimensions
    from diptych.settings import load_settings

    settings = load_settings(store)
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder; give the one that `diptych export` wrote")
    export_dimensions(folder)  # a folder that is no export is told before a store is made for it
    with _files(folder), Diptych.open(settings) as diptych, display("importing"):
        moved = diptych.maintenance.import_from(folder)
    if as_json:
        put(json_line(asdict(moved)))
    _tell_lacking(moved)
    say(f"imported into {settings.store}: {upkeep.moved(moved)}")


def _tell_lacking(moved: TransferReport) -> None:
    for place in moved.lacking[:MOST]:
        say(f"left out   a picture of {one_line(place)}: its file was gone or damaged")
    if moved.lacking:
        more = f"{len(moved.lacking) - MOST} more were left out; " if len(moved.lacking) > MOST else ""
        say(f"note       {more}where it is imported such a document is partial, and `diptych retry --all` mends it")


@contextmanager
def _files(folder: Path) -> Iterator[None]:
    """A disk that is full or a file that cannot be reached is told in one sentence."""
    from diptych.errors import SourceError

    try:
        yield
    except OSError as error:
        raise SourceError(f"{error.filename or folder}: {error.strerror or error}; give another folder") from error
