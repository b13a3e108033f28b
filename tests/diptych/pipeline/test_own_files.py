"""What Diptych wrote itself is never taken for somebody's documents; one odd file among others stops none of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from diptych.errors import SourceError
from diptych.pipeline.sources import find_sources
from flows.cli.main import run
from tests.support.papers import write_photo


def test_a_store_beside_its_documents_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_photo(tmp_path / "poster.png", "GREEN VALVE")
    assert run(["ingest", ".", "--store", "library"]) == 0
    assert list((tmp_path / "library" / "pictures").rglob("*.png"))
    assert run(["export", "copy", "--store", "library"]) == 0
    assert run(["extract", "poster.png", "--out", "found"]) == 0
    found = find_sources(["."])
    assert [source.name for source in found.sources] == ["poster.png"]
    assert found.left_out == [
        "copy: is an export written by Diptych",
        "found: is an extraction written by Diptych",
        "library: is a store written by Diptych",
    ]


def test_documents_in_the_folder_of_the_store_are_read_and_its_parts_are_not(tmp_path: Path) -> None:
    write_photo(tmp_path / "poster.png", "GREEN VALVE")
    assert run(["ingest", str(tmp_path), "--store", str(tmp_path)]) == 0
    assert [source.name for source in find_sources([tmp_path]).sources] == ["poster.png"]


def test_a_picture_store_is_known_by_its_names_wherever_it_lies(tmp_path: Path) -> None:
    name = f"{'ab' * 32}.png"
    for folder in ("shots/ab", "shots/cd"):
        (tmp_path / folder).mkdir(parents=True)
        write_photo(tmp_path / folder / name, "GREEN VALVE")
    assert [source.path.parent.name for source in find_sources([tmp_path]).sources] == ["cd"]


def test_what_a_shell_expands_is_read_without_what_no_extractor_reads(tmp_path: Path) -> None:
    write_photo(tmp_path / "poster.png", "GREEN VALVE")
    (tmp_path / "notes.txt").write_text("words")
    (tmp_path / "broken.csv").write_bytes(b"")
    found = find_sources(sorted(tmp_path.iterdir()))
    assert [source.name for source in found.sources] == ["poster.png"]
    assert [reason.partition(": ")[0] for reason in found.left_out] == [
        str(tmp_path / "notes.txt"),
        str(tmp_path / "broken.csv"),
    ]
    with pytest.raises(SourceError, match=r"no such file"):
        find_sources([tmp_path / "poster.png", tmp_path / "gone.pdf"])
