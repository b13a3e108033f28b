"""What this installation can read: built from the table of formats, without importing a library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from diptych.doctor import formats as listed
from diptych.doctor.formats import ReadableFormat, readable_formats
from diptych.settings import Settings
from extractors.formats import FORMATS
from extractors.readers import UNKNOWN
from flows.cli.main import run


def found(**settings: Any) -> dict[str, ReadableFormat]:
    return {suffix: one for one in readable_formats(Settings(**settings)) for suffix in one.suffixes}


def test_every_built_in_format_names_what_reads_it() -> None:
    assert [row.suffixes for row in FORMATS if row.reader == UNKNOWN] == []
    assert {suffix for row in FORMATS for suffix in row.suffixes} <= found().keys()


def test_missing_programs_and_packages_are_named_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(listed, "find_libreoffice", lambda: None)  # which remembers what it found
    monkeypatch.setattr(listed, "_version", lambda package: "" if package == "pillow-heif" else "1.0")
    formats = found(ocr="tesseract")
    assert formats[".pptx"].readable
    assert "LibreOffice is not installed (apt install libreoffice" in formats[".pptx"].missing[0]
    assert not formats[".ppt"].readable
    assert formats[".ppt"].missing[0].endswith(": cannot be read")
    assert not formats[".heic"].readable
    assert formats[".heic"].missing[0] == "pillow-heif is not installed: cannot be read (pip install pillow-heif)"
    assert any("Tesseract is not installed" in sentence for sentence in formats[".pdf"].missing)


def test_missing_language_of_tesseract_is_named() -> None:
    missing = found(ocr="tesseract", ocr_languages=("eng", "xyz"))[".pdf"].missing
    assert any("apt install" in sentence and "tesseract-ocr" in sentence for sentence in missing)


def test_command_prints_one_object_for_each_reader(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["formats", "--json"]) == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"label": "PDF", "suffixes": [".pdf"], "readable": True}.items() <= objects[0].items()
    assert any(one["suffixes"] == ["s3://"] for one in objects)
    assert run(["formats"]) == 0
    assert "suffixes can be read here" in capsys.readouterr().out
