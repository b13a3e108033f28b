"""Write files atomically: readers never see half a file, and neither a kill nor a power cut leaves one."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

DRAFT_PREFIX = ".draft-"
MAX_LISTINGS = 100
"""Of a folder in which files are renamed: many, because any rename may come in between, but not endlessly many."""


def write_file(file: Path, content: bytes) -> None:
    """Create or replace a file and the folders above it. Raises `OSError`, and then leaves no draft."""
    make_private_folder(file.parent)
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=DRAFT_PREFIX)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())  # else a power cut could leave the name without the content
        Path(draft).replace(file)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def make_private_folder(folder: Path) -> None:
    """Create a folder, and missing ones above it, for this user only. One that exists keeps its permissions."""
    for missing in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(exist_ok=True)  # fails for a file


def sync_files(paths: Iterable[Path]) -> None:
    """Make what is in these files, and what these folders list, survive a power cut. Raises `OSError`."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sync_folder(folder: Path) -> None:
    """Sync the files of a folder, also those that another thread renames meanwhile. Raises `OSError`."""
    for _ in range(MAX_LISTINGS - 1):
        try:
            return sync_files(folder.iterdir())
        except FileNotFoundError:
            continue  # its content is behind another name, which the next listing has
    sync_files(folder.iterdir())
