"""Room on a disk, looked at before it is written to.

The embedded engine writes through memory maps of files that are longer than what is in them. On a full disk such a
write is not refused: the operating system ends the process (SIGBUS), without a word.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from diptych.errors import StoreError

MIB = 1 << 20
RESERVE_TO_START = 128 * MIB
"""Bytes that have to be free before something new is written. A batch of 256 passages takes 2.4 MiB (measured), but may
begin a file of 32 MiB in each of three storages, and not every file system keeps those sparse."""
RESERVE_TO_FINISH = 48 * MIB
"""The same before a write that ends or frees something, a commit or a delete: what was begun gets through."""
NEW_COLLECTION_BYTES = {"documents": 40 * MIB, "text": 112 * MIB, "images": 80 * MIB}
"""Bytes of the engine's files for a collection without points: on ext4 1 MiB of them is on the disk, on tmpfs all."""


def check_disk_space(place: Path, least: int = RESERVE_TO_START) -> None:
    """Raises `StoreError` when the file system of `place`, which need not exist yet, has fewer than `least` bytes."""
    free = free_bytes(place)
    if free < least:
        raise StoreError(
            f"{place}: the disk is full: {free // MIB} MiB are free, and nothing is written below {least // MIB}; what "
            f"is stored is whole: free some space, or give a store on another disk, and run again"
        )


def free_bytes(place: Path) -> int:
    """Of the file system that `place` is on, or would be."""
    existing = place.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    return shutil.disk_usage(existing).free


def disk_usage(folder: Path) -> int:
    """Bytes on the disk of all files below `folder`; the engine's files are longer than what is in them."""
    size = 0
    for path in folder.rglob("*"):
        try:
            size += path.lstat().st_blocks * 512
        except FileNotFoundError:  # the engine tidied up meanwhile
            continue
    return size
