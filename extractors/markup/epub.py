"""E-books: the chapters of an EPUB in reading order, with its cover and the titles of its contents."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from extractors.blocks.types import BlockDocument, Content, Heading, Image
from extractors.containers import DAMAGED_ZIP, open_zip
from extractors.errors import ExtractionError, error_summary
from extractors.markup.encoding import decode_text
from extractors.markup.html_reader import inline_text, parse_html, read_html
from extractors.markup.image_files import ImageFinder, image_finder
from extractors.types import Problem

_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Methods that hide the fonts of a book only."""


def read_epub(path: Path, name: str) -> BlockDocument:
    """Read a book. Raises `ExtractionError` when it is damaged or protected."""
    with open_zip(path, name) as archive:
        book = _Book(archive, name)
        blocks: list[Content] = []
        problems = []
        if cover := book.cover():
            blocks.append(
                Image(partial(_read, cover, path, name), caption=f"Cover of {book.title}".removesuffix(" of "))
            )
        for chapter in book.spine():
            try:
                blocks += _read_chapter(book, chapter, path)
            except ExtractionError as error:
                problems.append(Problem(f"the chapter {chapter} could not be read: {error}"))
        return BlockDocument(blocks, book.title, problems=tuple(problems))


def _read_chapter(book: _Book, chapter: str, path: Path) -> list[Content]:
    root = parse_html(book.text(chapter), xml=True)
    blocks = read_html(root, _image_finder(path, book.name, chapter), whole=True)
    title = book.contents.get(chapter, "")
    if title and blocks and not any(isinstance(block, Heading) for block in blocks):
        return [Heading(title, 1), *blocks]
    return blocks


class _Book:
    """The package of a book: what is in it, in which order, and under which titles."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.name = name
        self._archive = archive
        self._refuse_protection()
        container = self._xml("META-INF/container.xml")
        rootfile = container.find(".//rootfile")
        self._package_path = (rootfile.get("full-path") if rootfile is not None else "") or ""
        self._package = self._xml(self._package_path)
        self._items: dict[str, Any] = {
            item.get("id") or "": item for item in self._package.iterfind("./manifest/item") if item.get("href")
        }
        title = self._package.find("./metadata/title")
        self.title = inline_text(title).strip() if title is not None else ""
        self.contents: Mapping[str, str] = self._read_contents()

    def spine(self) -> list[str]:
        """The members with the chapters, in order, each once."""
        found = [self._items.get(one.get("idref") or "") for one in self._package.iterfind("./spine/itemref")]
        documents = [self._path(one) for one in found if one is not None and "html" in (one.get("media-type") or "")]
        if not documents:
            raise ExtractionError(f"{self.name}: lists no chapters; convert it again, for example with Calibre")
        return list(dict.fromkeys(documents))

    def cover(self) -> str | None:
        named = self._package.find("./metadata/meta[@name='cover']")
        by_name = self._items.get(named.get("content") or "") if named is not None else None
        marked = (one for one in self._items.values() if "cover-image" in (one.get("properties") or "").split())
        item = next(marked, by_name)
        is_image = item is not None and (item.get("media-type") or "").startswith("image/")
        return self._path(item) if is_image else None

    def text(self, member: str) -> str:
        """Raises `ExtractionError` when there is no such member or it is not text."""
        try:
            return decode_text(self._archive.read(member), member)
        except KeyError as error:
            raise ExtractionError(f"{member} is not in the book") from error
        except DAMAGED_ZIP as error:
            raise ExtractionError(f"{member} is damaged ({error_summary(error)})") from error

    def _xml(self, member: str) -> Any:
        try:
            return parse_html(self.text(member), xml=True)
        except ExtractionError as error:
            raise ExtractionError(f"{self.name}: not a complete e-book ({error}); copy or download it again") from error

    def _path(self, item: Any) -> str:
        return _join(self._package_path, item.get("href"))

    def _refuse_protection(self) -> None:
        if "META-INF/encryption.xml" not in self._archive.namelist():
            return
        methods = [one.get("Algorithm") or "" for one in self._xml("META-INF/encryption.xml").iter("EncryptionMethod")]
        if any(method not in _FONTS for method in methods):
            raise ExtractionError(f"{self.name}: is protected against copying; only its reader can open it")

    def _read_contents(self) -> dict[str, str]:
        """Chapter -> its title in the table of contents, of EPUB 3 or 2."""
        by_kind = {"nav": ".//nav//a", "ncx": ".//navPoint"}
        for item in self._items.values():
            is_nav = "nav" in (item.get("properties") or "").split()
            if not is_nav and item.get("media-type") != "application/x-dtbncx+xml":
                continue
            path = self._path(item)
            try:
                root = parse_html(self.text(path), xml=True)
            except ExtractionError:
                continue
            titles: dict[str, str] = {}
            for entry in root.iterfind(by_kind["nav" if is_nav else "ncx"]):
                target = entry if is_nav else entry.find("./content")
                label = entry if is_nav else entry.find("./navLabel")
                if target is not None and label is not None:
                    member = _join(path, target.get("href") or target.get("src") or "")
                    titles.setdefault(member, " ".join(inline_text(label).split()))
            if titles:
                return titles
        return {}


def _join(base: str, address: str) -> str:
    """The member that an address within another member means."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(urlsplit(address).path)))


def _image_finder(path: Path, name: str, chapter: str) -> ImageFinder:
    return image_finder(lambda address: _read("" if urlsplit(address).scheme else _join(chapter, address), path, name))


def _read(member: str, path: Path, name: str) -> bytes:
    with open_zip(path, name) as archive:
        try:
            return archive.read(member)
        except KeyError as error:
            raise ExtractionError("not in the book") from error
