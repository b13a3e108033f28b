"""Reads payloads ahead: when the engine closes a store, it makes the system forget its files.

Each point that is then read for the first time would wait for the disk, which takes longer than all other steps of a
search together.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from mmap import mmap
from pathlib import Path

from diptych.memory import usable_memory

STEP = 16 << 20
"""Bytes read at once: bounds how long another process waits for the store meanwhile."""
MAX_BYTES = usable_memory() // 4
"""A quarter of the memory. The system gives up files that it has read when it needs the memory."""


def read_payloads(shards: Iterable[Path]) -> Iterator[None]:
    """Read the payloads of shards into the system's cache of files, a step at a time."""
    # Anonymous memory returns to the system at the end; a thread's heap of this size would stay.
    buffer, left = mmap(-1, STEP), MAX_BYTES
    for file in [file for shard in shards for file in sorted(shard.glob("segments/*/payload_storage/*.dat"))]:
        with suppress(OSError), file.open("rb", buffering=0) as opened:  # the engine may have removed it
            end = min(os.fstat(opened.fileno()).st_blocks * 512, left)  # the rest of the file has no content yet
            left -= end
            while opened.tell() < end and opened.readinto(buffer):
                yield
