"""The benchmarks, on small inputs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import __main__ as command
from bench import extraction, floor, large_file, scale, startup, store, whole_ingest
from bench.__main__ import BENCHMARKS, main
from bench.ablation import CUTOFFS, ablation
from bench.commands import run_command
from bench.measurement import BenchOptions, Measurement, percentile, time_alternately
from bench.picture_queries import pictures
from bench.product_search import catalogue, without_name
from bench.synthetic_store import SyntheticStore, open_synthetic_store
from diptych.errors import DiptychError, QueryError
from diptych.evaluation.questions import read_questions
from diptych.library.diptych import Diptych
from diptych.search.query.query import Query
from diptych.settings import load_settings
from diptych.where import Compare
from extractors.types import Source
from tests.support.papers import write_leaflet, write_library

POINTS = 600


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> BenchOptions:
    return BenchOptions(points=POINTS, cache=tmp_path_factory.mktemp("bench"))


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the results of `main`."""
    monkeypatch.setattr(command, "CACHE", tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def without_ocr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIPTYCH_OCR", "off")


@pytest.fixture(scope="module")
def synthetic(options: BenchOptions) -> SyntheticStore:
    return open_synthetic_store(options)


def test_result_includes_its_baseline_and_is_stored(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, results: Path
) -> None:
    monkeypatch.setattr("diptych.encoders.bert_precision.ROUNDS", 1)
    assert main(["precisions", "--json"]) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["name"] for one in printed] == [f"half a layer in {name}" for name in ("fp32", "int8", "int7")]
    assert printed[0]["ratio"] == 1
    (stored,) = results.glob("results-*.jsonl")
    machine, *records = map(json.loads, stored.read_text().splitlines())
    assert machine["cores"] > 0
    assert records == printed


def test_own_folder_is_only_given_to_benchmarks_that_read_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path | None] = []
    monkeypatch.setattr(command, "BENCHMARKS", dict.fromkeys(("whole", "startup", "large"), "store:queries"))

    def benchmark(options: BenchOptions) -> Iterator[Measurement]:
        seen.append(options.on)
        yield Measurement("name", 1.0, "s", "", 0.0)

    monkeypatch.setattr(store, "queries", benchmark)
    assert main(["--on", str(tmp_path)]) == 0
    assert seen == [tmp_path, None]  # `large` only runs if it is named


def test_each_text_counts_once_in_the_floor() -> None:
    text = {"modality": "text", "kind": "text", "title": "", "heading": [], "caption": "", "text": "pump"}
    text["content_hash"] = "1"
    tokens = 3  # with those that begin and end a text
    layers = 4 * 384 * 384 + 2 * 384 * 1536
    assert floor._multiplications([text, text]) == 6 * (tokens * layers + tokens**2 * 2 * 384)


