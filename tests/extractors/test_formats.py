"""A file that is not what its suffix says is told as what it is."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from extractors.errors import ExtractionError
from extractors.formats import extract
from extractors.types import Options, Source
from tests.support.papers import write_photo


def source(path: Path) -> Source:
    return Source(path, path.as_uri(), path.name, hashlib.sha256(path.read_bytes()).hexdigest(), "")


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("word/document.xml", "<w/>")
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.pdf", b"", "a.pdf: is empty; copy or download it again"),
        ("a.png", b"", "a.png: is empty"),
        ("a.pptx", b"", "a.pptx: is empty"),
        ("a.pptx", b"%PDF-1.7\n", "a.pptx: is a .pdf file inside, whatever its suffix says; rename it to end in .pdf"),
        ("a.png", b"\n%PDF-1.7\n", "a.png: is a .pdf file inside"),
        ("a.pptx", b"\xff\xd8\xff\xe0", "a.pptx: is a .jpg file inside"),
        ("a.pdf", zipped(), "a.pdf: is an office or ZIP file inside"),
        ("a.pdf", b"\xef\xbb\xbf\n<!DOCTYPE html><p>404", "a.pdf: is a web page"),
        ("a.png", b"<html>404", "a.png: is a web page"),
        ("a.pdf", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "a.pdf: is no PDF inside"),
    ],
)
def test_another_kind_of_file_is_named(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ExtractionError) as error:
        extract(source(tmp_path / name), Options(), tmp_path / "pictures")
    assert str(error.value).startswith(says)


def test_a_picture_with_the_suffix_of_a_document_is_named_and_one_of_another_picture_is_read(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", "VALVE")
    (tmp_path / "b.pdf").write_bytes((tmp_path / "a.png").read_bytes())
    (tmp_path / "c.jpg").write_bytes((tmp_path / "a.png").read_bytes())
    with pytest.raises(ExtractionError, match=r"b\.pdf: is a \.png file inside"):
        extract(source(tmp_path / "b.pdf"), Options(), tmp_path / "pictures")
    assert len(extract(source(tmp_path / "c.jpg"), Options(ocr="off"), tmp_path / "pictures").pictures) == 1
