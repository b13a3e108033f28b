"""Documents that need work are found while earlier ones are processed."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from diptych import Diptych, Settings
from diptych.errors import SettingsError, SourceError
from diptych.pipeline.backlog import Backlog
from diptych.pipeline.discovery.sources import Listing
from tests.support.papers import pdf_source, write_photo, write_rows


def test_listing_goes_on_while_documents_are_processed(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        pdf_source(tmp_path / folder / "1.pdf")
    listed = iter(Listing([tmp_path]))
    assert next(listed).name == "a/1.pdf"
    pdf_source(tmp_path / "b" / "2.pdf")  # this folder has not been read yet
    assert [source.name for source in listed] == ["b/1.pdf", "b/2.pdf"]


def test_pictures_of_rows_are_known_before_their_catalogue_is_reached(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", "GREEN VALVE")
    (tmp_path / "z.csv").write_text("image,description\na.png,A valve\n")
    assert [source.name for source in Listing([tmp_path])] == ["z.csv#1"]


def test_missing_path_is_reported_before_the_first_document(tmp_path: Path) -> None:
    pdf_source(tmp_path / "a.pdf")
    with pytest.raises(SourceError, match="nowhere: no such file"):
        next(iter(Listing([tmp_path / "a.pdf", tmp_path / "nowhere"])))


def test_listing_that_fails_does_so_for_every_reader(tmp_path: Path) -> None:
    (tmp_path / "a.dwg").write_bytes(b"")
    listing = Listing([tmp_path / "a.dwg"])
    for _ in range(2):
        with pytest.raises(SourceError, match=r"no extractor reads \.dwg"):
            listing.count_files()


def test_file_that_vanishes_after_it_was_listed_is_left_to_the_next_run(tmp_path: Path) -> None:
    for name in "abc":
        pdf_source(tmp_path / f"{name}.pdf")
    listing = Listing([tmp_path])
    assert listing.count_files() == 3
    (tmp_path / "b.pdf").unlink()
    assert [source.name for source in listing] == ["a.pdf", "c.pdf"]
    assert listing.skipped == []


def test_backlog_of_a_new_store_has_everything_and_creates_nothing(tmp_path: Path) -> None:
    write_rows(tmp_path / "pumps.jsonl", 1, 2)
    (tmp_path / "notes.dwg").write_bytes(b"")
    with Diptych.open(Settings(store=str(tmp_path / "s"))) as diptych:
        backlog = diptych.maintenance.backlog([tmp_path])
        assert [source.name for source in backlog] == ["pumps.jsonl#1", "pumps.jsonl#2"]
    assert (backlog.unchanged, backlog.new, len(backlog.skipped), len(backlog.found.uris)) == (0, 2, 1, 2)
    assert backlog.listing.count_files() == 1
    assert not (tmp_path / "s").exists()


def test_days_include_the_first_and_the_last(tmp_path: Path) -> None:
    paths = [pdf_source(tmp_path / f"{day}.pdf").path for day in (1, 2, 3)]
    for day, path in zip((1, 2, 3), paths, strict=True):
        at = date(2020, 5, day)
        os.utime(path, (0, float(at.strftime("%s")) + 12 * 3600))

    def found(since: int | None, until: int | None) -> list[str]:
        days = [None if day is None else date(2020, 5, day) for day in (since, until)]
        return [one.name for one in Backlog(Listing([tmp_path]), None, since=days[0], until=days[1])]

    assert found(2, None) == ["2.pdf", "3.pdf"]
    assert found(None, 2) == ["1.pdf", "2.pdf"]
    assert found(2, 2) == ["2.pdf"]
    assert found(4, None) == []


def test_days_in_the_wrong_order_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="since 2020-05-02 is after until 2020-05-01"):
        Backlog(Listing([tmp_path]), None, since=date(2020, 5, 2), until=date(2020, 5, 1))
