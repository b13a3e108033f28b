"""Mutated documents: a bounded number of rounds, and what longer runs of `python -m tests.fuzz` have found."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from extractors.sandbox.sandbox import Sandbox
from tests.fuzz.rounds import Fuzzer, Outcome, judge
from tests.support.samples import SUFFIXES, SVG, sample, zip_of

ROUNDS_PER_FORMAT = 4


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Without LibreOffice and poppler, which take a second to start."""
    with pytest.MonkeyPatch.context() as patch, Sandbox(1, 60, 2048, 30) as opened:
        patch.setenv("PATH", "")
        yield opened


def test_mutated_documents_yield_parts_or_a_reason(tmp_path: Path, sandbox: Sandbox) -> None:
    findings: list[str] = []

    def report(suffix: str, data: bytes, outcome: Outcome) -> None:
        findings.append(f"{suffix}: {outcome.message}: {data[:2000]!r}")

    fuzzer = Fuzzer({suffix: [sample(suffix)] for suffix in SUFFIXES}, 2026, tmp_path, sandbox)
    fuzzer.run(ROUNDS_PER_FORMAT * len(SUFFIXES), report)
    assert not findings
    assert len(fuzzer.outcomes) > len(SUFFIXES)


def xlsx_with(name: str, content: bytes | None) -> bytes:
    with zipfile.ZipFile(io.BytesIO(sample(".xlsx"))) as archive:
        members: dict[str, str | bytes] = {one: archive.read(one) for one in archive.namelist() if one != name}
    return zip_of(members | ({name: content} if content is not None else {}))


def with_broken_packing(data: bytes, name: bytes) -> bytes:
    start = data.index(name) + len(name)
    return data[:start] + b"\xff" * 40 + data[start + 40 :]


def odp_that_ends_in_a_member() -> bytes:
    """Its directory says that a member goes on after the end of the file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("content.xml", "<a/>")
        archive.infolist()[0].compress_size = archive.infolist()[0].file_size = 5000
    return file.getvalue()


FOUND: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "an AVIF without items": (".avif", lambda: sample(".avif").replace(b"iloc", b"xloc"), "damaged or incomplete"),
    "a curve that makes the library for SVG panic": (
        ".svg",
        lambda: SVG.replace("20 40 20 50", "20 40 -2147483649 50").encode(),
        "cannot be drawn as SVG",
    ),
    "a gzip header that ends in its extra field": (
        ".tgz",
        lambda: b"\x1f\x8b\x08\x04" + b"\0" * 6,
        "no complete archive",
    ),
    "an entry without a name": (".zip", lambda: zip_of({"": "x", "a.txt": "a"}), "it has no name"),
    "control characters behind what is hidden": (
        ".html",
        lambda: "<p>a<button>b</button>c\x01\ufffe&#1;<p><button>d</button>\x02e".encode(),
        "parts",
    ),
    "a web page in an encoding that only fails": (
        ".mhtml",
        lambda: b"Content-Type: text/html; charset=undefined\n\n<p>a\xff",
        "parts",
    ),
    "a web page in an encoding with a NUL in its name": (
        ".mhtml",
        lambda: b"Content-Type: text/html; charset*=utf-8''a%00\n\n<p>a\xff",
        "parts",
    ),
    "a deck that ends in a member": (
        ".odp",
        odp_that_ends_in_a_member,
        "cannot be read as ODP",
    ),
    "half a character in a mail": (
        ".eml",
        lambda: (
            b"Subject: =?unicode_escape?q?=5Cud800?= a\nContent-Type: text/plain; charset=unicode_escape\n\n"
            b"a\xff \\ud800 b\n"
        ),
        "parts",
    ),
    "a chart with an entity": (
        ".xlsx",
        lambda: xlsx_with(
            "xl/charts/chart1.xml",
            b'<!DOCTYPE a [<!ENTITY b "bomb">]><c:chartSpace xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/'
            b'chart">&b;<c:chart>&b;</c:chart></c:chartSpace>',
        ),
        "parts",
    ),
    "a workbook without a workbook": (".xlsx", lambda: xlsx_with("_rels/.rels", b"<a/>"), "names no workbook"),
    "a workbook with broken packing": (
        ".xlsx",
        lambda: with_broken_packing(sample(".xlsx"), b"xl/worksheets/sheet1.xml"),
        "not a complete file",
    ),
}


@pytest.mark.parametrize("case", FOUND)
def test_document_that_fuzzing_found_has_a_reason(case: str, tmp_path: Path, sandbox: Sandbox) -> None:
    suffix, make, says = FOUND[case]
    outcome = judge(make(), suffix, tmp_path, sandbox)
    assert not outcome.finding, outcome
    assert says in outcome.message
