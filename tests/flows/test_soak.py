"""Several processes write, delete and query one store for many rounds, and commands are killed at random moments."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from diptych import Diptych
from diptych.library.runtime import Runtime
from diptych.settings import Settings
from diptych.store.spaces import Spaces
from tests.support.fakes import WordEncoder

VERSION = re.compile(r"version (\d+) ends")
MAX_GROWTH_MIB = 24
"""Of a process between its first and its last measurement."""


def start(mode: str, folder: Path, number: int, count: int) -> subprocess.Popen[str]:
    (folder / "tmp").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.support.soak", mode, str(folder), str(number), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": f"{folder}/tmp"})


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    output = process.communicate()[0]
    assert process.returncode == 0
    last: dict[str, Any] = json.loads(output.splitlines()[-1])
    return last


def run_rounds(folder: Path, processes: int, rounds: int) -> None:
    running = [start("rounds", folder, number, rounds) for number in range(processes)]
    results = [finish(process) for process in running]
    model = {name: version for result in results for name, version in result["model"].items()}
    settings = Settings(store=str(folder / "store"), root=folder, lock_seconds=5)  # no lock is stale
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runtime, "spaces", Spaces(WordEncoder()))
        with Diptych.open(settings) as diptych:
            found = {(one.document, version) for one in diptych.parts(None) for version in VERSION.findall(one.text)}
    assert found == {(name, str(version)) for name, version in model.items()}
    for used in (result["used"] for result in results if len(result["used"]) > 1):
        assert used[-1]["mib"] - used[0]["mib"] <= MAX_GROWTH_MIB
        assert used[-1]["files"] <= used[0]["files"] + 2
        assert used[-1]["threads"] <= used[0]["threads"] + 2
    assert list((folder / "tmp").iterdir()) == []


def test_rounds_of_two_processes_end_as_predicted(tmp_path: Path) -> None:
    run_rounds(tmp_path, processes=2, rounds=12)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_two_thousand_rounds_of_four_processes(tmp_path: Path) -> None:
    run_rounds(tmp_path, processes=4, rounds=500)


@pytest.mark.slow
@pytest.mark.timeout(14400)
def test_a_thousand_kills_of_commands(tmp_path: Path) -> None:
    kills = finish(start("kills", tmp_path, 1, 1000))
    assert sum(kills.values()) >= 1000
    print(kills)
