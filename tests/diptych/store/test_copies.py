"""Documents with the same bytes, or almost the same text."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from diptych import Diptych, Query, Settings
from diptych.store.copies import CopyGroups, find_copies, similarity, text_fingerprint
from diptych.store.register import DocumentRecord
from flows.cli.main import run
from tests.support.papers import write_leaflet

WORDS = [f"word{number}" for number in range(400)]
TEXT = random.Random(1).choices(WORDS, k=3000)


def changed(count: int) -> str:
    return " ".join(TEXT[:200] + [f"new{n}" for n in range(count)] + TEXT[200 + count :])


def record(name: str, sha256: str, text: str = "") -> DocumentRecord:
    fingerprint = text_fingerprint([text]) if text else ""
    uri = f"file:///{name}"
    return DocumentRecord(name, uri, name, sha256=sha256, generation=1, text_fingerprint=fingerprint)


def test_almost_the_same_text_is_similar_and_another_is_not() -> None:
    same = text_fingerprint([" ".join(TEXT)])
    assert similarity(same, text_fingerprint([" ".join(TEXT[:1500]), " ".join(TEXT[1500:]).upper()])) == 1
    assert similarity(same, text_fingerprint([changed(30)])) > 0.95
    assert similarity(same, text_fingerprint([changed(1500)])) < 0.6
    assert similarity(same, text_fingerprint([" ".join(reversed(TEXT))])) < 0.05
    assert text_fingerprint([" ".join(TEXT[:90])]) == ""


def test_copies_are_reported_as_copies_of_the_first_address() -> None:
    documents = [
        record("c.pdf", "1", changed(0)), record("b.pdf", "2", changed(20)), record("a.pdf", "3", changed(2000)),
        record("e.png", "4"), record("d.png", "4"), replace(record("gone.png", "4"), generation=0),
    ]  # fmt: skip
    assert {name: first.name for name, first in find_copies(documents).items()} == {"c.pdf": "b.pdf", "e.png": "d.png"}
    groups = CopyGroups()
    groups.add(documents)
    assert groups.among(["a.pdf", "b.pdf", "e.png"]) == {}
    assert groups.among(["b.pdf", "c.pdf", "e.png"]).keys() == {"b.pdf", "c.pdf"}


def test_copies_count_once_in_results_unless_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("b.pdf", "a.pdf", "old/c.pdf"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True, parents=True)
    write_leaflet(tmp_path / "in" / "b.pdf")
    for name in ("a.pdf", "old/c.pdf"):
        (tmp_path / "in" / name).write_bytes((tmp_path / "in" / "b.pdf").read_bytes())
    with Diptych.open(Settings(store=str(tmp_path / "store"), ocr="off", workers=1)) as diptych:
        diptych.ingest([tmp_path / "in"])
        once = diptych.search("green valve", limit=20)
        assert {hit.document for hit in once} == {"in/a.pdf"}
        every = diptych.search(Query("green valve", copies=True), limit=20)
        assert len(every) == 3 * len(once)
        assert diptych.search("green valve", limit=2, offset=1)[0].id == once[1].id
        (tmp_path / "in" / "a.pdf").unlink()
        diptych.delete(["in/a.pdf"])
        assert {hit.document for hit in diptych.search("green valve", limit=20)} == {"in/b.pdf"}
    assert run(["status", "--store", str(tmp_path / "store")]) == 0
    assert "copy: in/old/c.pdf has the same bytes as in/b.pdf" in capsys.readouterr().out
