"""Queries that resemble nothing in the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from diptych import Diptych, Query, Settings
from diptych.search.ranking.nonsense import SHUFFLES, shuffle_letters
from diptych.where import parse_where
from flows.cli.main import run
from tests.support.command_line import json_lines
from tests.support.papers import write_leaflet

DATA = Path(__file__).parents[4] / "data"
NONSENSE = (
    "asdfgh qwerty",
    "sdfkjh sdkfjh skdjfh",
    "aaaaaaaa",
    "glarp",
    "?????",
    "🙂🙂🙂",
    "8723648723",
    "dGhpcyBpcyBub3Q=",
    "фывапролдж йцукен",
    "ασδφγη κξλ",
    "뷁쉛 퀡뜱",
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Diptych]:
    folder = tmp_path_factory.mktemp("shop")
    with Diptych.open(Settings(store=str(folder / "store"), ocr="off")) as opened:
        opened.ingest([DATA / "catalogue", write_leaflet(folder / "scan.pdf")])
        yield opened


@pytest.mark.parametrize("query", NONSENSE)
def test_nonsense_finds_nothing(shop: Diptych, query: str) -> None:
    hits = shop.search(query)
    assert (hits, hits.resembles) == ([], False)


@pytest.mark.parametrize(
    "query",
    [
        "asdfgh jacket",
        "what is xqzt?",  # function words make it language
        "wo ist der Gnurpf?",
        "wher do i find sombething aganst the rain",
        "garments",  # no word of the store, but close to jackets in meaning
        "page 2 asdfgh",
        "capex",  # a term of a synonym file
        "scan.pdf",
        "jacket",
    ],
)
def test_queries_with_a_known_word_or_meaning_find_something(shop: Diptych, query: str) -> None:
    hits = shop.search(query)
    assert hits
    assert hits.resembles


def test_a_query_with_a_filter_is_not_rejected(shop: Diptych) -> None:
    assert shop.search(Query("waterproof jacket", where=parse_where('document = "scan.pdf"'))).resembles
    assert shop.search("something under $200")  # the words of the filter are not searched for
    assert shop.search_groups("asdfgh qwerty").resembles is False
    assert shop.search_many([Query("jacket"), Query("asdfgh qwerty")])[1] == []


def test_sample_questions_are_not_rejected(shop: Diptych) -> None:
    questions = [json.loads(line) for line in (DATA / "questions.jsonl").read_text().splitlines()]
    asked = [one["text"] for one in questions if one["document"].startswith(("products.csv", "scan.pdf"))]
    assert len(asked) > 5
    assert [text for text in asked if not shop.search(text).resembles] == []


def test_command_line_and_json_say_so(shop: Diptych, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = shop.settings.store
    assert run(["query", "asdfgh qwerty", "--store", store]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "nothing in the store resembles the query" in shown.err
    for command in ("query", "documents"):
        assert run([command, "asdfgh qwerty", "--json", "--store", store]) == 0
        assert json_lines(capsys.readouterr().out) == [{"hits": [], "resembles": False}]
    batch = tmp_path / "batch.jsonl"
    batch.write_text('{"id": 1, "text": "asdfgh qwerty"}\n{"id": 2, "text": "jacket"}\n')
    assert run(["query", "--batch", str(batch), "--json", "--store", store]) == 0
    assert [line["resembles"] for line in json_lines(capsys.readouterr().out)] == [False, True]


def test_answer_to_nonsense_costs_nothing(shop: Diptych, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-unused")
    settings = shop.settings.model_copy(update={"answerer": "openai:gpt-6-luna"})
    with Diptych.open(settings) as opened:  # no server: a request would fail
        answer = opened.ask("asdfgh qwerty")
    assert (answer.unanswered, answer.resembles, answer.usage) == (True, False, {})
    assert answer.text == "The documents do not answer this: nothing in the store resembles the question."


def test_shuffled_letters_keep_the_shape_of_a_text() -> None:
    texts = shuffle_letters("Where, in 2024?")
    assert len(texts) == SHUFFLES
    assert len(set(texts)) > 1
    assert texts == shuffle_letters("Where, in 2024?")
    assert set(shuffle_letters("\udcff")) == {"\udcff"}, "half a character, from an argument that is not UTF-8"
    assert all(sorted(text) == sorted("Where, in 2024?") and text[5] == "," and text[-1] == "?" for text in texts)
