"""Late interaction over page images behind the public class: ingest, search, replacement, export, evaluation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from diptych import Diptych, Settings
from diptych.errors import StoreMismatch
from diptych.store.page_vectors import ImagesWithPages
from flows.cli.estimate import estimate_lines
from tests.support import onnx_models
from tests.support.built_models import copy_graphs
from tests.support.stores import SERVER, URL, new_prefix

NAME = "Qdrant/colpali-v1.3-fp16"


def paint(folder: Path, **colours: str) -> None:
    for name, colour in colours.items():
        Image.new("RGB", (400, 300), onnx_models.COLOURS[colour]).save(folder / f"{name}.png")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    onnx_models.write_page_encoder(folder, NAME)
    return folder


@pytest.fixture(params=["embedded", SERVER])
def settings(request: pytest.FixtureRequest, models: Path, built_models: Path, tmp_path: Path) -> Settings:
    copy_graphs(built_models, tmp_path / "cache", "int8")
    (tmp_path / "files").mkdir()
    paint(tmp_path / "files", one="red", two="blue", three="black")
    store: dict[str, Any] = {"store": str(tmp_path / "store")}
    if request.param == "server":
        store = {"store": URL, "collections": new_prefix(), "pictures": str(tmp_path / "pictures")}
    return Settings(
        **store, root=tmp_path, encoder="minilm:int8", page_encoder=f"fastembed:{NAME}", models=models, ocr="off",
        workers=1, cache=tmp_path / "cache",
    )  # fmt: skip


def another_store(settings: Settings, tmp_path: Path) -> Settings:
    other = {"collections": new_prefix()} if settings.store == URL else {"store": str(tmp_path / "other")}
    return settings.model_copy(update=other)


def pages(diptych: Diptych, text: str) -> list[str]:
    """Documents in the order of the list of page images."""
    hits = [hit for hit in diptych.search(text) if "images.patches" in hit.ranks]
    return [hit.document.rpartition("/")[2] for hit in sorted(hits, key=lambda hit: hit.ranks["images.patches"])]


def test_documents_are_found_by_their_page_images(settings: Settings, tmp_path: Path) -> None:
    files = tmp_path / "files"
    with Diptych.open(settings) as diptych:
        result = diptych.estimate([files])
        estimate = result.page_vectors
        assert estimate
        assert (estimate.pages, estimate.bytes_per_page) == (3, 2 * 128 * (1030 + 32))
        assert estimate.seconds_per_page > 0
        assert f"fastembed:{NAME}: 3 pages to encode here, 272 kB and" in "\n".join(estimate_lines(result))
        assert {one.status for one in diptych.ingest([files])} == {"complete"}
        assert pages(diptych, "what is blue")[0] == "two.png"
        first, *_ = diptych.search("what is blue")
        assert (first.document, first.ranks["pages.patches"]) == ("files/two.png", 1)
        assert diptych.estimate([files]).page_vectors is None
        paint(files, two="red", one="blue")
        diptych.ingest([files])
        assert pages(diptych, "what is blue")[0] == "one.png"
        images = diptych._runtime.existing().images
        assert isinstance(images, ImagesWithPages)
        diptych.delete(["one.png"])
        assert pages(diptych, "what is blue")[0] != "one.png"
        assert images.pages.count() == images.count() == 2
        assert not diptych.search("asdfgh qwerty").resembles


def test_evaluation_export_and_reindex(settings: Settings, tmp_path: Path) -> None:
    files, questions = tmp_path / "files", tmp_path / "questions.jsonl"
    questions.write_text(json.dumps({"id": "1", "text": "what is blue", "document": "files/two.png"}))
    with Diptych.open(settings) as diptych:
        diptych.ingest([files])
        arm = diptych.evaluate(questions, ["fused", "pages"]).arm("pages")
        assert arm
        assert arm.measured["document"]["recall@1"].mean == 1
        diptych.maintenance.export_to(tmp_path / "export")
    with Diptych.open(another_store(settings, tmp_path)) as diptych:
        diptych.maintenance.import_from(tmp_path / "export")
        assert pages(diptych, "what is blue")[0] == "two.png"
    plain = settings.model_copy(update={"page_encoder": ""})
    with Diptych.open(plain) as diptych:
        with pytest.raises(StoreMismatch, match="diptych reindex"):
            diptych.search("blue")
        diptych.maintenance.reindex()
        assert pages(diptych, "what is blue") == []
    with Diptych.open(settings) as diptych:
        diptych.maintenance.reindex()
        assert pages(diptych, "what is blue")[0] == "two.png"
