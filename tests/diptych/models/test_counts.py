"""The budget and the usage of a run of several processes, counted in the ledger."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from diptych.errors import BudgetReached
from diptych.models.ledger import Ledger
from diptych.models.meter import Meter
from diptych.prices import Price, Usage

CENT = Price(input=1.0, output=10.0)
"""A thousand output tokens cost a cent."""
CALL = Usage(output_tokens=1000, requests=1)
SPENDER = """
import sys
from pathlib import Path
from diptych.errors import BudgetReached
from diptych.models.ledger import Ledger
from diptych.models.meter import Meter
from diptych.prices import Price, Usage
meter = Meter({"m": Price(1.0, 10.0)}, budget=0.255)
meter.share(Ledger(Path(sys.argv[1])).counts("run"))
call, sent = Usage(output_tokens=1000, requests=1), 0
try:
    while True:
        with meter.reserve("m", call):
            meter.spend("m", call)
        sent += 1
except BudgetReached:
    print(sent)
"""


def shared_meter(folder: Path, budget: float | None = 0.025, run: str = "run") -> Meter:
    meter, counts = Meter({"m": CENT}, budget), Ledger(folder).counts(run)
    counts.begin()
    meter.share(counts)
    return meter


def test_processes_spend_one_budget_together(tmp_path: Path) -> None:
    meter = shared_meter(tmp_path)
    command = [sys.executable, "-c", SPENDER, str(tmp_path)]
    spenders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    sent = [int(spender.communicate()[0]) for spender in spenders]
    assert sum(sent) == 25
    assert meter.spent == pytest.approx(0.25)
    assert meter.usage() == {("m", False): Usage(output_tokens=25_000, requests=25)}


def test_a_request_under_way_in_another_process_counts(tmp_path: Path) -> None:
    one, other = shared_meter(tmp_path), shared_meter(tmp_path)
    with one.reserve("m", CALL), other.reserve("m", CALL):
        with pytest.raises(BudgetReached, match=r"\$0\.02 is reserved for requests under way"):
            one.reserve("m", CALL).__enter__()
        one.spend("m", CALL)
    with other.reserve("m", CALL):
        pass


def test_what_a_killed_process_reserved_stays_reserved(tmp_path: Path) -> None:
    killed, left = shared_meter(tmp_path), shared_meter(tmp_path)
    for _ in range(2):
        killed._counts.reserve(0.01, 0.025)  # and it dies before the answer
    with pytest.raises(BudgetReached):
        left.reserve("m", CALL).__enter__()


def test_runs_have_budgets_of_their_own_and_only_the_first_process_begins_one(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert [ledger.counts(run).begin() for run in ("a", "a", "b")] == [True, False, True]
    one, other = shared_meter(tmp_path, run="a"), shared_meter(tmp_path, run="b")
    one.spend("m", Usage(1000, 10, 1000, 1, written_tokens=5))
    one.spend("m", Usage(1000, 10, 1000, 1, batched=True, written_tokens=5))
    assert one.usage() == {
        ("m", False): Usage(1000, 10, 1000, 1, written_tokens=5),
        ("m", True): Usage(1000, 10, 1000, 1, batched=True, written_tokens=5),
    }
    assert (other.usage(), other.spent) == ({}, 0)
