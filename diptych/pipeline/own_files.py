"""Pure: what in a folder Diptych wrote itself, so that it is never taken for somebody's documents."""

from __future__ import annotations

import re
from collections.abc import Iterable

_STORE = {"owner.lock", "turn.lock"}
_SHARD = {"edge_config.json"}
_EXPORT = {"store.json", "documents.jsonl", "text.jsonl"}
_SHEET = re.compile(r"\d{3,}-.*\.html")
_HASHED = re.compile(r"[0-9a-f]{64}\.[a-z]+")


def by_diptych(files: Iterable[str], folders: Iterable[str]) -> str:
    """What a folder with these names is, if it is a store, an export or what `extract --out` keeps; else empty."""
    names = set(files)
    if names >= _STORE or names >= _SHARD:
        return "a store"
    if names >= _EXPORT:
        return "an export"
    if "report.json" in names and "pictures" in folders and any(map(_SHEET.fullmatch, names)):
        return "an extraction"
    return ""


def kept_picture(folder: str, name: str) -> bool:
    """Whether a file is one of a picture store, wherever that lies: named by its hash, in a folder of its start."""
    return name.startswith(folder) and len(folder) == 2 and _HASHED.fullmatch(name) is not None
