"""Long runs over one store: random steps, and a model that predicts what the store holds.

`python -m tests.support.soak rounds FOLDER NUMBER ROUNDS`: one of several processes that write, delete and query for
ROUNDS rounds; it prints what it leaves behind. `python -m tests.support.soak kills FOLDER SEED COUNT`: run commands and
kill COUNT of them. Every version of a document has the same parts, so a reader can check by eye that none is torn.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from diptych import Diptych, Settings
from diptych.errors import StoreBusy
from diptych.library.runtime import Runtime
from diptych.search.query.query import Query
from diptych.store.spaces import Spaces
from tests.support.fakes import WordEncoder

PARTS = 3
DOCUMENTS = 5
"""Of each process, or of the store whose writers are killed."""
REOPEN_AFTER = 50
"""Rounds."""
CHECK_AFTER = 10
"""Kills after which the store is brought up to date, and compared with the files."""
Versions = dict[str, int]

Runtime.spaces = Spaces(WordEncoder())  # type: ignore[assignment, method-assign]


def write_document(path: Path, version: int) -> None:
    """Replace a document by another version, in one step. `.png`: a picture of that many shades of grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".draft{path.suffix}.tmp")
    if path.suffix == ".png":
        Image.new("L", (64 + version, 64), version % 256).save(draft, "PNG")
    else:
        sections = (f"# Part {n}\n\nThe pump of {path.name}: part {n} version {version} ends." for n in range(PARTS))
        draft.write_text("\n\n".join(sections) + "\n\nAll versions share this valve.\n")
    draft.replace(path)


def settings(folder: Path, store: str = "store") -> Settings:
    return Settings(store=str(folder / store), root=folder, ocr="off", workers=1, cache=folder / "cache")


def stored_versions(diptych: Diptych) -> Versions:
    """Document -> version, after checking that each is whole and that its pictures are there."""
    texts: dict[str, list[str]] = defaultdict(list)
    for part in diptych.parts(None):
        texts[part.document].append(part.text)
        if part.image:
            assert diptych.picture(part.image).stat().st_size, f"{part.document}: no picture"
            texts[part.document] = [f"part {n} version {part.image.width - 64} ends" for n in range(PARTS)]
    return whole_versions({name: "\n".join(found) for name, found in texts.items()})


def searched_versions(diptych: Diptych) -> Versions:
    """The same for what a search finds."""
    texts: dict[str, str] = defaultdict(str)
    while True:
        with suppress(StoreBusy):  # commits of the others follow each other too fast
            hits = diptych.search(Query("pump part version", copies=True), 200)
            break
    for hit in hits:
        texts[hit.document] += hit.text
    return whole_versions({name: text for name, text in texts.items() if name.endswith(".md")})


def whole_versions(texts: Mapping[str, str]) -> Versions:
    versions: Versions = {}
    for name, text in texts.items():
        found = sorted(re.findall(r"part (\d+) version (\d+) ends", text))
        assert [part for part, _ in found] == [str(n) for n in range(PARTS)], f"torn: {name}: {found}"
        assert len({version for _, version in found}) == 1, f"torn: {name}: {found}"
        versions[name] = int(found[0][1])
    return versions


# Rounds of several processes


def run_rounds(folder: Path, number: int, rounds: int) -> dict[str, Any]:
    """Rounds of one process on documents of its own. Returns the model of them, and what the process held on to."""
    steps, model, used = random.Random(number), Versions(), []
    diptych = Diptych.open(settings(folder))
    for count in range(rounds):
        if count % REOPEN_AFTER == REOPEN_AFTER - 1:
            diptych.close()
            used.append(resources())
            diptych = Diptych.open(settings(folder))
        name = f"docs/{number}/{steps.randrange(DOCUMENTS)}.md"
        match steps.random():
            case draw if draw < 0.45 or not count:
                write_document(folder / name, model.get(name, 0) + 1)
                (outcome,) = diptych.ingest([folder / name])
                assert outcome.status == "complete", outcome
                model[name] = model.get(name, 0) + 1
            case draw if draw < 0.55 and name in model:
                (folder / name).unlink()
                diptych.delete([name])
                del model[name]
            case draw if draw < 0.6:
                diptych.maintenance.sweep()
            case _:
                own = {name: one for name, one in searched_versions(diptych).items() if f"/{number}/" in name}
                assert own == model, (own, model)
                stored_versions(diptych)
    diptych.close()
    return {"model": model, "used": used}


def resources() -> dict[str, int]:
    process = psutil.Process()
    held = [one.path for one in process.open_files()]
    return {
        "mib": process.memory_info().rss >> 20,
        "files": process.num_fds(),
        "threads": process.num_threads(),
        "open": len(held),
    }


# Kills


