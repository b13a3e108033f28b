"""The command line, run in this process, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import run


@pytest.fixture(autouse=True)
def empty_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder without the diptych.toml and the store of the checkout."""
    monkeypatch.chdir(tmp_path)


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    """Run a command with --json and return the objects it prints."""
    capsys.readouterr()
    assert run([*arguments, "--json"]) == code
    return json_lines(capsys.readouterr().out)


def run_messages(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> list[str]:
    """Run a command that prints no data and return its lines on stderr."""
    capsys.readouterr()
    assert run(arguments) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.splitlines()


def error_line(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 1) -> str:
    """Run a command that fails and return its only line on stderr."""
    (line,) = run_messages(capsys, *arguments, code=code)
    assert line.startswith("diptych: ")
    return line


def document_statuses(capsys: pytest.CaptureFixture[str], store: str) -> dict[str, str]:
    """Name -> status of every document in a store."""
    printed = run_json(capsys, "status", "--store", store)
    return {line["name"]: line["status"] for line in printed if line["status"] != "skipped"}
