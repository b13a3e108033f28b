"""CSV and TSV files that are no catalogues."""

from __future__ import annotations

from pathlib import Path

import pytest

from diptych.pipeline.discovery.sources import find_sources
from extractors.catalog import plain_table
from extractors.catalog.extractor import extract
from extractors.errors import ExtractionError
from extractors.types import Extraction, Options

CATALOGUE = "title,description\nPump,Red and loud.\n"


def extract_file(path: Path) -> Extraction:
    (source,) = find_sources([path.parent]).sources
    return extract(source, Options(), path.parent / "pictures")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "Site,kW,Share\nOslo,5,\nBergen,7,12 %\n"),
        ("a.tsv", "Site\tkW\tShare\nOslo\t5\t\nBergen\t7\t12 %\n"),
        ("a.csv", "\ufeffSite;kW;Share\r\nOslo;5;\r\n\"Bergen\";7;12 %\r\n"),
    ],
)  # fmt: skip
def test_file_without_pictures_and_descriptions_is_one_table(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, newline="")
    (passage,) = extract_file(tmp_path / name).passages
    assert (passage.kind, passage.text.splitlines()) == (
        "table",
        ["| Site | kW | Share |", "| --- | --- | --- |", "| Oslo | 5 |  |", "| Bergen | 7 | 12 % |"],
    )


def test_title_above_the_table_is_its_caption(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Energy of the pumps,,\n,,\nSite,kW,\nOslo,5,\n")
    (passage,) = extract_file(tmp_path / "a.csv").passages
    assert passage.caption == "Energy of the pumps"


def test_kind_of_a_file_depends_on_its_columns(tmp_path: Path) -> None:
    contents = {
        "a.csv": CATALOGUE,
        "b.tsv": CATALOGUE.replace(",", "\t"),
        "c.csv": "text,n\nx,1\n",
        "d.csv": "question,id\nx,1\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    found = find_sources([tmp_path])
    assert [source.name for source in found.sources] == ["a.csv#1", "b.tsv#1", "c.csv"]
    assert [Path(one.path).name for one in found.skipped] == ["d.csv"]
    assert [source.name for source in find_sources([tmp_path / "c.csv"]).sources] == ["c.csv#1"]


def test_too_large_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_table, "MAX_CELLS", 3)
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ExtractionError, match=r"a\.csv: has more than .* export it as a CSV catalogue"):
        extract_file(tmp_path / "a.csv")
