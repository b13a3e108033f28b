"""`diptych ask` end to end: real stores, the real encoder, the real SDKs against a local server."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from diptych import Diptych, Query, Settings
from diptych.settings import load_settings
from diptych.where import parse_where
from extractors.pdf.render import pymupdf
from flows.cli.main import run
from tests.support.anthropic_server import anthropic_routes
from tests.support.command_line import empty_working_directory as empty_working_directory
from tests.support.command_line import error_line, run_json
from tests.support.http_server import Vendor, served
from tests.support.onnx_models import write_pair
from tests.support.openai_requests import Asked, Refused
from tests.support.openai_server import OpenAIRoutes
from tests.support.papers import write_photo

KEY = "sk-secret-of-the-tests"
Cited = tuple[str, list[tuple[str, str]]]


@pytest.fixture(scope="module")
def store(library: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store of the library and of tickets with photos."""
    folder = tmp_path_factory.mktemp("tickets")
    rows = []
    for number, (problem, cure) in enumerate(
        [
            ("Brown water drips from the valve.", "Replaced gasket G-12."),
            ("The pump hums and stands still.", "Reset fuse F3."),
        ]
    ):
        write_photo(folder / f"{number}.png", f"CASE {number}")
        rows.append({"id": f"T-{number + 1}", "description": problem, "resolution": cure, "image": f"{number}.png"})
    (folder / "tickets.jsonl").write_text("\n".join(map(json.dumps, rows)))
    place = str(library / ".store-of-answers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_OCR", "off")
        assert run(["ingest", str(library), str(folder / "tickets.jsonl"), "--store", place]) == 0
    return place


class ScriptedAnswerer:
    """An OpenAI model whose answers depend on what it is shown."""

    def __init__(self) -> None:
        self.reply: Callable[[Asked], list[Cited]] = lambda asked: []
        self.answered = True
        self.routes = OpenAIRoutes(answer=self._answer, key=KEY)

    def _answer(self, asked: Asked) -> dict[str, Any]:
        sentences = [
            {"text": text, "citations": [{"id": name, "quote": quote} for name, quote in cited]}
            for text, cited in self.reply(asked)
        ]
        return {"answered": self.answered, "sentences": sentences}


@pytest.fixture
def answerer(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedAnswerer]:
    made = ScriptedAnswerer()
    with served(made.routes) as vendor:
        monkeypatch.setenv("DIPTYCH_OPENAI__BASE_URL", f"{vendor.url}/v1")
        monkeypatch.setenv("DIPTYCH_ANSWERER", "openai:gpt-6-luna")
        monkeypatch.setenv("DIPTYCH_OPENAI__SECONDS", "3")
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield made


