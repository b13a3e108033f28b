"""Attacks in every kind of file: each has the expected outcome, in one sentence, and costs little time and memory."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from extractors.errors import ExtractionError
from extractors.pdf import extractor as pdf_extractor
from extractors.sandbox.sandbox import Sandbox
from tests.fuzz.rounds import judge
from tests.support.blocks import source_of
from tests.support.hostile import (
    LAUGHS,
    OUTSIDE,
    claims_size,
    entry,
    font_pdf,
    jbig2_claims,
    jpeg_claims,
    jpx_claims,
    packed_twice_pdf,
    page_pdf,
    page_tree,
    png_with,
    with_entries,
    zeros,
)
from tests.support.samples import open_document, sample, tar_of, zip_of
from tests.support.sandboxes import WITHOUT_OCR

PARTS, BOMB, ENTITIES = "parts", "refused as a", "Maximum entity amplification factor exceeded"
_DRAW = b"q 100 0 0 100 0 0 cm /I6 Do Q"
_SHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_REPEATED = (
    '<table:table><table:table-row table:number-rows-repeated="1000000000"><table:table-cell '
    'table:number-columns-repeated="1000000000"><text:p>5</text:p></table:table-cell></table:table-row></table:table>'
)


def image_pdf(kind: str, data: bytes, side: int = 60_000) -> bytes:
    head = f"/Width {side}/Height {side}/BitsPerComponent 8/ColorSpace/DeviceGray/Filter/{kind}"
    return page_pdf(_DRAW, images={6: (head, data)})


def zip_bomb(suffix: str) -> bytes:
    return claims_size(sample(suffix))


def laughs(suffix: str) -> bytes:
    return with_entries(sample(suffix), content_dot_xml=f"{LAUGHS}<a>&i;</a>")


CASES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "a tree of 100 million pages": (".pdf", lambda: page_tree(8), "its pages cannot be counted"),
    "pages of 20,000 inches": (".pdf", lambda: page_pdf(b"", size="0 0 1440000 1440000"), PARTS),
    "a JBIG2 bomb": (".pdf", lambda: image_pdf("JBIG2Decode", jbig2_claims(60_000, 60_000)), PARTS),
    "a JPX bomb": (".pdf", lambda: image_pdf("JPXDecode", jpx_claims(60_000, 60_000)), PARTS),
    "a Flate bomb": (".pdf", lambda: packed_twice_pdf(99_000_000), PARTS),
    "a font without characters": (".pdf", font_pdf, PARTS),
    "a JPEG of 65,000 pixels a side": (".jpg", lambda: jpeg_claims(65_000, 65_000), "decompression bomb"),
    "a JPEG 2000 of 60,000 pixels a side": (".jp2", lambda: jpx_claims(60_000, 60_000), "decompression bomb"),
    "a PNG with a packed comment": (".png", lambda: png_with((b"zTXt", b"a\0\0" + zeros(99_000_000))), "too large"),
    "a PNG with a packed profile": (".png", lambda: png_with((b"iCCP", b"a\0\0" + zeros(99_000_000))), "too large"),
    **{
        f"a zip bomb as {suffix}": (suffix, partial(zip_bomb, suffix), BOMB)
        for suffix in (".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".epub")
    },
    "a zip bomb": (
        ".zip",
        lambda: zip_of({"a.txt": bytes(12_000_000)}),
        "more than # times its size, refused as a bomb",
    ),
    "a tar bomb": (".tgz", lambda: tar_of({"a.txt": bytes(12_000_000)}, "w:gz"), "more than # times its size"),
    "names that lead out of a zip": (".zip", lambda: zip_of({"../a.txt": b"a", "/etc/b.txt": b"b"}), "leads out"),
    "names that lead out of a tar": (".tar", lambda: tar_of({"../a.txt": b"a", "/etc/b.txt": b"b"}), "leads out"),
    "a billion laughs in SVG": (".svg", lambda: f'{LAUGHS}<svg width="9"><text>&i;</text></svg>'.encode(), ENTITIES),
    "a billion laughs in DOCX": (
        ".docx",
        lambda: with_entries(sample(".docx"), word__document_dot_xml=f"{LAUGHS}<a>&i;</a>"),
        ENTITIES,
    ),
    "a billion laughs in PPTX": (
        ".pptx",
        lambda: with_entries(sample(".pptx"), ppt__slides__slide1_dot_xml=f"{LAUGHS}<a>&i;</a>"),
        ENTITIES,
    ),
    "a billion laughs in XLSX": (
        ".xlsx",
        lambda: with_entries(
            sample(".xlsx"), xl__worksheets__sheet1_dot_xml=f"{LAUGHS}<worksheet {_SHEET}><a>&i;</a></worksheet>"
        ),
        "cannot be read as a workbook",
    ),
    **{
        f"a billion laughs in {suffix}": (
            suffix,
            partial(laughs, suffix),
            ENTITIES,
        )
        for suffix in (".odt", ".ods", ".odp")
    },
    "a billion laughs in a chapter": (
        ".epub",
        lambda: with_entries(sample(".epub"), one_dot_xhtml=f"{LAUGHS}<html><body><p>a&i;</p></body></html>"),
        PARTS,
    ),
    "an entity of another file": (
        ".svg",
        lambda: (
            f'{OUTSIDE}<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>&a;</text></svg>'.encode()
        ),
        "Entity 'a' not defined",
    ),
    "a page that fetches": (
        ".html",
        lambda: b"<p>a<img src=http://127.0.0.1/a.png><iframe src=/etc/passwd></iframe><script src=//a/b></script>",
        "not fetched from the web",
    ),
    "images outside of the folder": (".html", lambda: b"<p>a<img src=../../a.png><img src=/etc/passwd>", "outside of"),
    "a book that names files of the machine": (
        ".epub",
        lambda: with_entries(sample(".epub"), one_dot_xhtml='<html><body><p>a</p><img src="../../../../etc/passwd"/>'),
        "not in the book",
    ),
    "a text document that names files of the machine": (
        ".odt",
        lambda: open_document(
            '<office:text><text:p>a<draw:frame><draw:image xlink:href="../../../etc/passwd"/></draw:frame></text:p>'
            "</office:text>",
            "text",
        ),
        "linked and not fetched",
    ),
    "macros": (".xlsx", lambda: with_entries(sample(".xlsx"), xl__vbaProject_dot_bin=b"\xd0\xcf\x11\xe0" * 99), PARTS),
    "an OLE object": (".docx", lambda: with_entries(sample(".docx"), word__embeddings__a_dot_bin=b"MZ" * 99), PARTS),
    "a sheet of a quintillion cells": (
        ".ods",
        lambda: open_document(f"<office:spreadsheet>{_REPEATED}</office:spreadsheet>", "spreadsheet"),
        "filled cells, which is data",
    ),
    "a table of a quintillion cells": (
        ".odt",
        lambda: open_document(
            f'<office:text><text:p>a<text:s text:c="2000000000"/>b</text:p>{_REPEATED}</office:text>', "text"
        ),
        PARTS,
    ),
    "spans of a billion": (".html", lambda: b"<table><tr><td rowspan=1000000000 colspan=1000000000>5</table>", PARTS),
    "shapes that repeat shapes": (
        ".svg",
        lambda: (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink" width="9" height="9">'
            + '<g id="a0"><rect width="9" height="9"/></g>'
            + "".join(f'<g id="a{n}">' + f'<use x:href="#a{n - 1}"/>' * 10 + "</g>" for n in range(1, 9))
            + '<use x:href="#a8"/></svg>'
        ).encode(),
        "nodes limit reached",
    ),
    "a drawing that shows files of the machine": (
        ".svg",
        lambda: (
            b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd" width="9"/>'
            b'<image href="http://127.0.0.1/a.png" width="9"/></svg>'
        ),
        PARTS,
    ),
    "a text document with an image of the machine": (
        ".docx",
        lambda: with_entries(
            sample(".docx"),
            word___rels__document_dot_xml_dot_rels=entry(sample(".docx"), "word/_rels/document.xml.rels").replace(
                b'Target="media/image1.png"', b'Target="file:///etc/passwd" TargetMode="External"'
            ),
        ),
        PARTS,
    ),
    "directives that read files of the machine": (
        ".rst",
        lambda: (
            b"a\n\n.. include:: /etc/passwd\n\n.. csv-table:: b\n   :file: /etc/passwd\n\n.. image:: /etc/passwd\n\n"
        ),
        "outside of the folder",
    ),
    "5,000 mails in each other": (
        ".eml",
        lambda: b"Subject: a\nContent-Type: message/rfc822\n\n" * 5000 + b"Subject: b\n\nc\n",
        "cannot be read as a mail",
    ),
    "a mail packed by its encoding": (
        ".eml",
        lambda: b"Subject: a\nContent-Type: text/plain; charset=zip\n\n" + zeros(9_000_000),
        "is not text",
    ),
    "deep tags": (".html", lambda: b"<div>" * 100_000 + b"a", PARTS),
    "deep JSON": (".ipynb", lambda: b"[" * 100_000, "is no Jupyter notebook"),
    "deep groups": (".rtf", lambda: b"{\\rtf1 " + b"{" * 100_000 + b"a", PARTS),
    "deep quotations": (".md", lambda: b">" * 50_000 + b"a", PARTS),
    "text that changes its direction": (".txt", lambda: "a \u202egnp.exe\u202c b \u2066\u05d0".encode(), PARTS),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Without LibreOffice, whose turn would come after that of the reader."""
    with pytest.MonkeyPatch.context() as patch, Sandbox(1, 60, 1024, 20) as opened:
        patch.setenv("PATH", "")
        yield opened


