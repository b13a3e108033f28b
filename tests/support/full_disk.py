"""Commands on a disk that is full from the nth write on: `python -m tests.support.full_disk FOLDER TRIES [COMMAND]...`.

TRIES: values of n for each command, spread over its writes. full_disk.c must be preloaded; `DIPTYCH_TEST_FULL_DISK`
names the compiled file. Workers are not affected.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from diptych import Diptych
from flows.cli.main import run
from tests.support.soak import Killer, redirect_output, settings, stored_versions, write_document
from tests.support.stores import copy_without_holes

NAMES = ("docs/a.md", "docs/b.png")
STORE = ("--store", "store")
COMMANDS = {
    "new store": ["ingest", "docs", "--store", "other"],
    "ingest": ["ingest", "docs", *STORE],
    "delete": ["delete", "docs/a.md", "--yes", *STORE],
    "reindex": ["reindex", *STORE],
    "sweep": ["sweep", *STORE],
    "retry": ["retry", "--all", *STORE],
    "query": ["query", "pump", "--image", "docs/b.png", *STORE],
    "status": ["status", *STORE],
    "estimate": ["estimate", "docs", *STORE],
    "export": ["export", "out", *STORE],
    "import": ["import", "exported", "--store", "other"],
    "extract": ["extract", "docs", "--out", "out"],
}


class FullDisk:
    def __init__(self, folder: Path) -> None:
        os.chdir(folder)
        self.runner = Killer(folder, 0)
        self.library = ctypes.CDLL(os.environ["DIPTYCH_TEST_FULL_DISK"])
        self.outcomes: Counter[str] = Counter()
        Path("diptych.toml").write_text('ocr = "off"\nworkers = 1\ncache = "cache"\n')
        self.write(1)
        for command in (COMMANDS["ingest"], ["export", "exported", *STORE]):
            assert self.run(command, -1) == 0
        self.write(2)
        shutil.copytree("store", "before", copy_function=copy_without_holes)

    def write(self, version: int) -> None:
        for name in NAMES:
            write_document(Path(name).absolute(), version)

    def restore(self) -> None:
        for name in ("store", "other", "out"):
            shutil.rmtree(name, ignore_errors=True)
        shutil.copytree("before", "store", copy_function=copy_without_holes)

    def run(self, command: list[str], full_at: int) -> int:
        """The exit code; 99 after an exception that no command should end with. Prints the number of writes."""
        Path("output").unlink(missing_ok=True)
        Path("failures").unlink(missing_ok=True)

        def work() -> int:
            self.library.fill_at(-1)
            redirect_output()
            self.library.fill_at(full_at)
            try:
                return run(command)
            finally:
                writes = self.library.writes_counted()
                self.library.fill_at(-1)
                Path("writes").write_text(str(writes))

        return self.runner.execute(work)

    def fill_at_writes(self, name: str, tries: int) -> None:
        command = COMMANDS[name]
        self.restore()
        assert self.run(command, -1) == 0, Path("output").read_text()
        writes = int(Path("writes").read_text())
        for full_at in sorted({1 + number * writes // tries for number in range(tries)}):
            self.restore()
            code = self.run(command, full_at)
            said = Path("output").read_text() if Path("output").exists() else ""
            failures = Path("failures").read_text() if Path("failures").exists() else ""
            self.report(name, full_at, code, said + failures)
            assert self.runner.execute(partial(self.check, name, code)) == 0, (name, full_at, failures_of())
            again, said = self.run(command, -1), Path("output").read_text()
            is_done = code == 0 or "no such document" in said  # the disk was full after what mattered
            assert again == 0 or is_done, (name, full_at, said)
            assert self.runner.execute(partial(self.check, name, 0)) == 0, (name, full_at, failures_of())
        print(f"{name}: {writes} writes", flush=True)

    def report(self, name: str, full_at: int, code: int, said: str) -> None:
        clear = code == 0 or (("full" in said or "No space" in said) and "Traceback" not in said and code in (1, 2))
        self.outcomes[f"{name}: exit code {code}{'' if clear else ', unclear'}"] += 1
        if not clear:
            print(f"{name}, write {full_at}: exit code {code}: {said[-1500:]}", flush=True)

    def check(self, name: str, code: int) -> int:
        """Both documents are whole; of the new version, or gone, if the command has said so."""
        with Diptych.open(settings(Path.cwd())) as diptych:
            found = stored_versions(diptych)
        assert set(NAMES) - set(found) <= ({"docs/a.md"} if name == "delete" else set()), found
        if code == 0 and name in ("ingest", "retry"):
            assert name == "retry" or set(found.values()) == {2}, found
        if code == 0 and name == "delete":
            assert "docs/a.md" not in found, found
        return 0


def failures_of() -> str:
    return Path("failures").read_text()


if __name__ == "__main__":
    disk = FullDisk(Path(sys.argv[1]))
    for one in sys.argv[3:] or COMMANDS:
        disk.fill_at_writes(one, int(sys.argv[2]))
    print(json.dumps(disk.outcomes))
