"""Check for free disk space before writing.

The embedded engine writes through memory maps of files that are longer than their content. On a full disk, such a
write does not fail: the operating system kills the process (SIGBUS) without a message.
"""

import shutil
import tempfile
from pathlib import Path

from diptych.errors import StoreError
from extractors.errors import NO_SPACE

MIB = 1 << 20
RESERVE_TO_START = 128 * MIB
"""Free bytes required to write anything new. A batch of 256 passages takes 2.4 MiB (measured), but may start a file
of 32 MiB in each of three storages, and not every file system keeps those sparse."""
RESERVE_TO_FINISH = 48 * MIB
"""Free bytes required for a commit or a delete, so that work that was started can finish."""
NEW_COLLECTION_BYTES = {"documents": 40 * MIB, "text": 112 * MIB, "images": 80 * MIB}
"""Size of the engine's files for an empty collection: on ext4 they take up 1 MiB, on tmpfs all of it."""
WAY_OUT = "What is stored is intact. Free some space, or choose a store on another disk, and run again"


def check_disk_space(place: Path, reserve: int = RESERVE_TO_START) -> None:
    """Raises `StoreError` if the file system of `place`, which need not exist yet, has fewer than `reserve` bytes."""
    free = free_bytes(place)
    if free < reserve:
        raise StoreError(
            f"{place}: the disk is full: {free // MIB} MiB are free and {reserve // MIB} MiB are required. {WAY_OUT}"
        )


def explain_failure(error: Exception, folder: Path) -> str:
    """What the engine says; if it failed because the disk is full or a quota is used up, that, which it often omits."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(MIB))
    except OSError as full:
        if full.errno in NO_SPACE:
            return f"the disk is full ({full.strerror}). {WAY_OUT}"
    return str(error)


def free_bytes(place: Path) -> int:
    """Free bytes on the file system of `place`, which need not exist yet."""
    return shutil.disk_usage(nearest_existing(place)).free


def nearest_existing(place: Path) -> Path:
    """The place itself, or the first folder above it that exists."""
    path = place.absolute()
    return next((one for one in (path, *path.parents) if one.exists()), path)


def allocated_bytes(folder: Path) -> int:
    """Bytes on disk of all files below `folder`; the engine's files are longer than what they take up."""
    size = 0
    for path in folder.rglob("*"):
        try:
            size += path.lstat().st_blocks * 512
        except FileNotFoundError:  # removed by the engine in the meantime
            continue
    return size
