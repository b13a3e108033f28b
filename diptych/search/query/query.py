"""The query that users write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from diptych.errors import QueryError
from diptych.where import Expression, parse_where

if TYPE_CHECKING:
    from PIL.Image import Image

    from diptych.search.query.plain_filters import KnownFields


@dataclass(frozen=True, slots=True)
class Query:
    """A text, an image, or both, optionally restricted by a filter. Raises `QueryError` for a malformed one."""

    text: str = ""
    image: Path | str | bytes | Image | None = None
    """Path of an image file, its URL (http or https), its bytes, or a PIL image."""
    where: Expression | str | None = None
    """Filter, such as `price < 200`; a string is parsed at once."""
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
    scope: Expression | None = None
    """The part of the filter outside of which nothing exists for whoever asks; None: all of the store does."""
    known_fields: KnownFields | None = None
    """The fields that limits in the wording may mean; None: those of the store."""
    problem: str = ""
    """Why the image, or a limit in the wording, is not used. `QueryPreparation` sets it."""

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise QueryError(f"the text of a query must be a string, not {self.text!r:.40}")
        object.__setattr__(self, "where", as_filter(self.where))

    @property
    def filter(self) -> Expression | None:
        """`where` as an expression."""
        assert not isinstance(self.where, str)
        return self.where

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


def as_filter(where: Expression | str | None) -> Expression | None:
    """A filter as an expression; a string is parsed, and an empty one is no filter. Raises `QueryError`."""
    if isinstance(where, str):
        return parse_where(where) if where.strip() else None
    if not isinstance(where, Expression | None):
        raise QueryError(f"a filter must be a string such as 'price < 200', not {where!r:.40}")
    return where
