"""Where a part of a document is, in words for people."""

from collections.abc import Sequence

from diptych.store.points import HEADING_SEPARATOR
from diptych.store.types import Payload
from extractors.formats import is_row


def describe_place(
    document: str,
    page: int | None,
    folio: int | None = None,
    *,
    paged: bool = True,
    heading: Sequence[str] = (),
    named: str = "",
) -> str:
    """Return `page 20`, `page 20 (printed 17)`; in a file without pages `Care > Filters`; for a catalogue row "".

    `named`: which of two page numbers the query names, see `Hit.named_page`; it is marked with "as asked".
    """
    if is_row(document) or not page:
        return ""
    if not paged:
        return HEADING_SEPARATOR.join(heading)
    printed, position = (", as asked" if named == name else "" for name in ("printed", "position"))
    return f"page {page}{position} (printed {folio}{printed})" if folio else f"page {page}"


def place_of(payload: Payload) -> str:
    """Return the place of a stored passage or picture, as `describe_place` does."""
    return describe_place(
        payload["document"],
        payload["page"],
        max(payload.get("folio", 0), 0) or None,
        paged=payload.get("paged", True),
        heading=payload["heading"],
    )
