"""The benchmark measures what it says, beside a peer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import ablation, store
from bench.__main__ import FIGURES, main
from bench.catalogue import catalogue, without_name
from bench.made import Made, made_store
from bench.measure import Given, Measure, by_turns, percentile
from diptych.errors import QueryError
from diptych.evaluation.questions import read_questions
from diptych.library.diptych import Diptych
from diptych.search.query import Query
from diptych.settings import load_settings
from diptych.where import Compare
from extractors.types import Source
from tests.support.papers import write_library

POINTS = 1500


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    return Given(points=POINTS, kept=tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def made(given: Given) -> Made:
    return made_store(given)


def test_a_figure_comes_with_its_peer(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["figures", "--json"]) == 0
    figure = json.loads(capsys.readouterr().out)
    assert figure["unit"] == "ms/page"
    assert figure["value"] > figure["peer_value"] > 0
    assert figure["ratio"] == pytest.approx(figure["value"] / figure["peer_value"], rel=1e-3)


def test_turns_alternate_after_one_call_that_does_not_count() -> None:
    calls: list[str] = []
    by_turns(lambda: calls.append("ours"), lambda: calls.append("peer"), rounds=2)
    assert calls == ["ours", "peer"] * 3


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(value) for value in range(200, 0, -1)]
    assert [percentile(values, percent) for percent in (50, 95, 100)] == [100, 190, 200]
    assert percentile([3.0], 50) == 3


def test_a_floor_of_nothing_has_no_ratio() -> None:
    nothing = Measure("name", 1.0, "share", "a floor that finds nothing", 0.0)
    assert nothing.record()["ratio"] is None
    assert " inf " in nothing.row()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["speed"], " ".join(FIGURES)),
        (["queries", "--on", "x.csv"], "catalogue ablation"),
        (["--store", "library"], "catalogue ablation"),
    ],
)
def test_wrong_arguments_name_the_right_ones(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert all(name in error for name in said.split())


def test_a_missing_file_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue", "--on", "nowhere.csv"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("bench: nowhere.csv: no such file")


def test_queries_stand_beside_their_floor(given: Given, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "WARMING", 3)
    monkeypatch.setattr(store, "ASKED", 10)
    measures = list(store.queries(given))
    assert [measure.name.split()[3] for measure in measures] == ["corpus,", "corpus,", "document,", "document,"]
    assert all(measure.value > measure.peer_value > 0 for measure in measures[::2])
    for p50, p95 in (measures[:2], measures[2:]):
        assert p50.value <= p95.value


def test_the_made_store_is_kept_and_is_as_large_as_it_was_to_be(given: Given, made: Made) -> None:
    before = made.questions.stat().st_mtime_ns
    assert made_store(given) == made
    assert made.questions.stat().st_mtime_ns == before
    with made.opened() as parts:
        text, images = (list(panel.scroll()) for panel in (parts.store().text, parts.store().images))
    assert len(text) + len(images) == pytest.approx(POINTS, rel=0.1)
    passages = [len(point.payload["text"].split()) for point in text if "text" in point.payload]
    assert min(passages) >= 60
    assert max(passages) <= 200
    assert len(images) == pytest.approx(len(text) / 10, rel=0.4)


def test_a_made_store_is_searched_and_ingested_like_any_other(given: Given, made: Made) -> None:
    """Else its questions would cost what no question costs."""
    questions = read_questions(made.questions)[:40]
    with Diptych.open(made.settings) as library:
        assert {outcome.status for outcome in library.ingest([made.files])} == {"unchanged"}
        asked = [Query(one.query.text, where=Compare("document", "=", one.document)) for one in questions]
        hits = library.search_many(asked, 10)
    found = [one.pages[0] in {hit.page for hit in first} for one, first in zip(questions, hits, strict=True)]
    assert sum(found) / len(found) > 0.9
    ranks = {name for first in hits for hit in first for name in hit.ranks}
    assert ranks >= {"text.dense", "text.bm25", "images.description", "images.bm25", "pages.bm25", "pages.headings"}


def test_a_name_is_blotted_out_whatever_its_ending() -> None:
    product = Source(Path("x.csv"), "x", "x", "", "", title="Red Apples", description="An apple that is Red, but sour.")
    assert without_name(product) == "An that is but sour."
    assert without_name(Source(Path("x.csv"), "x", "x", "", "", title="Red kite", description="A red kite.")) == ""


def test_products_are_found_by_their_description(tmp_path: Path) -> None:
    write_library(tmp_path)
    measures = list(catalogue(Given(on=tmp_path / "products.csv")))
    assert {measure.unit for measure in measures} == {"share"}
    assert all(0 < measure.value <= 1 for measure in measures)
    assert measures[0].name == "description: product first, of 2"


def test_the_search_as_it_is_scores_as_evaluate_says(tmp_path: Path, library: Path) -> None:
    asked = tmp_path / "questions.jsonl"
    lines = [
        {"id": "1", "text": "pump", "document": "leaflet.pdf", "pages": [1]},
        {"id": "2", "text": "which product is a jacket", "document": "products.csv#1"},
    ]
    asked.write_text("".join(json.dumps(line) + "\n" for line in lines))
    settings = load_settings(str(tmp_path / "store"))
    with Diptych.open(settings) as opened:
        opened.ingest([library])
        (fused,) = opened.evaluate(asked, ["fused"]).arms
    rows = list(ablation.ablation(Given(on=asked, store=settings.store)))
    (whole,) = [row for row in rows if row.scope == "corpus" and not row.change]
    assert {k: one.mean for k, one in whole.recall.items()} == {
        k: fused.measured["page"][f"recall@{k}"].mean for k in ablation.AT
    }
    for row in rows:
        base = next(other for other in rows if other.scope == row.scope and not other.change)
        for k, change in row.change.items():
            assert change.mean == pytest.approx(row.recall[k].mean - base.recall[k].mean)
    assert {row.left_out for row in rows} >= {"text.bm25", "images.bm25", "pages.bm25"}
    assert "images.visual" not in {row.left_out for row in rows}  # no encoder of pixels: nothing to leave out
    assert json.loads(json.dumps(rows[-1].record()))["scope"] == "corpus"


def test_own_questions_need_a_store(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="--store"):
        next(ablation.ablation(Given(on=tmp_path / "questions.jsonl")))
