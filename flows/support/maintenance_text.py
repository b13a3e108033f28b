"""Pure: what sweep, reindex, export and import came to, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.support.ingest_report import number
from flows.support.shell import command

if TYPE_CHECKING:
    from diptych.pipeline.sweep import SweepReport
    from diptych.pipeline.transfer import TransferReport
    from diptych.settings import Settings


def swept(found: SweepReport) -> str:
    """`swept up: 3 points, 2 pictures, 1 old edition`."""
    counts = ((found.points, "point"), (found.pictures, "picture"), (found.editions, "old edition"))
    parts = ", ".join(number(count, word) for count, word in counts if count)
    return f"swept up: {parts}" if parts else "nothing to sweep up; pictures younger than an hour stay"


def reindexed(encoded: int, settings: Settings) -> str:
    sweep = command("sweep", store=settings.store)
    read = f"everything read anew by {settings.encoder} ({settings.language}), {number(encoded, 'part')} encoded"
    return f"{read}; the old edition stays until `{sweep}`"


def moved(counts: TransferReport) -> str:
    """`14 documents, 180 text points, 44 image points, 40 pictures`; and what was paid for, if anything was."""
    paid = ((counts.captions, "paid caption"), (counts.vectors, "paid vector"))
    parts = (
        (counts.documents, "document"),
        (counts.text, "text point"),
        (counts.images, "image point"),
        (counts.pictures, "picture"),
        *((count, word) for count, word in paid if count),
    )
    return ", ".join(number(count, word) for count, word in parts)
