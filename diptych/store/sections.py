"""Which parts of a document are ranked together: those of a page, or of a section in a file without pages."""

from zlib import crc32

from diptych.store.types import Payload


def section_number(payload: Payload) -> int:
    """Return the page of a stored part, or a number for its heading path in a file without pages."""
    if payload.get("paged", True):
        return int(payload["page"])
    return crc32("\n".join(payload["heading"]).encode("utf-8", "surrogatepass"))
