"""Web pages: HTML files with the images beside them, and MHTML archives with the images inside."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urljoin

from extractors.blocks.types import BlockDocument
from extractors.errors import ExtractionError
from extractors.markup.encoding import MAX_TEXT_BYTES, decode_text
from extractors.markup.html_reader import parse_html, read_html, read_title
from extractors.markup.image_files import ImageFinder, image_finder, images_beside

MAX_ARCHIVE_BYTES = 500 << 20


def read_page(path: Path, name: str) -> BlockDocument:
    """Read an HTML file, without its navigation. Raises `ExtractionError` when it is not text."""
    if path.stat().st_size > MAX_TEXT_BYTES:
        raise ExtractionError(f"{name}: has more than {MAX_TEXT_BYTES >> 20} MiB of HTML; split it")
    root = parse_html(decode_text(path.read_bytes(), name))
    title = read_title(root)
    return BlockDocument(read_html(root, images_beside(path)), title)


def read_mhtml(path: Path, name: str) -> BlockDocument:
    """Read a page that a browser saved as one file. Raises `ExtractionError` when there is no page in it."""
    if path.stat().st_size > MAX_ARCHIVE_BYTES:
        raise ExtractionError(f"{name}: is larger than {MAX_ARCHIVE_BYTES >> 20} MiB; save the page as PDF")
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    parts = [part for part in message.walk() if not part.is_multipart()]
    page = next((part for part in parts if part.get_content_type() in ("text/html", "application/xhtml+xml")), None)
    if page is None:
        raise ExtractionError(f"{name}: contains no web page; save it again as MHTML")
    html = decode_text(_content(page), name, page.get_content_charset() or "")
    root = parse_html(html)
    title = read_title(root)
    return BlockDocument(read_html(root, _part_finder(page, parts)), title)


def _content(part: EmailMessage) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _part_finder(page: EmailMessage, parts: list[EmailMessage]) -> ImageFinder:
    """From the address of an image to the part of the archive with that location or content id."""
    named: dict[str, EmailMessage] = {}
    for part in parts:
        if location := part.get("Content-Location"):
            named.setdefault(str(location).strip(), part)
        if identity := part.get("Content-ID"):
            named.setdefault(f"cid:{str(identity).strip().strip('<>')}", part)
    base = str(page.get("Content-Location") or "")

    def read(address: str) -> bytes:
        part = named.get(address) or named.get(urljoin(base, address))
        if part is None:
            raise ExtractionError("not in the archive, and not fetched from the web; save the page again")
        return _content(part)

    return image_finder(read)
