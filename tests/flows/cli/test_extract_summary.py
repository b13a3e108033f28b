"""The line that `diptych extract` prints over what it found in a document."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.cli.main import run


def test_one_is_one_and_no_time_is_no_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.jsonl").write_text('{"name": "Jacket", "description": "Keeps rain out"}\n')
    assert run(["extract", "shop.jsonl"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line == "shop.jsonl#1: 1 page, 1 passage, 0 pictures, 0 captions matched"
