"""What a place lists."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from extractors.types import FileState

COARSE_SECONDS = 2.0
"""Resolution of times without fractions: FAT has two seconds, SFTP one."""
TICK_SECONDS = 0.02
"""Resolution of other times: that of the kernel's clock, at most 10 ms."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in a place."""

    uri: str
    state: FileState
    suffix: str = ""
    """Of its format, if its name does not have it."""


class Place(Protocol):
    """Where documents are: a bucket, an SFTP or a web server. Thread-safe.

    All methods raise `SourceError`, which names the object, what happened and the way out.
    """

    def list_folder(self, uri: str) -> tuple[list[str], list[Entry]]:
        """(URIs of the folders in a folder, its files), each in the order of names.

        The URI of a folder without a name, which is not read, ends with two slashes.
        """
        ...

    def find(self, uri: str) -> Entry | bool:
        """The file at a URI; True for a folder, False if there is neither."""
        ...

    def fetch(self, uri: str, file: Path) -> None:
        """Copy a file to this machine."""
        ...


def local_state(path: Path) -> FileState:
    """The state of a local file. Waits up to 20 ms for one that was written at this moment. Raises `OSError`.

    The marker also changes when a file is replaced by one of the same size and time.
    """
    status = path.stat()
    changed = max(status.st_mtime_ns, status.st_ctime_ns) / 1e9
    is_coarse = not (status.st_mtime_ns % 10**9 or status.st_ctime_ns % 10**9)
    age = abs(time.time() - changed)
    if not is_coarse and age < TICK_SECONDS:  # another change at this moment could leave the same time
        time.sleep(TICK_SECONDS - age)
        return local_state(path)
    marker = f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}"
    return FileState(status.st_size, status.st_mtime, "" if is_coarse and age < COARSE_SECONDS else marker)


def timed_state(size: int, modified: float) -> FileState:
    """The state of a file in a place that only has sizes and times."""
    is_settled = modified and abs(time.time() - modified) >= COARSE_SECONDS
    return FileState(size, modified, f"{size}-{modified:.0f}" if is_settled else "")
