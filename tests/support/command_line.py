"""The command line in this process, as scripts read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import run


@pytest.fixture(autouse=True)
def empty_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No diptych.toml and no store of the checkout is in reach."""
    monkeypatch.chdir(tmp_path)


def json_lines(text: str) -> list[dict[str, Any]]:
    """JSON Lines."""
    return [json.loads(line) for line in text.splitlines()]


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    """What a command that ends with `code` prints under --json."""
    capsys.readouterr()
    assert run([*arguments, "--json"]) == code
    return json_lines(capsys.readouterr().out)


def run_messages(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> list[str]:
    """The lines on stderr of a command that ends with `code` and prints no data."""
    capsys.readouterr()
    assert run(arguments) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.splitlines()


def error_line(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 1) -> str:
    """The one line on stderr of a command that fails."""
    (line,) = run_messages(capsys, *arguments, code=code)
    assert line.startswith("diptych: ")
    return line


def document_statuses(capsys: pytest.CaptureFixture[str], store: str) -> dict[str, str]:
    """Name -> status of every document."""
    return {line["name"]: line["status"] for line in run_json(capsys, "status", "--store", store)}
