"""`diptych extract`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import run
from tests.support.command_line import empty_working_directory as empty_working_directory
from tests.support.command_line import json_lines
from tests.support.decks import write_deck

PART = {"source", "modality", "kind", "page", "bbox", "text", "caption", "image"}


def test_extract_prints_parts_and_keeps_no_pictures(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["extract", str(library / "leaflet.pdf"), "--json"]) == 0
    parts = json_lines(capsys.readouterr().out)
    assert all(set(part) >= PART for part in parts)
    assert {part["source"] for part in parts} == {str(library / "leaflet.pdf")}
    assert [part["page"] for part in parts] == sorted(part["page"] for part in parts)
    figure = next(part for part in parts if part["kind"] == "figure")
    assert figure["caption"] == "Figure 1: The green valve beside the pump."
    assert figure["image"] is None
    assert any("greased once a year" in part["text"] for part in parts if part["modality"] == "text")


def test_extract_prints_the_grid_and_the_html_of_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPTYCH_PAGE_IMAGES", "none")

    def tabled(slide: Any) -> None:
        table = slide.shapes.add_table(2, 3, 100000, 1000000, 3000000, 600000).table
        for number, text in enumerate(("Part", "Price", "", "Pump", "12", "3")):
            table.cell(number // 3, number % 3).text = text
        table.cell(0, 1).merge(table.cell(0, 2))

    assert run(["extract", str(write_deck(tmp_path / "a.pptx", tabled)), "--json"]) == 0
    (part,) = [part for part in json_lines(capsys.readouterr().out) if part.get("table")]
    assert part["table"] == {
        "rows": [["Part", "Price", None], ["Pump", "12", "3"]], "header_rows": 1, "spans": [[0, 1, 1, 2]]
    }  # fmt: skip
    assert '<th scope="colgroup" colspan="2">Price</th>' in part["table_html"]


def test_extract_writes_pictures_sheets_and_a_report_to_out(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    out = tmp_path / "found"
    arguments = [str(library / "leaflet.pdf"), "broken.pdf", str(library / "poster.png")]
    assert run(["extract", *arguments, "--json", "--out", str(out)]) == 4
    printed = capsys.readouterr()
    pictures = [part["image"] for part in json_lines(printed.out) if part["modality"] == "image"]
    assert pictures
    assert all(Path(image).is_file() and Path(image).is_relative_to(out) for image in pictures)
    assert {path.name for path in out.glob("*.html")} == {"001-leaflet.pdf.html", "003-poster.png.html"}
    report = json.loads((out / "report.json").read_text())
    assert [(one["document"], one["status"]) for one in report] == [
        ("leaflet.pdf", "complete"),
        ("broken.pdf", "failed"),
        ("poster.png", "complete"),
    ]
    assert report[0]["captions_matched"] == 1
    counted = {name: report[0][name] for name in ("tables_with_header", "tables_without_header", "uncertain_pages")}
    assert counted == {"tables_with_header": 0, "tables_without_header": 0, "uncertain_pages": []}
    assert "broken.pdf" in printed.err


def test_extract_prints_a_summary(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["extract", str(library / "leaflet.pdf")]) == 0
    printed = capsys.readouterr().out
    assert "leaflet.pdf: 2 pages" in printed
    assert "Figure 1: The green valve" in printed


def test_summary_uses_the_singular_and_omits_missing_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shop.jsonl").write_text('{"name": "Jacket", "description": "Keeps rain out"}\n')
    assert run(["extract", "shop.jsonl"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line == "shop.jsonl#1: 1 page, 1 passage, 0 pictures, 0 captions matched, 0 headings, 0 tables"
