"""`diptych watch`: ingest new and changed files within seconds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.cli import options
from flows.output.progress import ProgressDisplay, progress_display
from flows.output.removals import Removals
from flows.output.terminal import print_message
from flows.runs.deletes import delete_removed

if TYPE_CHECKING:
    from diptych import Diptych
    from flows.cli.folder_watch import FolderWatch


@click.command()
@options.paths
@options.store
@options.patterns
@click.option("--poll", is_flag=True, help="Look for changes instead of waiting for events: for network drives.")
def watch(paths: tuple[str, ...], store: str | None, patterns: options.Patterns, poll: bool) -> None:
    """Bring the store up to date with files and folders, and again whenever a file changes, until Ctrl-C.

    A file is read when it has not changed for two seconds; hidden files and unfinished downloads (.part, .tmp …) are
    ignored. Deleted files are deleted from the store as `diptych ingest` does it: when more than a quarter of the
    documents are gone at once, nothing is deleted. Documents that failed temporarily are tried again by `diptych retry`
    and by every `diptych ingest`.
    """
    from flows.cli.folder_watch import FolderWatch
    from flows.cli.services import terminable

    with terminable(), options.open_store(store, patterns=patterns) as diptych:
        own = [diptych.pictures, *([] if "://" in diptych.settings.store else [Path(diptych.settings.store)])]
        with FolderWatch([Path(path) for path in paths], own, poll=poll) as folder:
            updates = _Updates(diptych, paths)
            updates.run(None)
            print_message(f"watching   {', '.join(paths)}; Ctrl-C ends it")
            while (changed := _next(folder)) is not None:
                updates.run(changed)


def _next(folder: FolderWatch) -> set[Path] | None:
    """The next changes; None after Ctrl-C, which interrupts nothing here."""
    try:
        return folder.next()
    except KeyboardInterrupt:
        print_message("stopped watching")
        return None


class _Updates:
    """Ingests changed files of the watched paths."""

    def __init__(self, diptych: Diptych, paths: tuple[str, ...]) -> None:
        self._diptych, self._paths = diptych, paths
        self._unconfirmed: tuple[object, ...] = ()

    def run(self, changed: Collection[Path] | None) -> None:
        """Ingest `changed` files, or everything; delete documents whose files are gone."""
        from diptych.errors import SourceError

        try:
            with progress_display() as progress:
                self._run(changed, progress)
        except SourceError as error:  # a folder that is empty or missing may come back
            print_message(f"note       {error}")
            return
        report = progress.report
        if report.outcomes or report.removals.deleted:
            options.print_usage(self._diptych)
            print_message(report.summary)

    def _run(self, changed: Collection[Path] | None, progress: ProgressDisplay) -> None:
        maintenance, paths = self._diptych.maintenance, self._paths
        found = maintenance.find_sources(paths, changed=changed)
        progress.on_sources(
            len(found.sources), [one for one in found.skipped if changed is None or Path(one.place) in changed]
        )
        if changed is None:
            maintenance.store_skipped(paths, found)
        gone = maintenance.find_removed(paths, found.sources)
        if changed is not None:
            gone = replace(gone, skipped=())  # those that did not change
        maintenance.ingest_sources(found.sources, progress.on_outcome)
        progress.on_removals(self._once(delete_removed(self._diptych, paths, found.sources, gone, confirmed=False)))

    def _once(self, removals: Removals) -> Removals:
        """Without the warning of the last time."""
        kept = tuple(record.id for record in removals.unconfirmed)
        known, self._unconfirmed = kept == self._unconfirmed, kept
        return replace(removals, unconfirmed=(), warning="") if known else removals
