"""Claims in the ledger: of all threads and processes that need an answer, one pays for it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from diptych.captioners.captioner import Captioner
from diptych.models import claims as claims_module
from diptych.models.claims import Claims
from diptych.models.ledger import Ledger
from diptych.models.meter import Meter
from tests.support.scripted_vision import ScriptedVision, chart, extraction, picture, stored

HOLDER = """
import sys, time
from pathlib import Path
from diptych.models.ledger import Ledger
with Ledger(Path(sys.argv[1])).claims.claimed(["a"]) as mine:
    print(mine, flush=True)
    time.sleep(600)
"""


def free(claims: Claims, key: str) -> bool:
    with claims.claimed([key]) as mine:
        return mine == {key}


def test_a_claimed_key_is_free_for_nobody_else_until_the_block_ends(tmp_path: Path) -> None:
    one, other = Ledger(tmp_path).claims, Ledger(tmp_path).claims  # as in two processes
    with one.claimed(["a", "b"]) as mine:
        assert mine == {"a", "b"}
        with other.claimed(["b", "c"]) as rest, one.claimed(["a", "d"]) as second:
            assert (rest, second) == ({"c"}, {"d"})
    assert free(other, "a")
    assert free(other, "b")


def test_the_claim_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "{'a'}\n"
        claims = Ledger(tmp_path).claims
        assert not free(claims, "a")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert free(claims, "a")


def test_a_claim_of_another_machine_that_is_not_renewed_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims, ledger = Ledger(tmp_path).claims, Ledger(tmp_path)
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with ledger.claims.claimed(["a"]):
        renew(ledger, "host = 'another'")
        assert not free(claims, "a")
        now += claims_module.SILENT_SECONDS - 1
        renew(ledger, "renewals = renewals + 1")
        now += claims_module.SILENT_SECONDS - 1
        assert not free(claims, "a")  # renewed since it was last seen
        now += claims_module.SILENT_SECONDS
        assert free(claims, "a")
    assert free(claims, "a")  # its first owner released nothing of others


def renew(ledger: Ledger, change: str) -> None:
    with sqlite3.connect(ledger.path) as connection:
        connection.execute(f"UPDATE claims SET {change}")
    connection.close()


def test_a_claim_is_renewed_while_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    renewed = threading.Event()

    def sleep(seconds: float) -> None:
        renewed.wait(0.001)

    monkeypatch.setattr(time, "sleep", sleep)
    ledger = Ledger(tmp_path)
    with ledger.claims.claimed(["a"]):
        while not renewals(ledger):
            pass
    renewed.set()
    assert renewals(ledger) is None


def renewals(ledger: Ledger) -> int | None:
    with sqlite3.connect(ledger.path) as connection:
        row = connection.execute("SELECT renewals FROM claims").fetchone()
    connection.close()
    return int(row[0]) if row else None


def test_a_picture_wanted_by_two_processes_at_once_is_captioned_once(tmp_path: Path) -> None:
    document = extraction(picture(stored(chart(1), tmp_path)))
    asked, waiting = threading.Event(), threading.Event()

    def answer_late(number: int) -> None:
        asked.set()
        waiting.wait(30)

    models = [ScriptedVision(answer_late), ScriptedVision(answer_late)]
    one, other = (Captioner(model, Ledger(tmp_path), Meter()) for model in models)
    other._ledger.claims.wait = waiting.set  # type: ignore[method-assign]
    texts: list[str] = []

    def caption(captioner: Captioner) -> None:
        texts.append(captioner.caption(document, tmp_path).captions[0].text)

    threads = [threading.Thread(target=caption, args=(captioner,)) for captioner in (one, other)]
    threads[0].start()
    assert asked.wait(30)
    threads[1].start()
    for thread in threads:
        thread.join()
    assert texts == [texts[0]] * 2
    assert [len(model.asked) for model in models] == [1, 0]


def test_every_claim_says_which_process_holds_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with ledger.claims.claimed(["a"]):
        with sqlite3.connect(ledger.path) as connection:
            assert connection.execute("SELECT pid FROM claims").fetchall() == [(os.getpid(),)]
        connection.close()
