"""E-books: chapters in the order of the spine, titles of the contents, cover and pictures, protection."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from extractors.errors import ExtractionError
from tests.support.blocks import extract_file, png

PACKAGE = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Pumps</dc:title></metadata><manifest>
<item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="c" href="cover.png" media-type="image/png" properties="cover-image"/>
<item id="two" href="text/two.xhtml" media-type="application/xhtml+xml"/>
<item id="one" href="text/one%20a.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="one"/><itemref idref="two"/></spine></package>"""
CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OPS/book.opf"/></rootfiles></container>'
)


def write_book(path: Path, **more: str) -> Path:
    def page(body: str) -> str:
        return f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>{body}</body></html>'

    with zipfile.ZipFile(path, "w") as book:
        book.writestr("META-INF/container.xml", CONTAINER)
        book.writestr("OPS/book.opf", PACKAGE)
        book.writestr("OPS/nav.xhtml", page('<nav><ol><li><a href="text/two.xhtml#x">Parts</a></li></ol></nav>'))
        book.writestr(
            "OPS/text/one a.xhtml", page('<h1>Care</h1><p><a id="x"/>Rinse&nbsp;it.</p><img src="../p.png"/>')
        )
        book.writestr("OPS/text/two.xhtml", page("<p>Hoses &amp; more.</p>"))
        book.writestr("OPS/p.png", png())
        book.writestr("OPS/cover.png", png(300, 400))
        for name, text in more.items():
            book.writestr(name.replace("__", "/"), text)
    return path


def test_chapters_follow_the_spine_with_their_titles(tmp_path: Path) -> None:
    found = extract_file(write_book(tmp_path / "a.epub"))
    assert [(one.heading, one.text) for one in found.passages] == [
        (("Care",), "Rinse it."), (("Parts",), "Hoses & more.")
    ]  # fmt: skip
    assert (found.title, found.paged, found.report.problems) == ("Pumps", False, ())
    assert [(one.caption, one.heading) for one in found.pictures] == [("Cover of Pumps", ()), ("", ("Care",))]


def test_protected_and_broken_books_are_refused(tmp_path: Path) -> None:
    hidden = '<encryption><EncryptedData><EncryptionMethod Algorithm="aes"/></EncryptedData></encryption>'
    book = write_book(tmp_path / "a.epub", **{"META-INF__encryption.xml": hidden})
    with pytest.raises(ExtractionError, match=r"a\.epub: is protected against copying"):
        extract_file(book)
    with zipfile.ZipFile(tmp_path / "b.epub", "w") as archive:
        archive.writestr("a.txt", "no book")
    with pytest.raises(ExtractionError, match=r"b\.epub: not a complete e-book"):
        extract_file(tmp_path / "b.epub")


def test_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extractors.containers.MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(ExtractionError, match="refused as a zip bomb"):
        extract_file(write_book(tmp_path / "a.epub"))
