"""Commands that only read create nothing: a folder that is not a store stays unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.cli.main import run
from tests.support.command_line import empty_working_directory as empty_working_directory
from tests.support.command_line import error_line
from tests.support.papers import png_bytes, write_paper

ID = "6f9d0f3e-4c39-5d0e-9a55-2f6a54d1c7b1"
READ_ONLY = (
    ["query", "pump"],
    ["query", "under $200"],
    ["like", ID],
    ["documents", "pump"],
    ["ask", "pump"],
    ["status"],
    ["evaluate", "questions.jsonl"],
    ["questions", "made.jsonl"],
    ["export", "export"],
    ["delete", "a.pdf"],
    ["retry"],
    ["sweep"],
    ["reindex"],
)


@pytest.mark.parametrize("arguments", READ_ONLY, ids=" ".join)
def test_folder_of_other_files_is_not_a_store(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DIPTYCH_ANSWERER", "openai:gpt-5")
    monkeypatch.setenv("OPENAI_API_KEY", "never used")
    (tmp_path / "questions.jsonl").write_text('{"id": 1, "query": "pump", "document": "a.pdf", "page": 1}\n')
    (tmp_path / "docs" / "documents").mkdir(parents=True)
    (tmp_path / "docs" / "documents" / "notes.txt").write_text("mine")
    before = sorted((tmp_path / "docs").rglob("*"))
    line = error_line(capsys, *arguments, "--store", "docs")
    assert line == "diptych: no store at docs; create it with `diptych ingest PATH --store docs`"
    assert sorted((tmp_path / "docs").rglob("*")) == before


def test_doctor_creates_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "docs").mkdir()
    run(["doctor", "--store", "docs"])
    assert list((tmp_path / "docs").iterdir()) == []


def test_language_without_a_stemmer_is_reported_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_paper(tmp_path / "a.pdf", "The red pump.")
    assert run(["ingest", "a.pdf", "--store", "s"]) == 0
    monkeypatch.setenv("DIPTYCH_LANGUAGE", "klingon")
    for arguments in (["query", "pump", "--store", "s"], ["reindex", "--store", "s"], ["ingest", "a.pdf"]):
        line = error_line(capsys, *arguments)
        assert line.startswith("diptych: setting `language`: 'klingon' has no stemmer; known: auto, arabic")
        assert "reindex" not in line
    assert not (tmp_path / ".diptych").exists()


def test_query_by_an_image_without_words_suggests_an_image_encoder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_paper(tmp_path / "a.pdf", "The red pump.")
    assert run(["ingest", "a.pdf", "--store", "s"]) == 0
    (tmp_path / "red.png").write_bytes(png_bytes(640, 480))
    line = error_line(capsys, "query", "--image", "red.png", "--store", "s")
    for way in ("add words to the query", 'image_encoder = "clip"', "DIPTYCH_IMAGE_ENCODER=clip", "`diptych reindex`"):
        assert way in line
