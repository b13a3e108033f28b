"""Real kills of real processes, while another process reads all the time."""

from __future__ import annotations

import collections
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from diptych.store.embedded import EmbeddedStore
from diptych.store.register import list_records
from diptych.store.types import text_shapes
from tests.support.fakes import WordEncoder
from tests.support.kills import FIGURES, NAMES, PASSAGES

STEPS = [
    "text.upsert.0", "text.upsert.1", "images.upsert.0", "images.upsert.2", "documents.upsert.0", "documents.upsert.1",
    "documents.upsert.3", "text.delete.0", "text.delete.1", "images.delete.0", "images.delete.3", "documents.delete.0",
]  # fmt: skip


@contextmanager
def writers(store: Path) -> Iterator[Callable[..., int]]:
    """A function that brings the store to a version in a process of its own, and tells how that process ended."""
    command = [sys.executable, "-m", "tests.support.kills", "nursery", str(store)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        answers, orders = process.stdout, process.stdin

        def write(version: int, death: str = "") -> int:
            orders.write(f"{version} {death}\n")
            orders.flush()
            return int(answers.readline())

        yield write
        orders.close()


@contextmanager
def reader(store: Path) -> Iterator[list[str]]:
    """A process that reads until the block ends; what it printed is in the list then."""
    process = subprocess.Popen([sys.executable, "-m", "tests.support.kills", "read", str(store)], stdout=-1, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    lines: list[str] = []
    try:
        yield lines
        process.terminate()
        lines += process.communicate(timeout=30)[0].splitlines()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def content(store: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str, int, int]]]:
    """All points and all register entries, without what depends on the way there."""
    index = EmbeddedStore(store, text_shapes(WordEncoder.size), lock_seconds=10)
    points = sorted((point.id, point.payload["document"]) for c in (index.text, index.images) for point in c.scroll())
    register = [(r.uri, r.sha256, r.passages, r.pictures) for r in list_records(index)]
    index.close()
    return points, register


def encoded_twice(journal: Path, start: int) -> int:
    """How many texts were encoded more than once since the journal had `start` lines."""
    lines = journal.read_text().splitlines()[start:]
    return sum(count > 1 for count in collections.Counter(map(json.loads, lines)).values())


def run_kills(folder: Path, deaths: list[str]) -> tuple[int, list[str]]:
    """Kill a writer at each of `deaths` on its way to another version; gives the kills that struck, and what was read.

    After two kills of three the same version is written to its end: nothing but the batch in flight may be encoded
    again. After the third the next version comes on top of an unfinished one.
    """
    store, calm, killed = folder / "store", folder / "calm", 0
    journal = store / "journal"
    with writers(store) as write:
        write(1)
        with reader(store) as read:
            for number, death in enumerate(deaths):
                version = 0 if number % 5 == 4 else number % 4 + 2
                start = len(journal.read_text().splitlines())
                killed += write(version, death) == -9
                if number % 3:
                    assert write(version) == 0
                    assert encoded_twice(journal, start) <= PASSAGES + 1
            assert write(9) == 0
    with writers(calm) as write:
        assert write(9) == 0
    assert content(store) == content(calm)
    pages = 5  # four with a passage, and the first with the figures
    assert len(content(store)[0]) == len(NAMES) * (PASSAGES + 1 + FIGURES + pages)
    return killed, read


def test_kills_at_steps_and_moments_never_show_half_a_document(tmp_path: Path) -> None:
    moments = random.Random(7)
    deaths = STEPS + [f"{moments.uniform(0.0, 0.08):.3f}" for _ in range(8)]
    killed, read = run_kills(tmp_path, deaths)
    assert [line for line in read if line.startswith("torn")] == []
    assert killed >= 16
    whole, longest = read[-1].split()[1:]
    assert int(whole) > 50
    assert float(longest) < 10, "a reader starved"


def run_reindex_kills(folder: Path, deaths: list[str]) -> tuple[int, list[str]]:
    """Kill a reindex again and again, then let it end; gives the kills that struck, and what was read."""
    store, calm, killed = folder / "store", folder / "calm", 0
    with writers(store) as write:
        write(1)
        with reader(store) as read:
            for death in deaths:
                killed += write(-2, death) == -9
            assert write(-2) == 0
    with writers(calm) as write:
        assert (write(1), write(-2)) == (0, 0)
    assert content(store) == content(calm)
    return killed, read


def test_a_killed_reindex_keeps_the_old_edition_answering_and_converges(tmp_path: Path) -> None:
    deaths = ["documents.upsert.0", *(f"{random.Random(number).uniform(0.05, 0.25):.3f}" for number in range(4))]
    killed, read = run_reindex_kills(tmp_path, deaths)
    assert [line for line in read if line.startswith("torn")] == []
    assert killed >= 3
    assert int(read[-1].split()[1]) > 5


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_forty_kills_of_a_reindex(tmp_path: Path) -> None:
    moments = random.Random(5)
    killed, read = run_reindex_kills(tmp_path, [f"{moments.uniform(0.02, 0.3):.3f}" for _ in range(60)])
    assert [line for line in read if line.startswith("torn")] == []
    assert killed >= 40
    print(f"kills of a reindex: {killed}, torn reads: 0, {read[-1]}")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_kills(tmp_path: Path) -> None:
    moments = random.Random(11)
    deaths = [d for _ in range(130) for d in (moments.choice(STEPS), f"{moments.uniform(0.0, 0.1):.3f}")]
    killed, read = run_kills(tmp_path, deaths)
    assert [line for line in read if line.startswith("torn")] == []
    assert killed >= 200
    print(f"kills: {killed}, torn reads: 0, {read[-1]}")
