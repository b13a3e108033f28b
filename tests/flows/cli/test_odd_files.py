"""Files with odd names, and files that vanish or change while they are read, among others that are fine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from diptych.library.runtime import Runtime
from diptych.store.spaces import Spaces
from extractors.sandbox.sandbox import Sandbox
from extractors.types import Extraction, Source
from flows.cli.main import run
from tests.support.command_line import document_statuses, run_json, run_messages
from tests.support.command_line import empty_working_directory as empty_working_directory
from tests.support.fakes import WordEncoder

ODD = ("line\nbreak.md", os.fsdecode(b"caf\xe9.md"), "\x1b[31mred.md", "\u202egnp.md", "-rf.md")


def test_files_with_odd_names_and_files_that_vanish_or_change_do_not_stop_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    docs, extract = tmp_path / "docs", Sandbox.extract
    docs.mkdir()
    for name in (*ODD, "changed.md", "gone.md"):
        (docs / name).write_text("The red pump is old.")

    def extract_too_late(sandbox: Sandbox, source: Source, *arguments: Any) -> Extraction:
        if source.path.name == "gone.md":
            source.path.unlink()
        elif source.path.name == "changed.md":
            source.path.write_text("The blue valve is new.")
        return extract(sandbox, source, *arguments)

    monkeypatch.setattr(Runtime, "spaces", Spaces(WordEncoder()))
    with monkeypatch.context() as patch:
        patch.setattr(Sandbox, "extract", extract_too_late)
        said = run_messages(capsys, "ingest", "docs", "--store", "s", code=4)
    assert not any(character in line for line in said for character in "\n\x1b\u202e")
    (failed,) = [line for line in said if line.startswith("failed")]
    assert failed == "failed     docs/gone.md: cannot be read any longer (No such file or directory)"
    assert any("line\\nbreak.md" in line for line in said)
    assert run_messages(capsys, "ingest", "docs", "--store", "s", "--confirm-deletes")[-1]
    assert set(document_statuses(capsys, "s").values()) == {"complete"}
    assert len(document_statuses(capsys, "s")) == len(ODD) + 1
    assert run(["status", "--store", "s"]) == 0
    assert " docs/line\\nbreak.md " in capsys.readouterr().out  # one row of the table
    (hit,) = run_json(capsys, "query", "blue valve", "--where", 'document = "docs/changed.md"', "--store", "s")
    assert hit["text"] == "The blue valve is new."


def test_a_file_whose_name_is_not_utf_8_is_read_and_deleted_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Runtime, "spaces", Spaces(WordEncoder()))
    first, second, third = (os.fsdecode(b"caf%c.md" % byte) for byte in (0xE8, 0xE9, 0xEA))
    for name in (first, second, third):
        Path(name).write_text("The red pump is old.")
    address = (tmp_path / second).as_uri()
    run_messages(capsys, "ingest", first, address, third, "--store", "s")
    assert list(document_statuses(capsys, "s")) == ["caf\\xe8.md", "caf\\xe9.md", "caf\\xea.md"]
    assert run(["delete", address, "--store", "s"]) == 0
    assert list(document_statuses(capsys, "s")) == ["caf\\xe8.md", "caf\\xea.md"]
    assert run(["delete", first, "--store", "s"]) == 0
    assert list(document_statuses(capsys, "s")) == ["caf\\xea.md"]
    assert run(["status", "--store", "s"]) == 0
    assert "s: 1 document (1 complete), 1 passage, 0 pictures" in capsys.readouterr().out


def test_names_that_a_terminal_cannot_show_are_escaped(tmp_path: Path) -> None:
    (tmp_path / "pump \U0001f680 é.md").write_text("The red pump is old.")
    diptych = [sys.executable, "-m", "flows.cli.main"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    printed = []
    for command in (["ingest", "."], ["status"], ["status", "--json"]):
        done = subprocess.run(
            [*diptych, *command, "--store", "s"],
            env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    assert r"pump \U0001f680 \xe9.md" in printed[1]
    assert json.loads(printed[2])["name"].endswith("pump \U0001f680 é.md")
