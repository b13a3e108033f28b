"""Kill real writer processes while another process reads all the time, in the embedded engine and on a real server."""

from __future__ import annotations

import collections
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from diptych.store.register import list_records
from tests.support.kills import FIGURES, NAMES, PASSAGES, open_for_kills, prepare_server_store
from tests.support.stores import SERVER, URL, delete_collections, new_prefix

pytestmark = pytest.mark.timeout(1800)  # never decides the outcome, however busy the machine

STEPS = [
    "text.upsert.0", "text.upsert.1", "images.upsert.0", "images.upsert.2", "documents.upsert.0", "documents.upsert.1",
    "documents.upsert.3", "text.delete.0", "text.delete.1", "images.delete.0", "images.delete.3", "documents.delete.0",
]  # fmt: skip
QUICK_STEPS = ["text.upsert.1", "images.upsert.2", "documents.upsert.1", "text.delete.0", "images.delete.0"]
REINDEX_STEPS = ["documents.retrieve.0", "documents.retrieve.2", "documents.scroll.1", "documents.upsert.0"]


class Places(NamedTuple):
    """Two new stores: one for the kills, one for an uninterrupted run."""

    store: Path
    uninterrupted: Path
    seconds: float
    """About as long as a write takes: when to kill it."""


@pytest.fixture(params=["embedded", SERVER])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Places]:
    first, second = tmp_path / "store", tmp_path / "uninterrupted"
    prefixes = [new_prefix(), new_prefix()] if request.param == "server" else []
    for folder, prefix in zip((first, second), prefixes, strict=False):
        prepare_server_store(folder, URL, prefix)
    yield Places(first, second, seconds=1.0 if prefixes else 0.1)
    for prefix in prefixes:
        delete_collections(prefix)


class Processes:
    """Writers and readers, forked from a process that has imported what they need."""

    def __init__(self, parent: subprocess.Popen[str]) -> None:
        self._parent = parent

    def _command(self, *words: object) -> int:
        assert self._parent.stdin
        assert self._parent.stdout
        print(*words, sep="\t", file=self._parent.stdin, flush=True)
        return int(self._parent.stdout.readline())

    def write(self, store: Path, version: int, death: str = "") -> int:
        """Bring a store to a version in a process of its own, and return its exit code."""
        return self._command("write", store, version, death)

    @contextmanager
    def reading(self, store: Path) -> Iterator[list[str]]:
        """A process that reads until the block ends; afterwards the list has the lines it wrote."""
        reader, lines = self._command("read", store), list[str]()
        try:
            yield lines
        finally:
            assert self._command("stop", reader) == 0
        lines += (store / "reads").read_text().splitlines()


@contextmanager
def started_processes() -> Iterator[Processes]:
    command = [sys.executable, "-m", "tests.support.kills"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        yield Processes(parent)


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    with started_processes() as started:
        yield started


def check_reads(lines: list[str], *, may_fail: bool = False) -> None:
    """`may_fail`: whether searches may end in an error; what they find must be consistent anyway."""
    assert [line for line in lines if line.startswith("torn")] == []
    assert may_fail or [line for line in lines if line.startswith("failed")] == []
    assert lines[-1].startswith("consistent ")
    assert int(lines[-1].split()[1]) > 0


def content(folder: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str, int, int]]]:
    """All points and register entries, without what depends on the history of the store."""
    store = open_for_kills(folder)
    points = sorted((point.id, point.payload["document"]) for c in (store.text, store.images) for point in c.scroll())
    register = [(r.uri, r.sha256, r.passages, r.pictures) for r in list_records(store)]
    store.close()
    return points, register


def texts_encoded_twice(journal: Path, start: int) -> int:
    """Number of texts that were encoded more than once after the journal had `start` lines."""
    lines = journal.read_text().splitlines()[start:]
    return sum(count > 1 for count in collections.Counter(map(json.loads, lines)).values())


def run_kills(processes: Processes, places: Places, deaths: list[str]) -> int:
    """Kill a writer at each of `deaths` on its way to another version. Returns the number of writers killed.

    After two of three kills the same version is written again: at most one batch may be encoded twice. After the third
    kill, the next version follows an unfinished one.
    """
    (store, uninterrupted, _), killed = places, 0
    journal, write = store / "journal", processes.write
    write(store, 1)
    with processes.reading(store) as lines:
        for number, death in enumerate(deaths):
            version = 0 if number % 5 == 4 else number % 4 + 2
            start = len(journal.read_text().splitlines())
            killed += write(store, version, death) == -9
            if number % 3:
                assert write(store, version) == 0
                assert texts_encoded_twice(journal, start) <= PASSAGES + 1
        assert write(store, 9) == 0
    check_reads(lines)
    assert write(uninterrupted, 9) == 0
    assert content(store) == content(uninterrupted)
    pages = 5  # four with a passage, and the first with the figures
    assert len(content(store)[0]) == len(NAMES) * (PASSAGES + 1 + FIGURES + pages)
    return killed


def run_reindex_kills(processes: Processes, places: Places, deaths: list[str]) -> int:
    """Kill a reindex at each of `deaths`, then let it finish. Returns the number of writers killed."""
    (store, uninterrupted, _), killed = places, 0
    write = processes.write
    write(store, 1)
    with processes.reading(store) as lines:
        for death in deaths:
            killed += write(store, -2, death) == -9
        assert write(store, -2) == 0
    check_reads(lines)
    assert (write(uninterrupted, 1), write(uninterrupted, -2)) == (0, 0)
    assert content(store) == content(uninterrupted)
    return killed


def test_kills_during_ingest_and_delete_never_show_half_a_document(processes: Processes, places: Places) -> None:
    killed = run_kills(processes, places, QUICK_STEPS)
    assert killed == len(QUICK_STEPS)


def test_killed_reindex_keeps_the_old_edition_and_converges(processes: Processes, places: Places) -> None:
    killed = run_reindex_kills(processes, places, REINDEX_STEPS[1::2])
    assert killed == 2


@pytest.mark.slow
def test_kills_at_every_step(processes: Processes, places: Places) -> None:
    moments = random.Random(7)
    killed = run_kills(
        processes, places, STEPS + [f"{moments.uniform(0.0, 0.8) * places.seconds:.3f}" for _ in range(3)]
    )
    assert killed >= len(STEPS) - 1  # no document is deleted at the last step; at a moment, a writer may have finished


@pytest.mark.slow
def test_forty_kills_of_a_reindex(processes: Processes, places: Places) -> None:
    moments = random.Random(5)
    killed = run_reindex_kills(
        processes, places, REINDEX_STEPS * 10 + [f"{moments.uniform(0.2, 3) * places.seconds:.3f}" for _ in range(20)]
    )
    assert killed >= 40
    print(f"kills of a reindex: {killed}")


@pytest.mark.slow
def test_more_than_a_hundred_kills(processes: Processes, places: Places) -> None:
    moments = random.Random(11)
    deaths = [
        death
        for _ in range(80)
        for death in (moments.choice(STEPS[:4]), f"{moments.uniform(0.0, 1.0) * places.seconds:.3f}")
    ]
    killed = run_kills(processes, places, deaths)
    assert killed >= 100
    print(f"kills: {killed}")
