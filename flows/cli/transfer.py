"""`diptych export` and `diptych import`: a whole store as plain files, and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diptych.object_store import hide_credentials
from diptych.printable import one_line
from flows.cli import options
from flows.output.progress import progress_display
from flows.output.terminal import ExitCode, print_json, print_message
from flows.output.wording import pluralize

if TYPE_CHECKING:
    from diptych.pipeline.transfer.transfer import TransferReport

MAX_LISTED = 20
"""Missing pictures that are listed."""

folder_argument = click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))


@click.command("export")
@folder_argument
@options.store
@options.as_json
def export(folder: Path, store: str | None, as_json: bool) -> int:
    """Write the whole store to a new folder as readable files: register, points, vectors, pictures and paid captions.

    Picture files that are missing or damaged are left out and listed; the exit code is then 3. --json prints one
    object: documents, text, images, pictures, captions (paid ones), lacking (places of the pictures that were left
    out).
    """
    with _file_errors(folder), options.open_store(store) as diptych, progress_display("exporting"):
        moved = diptych.maintenance.export_to(folder)
    return _report(moved, f"exported to {folder}", as_json)


@click.command("import")
@folder_argument
@options.store
@options.as_json
def import_(folder: Path, store: str | None, as_json: bool) -> int:
    """Read a folder written by `diptych export` into a store that is new or uses the same encoders.

    Documents that the store already has are replaced. After an interruption, run the command again. Paid captions and
    vectors are added to the ledger and not paid for again. --json prints one object, as `diptych export` does.
    """
    from diptych.errors import SourceError
    from diptych.pipeline.transfer.transfer import export_dimensions

    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder; give one written by `diptych export`")
    export_dimensions(folder)  # reject a folder that is not an export before a store is created
    with _file_errors(folder), options.open_store(store) as diptych, progress_display("importing"):
        moved = diptych.maintenance.import_from(folder)
    return _report(moved, f"imported into {hide_credentials(diptych.settings.store)}", as_json)


def _report(moved: TransferReport, action: str, as_json: bool) -> ExitCode:
    if as_json:
        print_json(asdict(moved))
    for place in moved.lacking[:MAX_LISTED]:
        print_message(f"left out   a picture of {one_line(place)}: its file is missing or damaged")
    if moved.lacking:
        more = f"{len(moved.lacking) - MAX_LISTED} more were left out; " if len(moved.lacking) > MAX_LISTED else ""
        print_message(f"note       {more}after an import these documents are partial; `diptych retry --all` fixes them")
    print_message(f"{action}: {describe_transfer(moved)}")
    return ExitCode.PARTIAL if moved.lacking else ExitCode.COMPLETE


def describe_transfer(moved: TransferReport) -> str:
    """`14 documents, 180 text points, 44 image points, 40 pictures`, and paid captions, if any."""
    parts = (
        (moved.documents, "document"), (moved.text, "text point"), (moved.images, "image point"),
        (moved.pictures, "picture"), *([(moved.captions, "paid caption")] if moved.captions else []),
    )  # fmt: skip
    return ", ".join(pluralize(count, noun) for count, noun in parts)


@contextmanager
def _file_errors(folder: Path) -> Iterator[None]:
    """Turn a full disk or an inaccessible file into a `SourceError`."""
    from diptych.errors import SourceError

    try:
        yield
    except OSError as error:
        raise SourceError(f"{error.filename or folder}: {error.strerror or error}; choose another folder") from error
