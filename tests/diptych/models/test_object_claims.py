"""Claims and budgets of machines that share a ledger in an object store."""

from __future__ import annotations

import threading

import pytest

from diptych.models import claims as claims_module
from diptych.models import object_ledger
from diptych.models.object_ledger import ObjectClaims, ObjectCounts
from diptych.object_store import ObjectStore
from diptych.prices import Usage
from tests.support.s3_server import S3Server
from tests.support.s3_server import s3 as s3


def claims(s3: S3Server) -> ObjectClaims:
    """Those of a process."""
    return ObjectClaims(ObjectStore(s3.url))


def test_a_claimed_key_is_free_for_nobody_else_until_the_block_ends(s3: S3Server) -> None:
    one, other = claims(s3), claims(s3)
    with one.claimed(["a", "b"]) as mine:
        assert mine == {"a", "b"}
        with other.claimed(["b", "c"]) as rest, one.claimed(["a", "d"]) as second:
            assert (rest, second) == ({"c"}, {"d"})
    with other.claimed(["a", "b"]) as mine:
        assert mine == {"a", "b"}
    assert s3.names() == set()


def test_one_of_many_processes_gets_a_claim(s3: S3Server) -> None:
    start, end = threading.Barrier(6), threading.Barrier(6)
    winners: list[str] = []

    def claim() -> None:
        start.wait()
        with claims(s3).claimed(["a"]) as mine:
            winners.extend(mine)
            end.wait()

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert winners == ["a"]


def test_one_process_takes_over_the_claim_of_a_dead_one(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    dead, one, other = claims(s3), claims(s3), claims(s3)
    dead._insert({"a"})
    with one.claimed(["a"]) as mine:
        assert mine == set(), "its process is alive"
    monkeypatch.setattr(claims_module, "SILENT_SECONDS", 0.0)
    with one.claimed(["a"]) as mine, other.claimed(["b"]):
        assert mine == {"a"}
        monkeypatch.setattr(claims_module, "SILENT_SECONDS", 60.0)
        assert other._insert({"a"}) == set()
    assert s3.names() == set()


def test_a_renewed_claim_stays(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = claims(s3), claims(s3)
    with one.claimed(["a"]):
        assert other._insert({"a"}) == set()
        one._renew_all()
        monkeypatch.setattr(claims_module, "SILENT_SECONDS", 0.001)
        before = other._seen["a"]
        monkeypatch.setattr(claims_module, "SILENT_SECONDS", 60.0)
        assert other._insert({"a"}) == set()
        assert other._seen["a"][:2] == (before[0], before[1] + 1)


def test_processes_of_a_run_share_its_budget(s3: S3Server) -> None:
    one, other = (ObjectCounts(ObjectStore(s3.url), "run") for _ in range(2))
    assert [one.begin(), other.begin()] == [True, False]
    assert one.reserve(0.4, 1.0) is None
    one.add("m", Usage(10, requests=1), 0.3)
    one.release(0.4)
    assert other.reserve(0.6, 1.0) is None
    refused = one.reserve(0.2, 1.0)
    assert refused
    assert refused.spent == pytest.approx(0.3)
    assert refused.reserved == pytest.approx(0.6)
    other.add("m", Usage(5, requests=1), 0.6)
    other.release(0.6)
    assert one.reserve(0.1, 1.0) is None
    assert one.spent() == pytest.approx(0.9)
    assert other.usage() == {("m", False): Usage(15, requests=2)}


def test_two_processes_never_exceed_the_budget(s3: S3Server) -> None:
    counts = [ObjectCounts(ObjectStore(s3.url), "run") for _ in range(4)]
    granted: list[int] = []

    def reserve(number: int) -> None:
        if counts[number].reserve(0.6, 1.0) is None:
            granted.append(number)

    threads = [threading.Thread(target=reserve, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) <= 1


def test_counts_of_old_runs_are_deleted(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    ObjectCounts(ObjectStore(s3.url), "old").begin()
    monkeypatch.setattr(object_ledger, "KEPT_DAYS", -1)
    ObjectCounts(ObjectStore(s3.url), "new").begin()
    assert s3.names() == {"new/begun"}
