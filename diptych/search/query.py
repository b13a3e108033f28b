"""The query that users write."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from diptych.where import Expression


@dataclass(frozen=True, slots=True)
class Query:
    """A text, an image, or both, optionally restricted by a filter."""

    text: str = ""
    image: Path | None = None
    """Path of an image file."""
    where: Expression | None = None
    """Filter; `diptych.where.parse` reads one from a string."""
    literal: bool = False
    """Search for phrases such as "under $200" as plain words instead of turning them into filters."""
    least: Mapping[str, int] = field(default_factory=dict)
    """Minimum number of hits by modality (`text`, `image`), as far as that many exist."""
    split_rows: bool = False
    """Return the text and the pictures of a catalogue row as separate hits instead of one."""
