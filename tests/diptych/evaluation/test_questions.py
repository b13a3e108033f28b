"""`diptych questions` and its budget: a real store, the real SDK, a local provider."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from diptych import Diptych, Settings
from diptych.endpoints import OpenAI
from diptych.evaluation.questions import read_questions
from diptych.prices import Price
from tests.support.command_line import error_line, run_messages
from tests.support.http_server import Vendor, served
from tests.support.openai_requests import Asked
from tests.support.openai_server import OpenAIRoutes

LUNA = "openai:gpt-6-luna"
PRICE = Price(input=1.0, output=10.0)
WORDS = ("Whence the draught?", "How warm is it?", "Who opens the gate?", "Which way does it turn?")


@pytest.fixture(scope="module")
def four_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of four rows."""
    folder = tmp_path_factory.mktemp("rows")
    kinds = ("A jacket for heavy rain", "Boots of brown leather", "A hat against the sun", "Gloves lined with wool")
    rows = [json.dumps({"id": number, "description": kind}) + "\n" for number, kind in enumerate(kinds)]
    (folder / "wear.jsonl").write_text("".join(rows))
    with Diptych.open(Settings(store=str(folder / "store"))) as diptych:
        assert {outcome.status for outcome in diptych.ingest([folder / "wear.jsonl"])} == {"complete"}
    return folder / "store"


@pytest.fixture
def vendor(tmp_path: Path, four_rows: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """The provider, a store `s` of four rows, and the settings in the environment."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(four_rows, tmp_path / "s")
    number = iter(range(1000))

    def answer(asked: Asked) -> Any:
        return {"question": WORDS[next(number) % len(WORDS)]}

    with served(OpenAIRoutes(answer=answer, key="sk-test")) as running:
        monkeypatch.setenv("TEST_KEY", "sk-test")
        for name, chosen in {"BASE_URL": f"{running.url}/v1", "KEY": "TEST_KEY"}.items():
            monkeypatch.setenv(f"DIPTYCH_OPENAI__{name}", chosen)
        monkeypatch.setenv("DIPTYCH_ANSWERER", LUNA)
        monkeypatch.setenv("DIPTYCH_PRICES", f'{{"{LUNA}": {{"input": {PRICE.input}, "output": {PRICE.output}}}}}')
        yield running


def budget_for_one(settings: Settings) -> float:
    """A little more than is reserved for one request, which is more than one costs."""
    with Diptych.open(settings, budget=1e-9) as diptych:
        refusal = diptych.maintenance.propose_questions(4).stopped
    found = re.search(r"may cost \$(\d+\.\d+)", refusal)
    assert found, refusal
    return float(found[1]) + 0.0001


def settings(vendor: Vendor) -> Settings:
    endpoint = OpenAI(base_url=f"{vendor.url}/v1", key="TEST_KEY")
    return Settings(store="s", answerer=LUNA, prices={LUNA: PRICE}, openai=endpoint)


def test_the_budget_is_never_exceeded_and_a_larger_one_continues(
    vendor: Vendor, capsys: pytest.CaptureFixture[str]
) -> None:
    budget = budget_for_one(settings(vendor))
    assert vendor.requests == []
    messages = run_messages(capsys, "questions", "made.jsonl", "--budget", str(budget), "--store", "s", code=3)
    few = read_questions(Path("made.jsonl"))
    assert 1 <= len(few) == len(vendor.requests) < 4
    assert [one.query.text for one in few] == list(WORDS[: len(few)])
    assert messages[0].startswith(f"{LUNA}: {len(few)} request")
    assert sum("run again with a larger budget to continue" in line for line in messages) == 1
    assert "diptych evaluate made.jsonl --store s" in messages[-2]
    messages = run_messages(capsys, "questions", "made.jsonl", "--budget", "1", "--store", "s")
    whole = read_questions(Path("made.jsonl"))
    assert len(whole) == len(vendor.requests) == 4  # earlier questions are not paid for again
    assert whole[: len(few)] == few
    assert not any("budget" in line for line in messages)


def test_an_existing_file_is_kept_and_questions_about_other_places_are_added(
    four_rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["questions", "made.jsonl", "--store", str(four_rows), "--count"]
    run_messages(capsys, *command, "2")
    first, second = Path("made.jsonl").read_text().splitlines()
    mine = '{"id": "mine", "text": "What keeps out rain?", "document": "wear.jsonl#0"}'
    edited = f"{json.dumps(json.loads(first) | {'text': 'Edited.'})}\n\n{mine}\n{second}"  # no new line at its end
    Path("made.jsonl").write_text(edited)
    assert run_messages(capsys, *command, "10")[0].startswith("2 questions added to made.jsonl")
    assert Path("made.jsonl").read_text().startswith(f"{edited}\n")
    assert [one.id for one in read_questions(Path("made.jsonl"))] == ["made-1", "mine", "made-2", "made-3", "made-4"]
    (message,) = run_messages(capsys, *command, "10")
    assert message.startswith("no further questions to propose")
    Path("made.jsonl").write_text("my notes\n")
    assert "made.jsonl, line 1" in error_line(capsys, *command, "1")
    assert Path("made.jsonl").read_text() == "my notes\n"


def test_proposals_respect_the_budget(vendor: Vendor, capsys: pytest.CaptureFixture[str]) -> None:
    budget = str(budget_for_one(settings(vendor)))
    run_messages(capsys, "questions", "made.jsonl", "--budget", budget, "--store", "s", code=3)
    assert len(read_questions(Path("made.jsonl"))) == len(vendor.requests) < 4


def test_a_budget_too_small_for_one_request_leaves_the_file_unchanged(
    vendor: Vendor, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = '{"id": "made-1", "text": "edited by hand", "document": "wear.jsonl#0", "pages": [1]}'
    Path("made.jsonl").write_text(edited)
    (line,) = run_messages(capsys, "questions", "made.jsonl", "--budget", "0.0000001", "--store", "s", code=3)
    assert "the budget of" in line
    assert Path("made.jsonl").read_text() == edited
    assert vendor.requests == []


def test_the_library_respects_its_own_budget(vendor: Vendor) -> None:
    chosen = settings(vendor)
    budget = budget_for_one(chosen)
    with Diptych.open(chosen, budget=budget) as diptych:
        made = diptych.maintenance.propose_questions(4)
        assert 1 <= len(made.questions) == len(vendor.requests) < 4
        assert "larger budget" in made.stopped
        assert 0 < diptych.meter.spent <= budget
    with Diptych.open(chosen) as unbounded:
        assert (len(unbounded.maintenance.propose_questions(4).questions), len(vendor.requests)) == (4, 4)


def test_a_missing_folder_is_reported_before_anything_is_paid(
    vendor: Vendor, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nowhere: no such folder" in error_line(capsys, "questions", "nowhere/made.jsonl", "--store", "s")
    assert vendor.requests == []
