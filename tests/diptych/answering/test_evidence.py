"""What the answering model is shown: every thing once, pictures within the limits, words without repetition."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from diptych.answering.ask import MAX_INPUT_TOKENS, Answerer, answer_question
from diptych.answering.evidence import SourcedItem
from diptych.models.vision import Detail, VisionRequest
from diptych.pipeline.pipeline import Pipeline
from diptych.prices import Usage
from extractors.types import Passage, Picture
from tests.support.answering import ScriptedModel, answering_store, form, images, items, save_photo, words
from tests.support.fakes import document

BOX = (10.0, 10.0, 200.0, 100.0)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A table of three parts, two catalogue rows with the same photo, and four figures."""
    folder = tmp_path_factory.mktemp("store")
    table, lamp = save_photo(folder, "table"), save_photo(folder, "lamp")
    parts = [Passage(f"| Pump |\n| {n}{n} bar |", 1, BOX, kind="table", label="table 1") for n in range(1, 4)]
    row = "A red lamp of brass. note: Keep dry. price: 46.0."
    figures = tuple(Picture("figure", n, save_photo(folder, f"chart {n}"), BOX) for n in range(1, 5))
    with answering_store(
        folder,
        {
            "long.pdf": document(*parts, pictures=(Picture("table", 1, table, BOX, "table 1"),)),
            "shop.csv#1": replace(
                document(Passage(row, 1), pictures=(Picture("photo", 1, lamp, None, "", "Red lamp"),)), title="Red lamp"
            ),
            "shop.csv#2": document(Passage("A blue cat.", 1), pictures=(Picture("photo", 1, lamp, None),)),
            "charts.pdf": document(pictures=figures),
        },
        {"shop.csv#1": {"note": "Keep dry.", "price": 46.0, "product": "Red lamp", "link": "https://shop.example/1"}},
    ) as made:
        yield made


class CountingModel(ScriptedModel):
    """Images have as many tokens as bytes."""

    def max_usage(self, request: VisionRequest) -> Usage:
        return Usage(sum(len(image.data) for image in images(request)))


def shown(found: list[SourcedItem], detail: Detail = "high", max_pictures: int = 8) -> VisionRequest:
    """The request for an answer from these items."""
    model = CountingModel(form(("Nothing.", [])), form(("Nothing.", [])))
    answer_question("What is it?", None, found, Answerer(model, detail, max_pictures))
    return model.asks[0]


def test_the_image_of_a_table_in_parts_is_sent_once(pipeline: Pipeline) -> None:
    found = items(pipeline, "pump table", 'document = "long.pdf"')
    assert len(found) == 3
    request = shown(found)
    assert len(images(request)) == 1
    assert all(f"{n}{n} bar" in words(request) for n in range(1, 4))
    assert "The picture E1:" in words(request)
    assert "The picture E1 belongs to E3, too." in words(request)


def test_the_image_of_a_table_brings_the_part_that_was_found(pipeline: Pipeline) -> None:
    (best, *_) = items(pipeline, "table", 'document = "long.pdf" and modality = "image"')
    assert "bar" in best.item.text
    parts = items(pipeline, "pump table", 'document = "long.pdf"')
    assert len({source.item.text for source in parts}) == 3


def test_a_row_states_each_field_once(pipeline: Pipeline) -> None:
    (row,) = items(pipeline, "red", 'document = "shop.csv#1"')
    assert row.item.text == (
        "A red lamp of brass. note: Keep dry. price: 46.0.\nRed lamp\nlink: https://shop.example/1."
    )


def test_a_photo_that_two_rows_share_is_sent_once_and_belongs_to_both(pipeline: Pipeline) -> None:
    found = items(pipeline, "red cat", 'document in ("shop.csv#1", "shop.csv#2")')
    model = ScriptedModel(form(("It is round.", [("E1", "")]), ("So is this.", [("E2", "")])))
    got = answer_question("What is it?", None, found, Answerer(model))
    assert len(images(model.asks[0])) == got.pictures == 1
    assert [statement.marks for statement in got.seen] == [("seen",), ("seen",)]
    assert all(source.image for source in got.citations)


def test_the_number_of_pictures_is_limited(pipeline: Pipeline) -> None:
    found = items(pipeline, "chart", 'document = "charts.pdf"')
    assert [len(images(shown(found, max_pictures=limit))) for limit in (0, 2, 8)] == [0, 2, 4]


def test_pictures_that_make_the_request_too_long_are_left_out(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = items(pipeline, "chart", 'document = "charts.pdf"')
    sizes = [len(image.data) for image in images(shown(found))]
    assert sum(sizes) < MAX_INPUT_TOKENS
    monkeypatch.setattr("diptych.answering.ask.MAX_INPUT_TOKENS", sum(sizes) - 1)
    assert len(images(shown(found))) == 3


def test_low_detail_sends_small_images(pipeline: Pipeline) -> None:
    found = items(pipeline, "chart", 'document = "charts.pdf"')
    sides: dict[Detail, int] = {"high": 64, "auto": 64, "low": 32}
    for detail, side in sides.items():
        sent = images(shown(found, detail))
        assert {max(Image.open(io.BytesIO(image.data)).size) for image in sent} == {side}


def test_pictures_that_cannot_be_read_are_shown_by_their_words(pipeline: Pipeline, tmp_path: Path) -> None:
    found = items(pipeline, "chart", 'document = "charts.pdf"')
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    request = shown([replace(found[0], picture=broken), *found[1:]])
    assert len(images(request)) == 3
    assert "The picture E1" not in words(request)
