"""The cost of each document in its register entry, with the real SDK and a local HTTP server."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from diptych.captioners.captioner import load_captioner
from diptych.encoders.ledger_encoder import with_ledger
from diptych.encoders.registry import load_encoder
from diptych.endpoints import OpenAI
from diptych.models.ledger import Ledger
from diptych.models.meter import Account, Charge, Meter, format_charges, format_dollars, track_charges
from diptych.picture_store import PictureStore
from diptych.pipeline.ingest import ingest_document
from diptych.pipeline.pipeline import Pipeline
from diptych.prices import Price, Usage
from diptych.settings import Settings
from diptych.store.register import DocumentRecord, list_records
from diptych.store.spaces import Spaces
from diptych.store.types import text_shapes
from extractors.types import Options
from flows.cli.main import run
from tests.support.command_line import run_json, run_messages
from tests.support.fakes import ScriptedSandbox, source
from tests.support.http_server import Answer, Request, Vendor, served
from tests.support.openai_server import OpenAIRoutes
from tests.support.scripted_vision import chart, extraction, picture, stored
from tests.support.stores import open_store

KEY = "sk-secret-of-the-tests"
LUNA, SMALL = "openai:gpt-6-luna", "openai:text-embedding-3-small"
SAID = {"kind": "chart", "shows": "Six bars.", "axes": [], "labels": [], "findings": [], "visible_text": ""}
PICTURES = {"a.pdf": 1, "b.pdf": 2, "c.pdf": 4}


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    monkeypatch.setenv("TEST_KEY", KEY)
    routes = OpenAIRoutes(answer=lambda asked: SAID, key=KEY)

    def slow(request: Request) -> Answer | None:
        answered = routes(request)
        return answered and replace(answered, seconds=0.02)  # so that documents really are read at once

    with served(slow) as running:
        yield running


class PaidPipeline:
    """Documents with different numbers of pictures, a paid captioner and a paid encoder."""

    def __init__(self, folder: Path, vendor: Vendor, store: str = "store", seconds: float = 60) -> None:
        priced = {LUNA: Price(input=1.0, output=10.0)}
        endpoint = OpenAI(base_url=f"{vendor.url}/v1", key="TEST_KEY", dimensions=8, seconds=seconds)
        settings = Settings(captioner=LUNA, encoder=SMALL, prices=priced, openai=endpoint)
        self.meter, ledger = Meter(priced), Ledger(folder)
        encoder = with_ledger(load_encoder(SMALL, settings, self.meter), ledger)
        sandbox = ScriptedSandbox()
        number = 0
        for name, count in PICTURES.items():
            shown = [picture(stored(chart(number + n), folder), n + 1, caption=f"{name} {n}") for n in range(count)]
            sandbox.scripts[name] = extraction(*shown, name=name)
            number += count
        self.index = open_store("embedded", folder / store, text_shapes(8))
        captioner = load_captioner(settings, self.meter, ledger)
        self.pipeline = Pipeline(
            self.index, Spaces(encoder), sandbox, Options(), PictureStore(folder), captioner=captioner
        )

    def read(self) -> dict[str, DocumentRecord]:
        """All documents at once."""
        with ThreadPoolExecutor(len(PICTURES)) as pool:
            outcomes = list(pool.map(lambda name: ingest_document(source(name), self.pipeline), PICTURES))
        assert {outcome.status for outcome in outcomes} == {"complete"}
        found = {record.name: record for record in list_records(self.index)}
        self.index.close()
        return found


def test_concurrent_documents_are_charged_separately(tmp_path: Path, vendor: Vendor) -> None:
    shelf = PaidPipeline(tmp_path, vendor)
    found = shelf.read()
    used = {model: usage for (model, _), usage in shelf.meter.usage().items()}
    for name, count in PICTURES.items():
        assert found[name].usage[LUNA].requests == count
        assert found[name].usage[SMALL].requests == 1
    charges = [record.usage for record in found.values()]
    assert sum(one[LUNA].input_tokens for one in charges) == used[LUNA].input_tokens > 0
    assert sum(one[LUNA].output_tokens for one in charges) == used[LUNA].output_tokens > 0
    assert sum(one[SMALL].input_tokens for one in charges) == used[SMALL].input_tokens > 0
    assert sum(one[LUNA].usd or 0 for one in charges) == pytest.approx(shelf.meter.spent)
    assert {one[SMALL].usd for one in charges} == {None}  # its price is not in the settings


def test_answers_from_the_ledger_cost_nothing(tmp_path: Path, vendor: Vendor) -> None:
    PaidPipeline(tmp_path, vendor).read()
    sent = len(vendor.requests)
    again = PaidPipeline(tmp_path, vendor, "another store").read()
    assert len(vendor.requests) == sent
    assert [record.usage for record in again.values()] == [{}, {}, {}]
    assert all("usage" not in record.payload() for record in again.values())


def test_failed_document_has_its_cost_and_the_retry_the_rest(tmp_path: Path, vendor: Vendor) -> None:
    shelf = PaidPipeline(tmp_path, vendor, seconds=0.5)

    def down(request: Request) -> Answer | None:
        return Answer(503, {"error": {"message": "Overloaded."}}) if request.path == "/v1/embeddings" else None

    vendor.faults += [down] * 100
    assert ingest_document(source("a.pdf"), shelf.pipeline).status == "failed"
    vendor.faults.clear()
    (failed,) = list_records(shelf.index)
    assert list(failed.usage) == [LUNA]
    assert ingest_document(source("a.pdf"), shelf.pipeline).status == "complete"
    (retried,) = list_records(shelf.index)
    assert list(retried.usage) == [SMALL]
    shelf.index.close()


def test_entries_of_older_stores_can_be_read() -> None:
    paid = DocumentRecord("1", "file:///a", "a", usage={LUNA: Charge(1, 100, 20, 0.5)})
    assert DocumentRecord.of(paid.payload()) == paid
    older = paid.payload()
    del older["usage"]
    assert DocumentRecord.of(older) == replace(paid, usage={})
    assert DocumentRecord.of(older).payload() == older


def test_other_work_is_not_charged() -> None:
    meter = Meter({LUNA: Price(input=1.0, output=10.0)})
    with track_charges() as account, ThreadPoolExecutor(1) as pool:
        pool.submit(meter.spend, LUNA, Usage(1000, 0, 10, 1)).result()
        meter.spend(LUNA, Usage(2000, 0, 10, 1))
        meter.spend(LUNA, Usage(2000, 0, 10, 1, batched=True))
    meter.spend(LUNA, Usage(4000, 0, 10, 1))
    (charge,) = account.charges.values()
    assert replace(charge, usd=None) == Charge(2, 4000, 20, None)
    assert charge.usd == pytest.approx(0.0021 + 0.00105)


def test_sum_with_an_unknown_price_is_unknown() -> None:
    account = Account()
    account.add(LUNA, Usage(10, 0, 1, 1), 0.25)
    assert format_charges(account.charges) == "$0.25"
    account.add(SMALL, Usage(10, 0, 0, 2), None)
    assert format_charges(account.charges) == "$0.25 + 2 requests of unknown price"
    account.add(LUNA, Usage(10, 0, 1, 1), None)
    assert account.charges[LUNA] == Charge(2, 20, 2, None)
    assert format_charges(account.charges) == "4 requests of unknown price"
    assert format_charges({LUNA: Charge(0, 9, 0, None)}) == "part of a request of unknown price"
    assert format_charges({}) == ""
    assert format_charges({LUNA: Charge(1, 0, 0, 0.0)}) == "$0.00"


def test_status_shows_the_cost_of_the_last_ingest_of_each_document(
    tmp_path: Path, vendor: Vendor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    chart(1).save(tmp_path / "chart.png")
    assert run(["ingest", "chart.png", "--store", "free"]) == 0
    capsys.readouterr()
    assert run(["status", "--store", "free"]) == 0
    assert "paid" not in capsys.readouterr().out  # nobody is shown an empty column
    for name, chosen in {"BASE_URL": f"{vendor.url}/v1", "KEY": "TEST_KEY"}.items():
        monkeypatch.setenv(f"DIPTYCH_OPENAI__{name}", chosen)
    monkeypatch.setenv("DIPTYCH_CAPTIONER", LUNA)
    monkeypatch.setenv("DIPTYCH_PRICES", f'{{"{LUNA}": {{"input": 1000, "output": 10000}}}}')
    run_messages(capsys, "ingest", "chart.png", "--store", "s")
    (line,) = run_json(capsys, "status", "--store", "s")
    charge = line["usage"][LUNA]
    assert (charge["requests"], charge["input_tokens"] > 0) == (1, True)
    assert charge["usd"] == pytest.approx((charge["input_tokens"] + 10 * charge["output_tokens"]) / 1000)
    assert run(["status", "--store", "s"]) == 0
    out = capsys.readouterr().out
    assert "paid" in out
    assert format_dollars(charge["usd"])[:4] in out