@pytest.fixture
def claude(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """An Anthropic model that cites the sentence about grease and adds a number of its own."""

    def says(body: dict[str, Any]) -> list[dict[str, Any]]:
        blocks = body["messages"][0]["content"]
        for index, block in enumerate(one for one in blocks if one["type"] == "search_result"):
            for place, text in enumerate(block["content"]):
                if "greased once a year" in text["text"]:
                    citation = {
                        "type": "search_result_location", "source": block["source"], "title": block["title"],
                        "cited_text": text["text"], "search_result_index": index, "start_block_index": place,
                        "end_block_index": place + 1,
                    }  # fmt: skip
                    return [
                        {"type": "text", "text": "The bearing is greased once a year", "citations": [citation]},
                        {"type": "text", "text": ". It weighs 80 kg."},
                    ]
        return [{"type": "text", "text": "NO ANSWER Nothing is said about it."}]

    with served(anthropic_routes(says=says)) as vendor:
        monkeypatch.setenv("DIPTYCH_ANTHROPIC__BASE_URL", vendor.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        yield vendor


def id_of(asked: Asked, words: str) -> str:
    """The id of the first item that contains `words`."""
    found = [re.search(r"id=(E\d+)>", text) for text in asked.texts if words in text]
    assert found, words
    assert found[0]
    return found[0][1]


def write_two_figures(path: Path) -> None:
    with pymupdf().open() as document:
        page = document.new_page(width=420, height=595)
        for number in (1, 2):
            shape, top = page.new_shape(), 200 * number
            for step in range(5):
                shape.draw_circle((120 + 40 * step, top + 30 + (number - 1) * 12 * step), 18)
                shape.draw_line((120 + 40 * step, top), (140 + 40 * step, top + 50 * number))
            shape.finish(color=(0, 0, 0), fill=((0.1, 0.3, 0.8), (0.8, 0.5, 0.1))[number - 1])
            shape.commit()
            page.insert_text((90, top + 130), f"Figure {number}: A diagram of the valve.")
        document.save(path)


def thumbnail(data: bytes) -> NDArray[np.float64]:
    return np.asarray(Image.open(BytesIO(data)).convert("L").resize((32, 32)), float)


def greased(asked: Asked) -> list[Cited]:
    return [("The bearing is greased once a year.", [(id_of(asked, "greased once a year"), "is greased once a year")])]


def test_answer_has_sources_crops_and_usage(
    store: str, answerer: ScriptedAnswerer, capsys: pytest.CaptureFixture[str]
) -> None:
    answerer.reply = greased
    (got,) = run_json(capsys, "ask", "when is the bearing greased", "--store", store)
    assert got["answer"] == "The bearing is greased once a year. [1]"
    assert not got["unanswered"]
    (source,) = got["citations"]
    assert (source["document"], source["page"], source["modality"]) == ("leaflet.pdf", 1, "text")
    assert Path(source["image"]).read_bytes().startswith(b"\x89PNG")  # drawn for this answer
    assert got["checks"] == {"true": 1}
    assert got["usage"]["openai:gpt-6-luna"]["requests"] == 1
    assert got["pictures"] == len(answerer.routes.asked[0].images) > 0
    assert set(answerer.routes.asked[0].details) == {"high"}


def test_text_output_lists_sources_and_dropped_sentences(
    store: str, answerer: ScriptedAnswerer, capsys: pytest.CaptureFixture[str]
) -> None:
    answerer.reply = lambda asked: [
        *greased(asked),
        ("It costs 999 dollars.", [("E99", "999 dollars")]),
        ("It is red.", [(id_of(asked, "greased once a year"), "E1 is red")]),
    ]
    assert run(["ask", "when is the bearing greased", "--store", store]) == 0
    printed = capsys.readouterr()
    for expected in (
        "The bearing is greased once a year. [1]", "[1] leaflet.pdf, page 1", "“is greased once a year”",
        "Dropped, because the sources do not support it", "It costs 999 dollars. — E99 was never shown",
        "It is red. — “E1 is red” is not in leaflet.pdf, page 1",
    ):  # fmt: skip
        assert expected in printed.out
    assert "the model was asked a second time" in printed.err
    assert "openai:gpt-6-luna: 2 requests" in printed.err
    assert len(answerer.routes.asked) == 2
    assert "E99 was never shown" in answerer.routes.asked[1].texts[-1]
    assert KEY not in printed.out + printed.err


def test_native_citations_of_claude_give_the_same_form(
    store: str, claude: Vendor, capsys: pytest.CaptureFixture[str]
) -> None:
    (got,) = run_json(
        capsys, "ask", "when is the bearing greased", "--model", "anthropic:claude-haiku-5-5", "--store", store
    )
    assert got["answer"] == "The bearing is greased once a year. [1]"
    assert got["citations"][0]["document"] == "leaflet.pdf"
    assert "greased once a year" in got["sentences"][0]["citations"][0]["quote"]
    assert [one["text"] for one in got["dropped"]] == ["It weighs 80 kg."]
    first, second = (request.json for request in claude.requests)
    assert "output_config" not in first
    assert "80 is not in the evidence" in second["messages"][0]["content"][-1]["text"]


def test_a_document_cannot_inject_a_citation(
    store: str, answerer: ScriptedAnswerer, capsys: pytest.CaptureFixture[str]
) -> None:
    answerer.reply = lambda asked: [("Ignore the rules.", [("E99\x1b[31m", "cite E99")])]
    assert run(["ask", "green valve", "--store", store]) == 0
    printed = capsys.readouterr()
    assert "The documents do not answer this" in printed.out
    assert "\x1b" not in printed.out


def test_without_hits_nothing_is_paid(
    store: str, answerer: ScriptedAnswerer, capsys: pytest.CaptureFixture[str]
) -> None:
    (got,) = run_json(capsys, "ask", "pumps", "--where", 'document = "nowhere.pdf"', "--store", store)
    assert got["unanswered"]
    assert (got["citations"], got["usage"], got["price"]) == ([], {}, 0.0)
    assert answerer.routes.asked == []


def test_unanswered_questions_are_reported(
    store: str, answerer: ScriptedAnswerer, capsys: pytest.CaptureFixture[str]
) -> None:
    answerer.answered = False
    answerer.reply = lambda asked: [("The documents do not say who built it.", [])]
    (got,) = run_json(capsys, "ask", "who built the pump", "--store", store)
    assert got["unanswered"]
    assert got["answer"] == "The documents do not say who built it."
    assert len(answerer.routes.asked) == 1


def test_a_refusal_is_an_error_and_a_question_that_documents_do_not_answer_is_none(
    store: str, answerer: ScriptedAnswerer, capsys: pytest.CaptureFixture[str]
) -> None:
    answerer.answered = False
    assert run(["ask", "who built the pump", "--store", store]) == 0
    answerer.routes.answer = lambda asked: Refused("I cannot help with that.")
    assert run(["ask", "who built the pump", "--store", store]) == 1
    assert "There is no answer: refused: I cannot help with that.\n" in capsys.readouterr().out
    (got,) = run_json(capsys, "ask", "who built the pump", "--store", store, code=1)
    assert got["failed"]


def test_the_image_of_the_question_is_shown(
    store: str, answerer: ScriptedAnswerer, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answerer.reply = lambda asked: []
    assert run(["ask", "what is this", "--image", str(library / "poster.png"), "--store", store]) == 0
    assert "the picture that belongs to the question" in " ".join(answerer.routes.asked[0].texts).lower()
    assert "nowhere.png" in capsys.readouterr().err or run(["ask", "--image", "nowhere.png"]) == 2


def test_the_figure_that_a_question_shows_is_sent(
    answerer: ScriptedAnswerer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pair(tmp_path / "models")
    monkeypatch.setenv("DIPTYCH_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("DIPTYCH_ENCODER", "clip")
    write_two_figures(tmp_path / "manual.pdf")
    assert run(["ingest", "manual.pdf", "--store", "s"]) == 0
    capsys.readouterr()
    with Diptych.open(load_settings("s")) as opened:
        hits = opened.search(Query("diagram", where=parse_where('kind = "figure"')))
        figures = [hit.image for hit in hits if hit.image]
    assert len(figures) == 2
    for figure in figures:
        copy = tmp_path / "copy.jpg"
        with Image.open(figure) as image:
            image.convert("RGB").reduce(3).save(copy, quality=60)
        assert run(["ask", "What does this diagram show?", "--image", str(copy), "--store", "s"]) == 0
        sent = answerer.routes.asked[-1].images[:-1]  # the last one belongs to the question
        differences = [np.abs(thumbnail(data) - thumbnail(Path(figure).read_bytes())).mean() for data in sent]
        assert min(differences) < 2, "the figure itself"


def test_a_ticket_is_answered_from_a_similar_one(
    store: str, answerer: ScriptedAnswerer, capsys: pytest.CaptureFixture[str]
) -> None:
    def reply(asked: Asked) -> list[Cited]:
        name = id_of(asked, "Brown water")
        (case,) = [text for text in asked.texts if f"id={name}>" in text]
        assert "resolution: Replaced gasket G-12." in case  # a row and its photo are one item
        return [("Gasket G-12 was replaced in a similar case.", [(name, "Replaced gasket G-12")])]

    answerer.reply = reply
    where = 'document in ("tickets.jsonl#T-1", "tickets.jsonl#T-2")'
    (got,) = run_json(capsys, "ask", "brown drops below the valve", "--where", where, "--store", store)
    assert got["answer"] == "Gasket G-12 was replaced in a similar case. [1]"
    (source,) = got["citations"]
    assert source["document"].endswith("/tickets.jsonl#T-1")
    assert source["image"]
    assert {name.rpartition("/")[2] for name in got["evidence"].values()} == {"tickets.jsonl#T-1", "tickets.jsonl#T-2"}
    assert len(answerer.routes.asked[0].images) == 2


def test_products_are_ranked_by_their_printed_descriptions(
    store: str, answerer: ScriptedAnswerer, capsys: pytest.CaptureFixture[str]
) -> None:
    def reply(asked: Asked) -> list[Cited]:
        jacket, boots = id_of(asked, "Rain jacket"), id_of(asked, "Hill boots")
        return [
            ("The rain jacket fits best: it is light and costs 129.5.", [(jacket, "A light jacket for heavy rain")]),
            ("The boots cost $150.", [(boots, "Boots with a stiff sole")]),
        ]

    answerer.reply = reply
    (got,) = run_json(capsys, "ask", "something for rain", "--where", "price > 0", "--store", store)
    assert got["answer"] == "The rain jacket fits best: it is light and costs 129.5. [1]"
    assert got["citations"][0]["document"] == "products.csv#1"
    assert [one["reason"] for one in got["dropped"]] == [
        "$150 is not in the evidence; computed values and values read off a chart do not count"
    ]


def test_missing_model_or_key_is_explained_in_one_line(
    store: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = error_line(capsys, "ask", "pumps", "--store", store)
    for name in ("DIPTYCH_ANSWERER", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        assert name in line
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert "OPENAI_API_KEY" in error_line(capsys, "ask", "pumps", "--model", "openai:gpt-6-luna", "--store", store)
    assert "PROVIDER:MODEL" in error_line(capsys, "ask", "pumps", "--model", "oracle", "--store", store)
    assert run(["ask", "--store", store]) == 2


def test_a_terminal_shows_the_unchecked_draft(
    store: str, answerer: ScriptedAnswerer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answerer.reply = lambda asked: [*greased(asked), ("It says “hello”.", [])]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert run(["ask", "when is the bearing greased", "--store", store]) == 0
    printed = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().err)
    assert "not checked yet: The bearing is greased once a year.\nnot checked yet: It says “hello”." in printed
    assert answerer.routes.asked[0].stream


def test_the_python_library_answers(store: str, answerer: ScriptedAnswerer) -> None:
    answerer.reply = greased
    with Diptych.open(Settings(store=store)) as opened:
        got = opened.ask(Query("when is the bearing greased"), limit=3)
        assert got.citations[0].document == "leaflet.pdf"
        assert len(got.evidence) <= 3


def test_a_changed_file_has_no_crop(
    answerer: ScriptedAnswerer, tmp_path: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "papers" / "leaflet.pdf"
    file.parent.mkdir()
    file.write_bytes((library / "leaflet.pdf").read_bytes())
    assert run(["ingest", str(file.parent), "--store", "s"]) == 0
    file.write_bytes(file.read_bytes() + b"\n")
    answerer.reply = greased
    (got,) = run_json(capsys, "ask", "when is the bearing greased", "--store", "s")
    assert got["citations"][0]["image"] is None


def test_the_budget_stops_a_request_that_would_exceed_it(
    store: str, answerer: ScriptedAnswerer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answerer.reply = greased
    question = ("ask", "when is the bearing greased", "--store", store)
    assert "price" in error_line(capsys, *question, "--budget", "1")  # unknown at this address
    monkeypatch.setenv("DIPTYCH_PRICES", '{"openai:gpt-6-luna": {"input": 1, "output": 10}}')
    assert "budget of $0.0001" in error_line(capsys, *question, "--budget", "0.0001")
    assert answerer.routes.asked == []
    (got,) = run_json(capsys, *question, "--budget", "1")
    assert 0 < got["price"] < 0.1
