"""A backfill of many small documents as flow runs, next to an ingest of the same documents without Prefect."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.measurement import BenchOptions, Measurement
from bench.work_pool import write_documents

FOLDER_DOCUMENTS = 100
SAMPLE_SECONDS = 1.0
PEER = "diptych ingest, without Prefect"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took."""

    seconds: float
    memory: int
    """Peak of all its processes together, in bytes; pages that they share count once."""


def backfill(options: BenchOptions) -> Iterator[Measurement]:
    """Rate, peak memory and size of Prefect's database, and the time of a second run that finds nothing to do."""
    count = options.documents
    documents = write_documents(options.cache, count, FOLDER_DOCUMENTS)[0].parent
    with tempfile.TemporaryDirectory(prefix="diptych-bench-") as place:
        home = Path(place) / "prefect"
        idle = _run(place, "backfill", documents, "--store", f"{place}/empty", "--limit", "1")
        before = _database_bytes(home)
        first = _run(place, "backfill", documents, "--store", f"{place}/a")
        grown = _database_bytes(home) - before
        second = _run(place, "backfill", documents, "--store", f"{place}/a")
        peer = _run(place, "ingest", documents, "--store", f"{place}/b")
        again = _run(place, "ingest", documents, "--store", f"{place}/b")
    yield Measurement(f"{count:,} documents", count / first.seconds, "documents/s", PEER, count / peer.seconds)
    yield Measurement("peak memory of all processes", first.memory / 2**20, "MiB", PEER, peer.memory / 2**20)
    yield Measurement("nothing to do", second.seconds, "s", PEER, again.seconds)
    yield Measurement("one document, with Prefect's start", idle.seconds, "s", "all documents", first.seconds)
    yield Measurement("Prefect's database, growth", grown / 2**20, "MiB", "before", before / 2**20)


def _run(place: str, command: str, *arguments: object) -> Cost:
    environment = os.environ | {"PREFECT_HOME": f"{place}/prefect"}
    environment.pop("PREFECT_API_URL", None)
    start, peak = time.monotonic(), 0
    with subprocess.Popen(
        [sys.executable, "-m", "flows.cli.main", command, *map(str, arguments)],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            time.sleep(SAMPLE_SECONDS)
    return Cost(time.monotonic() - start, peak)


def _memory(pid: int) -> int:
    """Proportional set size of a process and its descendants, in bytes."""
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            total += process.memory_full_info().pss
    except psutil.Error:  # it ended while it was read
        return total
    return total


def _database_bytes(home: Path) -> int:
    return sum(file.stat().st_size for file in home.glob("prefect.db*"))
