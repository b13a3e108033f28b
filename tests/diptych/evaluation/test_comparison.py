"""Evaluations: arms on a store, gates, the command."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from diptych.errors import QueryError
from diptych.evaluation.comparison import evaluate
from diptych.evaluation.gates import gate_failure, parse_gates
from diptych.evaluation.questions import Question, read_questions
from diptych.evaluation.report import write_report
from diptych.models.meter import Meter
from diptych.prices import Price, Usage
from diptych.search.query.query import Query
from diptych.search.search import WEIGHT_NAMES, SearchContext, search
from diptych.store.spaces import Spaces
from diptych.vectors import Vectors
from flows.cli.main import run
from flows.output.evaluation_tables import arm_rows, evaluation_markdown
from flows.output.terminal import ExitCode
from tests.support.evaluations import QUESTIONS, asked, evaluated
from tests.support.evaluations import context as context
from tests.support.fakes import WordEncoder
from tests.support.papers import write_leaflet


def test_every_arm_is_measured_and_compared_with_fused(context: SearchContext) -> None:
    found = evaluated(context)
    assert dict(found.counts) == {"document": 3, "page": 3, "figure": 1}
    fused, passages = found.arm("fused"), found.arm("passages")
    assert fused
    assert passages
    assert fused.measured["page"]["recall@1"].mean == pytest.approx(2 / 3)
    assert passages.measured["page"]["recall@1"].mean == pytest.approx(1 / 3)
    difference = passages.to_fused["page"]["recall@1"]
    assert (round(difference.mean, 3), difference.better, difference.worse) == (-0.333, 0, 1)
    assert "figure" not in passages.measured  # it returns no pictures
    assert not fused.to_fused
    assert fused.by_type["text"]["document"]["recall@1"].mean == 1 / 2
    assert fused.price == 0
    assert json.loads(json.dumps(found.as_dict()))["types"] == {"<i>figure</i>": 1, "text": 2}


def test_lists_of_weight_zero_are_not_searched(context: SearchContext) -> None:
    only = {name: 0.0 for name in WEIGHT_NAMES if name != "text.bm25"}
    (hits,) = search([Query("What does figure 7 show of the red pump?")], SearchContext(
        context.store, context.spaces, context.pictures, weights=only), 10)  # fmt: skip
    assert {name for hit in hits for name in hit.ranks} == {"text.bm25"}
    assert hits[0].text == "The red pump."


def test_unknown_arms_are_refused_and_missing_documents_listed(context: SearchContext) -> None:
    with pytest.raises(QueryError, match="'pixels' is not supported by this store"):
        evaluated(context, ["pixels"])
    with pytest.raises(QueryError, match="'magic' is unknown"):
        evaluated(context, ["magic"])
    found = evaluate([asked("1", "cat", "gone.pdf", 1)], context, ["fused"])
    assert found.missing == ("gone.pdf",)
    assert found.missing_pages == ()
    assert found.suggestion is None


def test_an_image_without_content_excludes_only_its_question(context: SearchContext, tmp_path: Path) -> None:
    def prepare(query: Query) -> Query:
        if query.image:
            raise QueryError("x.png: contains no words")
        return query

    wordless = Question("9", Query("", tmp_path / "x.png"), "b.pdf")
    found = evaluate([*QUESTIONS, wordless], context, ["fused"], prepare=prepare)
    assert (len(found.questions), found.left_out) == (3, ("9: x.png: contains no words",))
    with pytest.raises(QueryError, match=r"no question can be searched; 9: x\.png"):
        evaluate([wordless], context, ["fused"], prepare=prepare)


def test_a_missed_gate_names_the_value(context: SearchContext) -> None:
    found = evaluated(context, ["fused"])
    assert gate_failure(parse_gates("page recall@1 >= 0.6 and document mrr >= .5"), found) == ""
    shown = gate_failure(parse_gates("page recall@1 >= 0.6 and document recall@1 >= 0.9"), found)
    assert shown.startswith("below the gate: document recall@1 is 0.667 (95 %:")
    assert shown.endswith("not >= 0.9")
    with pytest.raises(QueryError, match="'fused' was not run"):
        gate_failure(parse_gates("page mrr >= 0"), evaluated(context, ["bm25"]))
    assert f"**{shown}**" in evaluation_markdown(found, shown)
    assert "<i>" not in evaluation_markdown(found, shown)


@pytest.mark.parametrize("wrong", ["", "recall@10 > 0.8", "line mrr >= 0.1", "page map >= 0.1", "page mrr >= 1.5"])
def test_a_malformed_gate_is_refused(wrong: str) -> None:
    with pytest.raises(QueryError, match="the gate"):
        parse_gates(wrong)


def test_the_command_measures_writes_a_report_and_applies_gates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    papers, store = tmp_path / "papers", str(tmp_path / "store")
    papers.mkdir()
    write_leaflet(papers / "leaflet.pdf")
    assert run(["ingest", str(papers), "--store", store]) == 0
    line = {"id": 1, "text": "green valve", "document": "leaflet.pdf", "pages": [1]}
    Path("q.jsonl").write_text(json.dumps(line))
    capsys.readouterr()
    passed = run(["evaluate", "q.jsonl", "--store", store, "--out", "out", "--gate", "page recall@10 >= 0.5"])
    captured = capsys.readouterr()
    assert passed == 0
    assert "By page: 1 question" in captured.out
    assert "1.000" in captured.out
    assert "±" not in captured.out  # a single question has no interval
    assert re.findall(r"[-+]\d\.\d{3}(?! \?)", captured.out) == []  # and no difference is sure
    assert "price" not in captured.out  # no model is paid
    assert "±: 95 % interval" in captured.err
    assert "fitting takes at least" in captured.err
    assert Path("out/report.html").stat().st_size > 5_000
    Path("q.jsonl").write_text(json.dumps({**line, "pages": [1, 999]}))
    assert run(["evaluate", "q.jsonl", "--store", store, "--arms", "fused", "--out", "out"]) == 0
    note = "question 1 names page 999, but the last page of papers/leaflet.pdf is 2"
    assert f"note       {note}" in capsys.readouterr().err
    assert note in Path("out/report.html").read_text()
    Path("q.jsonl").write_text(json.dumps({**line, "document": "other.pdf"}))
    missed = run(
        ["evaluate", "q.jsonl", "--store", store, "--arms", "fused", "--json", "--gate", "page recall@10 >= 0.5"]
    )
    captured = capsys.readouterr()
    assert missed == ExitCode.BELOW_GATE.value == 5
    assert json.loads(captured.out)["arms"][0]["name"] == "fused"
    assert captured.err.splitlines()[-1].startswith("diptych: below the gate: page recall@10 is 0.000")
    assert run(["questions", "made.jsonl", "--store", store, "--count", "3"]) == 0
    assert 1 <= len(read_questions(Path("made.jsonl"))) <= 3
    assert run(["evaluate", "--store", store]) == 2
    assert run(["evaluate", "q.jsonl", "--store", store, "--gate", "quick"]) == 1


class CountingEncoder(WordEncoder):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[list[str]] = []

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        if query:
            self.asked.append(list(texts))
        return super().encode_texts(texts, query=query)


@pytest.mark.parametrize(
    ("arms", "batches"),
    [
        (None, [["green chart", "red pump", "red pump"]]),  # one batch for all arms and for fitting weights
        (["descriptions"], [["green chart", "red pump", "red pump"]]),
        (["bm25"], []),
    ],
)
def test_questions_are_encoded_once_and_only_for_arms_with_vectors(
    context: SearchContext, arms: list[str] | None, batches: list[list[str]]
) -> None:
    encoder = CountingEncoder()
    evaluated(replace(context, spaces=Spaces(encoder)), arms)
    assert encoder.asked == batches


@pytest.mark.parametrize(
    ("prices", "price", "shown"),
    [({"paid:m": Price(1.0, 0.0)}, 0.001, "$0.0010"), ({}, None, "unknown"), ({"free:m": Price(0.0, 0.0)}, 0.0, "")],
)
def test_an_unknown_price_is_reported_as_unknown(
    context: SearchContext, tmp_path: Path, prices: dict[str, Price], price: float | None, shown: str
) -> None:
    meter = Meter(prices)

    class Paid(WordEncoder):
        paid = next(iter(prices), "paid:m")

        def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
            meter.spend(self.paid, Usage(1000, requests=1))
            return super().encode_texts(texts, query=query)

    context = replace(context, spaces=Spaces(Paid()))
    found = evaluate(QUESTIONS, context, ["dense"])
    (dense,) = found.arms
    assert dense.price == (price if price is None else pytest.approx(price))
    assert arm_rows(found, "page")[0][-1] == shown
    write_report(found, context, tmp_path / "report.html")
    assert f"<td>{shown or 'nothing'}</td>" in (tmp_path / "report.html").read_text()
