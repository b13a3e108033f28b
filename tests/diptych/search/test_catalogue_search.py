"""Searching the sample catalogue: words, fields, plain limits, similar products."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from diptych import Diptych, Hit, Query, Settings
from diptych.where import Compare, parse_where
from flows.cli.main import run
from tests.support.command_line import error_line, json_lines, run_json
from tests.support.http_server import Answer, served
from tests.support.papers import write_paper

CATALOGUE = Path(__file__).parents[3] / "data" / "catalogue"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Diptych]:
    with Diptych.open(Settings(store=str(tmp_path_factory.mktemp("shop") / "store"), ocr="off")) as opened:
        opened.ingest([CATALOGUE / "products.csv"])
        yield opened


def names(hits: list[Hit]) -> list[str]:
    """Distinct products, in the order of the hits."""
    return list(dict.fromkeys(str(hit.fields["name"]) for hit in hits))


def test_words_find_the_product_and_its_photo(shop: Diptych) -> None:
    hits = shop.search(Query("coat against rain at sea", split_rows=True), 2)
    assert names(hits) == ["Rain jacket Skua"]
    assert {hit.modality for hit in hits} == {"text", "image"}
    assert all(hit.faces == () for hit in hits)


def test_row_is_one_hit_with_its_text_and_its_photo(shop: Diptych) -> None:
    text, photo = sorted(
        shop.search(Query("coat against rain at sea", split_rows=True), 2), key=lambda hit: hit.modality, reverse=True
    )
    hits = shop.search("coat against rain at sea", 20)
    assert len({hit.document for hit in hits}) == len(hits) == len(shop.documents())
    best = hits[0]
    assert (best.document, best.text, best.image, best.caption) == (
        text.document,
        text.text,
        photo.image,
        photo.caption,
    )
    assert best.id == best.faces[0].id
    assert {face.id: (face.modality, face.text, face.image) for face in best.faces} == {
        hit.id: (hit.modality, hit.text, hit.image) for hit in (text, photo)
    }
    assert best.ranks == {**text.ranks, **photo.ranks}
    assert best.score == max(text.score, photo.score)


def test_pages_of_rows_fit_together(shop: Diptych) -> None:
    every = [hit.document for hit in shop.search("jacket", 20)]
    pages = [shop.search("jacket", 3, offset) for offset in range(0, 20, 3)]
    assert [hit.document for page in pages for hit in page] == every
    assert [hit.rank for page in pages for hit in page] == list(range(1, len(every) + 1))


def test_filter_on_modality_restricts_the_faces_too(shop: Diptych) -> None:
    for hit in shop.search(Query("jacket", where=parse_where('modality = "image"')), 20):
        assert {face.modality for face in hit.faces} == {"image"}


def test_minimum_counts_rows_by_both_faces(shop: Diptych) -> None:
    plain = shop.search("jacket", 4)
    least = shop.search(Query("jacket", least={"text": 2, "image": 2}), 4)
    assert [hit.id for hit in least] == [hit.id for hit in plain]


def test_groups_have_rows_as_one_hit(shop: Diptych) -> None:
    (best, *_) = shop.search_groups("rain jacket", each=3)
    (hit,) = best.hits
    assert {face.modality for face in hit.faces} == {"text", "image"}


def test_document_names_are_not_a_signal_for_catalogue_rows(shop: Diptych) -> None:
    assert all("documents.name" not in hit.ranks for hit in shop.search("rain jacket Skua", 20))


def test_where_filters_by_fields(shop: Diptych) -> None:
    where = parse_where('category = "jackets" and price > 200')
    assert names(shop.search(Query("something warm", where=where))) == ["Down jacket Fulmar"]


def test_a_price_limit_in_words_becomes_a_filter(shop: Diptych) -> None:
    filtered = shop.interpret("jacket under $200")
    assert filtered.where == Compare("price", "<", 200)
    assert filtered.phrases == (("under $200", "price < 200"),)
    found = shop.search("jacket under $200", 50)
    assert names(found)[0] == "Rain jacket Skua"
    assert all(hit.fields["price"] < 200 for hit in found)
    assert all(hit.fields["price"] < 200 for hits in shop.search_many([Query("jacket under $200")]) for hit in hits)
    assert all(group.hits[0].fields["price"] < 200 for group in shop.search_groups("jacket under $200"))


@pytest.mark.parametrize("query", [Query("jacket under $200", literal=True), Query('jacket "under $200"')])
def test_quotes_and_literal_queries_are_not_filters(shop: Diptych, query: Query) -> None:
    assert not shop.interpret(query).phrases
    assert "Down jacket Fulmar" in names(shop.search(query, 50))


def test_a_setting_disables_filters_in_words(shop: Diptych) -> None:
    off = Diptych(shop.settings.model_copy(update={"phrases": False}))
    assert not off.interpret("jacket under $200").phrases


def test_filters_in_words_combine_with_where(shop: Diptych) -> None:
    query = Query("something under $200", where=parse_where('category = "jackets"'))
    assert names(shop.search(query, 50)) == ["Rain jacket Skua"]


def test_new_fields_are_known_at_once(tmp_path: Path) -> None:
    write_paper(tmp_path / "paper.pdf", "Pumps under $200 are rare.")
    with Diptych.open(Settings(store=str(tmp_path / "store"), ocr="off")) as opened:
        opened.ingest([tmp_path / "paper.pdf"])
        assert not opened.interpret("pumps under $200").phrases
        opened.ingest([CATALOGUE / "products.csv"])
        assert opened.interpret("pumps under $200").phrases


def test_fields_are_read_only_once(shop: Diptych, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shop.interpret("mug under $20").phrases
    monkeypatch.setattr(type(shop._runtime.store().documents), "scroll", None)  # a second scan would fail
    assert shop.interpret("mug under $20").phrases
    assert not shop.interpret("mug").phrases


def test_similar_products_exclude_the_product_itself(shop: Diptych) -> None:
    jacket = next(hit for hit in shop.search("down jacket") if hit.fields["name"] == "Down jacket Fulmar")
    similar = shop.like(jacket.id, 8, split_rows=True)
    assert names(similar)[0] == "Rain jacket Skua"
    assert "Down jacket Fulmar" not in names(similar)
    assert {hit.modality for hit in similar} == {"text", "image"}
    whole = shop.like(jacket.id, 8)
    assert len(whole) == len(names(whole)) == 8
    assert {face.modality for face in whole[0].faces} == {"text", "image"}
    assert [hit.id for hit in shop.like(jacket.faces[-1].id, 8)] == [hit.id for hit in whole]
    cheap = shop.like(jacket.id, 8, parse_where("price < 100"))
    assert cheap
    assert all(hit.fields["price"] < 100 for hit in cheap)


def test_filters_taken_from_words_are_printed_on_stderr(
    shop: Diptych, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = shop.settings.store
    message = 'understood: price < 200, from "under $200"; quotes switch this off\n'
    assert run(["query", "jacket under $200", "--json", "--store", store]) == 0
    printed = capsys.readouterr()
    assert printed.err == message
    assert {hit["document"] for hit in json_lines(printed.out)}
    assert run(["query", "jacket", "--json", "--store", store]) == 0
    assert capsys.readouterr().err == ""
    batch = tmp_path / "questions.jsonl"
    questions = [{"id": 1, "text": "jacket under $200"}, {"id": 2, "text": "jacket under $200", "literal": True}]
    batch.write_text("\n".join(map(json.dumps, questions)))
    assert run(["query", "--batch", str(batch), "--json", "--limit", "50", "--store", store]) == 0
    printed = capsys.readouterr()
    assert printed.err == f"question 1: {message}"
    first, second = json_lines(printed.out)
    assert set(first) == {"id", "hits", "resembles"}
    assert len(second["hits"]) > len(first["hits"]) > 0


def test_commands_for_documents_similar_hits_pages_and_modality(
    shop: Diptych, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ("--store", shop.settings.store)
    twenty = run_json(capsys, "query", "warm jacket", "--limit", "20", "--split-rows", *store)
    assert all(hit["faces"] == [] for hit in twenty)
    assert run_json(capsys, "query", "warm jacket", "--limit", "11-20", "--split-rows", *store) == twenty[10:]
    assert twenty[10]["rank"] == 11
    assert {hit["modality"] for hit in run_json(capsys, "query", "jacket", "--modality", "image", *store)} == {"image"}
    best, *others = run_json(capsys, "documents", "jacket", "--each", "2", *store)
    assert (best["rank"], best["hits"][0]["rank"], len(best["hits"][0]["faces"])) == (1, 1, 2)
    assert len(others) > 1
    like = run_json(capsys, "like", twenty[0]["id"], "--limit", "3", *store)
    assert [hit["rank"] for hit in like] == [1, 2, 3]
    assert {hit["document"] for hit in like}.isdisjoint({twenty[0]["document"]})
    for shown in (["query", "jacket"], ["documents", "jacket"], ["like", twenty[0]["id"]]):
        assert run([*shown, *store]) == 0
        printed = capsys.readouterr().out
        assert "products.csv" in printed
        assert shown[0] == "documents" or re.search(r"\[(text \+ image: photo|image: photo \+ text)\]", printed)


def test_a_question_needs_no_quotes(shop: Diptych, capsys: pytest.CaptureFixture[str]) -> None:
    store = ("--store", shop.settings.store)
    for command in ("query", "documents"):
        quoted = run_json(capsys, command, "coat against rain", *store)
        assert run_json(capsys, command, "coat", "--limit", "10", "against", "rain", *store) == quoted
        assert run([command, " ", *store]) == 2
    assert run(["ask", "which", "coat", *store]) == 1  # no model is set
    assert "no answering model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "passages", "pictures"),
    [
        (("--passages", "2", "--pictures", "3"), 2, 3),
        (("--passages=2",), 2, 8),
        (("--pictures", "0", "--limit", "4"), 4, 0),
        (("--passages", "7+", "--pictures", "6"), 7, 6),
    ],
)
def test_numbers_of_passages_and_pictures(
    shop: Diptych, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], passages: int, pictures: int
) -> None:
    hits = run_json(capsys, "query", "jacket", *options, "--store", shop.settings.store)
    found = [hit["modality"] for hit in hits]
    assert (found.count("text"), found.count("image")) == (passages, pictures)


def test_a_picture_is_read_from_stdin_or_a_url(
    shop: Diptych, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = (CATALOGUE / "lantern.jpg").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(photo)))
    options = ("--limit", "1", "--store", shop.settings.store)
    (hit,) = run_json(capsys, "query", "lantern", "--image", "-", *options)
    assert hit["fields"]["name"] == "Hurricane lantern"
    with served(lambda request: Answer(200, photo)) as vendor:
        line = error_line(capsys, "query", "lantern", "--image", vendor.url, *options)
        assert "private network; set private_addresses to allow it" in line
        monkeypatch.setenv("DIPTYCH_PRIVATE_ADDRESSES", "true")
        (hit,) = run_json(capsys, "query", "lantern", "--image", vendor.url, *options)
    assert hit["fields"]["name"] == "Hurricane lantern"


def test_a_number_that_is_none_is_explained(shop: Diptych, capsys: pytest.CaptureFixture[str]) -> None:
    line = error_line(capsys, "query", "jacket", "--passages", "few", "--store", shop.settings.store)
    assert "'few' is no number of hits; write 3 for exactly three, 3+ for at least three" in line


@pytest.mark.parametrize("limit", ["0", "5-3", "0-5", "ten", "-3"])
def test_invalid_limit_is_a_usage_error(limit: str) -> None:
    assert run(["query", "jacket", f"--limit={limit}"]) == 2


def test_a_batch_line_may_require_pictures(shop: Diptych, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    batch = tmp_path / "questions.jsonl"
    batch.write_text(json.dumps({"id": 1, "text": "jacket", "least": {"image": 3}}))
    (answer,) = run_json(capsys, "query", "--batch", str(batch), "--limit", "3", "--store", shop.settings.store)
    assert len({hit["document"] for hit in answer["hits"] if hit["image"]}) == 3
    batch.write_text(json.dumps({"id": 1, "text": "jacket", "exact": {"image": 2, "text": 1}}))
    (answer,) = run_json(capsys, "query", "--batch", str(batch), "--store", shop.settings.store)
    assert sorted(hit["modality"] for hit in answer["hits"]) == ["image", "image", "text"]
    batch.write_text(json.dumps({"id": 1, "text": "jacket", "least": {"table": 3}}))
    assert run(["query", "--batch", str(batch), "--json", "--store", shop.settings.store]) == 1
    assert "line 1: least.table.[key]: Input should be 'text' or 'image'" in capsys.readouterr().err
