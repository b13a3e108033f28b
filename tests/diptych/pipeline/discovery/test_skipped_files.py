"""Files that Diptych wrote are never ingested, and one unreadable file does not stop the others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from diptych.errors import SourceError
from diptych.pipeline.discovery.skipped_files import SkippedFile
from diptych.pipeline.discovery.sources import find_sources
from flows.cli.main import run
from tests.support.papers import write_photo


def test_store_export_and_extraction_beside_documents_are_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_photo(tmp_path / "poster.png", "GREEN VALVE")
    assert run(["ingest", ".", "--store", "library"]) == 0
    assert list((tmp_path / "library" / "pictures").rglob("*.png"))
    assert run(["export", "copy", "--store", "library"]) == 0
    assert run(["extract", "poster.png", "--out", "found"]) == 0
    found = find_sources(["."])
    assert [source.name for source in found.sources] == ["poster.png"]
    assert sorted(map(str, found.skipped)) == [
        "copy: is an export written by Diptych",
        "found: is an extraction written by Diptych",
        "library: is a store written by Diptych",
    ]


def test_documents_in_the_folder_of_the_store_are_found(tmp_path: Path) -> None:
    write_photo(tmp_path / "poster.png", "GREEN VALVE")
    assert run(["ingest", str(tmp_path), "--store", str(tmp_path)]) == 0
    assert [source.name for source in find_sources([tmp_path]).sources] == ["poster.png"]


def test_picture_store_is_recognised_by_its_file_names(tmp_path: Path) -> None:
    name = f"{'ab' * 32}.png"
    for folder in ("shots/ab", "shots/cd"):
        (tmp_path / folder).mkdir(parents=True)
        write_photo(tmp_path / folder / name, "GREEN VALVE")
    assert [source.path.parent.name for source in find_sources([tmp_path]).sources] == ["cd"]


def test_members_keep_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert SkippedFile("a/../mixed.zip#../../evil.txt", "why").place == f"{tmp_path}/mixed.zip#../../evil.txt"
    assert SkippedFile("s3://bucket/mixed.zip#../evil.txt", "why").place == "s3://bucket/mixed.zip#../evil.txt"


def test_links_to_nothing_are_named(tmp_path: Path) -> None:
    write_photo(tmp_path / "poster.png", "GREEN VALVE")
    (tmp_path / "old.pdf").symlink_to(tmp_path / "gone.pdf")
    (skipped,) = find_sources([tmp_path]).skipped
    assert skipped == SkippedFile(str(tmp_path / "old.pdf"), "is a link to a file that does not exist")


def test_unreadable_files_among_several_paths_are_skipped(tmp_path: Path) -> None:
    write_photo(tmp_path / "poster.png", "GREEN VALVE")
    (tmp_path / "notes.log").write_text("words")
    (tmp_path / "broken.jsonl").write_bytes(b"{{")
    found = find_sources(sorted(tmp_path.iterdir()))
    assert {source.name: bool(source.unreadable) for source in found.sources} == {
        "broken.jsonl": True,
        "poster.png": False,
    }
    assert [skipped.path for skipped in found.skipped] == [str(tmp_path / "notes.log")]
    with pytest.raises(SourceError, match=r"no such file"):
        find_sources([tmp_path / "poster.png", tmp_path / "gone.pdf"])


def test_names_that_are_not_utf8_stop_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / os.fsdecode(b"entw\xfcrfe")
    folder.mkdir()
    write_photo(folder / "poster.png", "GREEN VALVE")
    (folder / os.fsdecode(b"r\xe9sum\xe9.bak")).write_text("old")
    store = str(tmp_path / "library")
    assert run(["ingest", str(folder), "--store", store]) == 0
    capsys.readouterr()
    assert run(["status", "--store", store]) == 0
    assert r"r\xe9sum\xe9.bak" in capsys.readouterr().out
    (folder / os.fsdecode(b"r\xe9sum\xe9.bak")).unlink()
    assert run(["ingest", str(folder), "--store", store]) == 0
    capsys.readouterr()
    assert run(["status", "--store", store]) == 0
    assert ".bak" not in capsys.readouterr().out
