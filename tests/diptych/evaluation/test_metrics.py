"""Metrics, intervals, question files and arms, with numbers that can be checked by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from diptych.errors import QueryError
from diptych.evaluation import arms, metrics, questions, statistics
from diptych.evaluation.metrics import ranking_metrics, same_place, score_hits
from diptych.evaluation.questions import Box, Question
from diptych.search.hits import Hit
from diptych.search.query.query import Query
from diptych.search.search import SearchContext, encode_queries
from diptych.store.register import bind_encoders
from diptych.store.spaces import Spaces
from extractors.types import Passage
from tests.support.fakes import document, figure, source
from tests.support.scripted_pipeline import ScriptedPipeline


def hit(document: str, page: int, modality: str = "text", bbox: list[float] | None = None, label: str = "") -> Hit:
    return Hit(
        1, modality, "figure", document, document, page, bbox, "", "", None, 1.0, {}, {}, f"{document}{page}{bbox}",
        label=label,
    )  # fmt: skip


def test_recall_mrr_and_ndcg_of_a_list() -> None:
    found = ranking_metrics(["a", "x", "b", "y"], {"a", "b", "c"})
    assert (found["recall@1"], found["recall@3"], found["recall@10"]) == (1 / 3, 2 / 3, 2 / 3)
    assert found["mrr"] == 1
    best = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert found["ndcg@10"] == pytest.approx((1 + 1 / math.log2(4)) / best)
    assert set(ranking_metrics([], {"a"}).values()) == {0.0}


def test_pages_count_once_in_the_order_of_their_first_hit() -> None:
    asked = Question("1", Query("?"), "a.pdf", (2,))
    hits = [hit("a.pdf", 1), hit("a.pdf", 1), hit("a.pdf", 2), hit("b.pdf", 2)]
    scores = score_hits(asked, hits, "page")
    assert scores
    assert scores["mrr"] == 1 / 2
    assert score_hits(asked, hits, "figure") is None  # the question is not about a figure


def test_a_figure_is_found_by_its_box_or_its_label() -> None:
    boxed = Question("1", Query("?"), "a.pdf", (2,), (Box(2, (0, 0, 100, 100)),))
    labelled = Question("2", Query("?"), "a.pdf", (2,), label="figure 3")
    wrong = hit("a.pdf", 2, "image", [200, 200, 300, 300])
    right = hit("a.pdf", 2, "image", [0, 0, 90, 110], label="figure 3")
    for asked in (boxed, labelled):
        scores = score_hits(asked, [hit("a.pdf", 2), wrong, right], "figure")
        assert scores
        assert scores["mrr"] == 1 / 2  # passages do not count here


@pytest.mark.parametrize(
    ("bbox", "same"),
    [([0, 0, 100, 100], True), ([0, 0, 100, 45], False), ([-50, -50, 300, 300], True), ([101, 0, 200, 100], False)],
)
def test_boxes_are_the_same_place(bbox: list[float], same: bool) -> None:
    assert same_place(bbox, Box(1, (0, 0, 100, 100))) is same


def test_intervals_contain_the_mean_and_narrow_with_more_documents() -> None:
    few = statistics.mean_interval([0, 1] * 10, [f"d{n}" for n in range(20)])
    many = statistics.mean_interval([0, 1] * 200, [f"d{n}" for n in range(400)])
    assert few.low < 0.5 < few.high
    assert few.mean == many.mean == 0.5
    assert many.high - many.low < (few.high - few.low) / 3


def test_questions_about_one_document_are_drawn_together() -> None:
    values = [value for value in (0.0, 1.0) * 10 for _ in range(20)]
    apart = statistics.mean_interval(values, [f"d{n}" for n in range(len(values))])
    together = statistics.mean_interval(values, [f"d{n // 20}" for n in range(len(values))])
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_differences_are_paired() -> None:
    names = [f"d{n}" for n in range(40)]
    base = [n % 2 for n in range(40)]
    same = statistics.paired_difference(base, base, names)
    assert (same.mean, same.better, same.worse, same.clear) == (0, 0, 0, False)
    assert statistics.paired_difference([1] * 40, base, names).clear


def test_a_few_questions_are_no_proof() -> None:
    names = [f"d{n}" for n in range(8)]
    assert not statistics.paired_difference([0] * 7, [1] * 7, names[:7]).clear
    assert statistics.paired_difference([0] * 8, [1] * 8, names).clear
    assert not statistics.mean_interval([1], names[:1]).reliable


def test_questions_are_read_with_their_places(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"")
    lines: list[dict[str, object]] = [
        {"id": 1, "text": "What?", "document": "a.pdf", "pages": [3], "types": ["Chart"], "answer": "left alone"},
        {"id": "2", "text": "Which?", "document": "a.pdf", "boxes": [{"page": 1, "bbox": [0, 0, 1, 1]}]},
        {"id": "3", "image": "photo.png", "document": "shop.csv#7", "where": "price < 3"},
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, lines)))
    first, second, third = questions.read_questions(tmp_path / "q.jsonl")
    assert (first.id, first.pages, first.types) == ("1", (3,), ("Chart",))
    assert second.about_a_figure
    assert third.query.image == tmp_path / "photo.png"
    assert third.query.where is not None
    questions.append_questions([first, second], tmp_path / "again.jsonl")
    assert questions.read_questions(tmp_path / "again.jsonl") == [first, second]


def test_unreadable_files_are_reported_in_one_sentence(tmp_path: Path) -> None:
    gone, latin = tmp_path / "gone.jsonl", tmp_path / "latin.jsonl"
    latin.write_bytes(b'{"text": "\xe9"}')
    for path, message in ((gone, "no such file"), (tmp_path, "Is a directory"), (latin, "not UTF-8 from byte 10")):
        with pytest.raises(QueryError, match=message) as refused:
            questions.read_questions(path)
        assert str(refused.value).count(str(path)) == 1
        assert "Errno" not in str(refused.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2"),
        ('{"id": 1, "text": "?"}', "document"),
        ('{"id": 1, "document": "a.pdf"}', "neither text nor image"),
        ('{"id": 1, "image": "none.png", "document": "a.pdf"}', "no such image"),
        ('{"id": 1, "text": "?", "document": "a.pdf", "where": "price <"}', "column"),
        ('{"id": "ok", "text": "?", "document": "a.pdf"}', "is used twice"),
    ],
)
def test_invalid_lines_are_named(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "q.jsonl").write_text('{"id": "ok", "text": "?", "document": "a.pdf"}\n' + line)
    with pytest.raises(QueryError, match=message):
        questions.read_questions(tmp_path / "q.jsonl")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ScriptedPipeline]:
    made = ScriptedPipeline(tmp_path, "embedded")
    bind_encoders(made.index, made.pipeline.spaces.encoding_config("english"))
    parts = document(
        Passage("The red pump.", 1),
        Passage("The blue valve.", 2),
        pictures=(figure("Figure 1: a green chart", 3, "figure 1"), figure("", 2)),
    )
    made.ingest(source("a.pdf"), parts)
    yield made
    made.index.close()


def test_each_arm_uses_only_its_lists(bench: ScriptedPipeline) -> None:
    context = SearchContext(bench.index, Spaces(bench.encoder), bench.folder)
    assert arms.available_arms(context) == ["fused", "passages", "bm25", "dense", "descriptions", "captions"]
    asked = [Question("1", Query("green chart"), "a.pdf", (3,), label="figure 1")]
    queries = encode_queries([question.query for question in asked], context)
    ran = {name: arms.run_arm(name, asked, queries, context) for name in arms.available_arms(context)}
    for name, lists in arms.ARMS.items():
        if name in ran:
            used = {list_ for hits in ran[name].hits for one in hits for list_ in one.ranks}
            assert used <= set(lists), name
    assert ran["passages"].values("page", "recall@10") == {0: 0.0}
    assert ran["descriptions"].values("page", "recall@1") == {0: 1.0}
    assert ran["captions"].values("figure", "mrr") == {0: 1.0}
    assert len(ran["captions"].hits[0]) == 1  # the picture without a caption is missing
    assert tuple(ran["fused"].scores) == metrics.LEVELS
