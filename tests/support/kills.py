"""Processes for the kill tests: `python -m tests.support.kills`, with commands on stdin.

A document of version v has three passages and two figures that contain `v`, and one passage that all versions share,
so a reader can check by eye which version every hit belongs to. STORE is the folder of an embedded store, or a folder
with a file `server` that names a store on a server.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from diptych.errors import StoreError, StoreMismatch
from diptych.picture_store import PictureStore
from diptych.pipeline.ingest import ingest_document
from diptych.pipeline.pipeline import Pipeline
from diptych.pipeline.reindex import reindex_store
from diptych.search.query.query import Query
from diptych.search.search import SearchContext, search
from diptych.store.embedded.store import EmbeddedStore
from diptych.store.register import list_records
from diptych.store.server.options import ServerOptions
from diptych.store.server.store import ServerStore
from diptych.store.spaces import Spaces
from diptych.store.switch import delete_document
from diptych.store.types import Store, text_shapes
from extractors.types import Extraction, Options, Passage
from tests.support.fakes import ScriptedSandbox, WordEncoder, document, figure, source
from tests.support.stores import connect

NAMES = ("a.pdf", "b.pdf", "c.pdf")
PASSAGES, FIGURES = 3, 2


def document_version(name: str, version: int) -> Extraction:
    """The page numbers change with the version, so shared content moves."""
    own = [Passage(f"the pump {name} part {n} version {version}", n + version) for n in range(PASSAGES)]
    shared = Passage(f"a valve that all versions of {name} share", PASSAGES + version)
    figures = tuple(figure(f"Figure {n}: chart {name} version {version}", 1) for n in range(FIGURES))
    return document(*own, shared, pictures=figures)


class JournalEncoder(WordEncoder):
    """Writes the texts it encodes to a file, so that a text encoded twice is found after a kill."""

    def __init__(self, journal: Path) -> None:
        super().__init__()
        self.journal = journal

    def encode_texts(self, texts: Any, *, query: bool = False) -> Any:
        with self.journal.open("a") as file:
            file.writelines(json.dumps(text) + "\n" for text in texts)
        return super().encode_texts(texts, query=query)


def prepare_server_store(folder: Path, url: str, prefix: str, seconds: float = 60) -> Path:
    """Make the processes that are given this folder use a store on a server. `seconds`: deadline of a request."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "server").write_text(f"{url} {prefix} {seconds}")
    return folder


def open_for_kills(folder: Path) -> Store:
    shapes = text_shapes(WordEncoder.size)
    if not (folder / "server").exists():
        return EmbeddedStore(folder, shapes, lock_seconds=300)
    url, prefix, seconds = (folder / "server").read_text().split()
    return ServerStore(connect(url, int(float(seconds))), ServerOptions(prefix, float(seconds)), shapes)


def write_version(folder: Path, version: int, death: str) -> None:
    """Bring every document to a version (0: delete all; below 0: reindex with another encoder), and die on the way.

    `death`: empty: do not die; a number of seconds; or a step such as `text.upsert.1`: at that call, counted from 0.
    """
    store = open_for_kills(folder)
    if death.count(".") == 2:
        die_at_step(death, store)
    elif death:
        die_after_seconds(float(death))
    encoder = JournalEncoder(folder / "journal")
    if version < 0:
        encoder.fingerprint = f"words{version}"
        reindex_store(store, Spaces(encoder), "english", PictureStore(folder))
    elif version == 0:
        for record in list_records(store):
            delete_document(store, record)
    else:
        sandbox = ScriptedSandbox()
        sandbox.scripts = {name: document_version(name, version) for name in NAMES}
        pipeline = Pipeline(store, Spaces(encoder), sandbox, Options(), PictureStore(folder))
        for name in NAMES:
            ingest_document(source(name, str(version)), pipeline)
    store.close()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_after_seconds(seconds: float) -> None:
    timer = threading.Timer(seconds, die)
    timer.daemon = True
    timer.start()


def die_at_step(step: str, store: Store) -> None:
    collection, method, count = step.split(".")
    target = getattr(store, collection)
    left, original = [int(count)], getattr(target, method)

    def call(*arguments: Any, **options: Any) -> Any:
        if left[0] == 0:
            die()
        left[0] -= 1
        return original(*arguments, **options)

    setattr(target, method, call)


def fork_on_command() -> None:
    """Fork writers and readers, as the lines of stdin say. Expensive modules are imported once.

    `write STORE VERSION DEATH`: write a version, and print the writer's exit code, -9 if it was killed. If it fails
    with a `StoreError`, it appends the message to the file STORE/errors, and its exit code is 1.
    `read STORE`: start a reader, and print its process id. `stop PID`: end it, and print its exit code.
    """
    for line in sys.stdin:
        command, argument, *more = line.rstrip("\n").split("\t")
        if command == "write":
            version, death = more
            print(_wait(_fork(partial(write_or_report, Path(argument), int(version), death))), flush=True)
        elif command == "read":
            _fork(partial(read_until_terminated, Path(argument)))  # prints its process id itself
        else:
            os.kill(int(argument), signal.SIGTERM)
            print(_wait(int(argument)), flush=True)


def _fork(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return child


def _wait(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def write_or_report(folder: Path, version: int, death: str) -> None:
    try:
        write_version(folder, version, death)
    except StoreError as error:
        with (folder / "errors").open("a") as file:
            file.write(f"{error}\n")
        os._exit(1)


def read_until_terminated(folder: Path) -> None:
    """Search again and again, and write every inconsistent result and every failure to the file STORE/reads, and at the
    end the number of consistent results.
    """
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    store = open_for_kills(folder)
    consistent, query = 0, Query("pump valve chart version")
    print(os.getpid(), flush=True)
    lines = (folder / "reads").open("w")
    while not stop.is_set():
        try:
            hits = search([query], SearchContext(store, Spaces(WordEncoder()), folder), 100)[0]
        except StoreMismatch:  # reindexed: open the next edition
            store.close()
            store = open_for_kills(folder)
            continue
        except StoreError as error:
            print("failed", error, file=lines)
            continue
        problem = find_inconsistency([(hit.document, hit.modality, hit.caption or hit.text) for hit in hits])
        if problem:
            print("torn", problem, file=lines)
        consistent += not problem
        time.sleep(0.03)  # lets a writer in
    print("consistent", consistent, file=lines)
    lines.close()
    store.close()


def find_inconsistency(hits: list[tuple[str, str, str]]) -> str:
    """Report a document with parts of two versions or with missing parts; empty if all are complete.

    `hits`: document, modality, text.
    """
    versions: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    shared = [name for name, _, text in hits if "share" in text]
    for name, modality, text in hits:
        if "version " in text:
            versions[name][text.rsplit(" ", 1)[1]].append(modality)
    for name, found in versions.items():
        if len(found) != 1:
            return f"{name}: versions {sorted(found)}"
        (modalities,) = found.values()
        if (modalities.count("text"), modalities.count("image"), shared.count(name)) != (PASSAGES, FIGURES, 1):
            return f"{name}: {modalities} and {shared.count(name)} shared"
    lonely = set(shared) - set(versions)
    return f"only the shared passage of {sorted(lonely)}" if lonely else ""


if __name__ == "__main__":
    fork_on_command()
