"""Broken and malicious files: each yields parts, a listed problem or one clear error, and the sandbox works on."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from extractors.errors import ExtractionError
from extractors.pdf.render import pymupdf
from extractors.sandbox.sandbox import Sandbox
from extractors.types import Extraction, Options, Source

Extract = Callable[[bytes, str], Extraction]
SENTENCE = "The pump stands beside the northern gate."


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Extract]:
    """Write bytes to a file of the given name and extract it. All tests share one worker, as documents do."""
    folder = tmp_path_factory.mktemp("hostile")
    with Sandbox(1, 600, 2048) as sandbox:

        def extract_bytes(data: bytes, name: str) -> Extraction:
            path = folder / name
            path.write_bytes(data)
            return sandbox.extract(Source(path, "", name, "", ""), Options(ocr="off"), folder / "pictures")

        yield extract_bytes


def new_pdf(pages: int = 1, **size: float) -> Any:
    document = pymupdf().open()
    for number in range(pages):
        page = document.new_page(**size)
        page.insert_text((72, 100 + 60 * number), f"{SENTENCE} Page {number + 1}.", fontsize=11)
    return document


def problems_of(extract: Extract, data: bytes, name: str) -> list[str]:
    """Return the problems of a file, or its error."""
    try:
        return [problem.reason for problem in extract(data, name).report.problems]
    except ExtractionError as error:
        return [str(error)]


def words(extraction: Extraction) -> str:
    return " ".join(passage.text for passage in extraction.passages)


def with_stream(data: bytes, entries: str = "") -> bytes:
    """Return a PDF with one page whose compressed content is `data`."""
    document = new_pdf()
    xref = document.get_new_xref()
    document.update_object(xref, f"<<{entries}>>")
    document.update_stream(xref, data)
    document[0].set_contents(xref)
    return bytes(document.tobytes())


@pytest.mark.parametrize(
    "data", [b"", b"%PDF-1.7\n", b"\x00" * 5000, b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"]
)
def test_file_without_a_document_is_refused_by_name(data: bytes, extract: Extract) -> None:
    with pytest.raises(ExtractionError, match=r"broken\.pdf") as caught:
        extract(data, "broken.pdf")
    assert not caught.value.transient


def test_truncated_file_keeps_what_is_left(extract: Extract) -> None:
    whole = bytes(new_pdf(pages=8).tobytes())
    assert "Page 8" in words(extract(whole[: whole.rindex(b"\nxref\n")], "cut.pdf"))


def test_broken_cross_reference_table_is_repaired(extract: Extract) -> None:
    data = bytes(new_pdf().tobytes())
    start = data.rindex(b"xref\n")
    assert SENTENCE in words(
        extract(data[:start] + b"xref\n0 9\n" + b"zzzzzzzzzz yyyyy n \n" * 9 + data[start + 200 :], "xref.pdf")
    )


def test_page_tree_with_a_cycle_is_a_problem(extract: Extract) -> None:
    data = bytes(new_pdf(pages=2).tobytes(garbage=0))
    document = pymupdf().open(stream=data)
    tree = document.xref_get_key(document.pdf_catalog(), "Pages")[1]
    document.xref_set_key(int(tree.split()[0]), "Kids", f"[{tree} {tree}]")
    assert problems_of(extract, bytes(document.tobytes()), "cycle.pdf")


def test_encrypted_file_asks_for_a_password(extract: Extract) -> None:
    module = pymupdf()
    data = new_pdf().tobytes(encryption=module.PDF_ENCRYPT_AES_256, user_pw="secret", owner_pw="other")
    with pytest.raises(ExtractionError, match=r"locked\.pdf.*password"):
        extract(bytes(data), "locked.pdf")


def test_huge_page_is_rendered_within_bounds(extract: Extract) -> None:
    document = new_pdf(width=1_000_000, height=900_000)
    document[0].draw_circle((500_000, 500_000), 200_000, fill=(1, 0, 0))
    extraction = extract(bytes(document.tobytes()), "huge.pdf")
    assert SENTENCE in words(extraction)
    assert all(picture.image.width * picture.image.height < 50_000_000 for picture in extraction.pictures)


def test_page_without_size_is_extracted(extract: Extract) -> None:
    document = new_pdf()
    document.xref_set_key(document[0].xref, "MediaBox", "[0 0 0 0]")
    assert extract(bytes(document.tobytes()), "flat.pdf").report.pages == 1


def test_stream_that_unpacks_to_60_megabytes_is_read(extract: Extract) -> None:
    assert extract(with_stream(b" " * 60_000_000 + b"0 0 50 50 re f"), "bomb.pdf").report.pages == 1


def test_deep_nesting_does_not_crash(extract: Extract) -> None:
    assert extract(with_stream(b"q " * 200_000), "nested.pdf").report.pages == 1
    with_arrays = bytes(new_pdf().tobytes()).replace(b"/MediaBox", b"/Deep " + b"[" * 50_000 + b"/MediaBox")
    assert all(
        "arrays.pdf" in problem or "page" in problem for problem in problems_of(extract, with_arrays, "arrays.pdf")
    )


def test_huge_embedded_image_is_scaled_down(extract: Extract) -> None:
    document = new_pdf()
    page = document[0]
    pixel = pymupdf().Pixmap(pymupdf().csGRAY, (0, 0, 8, 8), False)
    page.insert_image((100, 300, 400, 600), pixmap=pixel)
    xref, side = page.get_images()[0][0], 12_000
    for key, value in {"Width": side, "Height": side, "BitsPerComponent": 1, "Filter": "/FlateDecode"}.items():
        document.xref_set_key(xref, key, str(value))
    document.update_stream(xref, b"\xaa" * (side * side // 8))
    extraction = extract(bytes(document.tobytes()), "image.pdf")
    assert SENTENCE in words(extraction)
    assert all(picture.image.width * picture.image.height < 50_000_000 for picture in extraction.pictures)


def test_image_of_a_million_pixels_a_side_is_refused(extract: Extract) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1_000_000, 1_000_000, 8, 0, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(ExtractionError, match=r"bomb\.png"):
        extract(data, "bomb.png")


def test_scripts_and_attachments_are_ignored(extract: Extract) -> None:
    document = new_pdf()
    document.embfile_add("virus.exe", b"MZ" + b"\0" * 100)
    action = document.get_new_xref()
    document.update_object(action, "<</S/JavaScript/JS(app.alert\\(1\\))>>")
    document.xref_set_key(document.pdf_catalog(), "OpenAction", f"{action} 0 R")
    assert SENTENCE in words(extract(bytes(document.tobytes()), "script.pdf"))


def test_file_with_a_wrong_suffix_is_refused(extract: Extract) -> None:
    with pytest.raises(ExtractionError, match=r"deck\.pptx"):
        extract(bytes(new_pdf().tobytes()), "deck.pptx")
    with pytest.raises(ExtractionError, match=r"photo\.jpg"):
        extract(b"<html>not found</html>", "photo.jpg")


def test_worker_still_works_after_hostile_files(extract: Extract) -> None:
    assert SENTENCE in words(extract(bytes(new_pdf().tobytes()), "intact.pdf"))
