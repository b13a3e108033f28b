"""A backfill of many small documents as flow runs, next to an ingest of the same documents without Prefect."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.commands import Cost, run_command
from bench.measurement import BenchOptions, Measurement
from bench.work_pool import write_documents

FOLDER_DOCUMENTS = 100
PEER = "diptych ingest, without Prefect"


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
    return run_command(command, *arguments, PREFECT_HOME=f"{place}/prefect")


def _database_bytes(home: Path) -> int:
    return sum(file.stat().st_size for file in home.glob("prefect.db*"))
