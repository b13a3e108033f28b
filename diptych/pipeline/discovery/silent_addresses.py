"""Remembers which addresses did not answer in time, so that not every run waits for them."""

import hashlib
import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from extractors.atomic_write import write_file

FIRST_WAIT_HOURS, MAX_WAIT_HOURS = 6, 7 * 24
"""Until an address is tried again; each further failure waits four times as long, at most the maximum."""


class SilentAddresses:
    """One small file per address in a folder. Several processes may share it: the last writer wins."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def waits_until(self, address: str) -> str:
        """When an address is tried again, as `2030-01-31 02:00 UTC`; empty if it may be tried now."""
        until, now = self._read(address)[1], time.time()
        if not now < until <= now + 3600 * MAX_WAIT_HOURS:  # later only if a clock was wrong when it was written
            return ""
        return f"{datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M} UTC"

    def add(self, address: str) -> None:
        """An address did not answer in time."""
        failures = self._read(address)[0] + 1
        hours = min(FIRST_WAIT_HOURS * 4 ** min(failures - 1, 5), MAX_WAIT_HOURS)
        write_file(self._file(address), json.dumps([failures, time.time() + 3600 * hours]).encode())

    def remove(self, address: str) -> None:
        """An address answered."""
        with suppress(OSError):
            self._file(address).unlink(missing_ok=True)

    def _read(self, address: str) -> tuple[int, float]:
        """Failures in a row, and the time of the next attempt in seconds since 1970."""
        try:
            failures, until = json.loads(self._file(address).read_bytes())
            return int(failures), float(until)
        except (OSError, ValueError, TypeError):
            return 0, 0.0

    def _file(self, address: str) -> Path:
        return self._folder / f"{hashlib.sha256(address.encode()).hexdigest()}.silent"
