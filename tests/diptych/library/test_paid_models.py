"""Paid models behind the public class: which server each role asks, and what is checked before anything is paid."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from diptych import Diptych, Query, Settings, parse_where
from diptych.endpoints import OpenAI
from diptych.errors import ModelError, SettingsError, StoreError
from diptych.prices import Price, Usage
from tests.support.http_server import Vendor, served
from tests.support.openai_requests import Asked, Refused
from tests.support.openai_server import OpenAIRoutes
from tests.support.s3_server import S3Server
from tests.support.s3_server import s3 as s3
from tests.support.scripted_vision import chart

SMALL, EYES, VOICE = "openai:text-embedding-3-small", "openai:eyes", "openai:voice"
ROLES = ("ENCODER", "CAPTIONER", "ANSWERER")
CAPTION = {"kind": "chart", "shows": "Six bars.", "axes": [], "labels": [], "findings": [], "visible_text": ""}
ANSWER = {"answered": True, "sentences": [{"text": "It shows bars.", "citations": [{"id": "E1", "quote": ""}]}]}
PRICES = {name: Price(1.0, 10.0) for name in (SMALL, EYES, VOICE)}


def _answer(text: Any, asked: Asked) -> Any:
    return text


@pytest.fixture
def vendors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Vendor]]:
    """One server for each role, which accepts only the key of that role."""
    answers = {"CAPTIONER": CAPTION, "ANSWERER": ANSWER}
    with ExitStack() as stack:
        started = {}
        for role in ROLES:
            monkeypatch.setenv(f"{role}_KEY", f"sk-{role}")
            routes = OpenAIRoutes(answer=partial(_answer, answers.get(role)), key=f"sk-{role}")
            started[role] = stack.enter_context(served(routes))
        chart(1).save(tmp_path / "chart.png")
        yield started


def chosen(folder: Path, vendors: dict[str, Vendor], **changed: Any) -> Settings:
    """The encoder is behind the section's own address, the others have endpoints of their own."""
    url = {role: f"{vendor.url}/v1" for role, vendor in vendors.items()}
    endpoint = {
        "base_url": url["ENCODER"],
        "key": "ENCODER_KEY",
        "dimensions": 8,
        "captioner": {"base_url": url["CAPTIONER"], "key": "CAPTIONER_KEY", "api": "chat"},
        "answerer": {"base_url": url["ANSWERER"], "key": "ANSWERER_KEY"},
    }
    fields: dict[str, Any] = {
        "encoder": SMALL,
        "captioner": EYES,
        "answerer": VOICE,
        "openai": endpoint,
        "prices": PRICES,
    }
    fields |= {"store": str(folder / "store"), "ocr": "off", "workers": 1}
    return Settings(**fields | changed)


def requested(vendors: dict[str, Vendor]) -> dict[str, set[str]]:
    return {role: {request.path for request in vendor.requests} for role, vendor in vendors.items()}


def test_each_role_has_its_own_server_and_key(vendors: dict[str, Vendor], tmp_path: Path) -> None:
    with Diptych.open(chosen(tmp_path, vendors)) as diptych:
        assert diptych.ingest([tmp_path / "chart.png"])[0].status == "complete"
        answer = diptych.ask("what does the chart show")
    assert answer.citations
    assert requested(vendors) == {
        "ENCODER": {"/v1/embeddings"},
        "CAPTIONER": {"/v1/chat/completions"},
        "ANSWERER": {"/v1/responses"},
    }
    # What the answer cost includes the vector of its question.
    assert set(answer.usage) == {SMALL, VOICE}
    assert answer.price
    assert answer.price > PRICES[VOICE].cost(answer.usage[VOICE])


def test_the_answering_model_reranks_at_its_own_server(vendors: dict[str, Vendor], tmp_path: Path) -> None:
    with Diptych.open(chosen(tmp_path, vendors, reranker="answerer")) as diptych:
        diptych.ingest([tmp_path / "chart.png"])
        assert diptych.search("what does the chart show")
    asked = requested(vendors)
    assert (asked["ENCODER"], asked["ANSWERER"]) == ({"/v1/embeddings"}, {"/v1/responses"})


def test_another_machine_answers_from_pictures_and_ledger_in_an_object_store(
    vendors: dict[str, Vendor], tmp_path: Path, s3: S3Server
) -> None:
    def machine(name: str, **changed: Any) -> Diptych:
        return Diptych.open(chosen(tmp_path, vendors, pictures=s3.url, cache=tmp_path / name, **changed))

    with machine("first") as diptych:
        assert diptych.ingest([tmp_path / "chart.png"])[0].status == "complete"
    assert {name.split("/")[0] for name in s3.names()} > {"ledger"}
    with machine("second", store=str(tmp_path / "new")) as diptych:
        bought = [len(vendor.requests) for vendor in vendors.values()]
        assert diptych.ingest([tmp_path / "chart.png"])[0].status == "complete"
        assert [len(vendor.requests) for vendor in vendors.values()] == bought, "all is in the ledger"
    with machine("third") as diptych:
        (source,) = diptych.ask("what does the chart show").citations
        assert source.image
        assert Path(source.image).is_relative_to(tmp_path / "third")
        assert Path(source.image).read_bytes()
    assert "data:image/" in vendors["ANSWERER"].requests[-1].body.decode()
    s3.fail = lambda request: 403 if request.startswith("GET") else 0
    with machine("fourth") as diptych, pytest.raises(StoreError, match=f"^{s3.url}.*: access is denied"):
        diptych.ask("what does the chart show")
    assert len(vendors["ANSWERER"].requests) == 1, "an answer without its pictures is not paid for"


