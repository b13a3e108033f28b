"""The sample documents: their content, the answers to their questions, and the script that creates them."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pptx import Presentation

from extractors.pdf.render import pymupdf

DATA = Path(__file__).parents[2] / "data"


@cache
def _questions() -> list[dict[str, Any]]:
    lines = (DATA / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@cache
def _pages(path: Path) -> list[str]:
    with pymupdf().open(path) as document:
        return [" ".join(page.get_text().split()) for page in document]


@cache
def _slides() -> list[Any]:
    return list(Presentation(str(DATA / "deck.pptx")).slides)


@cache
def _products() -> list[dict[str, str]]:
    with (DATA / "catalogue" / "products.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _slide_text(slide: Any) -> str:
    words = [slide.notes_slide.notes_text_frame.text]
    for shape in slide.shapes:
        if shape.has_text_frame:
            words.append(shape.text_frame.text)
        if getattr(shape, "has_table", False) and shape.has_table:
            words += [cell.text for row in shape.table.rows for cell in row.cells]
        if getattr(shape, "has_chart", False) and shape.has_chart:
            plot = shape.chart.plots[0]
            words += [*plot.categories, *(str(round(value)) for series in plot.series for value in series.values)]
    return " ".join(words)


def _of_kind(*kinds: str) -> list[Any]:
    return [pytest.param(row, id=row["id"]) for row in _questions() if row["kind"] in kinds]


def _tokens(text: str) -> set[str]:
    return set(re.findall(r"[\w.·-]*\w", text))


def test_sample_documents_are_small() -> None:
    assert sum(file.stat().st_size for file in DATA.rglob("*") if file.is_file()) < 6_000_000


def test_manual_has_figures_tables_references_and_bookmarks() -> None:
    text = " ".join(_pages(DATA / "manual.pdf"))
    figures, tables = (sorted(set(map(int, re.findall(rf"{kind} (\d+): ", text)))) for kind in ("Figure", "Table"))
    assert len(_pages(DATA / "manual.pdf")) >= 12
    assert figures == list(range(1, len(figures) + 1))
    assert len(figures) >= 12
    assert tables == list(range(1, len(tables) + 1))
    assert len(tables) >= 8
    for number in figures:
        assert re.search(rf"Figure {number}(?!\d|:)", text), f"nothing refers to Figure {number}"
    with pymupdf().open(DATA / "manual.pdf") as document:
        assert len(document.get_toc()) >= 30
        for _, title, page in document.get_toc():
            assert title in " ".join(document[page - 1].get_text().split())
        assert sum(len(page.get_images()) for page in document) >= 6
        assert sum(len(page.get_drawings()) for page in document) > 300


def test_manual_has_hyphenated_words() -> None:
    with pymupdf().open(DATA / "manual.pdf") as document:
        assert any(re.search(r"[a-z]-\n[a-z]", page.get_text()) for page in document)


def test_scan_has_only_grey_images() -> None:
    with pymupdf().open(DATA / "scan.pdf") as document:
        assert 2 <= len(document) <= 3
        for page in document:
            assert not page.get_text().strip()
            assert not page.get_drawings()
            (image,) = page.get_images(full=True)
            assert image[4] == 8  # bits per component
            assert document.extract_image(image[0])["colorspace"] == 1


def test_deck_has_chart_table_picture_group_notes_and_a_hidden_slide() -> None:
    kinds = Counter(str(shape.shape_type).split()[0] for slide in _slides() for shape in slide.shapes)
    assert {"CHART", "TABLE", "PICTURE", "GROUP"} <= set(kinds)
    assert 6 <= len(_slides()) <= 8
    assert all(len(slide.notes_slide.notes_text_frame.text) > 40 for slide in _slides())
    assert [slide._element.get("show") for slide in _slides()].count("0") == 1


def test_catalogue_has_a_dozen_distinct_pictures() -> None:
    pictures = [DATA / "catalogue" / row["image"] for row in _products()]
    assert len(pictures) == len(set(pictures)) == 12
    assert {file.name for file in (DATA / "catalogue").glob("*.jpg")} == {file.name for file in pictures}
    for row, file in zip(_products(), pictures, strict=True):
        assert float(row["price"]) > 0
        assert all(row[field] for field in ("name", "category", "colour", "description"))
        with Image.open(file) as picture:
            assert min(picture.size) >= 600


def test_there_are_forty_questions_of_every_kind() -> None:
    assert [row["id"] for row in _questions()] == [f"q{number:02}" for number in range(1, 41)]
    kinds = {"text", "figure", "table", "scan", "slide", "notes", "product"}
    assert {row["kind"] for row in _questions()} == kinds
    assert sum(row["needs"] == "picture" for row in _questions()) >= 10
    for row in _questions():
        assert row["page"] in row["pages"]
        assert bool(row["label"]) == (row["kind"] in ("figure", "table"))


@pytest.mark.parametrize("row", _of_kind("text", "table"))
def test_page_contains_the_answer(row: dict[str, Any]) -> None:
    assert row["answer"] in _pages(DATA / "manual.pdf")[row["page"] - 1]


@pytest.mark.parametrize("row", _of_kind("figure", "table"))
def test_page_contains_the_caption(row: dict[str, Any]) -> None:
    assert f"{row['label'].capitalize()}: " in _pages(DATA / "manual.pdf")[row["page"] - 1]


@pytest.mark.parametrize("row", _of_kind("slide", "notes"))
def test_slide_contains_the_answer_unless_it_needs_the_picture(row: dict[str, Any]) -> None:
    words = _tokens(_slide_text(_slides()[row["page"] - 1]))
    missing = _tokens(row["answer"]) - words - {"L", "km"}
    assert not missing if row["needs"] == "text" else missing


@pytest.mark.parametrize("row", _of_kind("product"))
def test_product_description_contains_the_answer_unless_it_needs_the_picture(row: dict[str, Any]) -> None:
    number = row["document"].removeprefix("products.csv#")
    (product,) = (line for line in _products() if line["id"] == number)
    described = row["answer"] in product["description"]
    assert described == (row["needs"] == "text")


@pytest.mark.slow  # depends on data/ only
def test_script_creates_the_committed_files(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(DATA / "make_samples.py"), "--out", str(tmp_path)], check=True)
    for name in ("questions.jsonl", "catalogue/products.csv", "deck.pptx"):
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes(), f"run data/make_samples.py: {name} differs"
    assert _pages(tmp_path / "manual.pdf") == _pages(DATA / "manual.pdf")
    assert len(_pages(tmp_path / "scan.pdf")) == len(_pages(DATA / "scan.pdf"))
    created, committed = ({file.name for file in (folder / "catalogue").iterdir()} for folder in (tmp_path, DATA))
    assert created == committed
