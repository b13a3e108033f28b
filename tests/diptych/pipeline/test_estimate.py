"""An estimate counts new content, reports unknown prices, and changes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diptych import Diptych, Settings
from diptych.captioners.captioner import Captioner
from diptych.encoders.ledger_encoder import vector_key, with_ledger
from diptych.encoders.registry import load_encoder
from diptych.endpoints import Anthropic
from diptych.models.ledger import Ledger, LedgerCaption
from diptych.models.meter import Meter
from diptych.models.price_list import PriceList
from diptych.models.vision import BatchApi, BatchItem, Reply
from diptych.picture_store import PictureStore
from diptych.pipeline.estimate import Estimate, EstimateContext, estimate_documents
from diptych.pipeline.ingest import ingest_document
from diptych.pipeline.pipeline import Pipeline
from diptych.prices import Price, Usage
from diptych.store.spaces import Spaces
from diptych.store.types import Store
from extractors.errors import ExtractionError
from extractors.pictures.store import image_path
from extractors.types import Extraction, Options, Passage, Picture, Source
from flows.cli.estimate import estimate_lines
from tests.support.anthropic_server import anthropic_routes
from tests.support.command_line import run_json
from tests.support.fakes import ScriptedSandbox, WordEncoder, document, source
from tests.support.http_server import served
from tests.support.papers import write_paper
from tests.support.scripted_vision import ScriptedVision, chart, picture, stored
from tests.support.stores import file_bytes, open_store

PRICES = {"scripted:seer": Price(input=1.0, output=10.0, source="https://prices.example", read="2026-11-21")}


class NoBatches:
    """A batch endpoint that must not be used."""

    max_requests = max_bytes = 10

    def size(self, item: BatchItem) -> int:
        raise AssertionError("an estimate packs nothing")

    def submit(self, items: list[BatchItem]) -> str:
        raise AssertionError("an estimate sends nothing")

    def progress(self, batch: str) -> tuple[bool, int, int]:
        raise AssertionError("an estimate waits for nothing")

    def fetch(self, batch: str, asks: Callable[..., object]) -> dict[str, Reply | str]:
        raise AssertionError("an estimate fetches nothing")


class Scene:
    """Scripted documents, real pictures, and a vision model that must not be asked."""

    def __init__(self, folder: Path, store: Store | None = None, batches: BatchApi | None = None) -> None:
        self.pictures = folder / "pictures"
        self.ledger, self.model, self.store = Ledger(self.pictures), ScriptedVision(), store
        self.model.batch_api = batches
        self.captioner = Captioner(self.model, self.ledger, Meter(PRICES))
        self.sandbox = ScriptedSandbox()
        self.spaces = Spaces(WordEncoder())
        self.temporary: list[Path] = []

    def extract(self, source: Source, folder: Path) -> Extraction:
        self.temporary.append(folder)
        parts = self.sandbox.extract(source, Options(), folder)
        for one in parts.pictures:
            place = image_path(one.image, folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(image_path(one.image, self.pictures), place)
        return parts

    def ground(self, captioner: bool = True, prices: dict[str, Price] | PriceList = PRICES) -> EstimateContext:
        asked = self.captioner if captioner else None
        return EstimateContext(self.store, self.spaces, asked, self.ledger, prices, "english", self.extract, workers=2)

    def of(self, **documents: Extraction | Exception) -> list[Source]:
        self.sandbox.scripts.update({f"{name}.pdf": parts for name, parts in documents.items()})
        return [source(f"{name}.pdf") for name in documents]

    def ingest(self, one: Source) -> None:
        assert self.store
        pipeline = Pipeline(
            self.store, self.spaces, self.sandbox, Options(), PictureStore(self.pictures), captioner=self.captioner
        )
        assert ingest_document(one, pipeline).status == "complete"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def pump(*texts: str, charts: tuple[Picture, ...] = ()) -> Extraction:
    return document(*(Passage(text, 1) for text in texts), pictures=charts)


@pytest.fixture
def charts(tmp_path: Path) -> tuple[Picture, ...]:
    """Three charts with captions, saved in the picture store."""
    return tuple(picture(stored(chart(n), tmp_path / "pictures"), caption=f"Figure {n}: chart") for n in range(3))


def test_without_paid_models_only_local_texts_are_counted(scene: Scene, charts: tuple[Picture, ...]) -> None:
    found = estimate_documents(scene.of(a=pump("red pump", "valve", charts=charts)), scene.ground(captioner=False))
    assert (found.documents, found.passages, found.pictures) == (1, 2, 3)
    assert found.embedded_here == {"words": 5}
    assert (found.costs, found.dollars) == ((), 0)
    assert "nothing to pay" in estimate_lines(found)


def test_captions_are_counted_and_priced_without_a_request(scene: Scene, charts: tuple[Picture, ...]) -> None:
    found = estimate_documents(scene.of(a=pump("red pump", charts=charts)), scene.ground())
    (cost,) = found.costs
    limit = scene.captioner.pending_requests(pump(charts=charts), scene.pictures).__next__()[1].max_tokens
    assert (cost.model, cost.use, cost.items) == ("scripted:seer", "captions", 3)
    assert cost.usage == Usage(3000, 0, 3 * limit, 3)
    assert found.dollars == pytest.approx(3 * (1000 + 10 * limit) / 1e6)
    assert found.embedded_here == {"words": 4}  # descriptions change once the captions are there
    assert scene.model.asked == []


def test_captions_in_the_ledger_are_not_counted(scene: Scene, charts: tuple[Picture, ...]) -> None:
    parts = pump(charts=charts)
    key, _ = next(iter(scene.captioner.pending_requests(parts, scene.pictures)))
    scene.ledger.add_caption(key, LedgerCaption("scripted:seer", "known", usage=Usage(800, 0, 100, 1)))
    found = estimate_documents(scene.of(a=parts), scene.ground())
    assert (found.costs[0].items, found.captions_known) == (2, 1)


def test_picture_shared_by_two_documents_is_counted_once(scene: Scene, charts: tuple[Picture, ...]) -> None:
    both = scene.of(a=pump("valve", charts=charts[:1]), b=pump("valve", charts=charts[:1]))
    found = estimate_documents(both, scene.ground())
    assert found.costs[0].items == 1
    assert found.embedded_here["words"] == 2


def test_pictures_that_need_no_caption_are_listed(scene: Scene) -> None:
    blank = picture(stored(chart(0).point(lambda _: 255), scene.pictures))
    found = estimate_documents(scene.of(a=pump("valve", charts=(blank,))), scene.ground())
    assert found.skipped == {"blank": 1}
    assert found.costs == ()


def test_after_an_ingest_only_changes_are_counted(tmp_path: Path, charts: tuple[Picture, ...]) -> None:
    scene = Scene(tmp_path, open_store("memory", tmp_path, WordEncoder.size))
    (one,) = scene.of(a=pump("red pump", "valve", charts=charts[:2]))
    scene.ingest(one)
    asked = len(scene.model.asked)
    scene.of(a=pump("red pump", "blue cat", charts=charts))
    found = estimate_documents([replace(one, sha256="2")], scene.ground())
    assert found.embedded_here == {"words": 2}  # a passage, and the description of a picture
    assert [cost.items for cost in found.costs] == [1]
    assert len(scene.model.asked) == asked
    same = estimate_documents(scene.of(b=pump("valve", charts=charts[:2])), scene.ground())
    assert (same.costs, same.embedded_here) == ((), {})  # another document had it all


def test_unknown_price_is_reported(scene: Scene, charts: tuple[Picture, ...]) -> None:
    found = estimate_documents(scene.of(a=pump(charts=charts)), scene.ground(prices={}))
    assert (found.dollars, found.batch_dollars, found.costs[0].dollars) == (None, None, None)
    text = "\n".join(estimate_lines(found))
    assert "price unknown" in text
    assert "$" not in text


def test_batches_are_half_the_price_if_the_provider_has_them(tmp_path: Path, charts: tuple[Picture, ...]) -> None:
    def of(batches: BatchApi | None) -> Estimate:
        scene = Scene(tmp_path, batches=batches)
        return estimate_documents(scene.of(a=pump(charts=charts)), scene.ground())

    without, having = of(None), of(NoBatches())
    assert without.batch_dollars == without.dollars
    assert "--batch-api costs the same" in "\n".join(estimate_lines(without))
    assert having.dollars == without.dollars
    assert having.batch_dollars == pytest.approx((having.dollars or 0) / 2)


def test_document_that_cannot_be_extracted_is_reported_and_the_others_are_counted(scene: Scene) -> None:
    found = estimate_documents(scene.of(a=ExtractionError("a.pdf: is damaged"), b=pump("valve")), scene.ground())
    assert found.unreadable == ("a.pdf: is damaged",)
    assert found.documents == 1


def test_pictures_of_an_estimate_are_removed(scene: Scene, charts: tuple[Picture, ...]) -> None:
    estimate_documents(scene.of(a=pump(charts=charts), b=pump("valve")), scene.ground())
    assert len(scene.temporary) == 2
    assert not any(folder.exists() for folder in scene.temporary)


def files(folder: Path) -> dict[str, bytes]:
    """The files of a folder without locks and the engine's log, which opening changes."""
    return {str(p.relative_to(folder)): file_bytes(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def test_no_store_is_created_or_changed(tmp_path: Path) -> None:
    papers, store = tmp_path / "papers", tmp_path / "store"
    papers.mkdir()
    write_paper(papers / "pumps.pdf", "The red pump moves ninety litres a minute.")
    with Diptych.open(Settings(store=str(store))) as diptych:
        first = diptych.estimate([papers])
        assert not store.exists()
        diptych.ingest([papers])
        write_paper(papers / "cats.pdf", "A cat sleeps for sixteen hours a day.")
        before, documents = files(store / "pictures"), diptych.documents()
        second = diptych.estimate([papers])
        assert (files(store / "pictures"), diptych.documents()) == (before, documents)
    assert (first.documents, first.unchanged) == (1, 0)
    assert (second.documents, second.unchanged) == (1, 1)
    assert second.passages > 0


def test_command_sends_no_request_and_needs_no_key(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with served(anthropic_routes()) as vendor:
        monkeypatch.setenv("DIPTYCH_CAPTIONER", "anthropic:claude-haiku-5-5")
        monkeypatch.setenv("DIPTYCH_ANTHROPIC__BASE_URL", vendor.url)
        (record,) = run_json(capsys, "estimate", str(library), "--store", str(tmp_path / "store"))
        assert vendor.requests == []
    assert record["documents"] == 4
    (model,) = record["models"]
    assert (model["model"], model["use"], model["usd"], model["batches"]) == (
        "anthropic:claude-haiku-5-5", "captions", None, True,
    )  # fmt: skip
    assert model["input_tokens"] > 0
    assert not (tmp_path / "store").exists()


def test_price_is_known_at_the_address_of_the_provider(library: Path, tmp_path: Path) -> None:
    settings = Settings(store=str(tmp_path / "store"), captioner="anthropic:claude-haiku-5-5", anthropic=Anthropic())
    with Diptych.open(settings) as diptych:
        found = diptych.estimate([library / "poster.png"])
    assert found.dollars
    assert 0 < found.dollars < 0.01
    assert any("(price from genai-prices " in line for line in estimate_lines(found))


def test_vectors_of_a_paid_encoder_are_priced_unless_they_are_in_the_ledger(scene: Scene) -> None:
    settings = Settings(encoder="openai:text-embedding-3-small")
    encoder = with_ledger(load_encoder(settings.encoder, settings), scene.ledger)
    scene.spaces = Spaces(encoder)
    texts = scene.of(a=pump("red pump", "blue valve"))
    found = estimate_documents(texts, scene.ground(prices=PriceList(settings)))
    (cost,) = found.costs
    assert (cost.use, cost.items, cost.batches, found.embedded_here) == ("texts", 2, True, {})
    assert cost.dollars == pytest.approx(0.02 * cost.usage.input_tokens / 1e6)
    assert cost.batch_dollars == pytest.approx((cost.dollars or 0) / 2)
    scene.ledger.add_vectors({vector_key(encoder.fingerprint, "red pump"): np.ones(1536, np.float32)})
    assert [cost.items for cost in estimate_documents(texts, scene.ground()).costs] == [1]