def test_openai_base_url_is_honoured(
    vendors: dict[str, Vendor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{vendors['ENCODER'].url}/v1")
    section = {"key": "ENCODER_KEY", "dimensions": 8}
    with Diptych.open(chosen(tmp_path, vendors, captioner="", openai=section)) as diptych:
        diptych.ingest([tmp_path / "chart.png"])
        diptych.search("bars")
    assert requested(vendors) == {"ENCODER": {"/v1/embeddings"}, "CAPTIONER": set(), "ANSWERER": set()}


@pytest.mark.parametrize("unpriced", [SMALL, EYES])
def test_a_budget_with_an_unknown_price_is_refused_before_anything_is_paid(
    unpriced: str, vendors: dict[str, Vendor], tmp_path: Path
) -> None:
    settings = chosen(tmp_path, vendors, prices={name: price for name, price in PRICES.items() if name != unpriced})
    with Diptych.open(settings, budget=5.0) as diptych, pytest.raises(SettingsError, match=f"price of {unpriced} is"):
        diptych.ingest([tmp_path / "chart.png"])
    assert not any(requested(vendors).values())


def test_a_question_is_not_paid_for_if_its_answer_cannot_be(
    vendors: dict[str, Vendor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Diptych.open(chosen(tmp_path, vendors, captioner="")) as diptych:
        diptych.ingest([tmp_path / "chart.png"])
    before = [len(vendor.requests) for vendor in vendors.values()]
    settings = chosen(tmp_path, vendors, prices={SMALL: Price(1.0, 0.0)})
    unknown = pytest.raises(SettingsError, match=rf'price of {VOICE} is unknown.*\[prices\."{VOICE}"\]')
    with Diptych.open(settings, budget=5.0) as diptych, unknown:
        diptych.ask("anything")
    monkeypatch.setenv("ANSWERER_KEY", "")
    elsewhere = settings.model_dump()
    elsewhere["openai"]["answerer"]["base_url"] = "https://answers.example/v1"
    without_key = pytest.raises(ModelError, match=r"`openai\.answerer\.key` names it")
    with Diptych.open(Settings(**elsewhere)) as diptych, without_key:
        diptych.ask("anything")
    assert [len(vendor.requests) for vendor in vendors.values()] == before


def test_an_unanswered_question_states_what_its_vector_cost(vendors: dict[str, Vendor], tmp_path: Path) -> None:
    with Diptych.open(chosen(tmp_path, vendors, captioner="")) as diptych:
        diptych.ingest([tmp_path / "chart.png"])
        answer = diptych.ask(Query("what does it show", where=parse_where('document = "other.pdf"')))
    assert (answer.unanswered, answer.evidence) == (True, {})
    assert answer.usage == {SMALL: Usage(answer.usage[SMALL].input_tokens, requests=1)}
    assert answer.price == PRICES[SMALL].cost(answer.usage[SMALL])
    assert not vendors["ANSWERER"].requests


def test_malformed_caption_is_reported_and_asked_for_again_only_by_a_retry(tmp_path: Path) -> None:
    chart(1).save(tmp_path / "chart.png")
    captions: list[Any] = ["no JSON", "nor this", CAPTION]
    routes = OpenAIRoutes(answer=lambda asked: captions.pop(0))
    with served(routes) as vendor, Diptych.open(captioned(tmp_path, vendor)) as diptych:
        (outcome,) = diptych.ingest([tmp_path / "chart.png"])
        (problem,) = outcome.problems
        assert (outcome.status, outcome.transient) == ("partial", False)
        assert problem.reason.startswith("1 of 1 picture has no caption: the answer does not match the schema")
        assert diptych.ingest([tmp_path / "chart.png"])[0].status == "unchanged"
        assert len(routes.asked) == 2
        assert diptych.maintenance.retry() == []
        (again,) = diptych.maintenance.retry(everything=True)
        assert (again.status, len(routes.asked)) == ("complete", 3)


def test_refused_captions_are_noted_with_their_document(tmp_path: Path) -> None:
    chart(1).save(tmp_path / "chart.png")
    routes = OpenAIRoutes(answer=lambda asked: Refused("I cannot help."))
    note = "1 of 1 picture has no caption: refused: I cannot help."
    with served(routes) as vendor, Diptych.open(captioned(tmp_path, vendor)) as diptych:
        (outcome,) = diptych.ingest([tmp_path / "chart.png"])
        assert (outcome.status, outcome.notes) == ("complete", (NO_OCR, note))
        (record,) = diptych.documents()
        assert record.notes == (NO_OCR, note)


NO_OCR = "OCR is switched off: pages and pictures without text have no words"


def captioned(folder: Path, vendor: Vendor) -> Settings:
    """Settings with a captioner and local encoders."""
    endpoint = OpenAI(base_url=f"{vendor.url}/v1", key="EYES_KEY")
    settings = Settings(store=str(folder / "store"), captioner=EYES, openai=endpoint, ocr="off", workers=1)
    return settings.with_keys({"EYES_KEY": "sk-eyes"})
