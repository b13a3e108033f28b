"""The ledger in an object store: what one machine paid for, another one finds."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pytest

from diptych.errors import StoreError
from diptych.models.ledger import Ledger, LedgerCaption, OpenBatch
from diptych.models.object_ledger import ObjectLedger, open_ledger
from diptych.object_store import ObjectStore
from diptych.picture_store import PictureStore
from diptych.prices import Usage
from tests.support.s3_server import S3Server
from tests.support.s3_server import s3 as s3

RED = LedgerCaption("openai:m", "Eine rote Pumpe, 图, 🙂", usage=Usage(900, 100, 50, 1, written_tokens=64), price=0.5)
REFUSED = LedgerCaption("openai:m", "", "will not", Usage(100, 0, 5, 1), None)


@pytest.fixture
def url() -> str:
    return f"memory://{uuid.uuid4().hex}"


def test_other_machine_finds_captions_and_vectors(s3: S3Server) -> None:
    one, two = ObjectLedger(ObjectStore(s3.url)), ObjectLedger(ObjectStore(s3.url))
    one.add_captions({"a": RED, "b": REFUSED})
    one.add_vectors({"v": np.array([0.6, 0.8])})
    assert two.captions(["a", "b", "c"]) == {"a": RED, "b": REFUSED}
    (vector,) = two.vectors(["v", "w"]).values()
    assert np.array_equal(vector, np.array([0.6, 0.8], np.float32))
    assert two.find_captions({("openai:m", "", "will not")}) == {"b": REFUSED}


def test_first_answer_under_a_key_stays(url: str) -> None:
    ledger = ObjectLedger(ObjectStore(url))
    ledger.add_caption("a", RED)
    ledger.add_caption("a", REFUSED)
    ledger.add_vectors({"v": np.ones(2, np.float32)})
    ledger.add_vectors({"v": np.zeros(2, np.float32)})
    assert (ledger.captions(["a"])["a"], ledger.vectors(["v"])["v"].sum()) == (RED, 2)


def test_batches_stay_open_until_they_are_closed(url: str) -> None:
    ledger = ObjectLedger(ObjectStore(url))
    batches = [OpenBatch(f"id/{n}", "openai:m", "captions", {"item": ["k", "l"]}, f"2026-01-0{n}") for n in (2, 1)]
    for batch in [*batches, OpenBatch("other", "openai:n", "embeddings", {"item": ["k"]})]:
        ledger.add_batch(batch)
    assert ledger.open_batches("openai:m") == batches[::-1]
    ledger.close_batch("id/1")
    assert [batch.id for batch in ledger.open_batches("openai:m")] == ["id/2"]


def test_unusable_answers_are_those_of_a_folder(url: str, tmp_path: Path) -> None:
    ledgers: list[Ledger] = [ObjectLedger(ObjectStore(url)), Ledger(tmp_path)]
    for ledger in ledgers:
        assert ledger.unusable(["a", "b"]) == {}
        ledger.add_caption("b", RED)
        assert ledger.unusable(["a", "b"]) == {}
        ledger.add_unusable("a", "cut off")
        ledger.add_unusable("a", "the answer is empty")
        assert ledger.unusable(["a", "b"]) == {"a": "the answer is empty"}
        ledger.forget_unusable(["a"])
        assert ledger.unusable(["a"]) == {}


def test_damaged_entry_is_reported(url: str) -> None:
    objects = ObjectStore(url)
    objects.put({"1/captions/a.json": b'{"model": 3'})
    with pytest.raises(StoreError, match=r"1/captions/a\.json: this entry of the ledger is damaged; restore or delete"):
        ObjectLedger(objects).captions(["a"])


def test_nothing_is_bought_that_could_not_be_recorded(s3: S3Server) -> None:
    s3.fail = lambda request: 403 if request.startswith("PUT") else 0
    with pytest.raises(StoreError, match="access is denied"):
        ObjectLedger(ObjectStore(s3.url)).captions(["a"])


def test_ledger_lies_beside_the_pictures(tmp_path: Path) -> None:
    assert type(open_ledger(PictureStore(tmp_path))) is Ledger
