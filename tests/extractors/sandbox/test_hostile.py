"""Broken and malicious files: each ends in parts, a listed problem or one clear sentence, and the sandbox lives on."""

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
    """Writes the bytes to a file of that name and reads it; all tests share one worker, as documents do."""
    folder = tmp_path_factory.mktemp("hostile")
    with Sandbox(1, 60, 2048) as box:

        def read(data: bytes, name: str) -> Extraction:
            path = folder / name
            path.write_bytes(data)
            return box.extract(Source(path, "", name, "", ""), Options(ocr="off"), folder / "pictures")

        yield read


def pdf(pages: int = 1, **size: float) -> Any:
    document = pymupdf().open()
    for number in range(pages):
        page = document.new_page(**size)
        page.insert_text((72, 100 + 60 * number), f"{SENTENCE} Page {number + 1}.", fontsize=11)
    return document


def ending(extract: Extract, data: bytes, name: str) -> list[str]:
    """What was said about the file, whether it gave parts or not."""
    try:
        return [problem.reason for problem in extract(data, name).report.problems]
    except ExtractionError as error:
        return [str(error)]


def words(extraction: Extraction) -> str:
    return " ".join(passage.text for passage in extraction.passages)


def with_stream(data: bytes, entries: str = "") -> bytes:
    """A page whose content is `data`, compressed."""
    document = pdf()
    xref = document.get_new_xref()
    document.update_object(xref, f"<<{entries}>>")
    document.update_stream(xref, data)
    document[0].set_contents(xref)
    return bytes(document.tobytes())


@pytest.mark.parametrize(
    "data", [b"", b"%PDF-1.7\n", b"\x00" * 5000, b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"]
)
def test_what_is_no_document_is_refused_with_its_name(data: bytes, extract: Extract) -> None:
    with pytest.raises(ExtractionError, match=r"broken\.pdf") as caught:
        extract(data, "broken.pdf")
    assert not caught.value.transient


def test_a_file_cut_in_the_middle_keeps_what_is_left(extract: Extract) -> None:
    whole = bytes(pdf(pages=8).tobytes())
    assert "Page 8" in words(extract(whole[: whole.rindex(b"\nxref\n")], "cut.pdf"))


def test_a_table_of_objects_full_of_rubbish_is_mended(extract: Extract) -> None:
    data = bytes(pdf().tobytes())
    start = data.rindex(b"xref\n")
    assert SENTENCE in words(
        extract(data[:start] + b"xref\n0 9\n" + b"zzzzzzzzzz yyyyy n \n" * 9 + data[start + 200 :], "xref.pdf")
    )


def test_pages_that_contain_themselves_end(extract: Extract) -> None:
    data = bytes(pdf(pages=2).tobytes(garbage=0))
    document = pymupdf().open(stream=data)
    tree = document.xref_get_key(document.pdf_catalog(), "Pages")[1]
    document.xref_set_key(int(tree.split()[0]), "Kids", f"[{tree} {tree}]")
    problems = ending(extract, bytes(document.tobytes()), "cycle.pdf")
    assert problems


def test_an_encrypted_file_says_what_to_do(extract: Extract) -> None:
    module = pymupdf()
    data = pdf().tobytes(encryption=module.PDF_ENCRYPT_AES_256, user_pw="secret", owner_pw="other")
    with pytest.raises(ExtractionError, match=r"locked\.pdf.*password"):
        extract(bytes(data), "locked.pdf")


def test_a_page_of_a_million_points_is_drawn_within_bounds(extract: Extract) -> None:
    document = pdf(width=1_000_000, height=900_000)
    document[0].draw_circle((500_000, 500_000), 200_000, fill=(1, 0, 0))
    extraction = extract(bytes(document.tobytes()), "huge.pdf")
    assert SENTENCE in words(extraction)
    assert all(picture.image.width * picture.image.height < 50_000_000 for picture in extraction.pictures)


def test_a_page_without_size_is_read(extract: Extract) -> None:
    document = pdf()
    document.xref_set_key(document[0].xref, "MediaBox", "[0 0 0 0]")
    assert extract(bytes(document.tobytes()), "flat.pdf").report.pages == 1


def test_a_stream_that_unpacks_to_much_ends(extract: Extract) -> None:
    assert extract(with_stream(b" " * 60_000_000 + b"0 0 50 50 re f"), "bomb.pdf").report.pages == 1


def test_deep_nesting_ends(extract: Extract) -> None:
    assert extract(with_stream(b"q " * 200_000), "nested.pdf").report.pages == 1
    with_arrays = bytes(pdf().tobytes()).replace(b"/MediaBox", b"/Deep " + b"[" * 50_000 + b"/MediaBox")
    assert all("arrays.pdf" in problem or "page" in problem for problem in ending(extract, with_arrays, "arrays.pdf"))


def test_an_image_far_larger_than_its_file_is_read_smaller(extract: Extract) -> None:
    document = pdf()
    page = document[0]
    pixel = pymupdf().Pixmap(pymupdf().csGRAY, (0, 0, 8, 8), False)
    page.insert_image((100, 300, 400, 600), pixmap=pixel)
    xref, side = page.get_images()[0][0], 30_000
    for key, value in {"Width": side, "Height": side, "BitsPerComponent": 1, "Filter": "/FlateDecode"}.items():
        document.xref_set_key(xref, key, str(value))
    document.update_stream(xref, b"\xaa" * (side * side // 8))
    extraction = extract(bytes(document.tobytes()), "image.pdf")
    assert SENTENCE in words(extraction)
    assert all(picture.image.width * picture.image.height < 50_000_000 for picture in extraction.pictures)


def test_a_photo_of_a_million_pixels_a_side_is_refused(extract: Extract) -> None:
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


def test_scripts_and_attachments_are_not_touched(extract: Extract) -> None:
    document = pdf()
    document.embfile_add("virus.exe", b"MZ" + b"\0" * 100)
    action = document.get_new_xref()
    document.update_object(action, "<</S/JavaScript/JS(app.alert\\(1\\))>>")
    document.xref_set_key(document.pdf_catalog(), "OpenAction", f"{action} 0 R")
    assert SENTENCE in words(extract(bytes(document.tobytes()), "script.pdf"))


def test_a_file_with_a_wrong_ending_is_a_sentence(extract: Extract) -> None:
    with pytest.raises(ExtractionError, match=r"deck\.pptx"):
        extract(bytes(pdf().tobytes()), "deck.pptx")
    with pytest.raises(ExtractionError, match=r"photo\.jpg"):
        extract(b"<html>not found</html>", "photo.jpg")


def test_the_worker_is_still_the_same_sound_one(extract: Extract) -> None:
    assert SENTENCE in words(extract(bytes(pdf().tobytes()), "sound.pdf"))
