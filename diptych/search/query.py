"""The query that users write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from diptych.where import Expression

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Query:
    """A text, an image, or both, optionally restricted by a filter."""

    text: str = ""
    image: Path | str | bytes | Image | None = None
    """Path of an image file, its URL (http or https), its bytes, or a PIL image."""
    where: Expression | None = None
    """Filter; `diptych.where.parse` reads one from a string."""
    literal: bool = False
    """Search for phrases such as "under $200" as plain words instead of turning them into filters."""
    least: Mapping[str, int] = field(default_factory=dict)
    """Minimum number of hits by modality (`text`, `image`), as far as that many exist."""
    exact: Mapping[str, int] = field(default_factory=dict)
    """Exact number of hits by modality, as far as that many exist; the other modality has the rest.
    The texts and the pictures of catalogue rows are then separate hits."""
    split_rows: bool = False
    """Return the text and the pictures of a catalogue row as separate hits instead of one."""
    copies: bool = False
    """Also return what copies of a document repeat; otherwise it counts once."""

    describe_image: bool = True
    """If no encoder reads images: whether a captioner may be asked, at its price, what the image shows. A caption that
    is known is used anyway."""
    problem: str = ""
    """Why the image is not searched with. `QueryPreparation` sets it."""

    @property
    def image_file(self) -> Path | None:
        """The path of the image. Only `QueryPreparation` makes files of the other kinds."""
        assert isinstance(self.image, Path | None)
        return self.image

    def page_size(self, limit: int) -> int:
        """Number of hits on a page: with two exact numbers their sum, else `limit`."""
        return sum(self.exact.values()) if len(self.exact) == 2 else limit

    def required(self, limit: int) -> dict[str, int]:
        """Minimum number of hits by modality on a page of `limit` hits."""
        required = {**self.least, **self.exact}
        if len(self.exact) == 1:
            (modality, count), *_ = self.exact.items()
            other = "image" if modality == "text" else "text"
            required[other] = max(required.get(other, 0), limit - count)
        return required
