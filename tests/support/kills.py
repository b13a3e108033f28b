"""Processes to be killed, and the reader that watches: `python -m tests.support.kills nursery|read STORE`.

A document of version v has three passages and two figures that say `v` and one passage that all versions share, so a
reader can tell by eye which version every hit belongs to.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from diptych.errors import StoreMismatch
from diptych.pipeline.ingest import Pipeline, ingest_document
from diptych.pipeline.reindex import reindex_store
from diptych.search.query import Query
from diptych.search.search import SearchContext, search
from diptych.store.embedded import EmbeddedStore
from diptych.store.register import list_records
from diptych.store.spaces import Spaces
from diptych.store.switch import delete_document
from diptych.store.types import Store, text_shapes
from extractors.types import Extraction, Options, Passage
from tests.support.fakes import ScriptedSandbox, WordEncoder, document, figure, source

NAMES = ("a.pdf", "b.pdf", "c.pdf")
PASSAGES, FIGURES = 3, 2


def parts(name: str, version: int) -> Extraction:
    """A document of one version; page numbers move with the version, so shared content does too."""
    own = [Passage(f"the pump {name} part {n} version {version}", n + version) for n in range(PASSAGES)]
    shared = Passage(f"a valve that all versions of {name} share", PASSAGES + version)
    drawn = tuple(figure(f"Figure {n}: chart {name} version {version}", 1) for n in range(FIGURES))
    return document(*own, shared, pictures=drawn)


class Journal(WordEncoder):
    """Encodes, and writes down what, so that a text paid for twice shows after a kill."""

    def __init__(self, journal: Path) -> None:
        super().__init__()
        self.journal = journal

    def encode_texts(self, texts: Any, *, query: bool = False) -> Any:
        with self.journal.open("a") as file:
            file.writelines(json.dumps(text) + "\n" for text in texts)
        return super().encode_texts(texts, query=query)


def write(store: Path, version: int, death: str) -> None:
    """Bring every document to `version` (0: delete them all; below 0: reindex for another encoder), and die as told.

    `death`: "" for not at all, a number of seconds, or a step such as `text.upsert.1`: at that call, counted from 0.
    """
    index = EmbeddedStore(store, text_shapes(WordEncoder.size), lock_seconds=30)
    arrange(death, index)
    sandbox = ScriptedSandbox()
    pipeline = Pipeline(index, Spaces(Journal(store / "journal")), sandbox, Options(), store)
    if version < 0:
        other = Journal(store / "journal")
        other.fingerprint = f"words{version}"
        reindex_store(index, Spaces(other), "english", store)
    elif version == 0:
        for record in list_records(index):
            delete_document(index, record)
    else:
        sandbox.scripts = {name: parts(name, version) for name in NAMES}
        for name in NAMES:
            ingest_document(source(name, str(version)), pipeline)
    index.close()


def arrange(death: str, index: Store) -> None:
    if not death:
        return
    if death.count(".") < 2:
        timer = threading.Timer(float(death), lambda: os.kill(os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()
        return
    collection, method, count = death.split(".")
    target = getattr(index, collection)
    left, original = [int(count)], getattr(target, method)

    def call(*arguments: Any) -> Any:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        return original(*arguments)

    setattr(target, method, call)


def nursery(store: Path) -> None:
    """For every line `version death` on stdin: fork a writer that does it; print its exit code, -9 when killed.

    What is expensive to import is imported once; nothing is open yet when a writer is forked.
    """
    for line in sys.stdin:
        version, _, death = line.strip().partition(" ")
        child = os.fork()
        if child == 0:
            write(store, int(version), death)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        print(os.waitstatus_to_exitcode(status), flush=True)


def read(store: Path) -> None:
    """Ask again and again until told to stop; print every torn answer, then how many answers were whole."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    index = EmbeddedStore(store, text_shapes(WordEncoder.size), lock_seconds=30)
    whole, longest = 0, 0.0
    print("ready", flush=True)
    while not stop.is_set():
        start = time.monotonic()
        try:
            hits = search([Query("pump valve chart version")], SearchContext(index, Spaces(WordEncoder()), store), 100)[
                0
            ]
        except StoreMismatch:  # reindexed: the next edition is there, and whole
            index.close()
            index = EmbeddedStore(store, text_shapes(WordEncoder.size), lock_seconds=30)
            continue
        longest = max(longest, time.monotonic() - start)
        torn = inspect([(hit.document, hit.modality, hit.caption or hit.text) for hit in hits])
        if torn:
            print("torn", torn, flush=True)
        whole += not torn
        time.sleep(0.03)
    print("whole", whole, round(longest, 2), flush=True)
    index.close()


def inspect(hits: list[tuple[str, str, str]]) -> str:
    """What is wrong with an answer: a document of two versions, or of one that is not whole. Empty: nothing."""
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
    {"nursery": nursery, "read": read}[sys.argv[1]](Path(sys.argv[2]))
