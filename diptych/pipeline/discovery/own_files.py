"""Recognise the files and folders that Diptych wrote itself, so that no ingest reads them."""

import re
from collections.abc import Iterable

_CONTACT_SHEET = re.compile(r"\d{3,}-.*\.html")
_HASHED_PICTURE = re.compile(r"[0-9a-f]{64}\.[a-z]+")


def kind_of_own_folder(files: Iterable[str], folders: Iterable[str]) -> str:
    """`a store`, `an export` or `an extraction` for a folder that Diptych wrote, recognised by its file names."""
    names = set(files)
    if names >= {"owner.lock", "turn.lock"} or "edge_config.json" in names:
        return "a store"
    if names >= {"store.json", "documents.jsonl", "text.jsonl"}:
        return "an export"
    if "report.json" in names and "pictures" in folders and any(map(_CONTACT_SHEET.fullmatch, names)):
        return "an extraction"
    return ""


def is_stored_picture(folder: str, name: str) -> bool:
    """Whether a file belongs to a picture store: it is named by its hash, in a folder named by the first digits."""
    return name.startswith(folder) and len(folder) == 2 and _HASHED_PICTURE.fullmatch(name) is not None
