"""Documents whose files are gone leave the store too, unless so many go at once that a person has to say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.support.shell import command

if TYPE_CHECKING:
    from diptych import Diptych
    from diptych.pipeline.removed_documents import RemovedDocuments
    from diptych.store.register import DocumentRecord
    from extractors.types import Source

SHARE = 0.25
"""Of the documents that a run covers: more that are gone at once look like a disk that is not mounted."""


@dataclass(frozen=True, slots=True)
class Departures:
    """What a run did about documents whose files are gone."""

    deleted: tuple[DocumentRecord, ...] = ()
    kept: tuple[DocumentRecord, ...] = ()
    """Gone as well, but too many to be deleted before a person confirms it."""
    covered: int = 0
    """Documents of the store below the paths of the run, before it."""
    confirm: str = ""
    """The command that deletes what was kept."""


NONE = Departures()


def settle(
    diptych: Diptych, paths: Sequence[str], found: Sequence[Source], before: RemovedDocuments, confirmed: bool
) -> Departures:
    """Delete the documents that were gone `before` the run and still are.

    After the run, so that a file that was renamed has handed its vectors on; by the share before it, so that what the
    run brought in does not dilute a loss.
    """
    if too_many(before) and not confirmed:
        confirm = command("ingest", *paths, "--confirm-deletes", store=diptych.settings.store)
        return Departures((), before.documents, before.covered, confirm)
    if not before.documents:
        return NONE
    still = {record.id for record in diptych.maintenance.find_removed(paths, found).documents}
    leaving = tuple(record for record in before.documents if record.id in still)
    diptych.maintenance.remove(leaving)
    return Departures(leaving, (), before.covered)


def too_many(gone: RemovedDocuments) -> bool:
    """More than one, and more than a quarter of what is covered."""
    return len(gone.documents) > 1 and gone.share > SHARE