@pytest.mark.parametrize("case", CASES)
def test_attack_has_its_outcome(case: str, tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> None:
    suffix, make, says = CASES[case]
    folder = tmp_path_factory.getbasetemp() / "hostile"  # one for all, so that one worker reads them
    folder.mkdir(exist_ok=True)
    outcome = judge(make(), suffix, folder, sandbox)
    assert not outcome.finding, outcome
    assert says in outcome.message


def test_page_with_millions_of_operators_is_stopped_and_named(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(page_pdf(b"0 0 9 9 re f " * 4_000_000))
    with Sandbox(1, 60, 2048, 0.5) as sandbox, pytest.raises(ExtractionError, match=r"page 1: .* longer than 0\.5 s"):
        sandbox.extract(source_of(path), WITHOUT_OCR, tmp_path / "pictures")


def test_only_so_many_pages_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_extractor, "MAX_PAGES", 1)
    path = tmp_path / "a.pdf"
    path.write_bytes(sample(".pdf"))
    report = pdf_extractor.extract(source_of(path), WITHOUT_OCR, tmp_path / "pictures").report
    assert [one.reason for one in report.problems] == ["only 1 of 2 pages were read; split the file, or choose pages"]


def test_full_disk_is_said_and_can_be_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    path.write_bytes(sample(".bmp"))
    with Sandbox(1, 60, 2048) as sandbox:
        sandbox.extract(source_of(path), WITHOUT_OCR, tmp_path / "pictures")
        resource.prlimit(sandbox._idle[0].pid, resource.RLIMIT_FSIZE, (100, 100))  # as a disk with 100 bytes left
        with pytest.raises(ExtractionError, match=r"a picture cannot be stored .File too large.; free") as error:
            sandbox.extract(source_of(path), WITHOUT_OCR, tmp_path / "pictures" / "more")
    assert error.value.transient