def test_text_and_tables_are_compared_with_an_earlier_version(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "ROUNDS", 1)
    write_leaflet(tmp_path / "a.pdf")
    against = str(Path(__file__).parents[2])
    assert main(["text", "--on", str(tmp_path / "a.pdf"), "--against", against, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["unit"] == "ms/page"
    assert found["value"] > 0 < found["peer_value"]


def test_calls_alternate_after_one_uncounted_call() -> None:
    calls: list[str] = []
    time_alternately(lambda: calls.append("ours"), lambda: calls.append("peer"), rounds=2)
    assert calls == ["ours", "peer"] * 3


def test_percentiles_are_measured_values() -> None:
    values = [float(value) for value in range(200, 0, -1)]
    assert [percentile(values, percent) for percent in (50, 95, 100)] == [100, 190, 200]
    assert percentile([3.0], 50) == 3


def test_ratio_to_a_baseline_of_zero_is_null() -> None:
    nothing = Measurement("name", 1.0, "share", "a baseline that finds nothing", 0.0)
    assert nothing.record()["ratio"] is None
    assert " inf " in nothing.row()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["speed"], " ".join(BENCHMARKS)),
        (["queries", "--on", "x.csv"], "catalogue pictures ablation"),
        (["--store", "library"], "catalogue pictures ablation"),
        (["whole", "--peer", "grep"], "LlamaIndex unstructured Docling"),
    ],
)
def test_wrong_arguments_are_explained(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert all(name in error for name in expected.split())


def test_missing_file_is_reported_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue", "--on", "nowhere.csv"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("bench: nowhere.csv: no such file")


def test_command_that_fails_is_reported_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(DiptychError, match=r"`diptych ingest` ended with exit code 1: .*nowhere"):
        run_command("ingest", tmp_path / "nowhere", "--store", tmp_path / "store")


def test_queries_take_longer_than_their_baseline(
    options: BenchOptions, synthetic: SyntheticStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "WARM_UP_QUERIES", 3)
    monkeypatch.setattr(store, "TIMED_QUERIES", 10)
    measures = list(store.queries(options))
    assert [measure.name.split()[3] for measure in measures] == ["corpus,", "corpus,", "document,", "document,"]
    assert all(measure.value > measure.peer_value > 0 for measure in measures[::2])
    for p50, p95 in (measures[:2], measures[2:]):
        assert p50.value <= p95.value


def test_synthetic_store_is_cached_and_has_the_requested_size(options: BenchOptions, synthetic: SyntheticStore) -> None:
    before = synthetic.questions.stat().st_mtime_ns
    assert open_synthetic_store(options) == synthetic
    assert synthetic.questions.stat().st_mtime_ns == before
    with synthetic.opened() as runtime:
        text, images = (list(panel.scroll()) for panel in (runtime.store().text, runtime.store().images))
    assert len(text) + len(images) == pytest.approx(POINTS, rel=0.1)
    passages = [len(point.payload["text"].split()) for point in text if "text" in point.payload]
    assert min(passages) >= 60
    assert max(passages) <= 200
    assert len(images) == pytest.approx(len(text) / 10, rel=0.4)


def test_synthetic_store_behaves_like_an_ingested_one(synthetic: SyntheticStore) -> None:
    """Otherwise the time of its queries would mean nothing."""
    questions = read_questions(synthetic.questions)[:40]
    with Diptych.open(synthetic.settings) as diptych:
        assert {outcome.status for outcome in diptych.ingest([synthetic.files])} == {"unchanged"}
        asked = [Query(one.query.text, where=Compare("document", "=", one.document)) for one in questions]
        hits = diptych.search_many(asked, 10)
    found = [one.pages[0] in {hit.page for hit in first} for one, first in zip(questions, hits, strict=True)]
    assert sum(found) / len(found) > 0.9
    ranks = {name for first in hits for hit in first for name in hit.ranks}
    assert ranks >= {"text.dense", "text.bm25", "images.description", "images.bm25", "pages.bm25", "pages.headings"}


def test_words_of_the_name_are_removed_in_any_form() -> None:
    product = Source(Path("x.csv"), "x", "x", "", "", title="Red Apples", description="An apple that is Red, but sour.")
    assert without_name(product) == "An that is but sour."
    assert without_name(Source(Path("x.csv"), "x", "x", "", "", title="Red kite", description="A red kite.")) == ""


@pytest.mark.usefixtures("without_ocr")
def test_catalogue_benchmark_finds_products_by_description(tmp_path: Path) -> None:
    write_library(tmp_path)
    measures = list(catalogue(BenchOptions(on=tmp_path / "products.csv")))
    assert {measure.unit for measure in measures} == {"share"}
    assert all(0 < measure.value <= 1 for measure in measures)
    assert measures[0].name == "description: product first, of 2"


@pytest.mark.usefixtures("without_ocr")
def test_pictures_are_found_beside_any_question(tmp_path: Path) -> None:
    write_library(tmp_path)
    measures = list(pictures(BenchOptions(on=tmp_path / "products.csv")))
    assert {measure.name.split(",")[0] for measure in measures} == {"one space", "two spaces"}
    assert all(measure.value == measure.peer_value == 1 for measure in measures)


@pytest.mark.usefixtures("without_ocr")
def test_complete_search_scores_as_in_evaluate(tmp_path: Path, library: Path) -> None:
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
    rows = list(ablation(BenchOptions(on=asked, store=settings.store)))
    (whole,) = [row for row in rows if row.scope == "corpus" and not row.change]
    assert {k: one.mean for k, one in whole.recall.items()} == {
        k: fused.measured["page"][f"recall@{k}"].mean for k in CUTOFFS
    }
    for row in rows:
        base = next(other for other in rows if other.scope == row.scope and not other.change)
        for k, change in row.change.items():
            assert change.mean == pytest.approx(row.recall[k].mean - base.recall[k].mean)
    assert {row.left_out for row in rows} >= {"text.bm25", "images.bm25", "pages.bm25"}
    assert "images.visual" not in {row.left_out for row in rows}  # no image encoder is configured
    assert json.loads(json.dumps(rows[-1].record()))["scope"] == "corpus"


def test_own_questions_need_a_store(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="--store"):
        next(ablation(BenchOptions(on=tmp_path / "questions.jsonl")))


@pytest.mark.slow
def test_killed_ingest_of_a_large_file_is_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_file, "PAGES", 40)
    monkeypatch.setattr(large_file, "FEWER_PAGES", 4)
    memory, resumed, both = large_file.large(BenchOptions())
    assert memory.value > 0
    assert 0 < resumed.value < both.value


@pytest.mark.slow
def test_whole_ingest_is_compared_with_the_floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_leaflet(tmp_path / "a.pdf")
    asked: list[str] = []
    monkeypatch.setattr(whole_ingest, "run_peer", lambda name, *_: asked.append(name))  # installing one takes minutes
    processor, elapsed, again, busy, memory = whole_ingest.whole(BenchOptions(on=tmp_path, peers=["LlamaIndex"]))
    assert asked == ["LlamaIndex"]
    assert processor.value > processor.peer_value > 0
    assert elapsed.value > elapsed.peer_value
    assert again.value < again.peer_value
    assert 0 < busy.value <= 1.05
    assert memory.value > 0


@pytest.mark.slow
def test_growing_store_is_searched_and_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "PAGES", 1)
    options = BenchOptions(documents=8, cache=tmp_path)
    done = list(scale.scale(options))
    assert done[0].value > 0 < done[0].peer_value
    assert done[-2].value == 0  # no search failed
    assert done[-1].value > done[-1].peer_value
    assert list(scale.scale(options))[:-1] == done[:-1]  # nothing is left to do


@pytest.mark.slow
def test_startup_is_processor_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "ROUNDS", 1)
    measures = {measure.name: measure for measure in startup.startup(BenchOptions())}
    assert set(measures) == {"--help", "status", "cold query", "extract one page"}
    assert measures["--help"].value < measures["cold query"].value
