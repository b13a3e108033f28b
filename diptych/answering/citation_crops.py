"""Pictures of the places on pages that an answer cites, for a person to look at."""

from __future__ import annotations

import hashlib
from pathlib import Path

from diptych.answering.evidence import SourcedItem
from diptych.store.register import load_records
from diptych.store.types import Store
from extractors.errors import ExtractionError
from extractors.pictures.store import image_path
from extractors.sandbox.sandbox import Sandbox


def crop(item: SourcedItem, index: Store, sandbox: Sandbox, pictures: Path) -> str | None:
    """Path of a picture of a passage's place, drawn in a worker process and kept until the next sweep.

    None where there is none to make: not a PDF on this machine, no box, or not the bytes that were ingested.
    """
    hit, path = item.hit, Path(item.hit.source)
    if path.suffix.lower() != ".pdf" or not hit.bbox or hit.page is None:
        return None
    record = load_records(index, [item.document_id]).get(item.document_id)
    try:
        with path.open("rb") as file:
            if record is None or hashlib.file_digest(file, "sha256").hexdigest() != record.sha256:
                return None
        x0, y0, x1, y1 = hit.bbox
        image = sandbox.crop(path, hit.page, (x0, y0, x1, y1), pictures)
    except (OSError, ExtractionError):
        return None
    return str(image_path(image, pictures))
