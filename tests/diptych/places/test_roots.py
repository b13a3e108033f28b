"""What a path that a user gives stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from diptych.errors import SourceError
from diptych.pipeline.discovery.sources import find_sources
from diptych.places.roots import Root, parse_root
from extractors.addresses import place_path, place_uri


@pytest.mark.parametrize(
    ("given", "address", "pattern"),
    [
        ("reports", "reports", ""),
        ("file:///a%20b/c.pdf", "/a b/c.pdf", ""),
        ("s3://bucket", "s3://bucket", ""),
        ("S3A://bucket/a b/c#1.pdf", "s3://bucket/a%20b/c%231.pdf", ""),
        ("s3://bucket/a%20b/", "s3://bucket/a%20b", ""),
        ("gs://bucket/2026/*.pdf", "gs://bucket/2026", "/*.pdf"),
        ("/srv/**/report-?.pdf", "/srv", "/**/report-?.pdf"),
        ("*.pdf", ".", "/*.pdf"),
        ("https://example.org/a.pdf?id=*#page=2", "https://example.org/a.pdf?id=*", ""),
    ],
)
def test_path_is_parsed(given: str, address: str, pattern: str) -> None:
    assert parse_root(given) == Root(given, address, pattern)


@pytest.mark.parametrize("given", ["", " "])
def test_empty_path_is_not_the_current_folder(given: str) -> None:
    with pytest.raises(SourceError, match="one of the paths is empty"):
        find_sources(["reports", given])


def test_root_covers_what_its_pattern_means() -> None:
    root = parse_root("s3://bucket/reports/*.pdf")
    assert root.covers("s3://bucket/reports/a%23b.pdf")
    assert not root.covers("s3://bucket/reports/old/a.pdf")
    assert not root.covers("s3://bucket/reports")
    assert parse_root("s3://bucket/re").covers("s3://bucket/re/a.pdf")
    assert not parse_root("s3://bucket/re").covers("s3://bucket/reports/a.pdf")


@pytest.mark.parametrize("uri", ["s3://bucket/a%20b/c%23d.pdf", "sftp://ann@host:2222/srv/a.pdf"])
def test_path_that_stands_for_a_uri_leads_back_to_it(uri: str) -> None:
    assert place_uri(place_path(uri)) == uri


def test_local_pattern_finds_its_files_only(tmp_path: Path) -> None:
    for name in ("a.pdf", "b.png", "old/c.pdf", "x[1].pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = find_sources([f"{tmp_path}/*.pdf"])
    assert [source.name for source in found.sources] == ["a.pdf", "x[1].pdf"]
    assert found.skipped == []
    assert [source.name for source in find_sources([f"{tmp_path}/**/*.pdf"]).sources] == [
        "a.pdf",
        "x[1].pdf",
        "old/c.pdf",
    ]
    assert [source.name for source in find_sources([tmp_path / "x[1].pdf"]).sources] == ["x[1].pdf"]
