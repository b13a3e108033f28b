"""Hits for people, and the explanation of a search without hits."""

from __future__ import annotations

import json
import os
import pty
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from diptych.answering.citations import EvidenceItem
from extractors.formats import is_row
from flows.cli.main import run
from flows.output.search_results import hit_lines
from flows.output.terminal import print_output
from tests.support.command_line import run_messages


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("shop")
    rows = [{"name": f"Jacket {number}", "description": "Keeps rain out", "price": 100 + number} for number in (1, 2)]
    (folder / "products.jsonl").write_text("\n".join(map(json.dumps, rows)))
    store = str(folder / "store")
    assert run(["ingest", str(folder / "products.jsonl"), "--store", store]) == 0
    return store


@pytest.mark.parametrize(
    ("where", "explanation"),
    [
        ("pric < 200", "nothing found: no document has a field pric; there are name, price"),
        (
            'document = "PRODUCTS.jsonl#2"',
            'nothing found: no document is called "PRODUCTS.jsonl#2"; there are products.jsonl#2',
        ),
        ('name contains "JACKET" and document contains "ducts"', "nothing found"),
        ('name = "JACKET 1"', 'nothing found: name is never "JACKET 1" but "Jacket 1"; filters are case-sensitive'),
        ("price > 900", "nothing found"),
    ],
)
def test_filter_that_no_document_passes_is_explained(
    shop: str, where: str, explanation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("query", "documents"):
        assert run_messages(capsys, command, "rain", "--where", where, "--store", shop) == [explanation]


def test_empty_store_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.pdf").write_bytes(b"")
    store = str(tmp_path / "store")
    assert run(["ingest", str(tmp_path / "broken.pdf"), "--store", store]) == 4
    (line,) = run_messages(capsys, "query", "rain", "--store", store)
    assert line == "nothing found: the store has no passages and no pictures; `diptych status` lists its documents"


def test_id_printed_with_a_hit_works_with_like(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["query", "Jacket 1", "--limit", "1", "--store", shop]) == 0
    place, words, brought = capsys.readouterr().out.splitlines()
    assert place == "  1  products.jsonl#1  [text]"
    assert "Keeps rain out" in words
    name = brought.split()[1].rstrip(",")
    assert run(["like", name, "--store", shop]) == 0
    assert "products.jsonl#2" in capsys.readouterr().out


def print_on_terminal(columns: int, action: Callable[[], object]) -> str:
    """The output of `action` on a terminal of so many columns."""
    child, end = pty.fork()
    if not child:
        os.environ["COLUMNS"] = str(columns)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8")
        action()
        sys.stdout.flush()
        os._exit(0)
    printed = b""
    while True:
        try:
            more = os.read(end, 4096)
        except OSError:
            break
        if not more:
            break
        printed += more
    os.waitpid(child, 0)
    return printed.decode()


def test_narrow_terminal_wraps_text_but_not_paths() -> None:
    path = f"library/pictures/ab/{'ab' * 32}.png"
    hit = {
        "rank": 1, "modality": "image", "kind": "figure", "document": "a.pdf", "page": 3, "folio": None, "id": "x",
        "ranks": {"images.bm25": 1}, "caption": "words " * 20, "text": "", "title": "", "image": path,
        "model_caption": "A pump.", "place": "page 3",
    }  # fmt: skip
    lines = print_on_terminal(40, lambda: print_output(*hit_lines(hit))).splitlines()
    assert f"     {path}" in lines
    assert "     model caption: A pump." in [line.rstrip() for line in lines]
    wrapped = [line.rstrip() for line in lines if "words" in line]
    assert len(wrapped) > 2
    assert all(line.startswith("     words") and len(line) <= 40 for line in wrapped)


def test_table_is_shown_without_its_markup() -> None:
    hit = {
        "rank": 1, "modality": "text", "kind": "table", "document": "a.pdf", "page": 3, "place": "page 3", "id": "x",
        "ranks": {"text.bm25": 1}, "caption": "", "text": "| Part | Size \\| mm |\n| --- | --- |\n| Hose | |\n",
        "title": "", "image": None, "model_caption": "",
    }  # fmt: skip
    assert hit_lines(hit)[1] == "     Part · Size \\| mm; Hose"


def test_catalogue_row_has_no_page(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["documents", "Jacket 1", "--store", shop]) == 0
    printed = capsys.readouterr().out
    assert "products.jsonl#1" in printed
    assert re.search(r"products\.jsonl#1 +1 +1: text", printed)  # the rank of its best hit, with no page before it
    assert is_row("file:///shop/products.csv#A-1")
    assert not is_row("C#.pdf")
    assert not is_row("products.csv")
    assert EvidenceItem("E1", "products.csv#1", page=1, label="figure 1").place == "products.csv#1, figure 1"
    assert EvidenceItem("E1", "a#1.pdf", page=1).place == "a#1.pdf, page 1"


def test_unknown_hit_id_is_explained(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = run_messages(capsys, "like", "nothing", "--store", shop, code=1)
    assert line.endswith("no hit has this id; `diptych query` prints the id of each hit")
