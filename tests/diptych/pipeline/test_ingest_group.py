"""Rows of a catalogue share requests to a paid encoder, with the real SDK and a local HTTP server."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from diptych import Diptych, Outcome, Settings
from diptych.endpoints import Unified
from diptych.errors import ProviderError
from diptych.models.openai.embeddings import IMAGE_TOKENS
from diptych.pipeline.ingest_group import GROUP_SIZE, group_sources
from diptych.prices import Price, Usage
from tests.support.fakes import source
from tests.support.http_server import Answer, Request, Vendor, served
from tests.support.openai_server import OpenAIRoutes

SEES, PRICE = "unified:seer", Price(100.0, 0.0)
ROWS = 6
"""Each needs three vectors: of its text, and of its photo's description and pixels."""


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with served(OpenAIRoutes()) as running:
        yield running


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    rows = []
    for number in range(ROWS):
        Image.new("RGB", (64, 48), (40 * number, 90, 200 - 30 * number)).save(tmp_path / f"{number}.png")
        rows.append({"id": f"J-{number}", "title": f"Jacket {number}", "text": f"Warm jacket {number}.", "price": 10})
        rows[-1]["image"] = f"{number}.png"
    catalogue = tmp_path / "shop.jsonl"
    catalogue.write_text("\n".join(map(json.dumps, rows)))
    return catalogue


def open_shop(shop: Path, vendor: Vendor, budget: float | None = None) -> Diptych:
    endpoint = Unified(base_url=f"{vendor.url}/v1", dimensions=8, at_once=1, seconds=5)
    settings = Settings(
        store=str(shop.parent / "store"), encoder=SEES, unified=endpoint, prices={SEES: PRICE}, workers=1, ocr="off"
    )
    return Diptych.open(settings, budget=budget)


def ingest(shop: Path, vendor: Vendor, budget: float | None = None) -> tuple[list[Outcome], Diptych]:
    with open_shop(shop, vendor, budget) as diptych:
        return diptych.ingest([shop]), diptych


def sent(vendor: Vendor) -> list[Any]:
    """The inputs of all requests."""
    return [json.dumps(one) for request in vendor.requests for one in request.json["input"]]


def test_rows_share_requests_and_divide_their_cost(shop: Path, vendor: Vendor) -> None:
    with open_shop(shop, vendor) as diptych:
        assert Counter(outcome.status for outcome in diptych.ingest([shop])) == {"complete": ROWS}
        assert [len(request.json["input"]) for request in vendor.requests] == [2 * ROWS, ROWS]
        charges = [record.usage[SEES] for record in diptych.documents()]
        used = diptych.meter.usage()[SEES, False]
        assert sum(charge.input_tokens for charge in charges) == used.input_tokens
        assert sum(charge.requests for charge in charges) == used.requests == 2
        assert sum(charge.usd or 0 for charge in charges) == pytest.approx(diptych.meter.spent)
        assert all(charge.usd for charge in charges)
        assert {outcome.status for outcome in diptych.ingest([shop])} == {"unchanged"}
        assert len(vendor.requests) == 2


def test_a_run_that_stops_between_two_requests_pays_for_nothing_twice(shop: Path, vendor: Vendor) -> None:
    def lose_the_key(request: Request) -> Answer | None:
        return Answer(401, {"error": {"message": "revoked"}}) if len(vendor.requests) > 1 else None

    vendor.faults += [lose_the_key] * 20
    with pytest.raises(ProviderError, match="rejected the API key"):
        ingest(shop, vendor)
    vendor.faults.clear()
    answered = Counter(json.dumps(one) for one in vendor.requests[0].json["input"])
    vendor.requests.clear()
    outcomes, _ = ingest(shop, vendor)
    assert {outcome.status for outcome in outcomes} == {"complete"}
    assert not answered.keys() & set(sent(vendor))
    assert len(sent(vendor)) == ROWS  # the photos


def test_a_refused_text_leaves_only_its_own_row_partial(shop: Path, vendor: Vendor) -> None:
    def refuse(request: Request) -> Answer | None:
        refused = any("Warm jacket 3" in str(one) for one in request.json["input"])
        return Answer(400, {"error": {"message": "not this one"}}) if refused else None

    vendor.faults += [refuse] * 100
    outcomes, _ = ingest(shop, vendor)
    assert {outcome.name for outcome in outcomes if outcome.status == "partial"} == {"shop.jsonl#J-3"}
    assert max(Counter(sent(vendor)).values()) <= 9, "halves, and no further tries of the others"


def test_a_budget_that_is_too_small_for_a_group_is_used_for_single_rows(shop: Path, vendor: Vendor) -> None:
    with open_shop(shop, vendor) as diptych:
        texts = next(cost.dollars for cost in diptych.estimate([shop]).costs if cost.use == "texts")
    assert texts
    budget = texts + PRICE.max_cost(Usage(IMAGE_TOKENS))  # of one photo; those of all rows together may cost more
    outcomes, diptych = ingest(shop, vendor, budget)
    counts = Counter(outcome.status for outcome in outcomes)
    assert set(counts) == {"complete", "waiting"}
    assert diptych.meter.spent <= budget
    outcomes, _ = ingest(shop, vendor)
    assert Counter(one.status for one in outcomes) == {"unchanged": counts["complete"], "complete": counts["waiting"]}
    assert max(Counter(sent(vendor)).values()) == 1


def test_only_rows_and_image_files_are_grouped() -> None:
    photos = [replace(source(f"{number}.png"), media_type="image/png") for number in range(GROUP_SIZE + 1)]
    report = source("report.pdf")
    assert group_sources([photos[0], report, *photos[1:]]) == [[report], photos[:GROUP_SIZE], photos[GROUP_SIZE:]]