class Killer:
    """Runs commands in processes of their own, and kills them at random moments."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.moments = folder, random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.seconds: dict[str, float] = defaultdict(lambda: 1.0)
        """Command -> how long it takes if it is not killed."""
        self.files: Versions = {}
        self.promised: Versions = {}
        """What a finished ingest has reported as complete."""

    def run(self, kills: int) -> None:
        self.bring_up_to_date()
        while self.kills.total() < kills:
            for _ in range(CHECK_AFTER):
                self.change_files()
                command = self.moments.choice(list(self.commands()))
                arguments = self.commands()[command]
                after = self.moments.uniform(0, 1.1) * self.seconds[command]
                self.kills[command] += self.execute(partial(run_command, arguments), after) == -9
                if command == "delete":
                    self.promised.clear()
                assert self.execute(self.check_promises) == 0, f"after a killed {command}"
            self.bring_up_to_date()
            print(self.kills.total(), dict(self.kills), flush=True)

    def commands(self) -> dict[str, list[str]]:
        store = ["--store", "store"]
        name = self.moments.choice(sorted(self.files) or ["docs/0.md"])
        return {
            "ingest": ["ingest", "docs", "--confirm-deletes", *store],
            "ingest one": ["ingest", name, *store],
            "delete": ["delete", name, "--yes", *store],
            "reindex": ["reindex", *store],
            "retry": ["retry", "--all", *store],
            "sweep": ["sweep", *store],
            "query": ["query", "pump", *store],
            "documents": ["documents", "pump", *store],
            "status": ["status", *store],
            "estimate": ["estimate", "docs", *store],
            "extract": ["extract", "docs"],
            "acknowledge": ["acknowledge", name, *store],
            "export": ["export", f"out{self.moments.random()}", *store],
            "import": ["import", "exported", "--store", "copy"],
            "import again": ["import", "exported", *store],
            "watch": ["watch", "docs", *store],
            "doctor": ["doctor", *store],
        }

    def change_files(self) -> None:
        name = f"docs/{self.moments.randrange(DOCUMENTS)}.{self.moments.choice(('md', 'md', 'png'))}"
        if name in self.files and self.moments.random() < 0.2:
            (self.folder / name).unlink()
            del self.files[name]
            self.promised.pop(name, None)
        else:
            self.files[name] = self.files.get(name, self.promised.get(name, 0)) + 1
            write_document(self.folder / name, self.files[name])

    def bring_up_to_date(self) -> None:
        """An ingest that is not killed, after which the store has what the files say."""
        if not self.files:
            self.change_files()
        for command in ("ingest", "import", "sweep"):
            start = time.monotonic()
            assert self.execute(partial(run_command, self.commands()[command])) == 0, command
            self.seconds[command] = time.monotonic() - start
            if command == "ingest":
                self.promised = dict(self.files)
                assert self.execute(self.check_everything) == 0
                for old in (self.folder / "exported", *self.folder.glob("out*.*")):
                    shutil.rmtree(old, ignore_errors=True)
                assert self.execute(partial(run_command, ["export", "exported", "--store", "store"])) == 0

    def check_promises(self) -> int:
        with Diptych.open(settings(self.folder)) as diptych:
            stored = stored_versions(diptych)
            searched_versions(diptych)
        lost = {name: version for name, version in self.promised.items() if stored.get(name, 0) < version}
        assert not lost, (lost, stored)
        return 0

    def check_everything(self) -> int:
        with Diptych.open(settings(self.folder)) as diptych:
            assert stored_versions(diptych) == self.files
            assert searched_versions(diptych) == {n: v for n, v in self.files.items() if n.endswith(".md")}
        return 0

    def execute(self, work: Callable[[], int], kill_after: float | None = None) -> int:
        """Fork a process for `work`; returns its exit code, or -9."""
        child = os.fork()
        if child == 0:
            try:
                os._exit(work())
            except BaseException as error:
                with (self.folder / "failures").open("a") as file:
                    file.write(f"{type(error).__name__}: {error}\n")
                os._exit(99)
        if kill_after is not None:
            timer = threading.Timer(kill_after, _kill, [child])
            timer.start()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if kill_after is not None:
            timer.cancel()
            timer.join()
        return code


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def run_command(arguments: Iterable[str]) -> int:
    from flows.cli.main import run

    redirect_output()
    return run(list(arguments))


def redirect_output() -> None:
    output = os.open("output", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)


def run_kills(folder: Path, seed: int, kills: int) -> dict[str, Any]:
    import flows.cli.main  # noqa: F401 - once, before the forks

    os.chdir(folder)
    (folder / "diptych.toml").write_text('ocr = "off"\nworkers = 1\ncache = "cache"\n')
    killer = Killer(folder, seed)
    killer.run(kills)
    return dict(killer.kills)


if __name__ == "__main__":
    mode, place, first, second = sys.argv[1:]
    run_ = {"rounds": run_rounds, "kills": run_kills}[mode]
    print(json.dumps(run_(Path(place).absolute(), int(first), int(second))))
