"""The ledger keeps what was paid for, across threads, processes, kills and damaged files."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from diptych.errors import StoreBusy, StoreError
from diptych.models.ledger import LEDGER_NAME, Ledger, LedgerCaption, OpenBatch
from diptych.prices import Usage
from tests.support.ledgers import ledger_captions

WRITER = """
import sys
from pathlib import Path
from diptych.models.ledger import LedgerCaption, Ledger
ledger = Ledger(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    key = f"{sys.argv[2]}-{number}"
    ledger.add_caption(key, LedgerCaption("openai:m", f"caption {key} " + "long " * 400))
    print(key, flush=True)
"""


def writer(folder: Path, name: str, captions: int) -> subprocess.Popen[str]:
    """Start a process that prints each key after recording it."""
    command = [sys.executable, "-c", WRITER, str(folder), name, str(captions)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_reading_an_unwritten_ledger_creates_no_file(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "pictures")
    assert (ledger.captions(["a"]), ledger.vectors(["a"]), ledger.open_batches("m")) == ({}, {}, [])
    assert not (tmp_path / "pictures").exists()


def test_captions_are_read_back_unchanged(tmp_path: Path) -> None:
    answered = LedgerCaption(
        "openai:m", "Eine Pumpe, 图, 🙂", usage=Usage(900, 100, 50, 1, written_tokens=64), price=0.0012
    )
    refused = LedgerCaption("openai:m", "", "will not", Usage(900, 0, 5, 2, batched=True), None)
    Ledger(tmp_path).add_caption("a", answered)
    Ledger(tmp_path).add_caption("b", refused)
    assert Ledger(tmp_path).captions(["a", "b", "c"]) == {"a": answered, "b": refused}


def test_first_caption_under_a_key_stays(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add_caption("a", LedgerCaption("m", "first", price=0.5))
    ledger.add_caption("a", LedgerCaption("m", "second", price=0.5))
    assert ledger.captions(["a"])["a"].text == "first"


def test_more_keys_than_one_query_allows(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add_vectors({f"{n}": np.full(4, n, np.float32) for n in range(1200)})
    found = ledger.vectors([f"{n}" for n in range(40_000)])
    assert len(found) == 1200
    assert found["1199"].tolist() == [1199] * 4


def test_vectors_are_read_back_bit_by_bit(tmp_path: Path) -> None:
    vector = np.random.default_rng(7).normal(size=384).astype(np.float32)
    Ledger(tmp_path).add_vectors({"v": vector})
    found = Ledger(tmp_path).vectors(["v"])["v"]
    assert found.dtype == np.float32
    assert found.tobytes() == vector.tobytes()


def test_batch_is_open_until_it_is_closed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    captions = OpenBatch("batch_1", "openai:m", "captions", {"i1": ["k1"], "i2": ["k2"]}, "2026-01-01T00:00:00+00:00")
    vectors = OpenBatch("batch_2", "openai:m", "embeddings", {"i3": ["k3", "k4"]}, "2026-01-02T00:00:00+00:00")
    for batch in (vectors, captions, OpenBatch("msgbatch_3", "anthropic:m", "captions", {})):
        ledger.add_batch(batch)
    assert Ledger(tmp_path).open_batches("openai:m") == [captions, vectors]
    ledger.close_batch("batch_1")
    assert Ledger(tmp_path).open_batches("openai:m") == [vectors]


def test_closed_batch_is_not_reopened_by_a_late_writer(tmp_path: Path) -> None:
    ledger, batch = Ledger(tmp_path), OpenBatch("b", "m", "captions", {})
    ledger.add_batch(batch)
    ledger.close_batch("b")
    ledger.add_batch(batch)
    assert ledger.open_batches("m") == []


def test_threads_write_concurrently(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)

    def add_captions(name: int) -> None:
        for number in range(10):
            ledger.add_caption(f"{name}-{number}", LedgerCaption("m", f"{name}"))

    threads = [threading.Thread(target=add_captions, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ledger_captions(tmp_path)) == 80


def test_processes_write_concurrently(tmp_path: Path) -> None:
    both = [writer(tmp_path, name, 60) for name in ("a", "b")]
    printed = [process.communicate(timeout=300)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    kept = Ledger(tmp_path).captions([key for keys in printed for key in keys])
    assert len(kept) == 120
    assert kept["b-59"].text.startswith("caption b-59 ")


def test_kill_while_writing_loses_nothing_recorded(tmp_path: Path) -> None:
    printed: list[str] = []
    for name in ("a", "b", "c"):
        process = writer(tmp_path, name, 100_000)
        assert process.stdout
        first = [process.stdout.readline() for _ in range(8)]
        time.sleep(len(printed) % 7 / 1000)  # kills at another step of the write each time
        os.kill(process.pid, signal.SIGKILL)
        lines = [*first, *process.stdout.readlines()]
        process.stdout.close()
        process.wait()
        printed += [line.strip() for line in lines if line.endswith("\n")]
    ledger = Ledger(tmp_path)
    assert len(printed) >= 24
    assert ledger.captions(printed).keys() == set(printed)
    with sqlite3.connect(ledger.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    ledger.add_caption("after", LedgerCaption("m", "still written"))
    assert ledger.captions(["after"])["after"].text == "still written"


def test_kill_inside_a_transaction_rolls_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add_vectors({"kept": np.ones(4, np.float32)})
    torn = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA cache_spill = 1'); c.execute('PRAGMA cache_size = 1'); c.execute('BEGIN IMMEDIATE')\n"
        "for n in range(200): c.execute('INSERT INTO vectors VALUES (?, zeroblob(8000), ?)', (str(n), ''))\n"
        "c.execute('DELETE FROM vectors WHERE key = ?', ('kept',))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", torn, str(ledger.path)], check=False)
    assert (tmp_path / f"{LEDGER_NAME}-journal").exists()  # the transaction was half-written
    assert ledger.vectors(["kept", "1"]).keys() == {"kept"}


def test_damaged_file_is_reported_with_a_remedy(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.path.write_bytes(b"this is no database" * 100)
    for attempt in (lambda: ledger.captions(["a"]), lambda: ledger.add_caption("a", LedgerCaption("m", "t"))):
        with pytest.raises(StoreError, match=r"ledger\.sqlite: the ledger of paid captions is damaged .*recover"):
            attempt()
    assert ledger.path.read_bytes().startswith(b"this is no database")  # nothing was deleted


def test_truncated_file_is_reported_as_damaged(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for number in range(50):
        ledger.add_caption(f"{number}", LedgerCaption("m", "words " * 200))
    ledger.path.write_bytes(ledger.path.read_bytes()[:5000])
    with pytest.raises(StoreError, match="damaged"):
        ledger.captions([f"{number}" for number in range(50)])


def test_ledger_of_a_newer_version_is_not_changed(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / LEDGER_NAME)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="newer version"):
        Ledger(tmp_path).add_caption("a", LedgerCaption("m", "t"))


def test_locked_ledger_raises_store_busy_after_the_limit(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, lock_seconds=0.1)
    ledger.add_caption("a", LedgerCaption("m", "t"))
    connection = sqlite3.connect(ledger.path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match=r"has been locked by another process for 0\.1 s"):
        ledger.add_caption("b", LedgerCaption("m", "t"))
    connection.close()


def test_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="check the folder"):
        Ledger(tmp_path / "file" / "pictures").add_caption("a", LedgerCaption("m", "t"))
