"""Builds the graphs of a large collection in a copy of it, by a process of its own, so that nobody waits for that.

While the engine builds a graph, it holds the collection and Python's lock: no thread of the process runs, and no other
process gets the store. A copy takes a moment. It replaces the collection if nobody has written to that since.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from qdrant_edge import EdgeShard

from diptych.errors import StoreError
from diptych.store.disk_space import MIB, RESERVE_TO_START, allocated_bytes, explain_failure, free_bytes
from diptych.store.embedded.lock import file_lock
from extractors.atomic_write import sync_files

MIN_POINTS = 5000
"""Of a collection that is copied; the graph of a smaller one takes about two seconds."""
COPY, REPLACED, UNCHANGED = ".copy-{}", ".replaced-{}", ".unchanged-{}"
"""Names beside a collection: its copy, the collection while the copy takes its place, and a file that exists as long as
nobody has written to the collection since it was copied."""
BUILD = """
import ctypes, sys
try:
    ctypes.CDLL(None).prctl(1, 9)  # ends with the process that started it (Linux)
except (AttributeError, OSError):
    pass
sys.path[:] = sys.argv[2:]
from qdrant_edge import EdgeShard
shard = EdgeShard.load(sys.argv[1])
shard.optimize()
shard.close()
"""
ZEROS = bytes(1 << 20)

Opened = Callable[[], AbstractContextManager[EdgeShard]]
"""Gives the shard of the collection; other threads use it, too."""
Closed = Callable[[], AbstractContextManager[Path]]
"""Gives the folder of the collection, which nobody uses until the block ends."""


def build(place: Path, opened: Opened, closed: Closed) -> None:
    """Build the graphs of the collection in the folder `place`. Raises `StoreError`."""
    with opened() as shard:
        is_large = shard.info().points_count >= MIN_POINTS
    # A copy, and in it new segments before the old ones are deleted.
    if is_large and _has_room(place, 2) and _build_in_copy(place, closed):
        return
    if not _has_room(place, 1):
        required = allocated_bytes(place) + RESERVE_TO_START
        raise StoreError(
            f"{place.parent}: everything is stored and can be searched, but slowly: building search structures "
            f"requires {required // MIB} MiB of free disk. Free some space; the next large ingest builds them"
        )
    with opened() as shard:
        shard.optimize()


def _has_room(place: Path, copies: int) -> bool:
    return free_bytes(place) >= copies * allocated_bytes(place) + RESERVE_TO_START


def _build_in_copy(place: Path, closed: Closed) -> bool:
    """Returns whether the copy has replaced the collection: somebody may write to that meanwhile."""
    copy, unchanged = (place.parent / name.format(place.name) for name in (COPY, UNCHANGED))
    with file_lock(place.parent / "graphs.lock"):  # one process at a time
        shutil.rmtree(copy, ignore_errors=True)  # left by a process that died here
        try:
            with closed():
                shutil.copytree(place, copy, copy_function=_copy_file)
                unchanged.touch()
            _run_engine(copy)
            sync_files([*copy.rglob("*"), copy])
            with closed():
                if is_unchanged := unchanged.exists():
                    _replace(place, copy)
            return is_unchanged
        finally:
            unchanged.unlink(missing_ok=True)
            shutil.rmtree(copy, ignore_errors=True)


def note_write(place: Path) -> None:
    """Call before every write to a collection: a copy of it must not replace it any more."""
    (place.parent / UNCHANGED.format(place.name)).unlink(missing_ok=True)


def restore_replaced(folder: Path) -> None:
    """Complete what a process that died has left half done. The caller owns the store."""
    for replaced in folder.glob(REPLACED.format("*")):
        place = folder / replaced.name.removeprefix(REPLACED.format(""))
        if place.exists():
            shutil.rmtree(replaced, ignore_errors=True)
        else:
            replaced.rename(place)


def _copy_file(source: str, target: str) -> None:
    """Files of the engine are mostly holes, which stay holes."""
    with Path(source).open("rb") as original, Path(target).open("wb") as copy:
        while block := original.read(len(ZEROS)):
            if block == ZEROS[: len(block)]:
                copy.seek(len(block), 1)
            else:
                copy.write(block)
        copy.truncate()


def _run_engine(copy: Path) -> None:
    built = subprocess.run([sys.executable, "-c", BUILD, copy, *sys.path], capture_output=True, text=True)
    if built.returncode:
        reason = (built.stderr.strip().splitlines() or [f"the process ended with {built.returncode}"])[-1]
        raise StoreError(
            f"{copy.parent}: everything is stored and can be searched, but slowly: building search structures failed: "
            f"{explain_failure(RuntimeError(reason), copy.parent)}"
        )


def _replace(place: Path, copy: Path) -> None:
    """See `restore_replaced` for what happens if the process dies in between."""
    replaced = place.parent / REPLACED.format(place.name)
    place.rename(replaced)
    copy.rename(place)
    sync_files([place.parent])
    with suppress(OSError):
        shutil.rmtree(replaced)
