"""Processor time of commands from start to end, next to an empty Python program."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.measurement import MANUAL, BenchOptions, Measurement
from extractors.pdf.render import pymupdf

ROUNDS = 5


def startup(_: BenchOptions) -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory(prefix="diptych-bench-") as place:
        page, store = Path(place, "page.pdf"), f"{place}/store"
        with pymupdf().open(MANUAL) as document:
            document.select([0])
            document.save(page)
        diptych = [sys.executable, "-m", "flows.cli.main"]
        _processor_seconds([*diptych, "ingest", str(page), "--store", store])
        commands = {
            "--help": ["--help"],
            "status": ["status", "--store", store],
            "cold query": ["query", "how is the filter cleaned", "--store", store],
            "extract one page": ["extract", str(page)],
        }
        empty = min(_processor_seconds([sys.executable, "-c", "pass"]) for _round in range(ROUNDS))
        for name, command in commands.items():
            taken = min(_processor_seconds([*diptych, *command]) for _round in range(ROUNDS))
            yield Measurement(name, taken, "s", "an empty Python program", empty)


def _processor_seconds(command: Sequence[str]) -> float:
    """Of a program and the processes that it waited for."""
    before = os.times()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system
