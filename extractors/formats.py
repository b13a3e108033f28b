"""The table of formats: which file types are read, and by which extractor.

An extractor is a module with one function:

    def extract(source: Source, options: Options, pictures: Path) -> Extraction

- `source.path` is the file to read. It is untrusted. The call runs in a worker process of `extractors.sandbox`, which
  is killed when it takes too long or too much memory; an extractor keeps no state between calls and uses no network.
- `options` says how to extract: the length of passages, whether and how to run OCR, the resolution of images.
- `pictures` is the folder of the picture store. Images are stored with `extractors.pictures.store.save_image`, which
  returns the `ImageFile` of a `Picture`.
- The result has passages and pictures in reading order, with pages counted from 1, and a `Report`. A part that cannot
  be read becomes a `Problem` of the report and does not stop the rest.
- A built-in extractor may have a function `load_libraries()`, which imports what takes long; it is called once, in the
  process from which workers are forked.
- `ExtractionError` is raised when the document yields nothing at all. Its message names the file, says what happened
  and what to do.

To add a format, write the module and add one row to `FORMATS`. Another package can provide rows through the entry
point group `diptych.extractors`: each entry point loads to a `Format` or a list of them.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Literal

from extractors import readers
from extractors.errors import ExtractionError
from extractors.page_range import keep_pages
from extractors.readers import Reader
from extractors.types import Extraction, Options, Source

ENTRY_POINT_GROUP = "diptych.extractors"
HEAD_BYTES = 1024
"""Bytes at the start of a file in which its signature is looked for; PDF readers accept a header anywhere in them."""


@dataclass(frozen=True, slots=True)
class Format:
    """A row of the table: one file type and the extractor that reads it."""

    suffixes: tuple[str, ...]
    """Lower case, with the dot; the usual one first."""
    module: str
    """Dotted name of the module with the `extract` function; imported when the first such file is read."""
    media_type: str
    signature: bytes | None = None
    """Regular expression that matches the start of such files; None accepts any content."""
    version: int = 1
    """Raise it when the same bytes yield different parts: stored documents are then extracted again."""
    reader: Reader = readers.UNKNOWN
    """What reads such files, for `diptych formats`."""
    members: Literal["none", "attached", "only"] = "none"
    """Whether such files hold other documents: beside their own content, or as archives, which have none."""

    def __post_init__(self) -> None:
        if not self.suffixes or any(not re.fullmatch(r"(\.[^A-Z./]+){1,2}", suffix) for suffix in self.suffixes):
            raise ValueError(f"suffixes must be a tuple such as ('.txt',), in lower case, not {self.suffixes!r}")
        re.compile(self.signature or b"")

    @property
    def name(self) -> str:
        """Name of the extractor in fingerprints: `pdf` for `extractors.pdf.extractor`."""
        return self.module.removeprefix("extractors.").removesuffix(".extractor")


_MARKUP = "extractors.markup.extractor"
_CATALOG = "extractors.catalog.extractor"
_PDF = "extractors.pdf.extractor"
_PHOTOS = "extractors.photos.extractor"
_SLIDES = "extractors.slides.extractor"
_WORD = "extractors.word.extractor"
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_ODP = "application/vnd.oasis.opendocument.presentation"
_MAIL = "extractors.mail.extractor"
_MEMBERS = "extractors.members.unpack"
_SHEETS = "extractors.sheets.extractor"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ODS = "application/vnd.oasis.opendocument.spreadsheet"
_ZIP = rb"PK\x03\x04"
_SVG = rb"\x1f\x8b|(?s:.*<(?:\w+:)?svg[\s>])"

FORMATS = (
    Format((".pdf",), _PDF, "application/pdf", rb"(?s).*%PDF-", version=22, reader=readers.PDF, members="attached"),
    Format((".pptx",), _SLIDES, _PPTX, _ZIP, version=4, reader=readers.SLIDES),
    Format(
        (".ppt",), _SLIDES, "application/vnd.ms-powerpoint", rb"\xd0\xcf\x11\xe0", version=4, reader=readers.OLD_SLIDES
    ),
    Format((".odp",), _SLIDES, _ODP, _ZIP, version=4, reader=readers.SLIDES),
    Format((".png",), _PHOTOS, "image/png", rb"\x89PNG\r\n\x1a\n", version=3, reader=readers.IMAGE),
    Format((".jpg", ".jpeg"), _PHOTOS, "image/jpeg", rb"\xff\xd8\xff", version=3, reader=readers.IMAGE),
    Format((".webp",), _PHOTOS, "image/webp", rb"(?s)RIFF....WEBP", version=3, reader=readers.IMAGE),
    Format((".tif", ".tiff"), _PHOTOS, "image/tiff", rb"II[*+]\x00|MM\x00[*+]", version=3, reader=readers.IMAGE),
    Format((".gif",), _PHOTOS, "image/gif", rb"GIF8", version=3, reader=readers.IMAGE),
    Format((".bmp",), _PHOTOS, "image/bmp", rb"(?s)BM.{4}\x00{4}", version=3, reader=readers.IMAGE),
    Format(
        (".heic", ".heif"), _PHOTOS, "image/heic", rb"(?s).{4}ftyp(?:hei|hev|mif1|msf1)", version=3, reader=readers.HEIF
    ),
    Format((".avif",), _PHOTOS, "image/avif", rb"(?s).{4}ftypavi[fs]", version=3, reader=readers.IMAGE),
    Format(
        (".jp2", ".jpx", ".jpf", ".j2k", ".j2c"),
        _PHOTOS,
        "image/jp2",
        rb"\x00{3}\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
        version=3,
        reader=readers.IMAGE,
    ),
    Format((".svg", ".svgz"), _PHOTOS, "image/svg+xml", _SVG, version=2, reader=readers.DRAWING),
    Format((".eml",), _MAIL, "message/rfc822", version=2, reader=readers.MAIL, members="attached"),
    Format(
        (".msg",),
        _MAIL,
        "application/vnd.ms-outlook",
        rb"\xd0\xcf\x11\xe0",
        version=2,
        reader=readers.OUTLOOK_MAIL,
        members="attached",
    ),
    Format((".zip",), _MEMBERS, "application/zip", version=2, reader=readers.ARCHIVE, members="only"),
    Format(
        (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"),
        _MEMBERS,
        "application/x-tar",
        reader=readers.ARCHIVE,
        members="only",
    ),
    Format((".xlsx", ".xlsm"), _SHEETS, _XLSX, _ZIP, version=2, reader=readers.WORKBOOK),
    Format(
        (".xls", ".xlsb"),
        _SHEETS,
        "application/vnd.ms-excel",
        rb"\xd0\xcf\x11\xe0",
        version=2,
        reader=readers.OLD_WORKBOOK,
    ),
    Format((".ods",), _SHEETS, _ODS, _ZIP, version=2, reader=readers.WORKBOOK),
    Format((".docx", ".docm"), _WORD, _DOCX, _ZIP, version=3, reader=readers.TEXT_DOCUMENT),
    Format((".odt",), _WORD, "application/vnd.oasis.opendocument.text", _ZIP, version=3, reader=readers.TEXT_DOCUMENT),
    Format((".doc",), _WORD, "application/msword", rb"\xd0\xcf\x11\xe0", version=3, reader=readers.OLD_TEXT_DOCUMENT),
    Format((".rtf",), _WORD, "application/rtf", rb"\{\\rtf", version=3, reader=readers.RICH_TEXT),
    Format((".html", ".htm", ".xhtml"), _MARKUP, "text/html", version=2, reader=readers.WEB_PAGE),
    Format((".mhtml", ".mht"), _MARKUP, "multipart/related", version=2, reader=readers.WEB_PAGE),
    Format((".md", ".markdown"), _MARKUP, "text/markdown", version=3, reader=readers.MARKDOWN),
    Format((".rst",), _MARKUP, "text/x-rst", version=2, reader=readers.RESTRUCTURED_TEXT),
    Format((".txt", ".text"), _MARKUP, "text/plain", version=2, reader=readers.PLAIN_TEXT),
    Format((".ipynb",), _MARKUP, "application/x-ipynb+json", version=2, reader=readers.NOTEBOOK),
    Format((".epub",), _MARKUP, "application/epub+zip", version=2, reader=readers.E_BOOK),
    Format((".csv",), _CATALOG, "text/csv", version=4, reader=readers.CATALOGUE),
    Format((".tsv",), _CATALOG, "text/tab-separated-values", version=4, reader=readers.CATALOGUE),
    Format((".jsonl",), _CATALOG, "application/x-ndjson", version=4, reader=readers.CATALOGUE),
)
"""The built-in formats. Names and versions of extractors are part of stored fingerprints."""


def extract_document(source: Source, options: Options, pictures: Path) -> Extraction:
    """Extract one document with the extractor of its suffix; images go to the picture store `pictures`.

    Opens untrusted bytes in this process: use `Sandbox.extract`, which runs this in a worker process.
    Raises `ExtractionError` when the document yields nothing.
    """
    if source.unreadable:
        raise ExtractionError(f"{source.name}: {source.unreadable}")
    row = find_format(source.path)
    if row is None:
        kind = f"{source.path.suffix} files" if source.path.suffix else "files without a suffix"
        raise ExtractionError(f"{source.path}: no extractor reads {kind}; {describe_formats()}")
    if row.members == "only":
        raise ExtractionError(f"{source.name}: is an archive, whose members are documents; ingest it with its folder")
    _check_content(row, source)
    extraction: Extraction = import_module(row.module).extract(source, options, pictures)
    return keep_pages(extraction, options.page_range)


def formats() -> tuple[Format, ...]:
    """Return all formats: the built-in ones, then those of installed plug-ins."""
    return FORMATS + _plugins()[0]


def failed_plugins() -> tuple[str, ...]:
    """Return one sentence for each entry point that could not be used."""
    return _plugins()[1]


def find_format(path: Path) -> Format | None:
    """Return the format of a file by its suffix, or None when no extractor reads such files."""
    for suffix in ("".join(path.suffixes[-2:]).lower(), path.suffix.lower()):
        if found := next((row for row in formats() if suffix in row.suffixes), None):
            return found
    return None


def describe_formats() -> str:
    """Return the known suffixes, and what is wrong with plug-ins that cannot be used, as the end of a message."""
    known = " ".join(suffix for row in formats() for suffix in row.suffixes)
    return "; ".join((f"known suffixes: {known}", *failed_plugins()))


def has_rows(path: Path) -> bool:
    """Return True for catalogues (by suffix): files of which each row is a document."""
    row = find_format(path)
    return row is not None and row.module == _CATALOG


def has_plain_tables(path: Path) -> bool:
    """Return True for files (by suffix) of which those that are no catalogues are documents with one table."""
    return path.suffix.lower() in (".csv", ".tsv")


def has_members(path: Path) -> bool:
    """Return True for files (by suffix) that hold other documents: archives, mails and PDF files."""
    row = find_format(path)
    return row is not None and row.members != "none"


def is_archive(path: Path) -> bool:
    """Return True for files (by suffix) that hold other documents and are none themselves."""
    row = find_format(path)
    return row is not None and row.members == "only"


def is_row(name: str) -> bool:
    """Return True when a document's name or address is that of a catalogue row, such as `products.csv#17`."""
    if "#" not in name:  # of every part that a search finds
        return False
    file, row = split_name(name)
    return bool(row) and has_rows(Path(file))


def split_name(name: str) -> tuple[str, str]:
    """Return the file and the row or member that a document's name or address consists of.

    `products.csv#17` is `products.csv` and `17`; of a whole file, the second part is empty. Names of files, rows and
    members may all contain `#`, so the file ends where its suffix says that rows or members follow.
    """
    for mark in re.finditer("#", name):
        file = name[: mark.start()]
        if has_rows(Path(file)) or has_members(Path(file)):
            return file, name[mark.end() :]
    return name, ""


def _check_content(row: Format, source: Source) -> None:
    """Raise `ExtractionError` for a file whose content is empty or of another built-in format.

    Unrecognised content is left to the extractor, which may accept or repair it. An extractor reads the content of
    all its formats under any of their suffixes: a JPEG named `.png` is no problem.
    """
    own = [one.signature for one in formats() if one.module == row.module]
    if None in own:
        return
    try:
        with source.path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise ExtractionError(f"{source.path}: cannot be read ({error.strerror}); check its permissions") from error
    if not head:
        raise ExtractionError(f"{source.name}: is empty; copy or download it again")
    if any(re.match(signature, head) for signature in own if signature):
        return
    actual = next((one for one in FORMATS if one.signature and re.match(one.signature, head)), None)
    if actual and actual.signature == _ZIP:
        raise ExtractionError(f"{source.name}: is an office document or ZIP archive; unpack it or correct its suffix")
    if actual:
        suffix = actual.suffixes[0]
        raise ExtractionError(f"{source.name}: is a {suffix} file despite its suffix; rename it to end in {suffix}")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html")):
        raise ExtractionError(f"{source.name}: is a web page, as failed downloads often are; download it again")


@cache
def _plugins() -> tuple[tuple[Format, ...], tuple[str, ...]]:
    """Return the formats of installed entry points, and a sentence for each entry point that is unusable."""
    rows: list[Format] = []
    failures = []
    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            loaded = entry_point.load()
            found = [loaded] if isinstance(loaded, Format) else list(loaded)
            for row in found:
                if not isinstance(row, Format):
                    raise ValueError(
                        f"{entry_point.value} must be a Format or a list of them, not {type(row).__name__}"
                    )
                for other in (*FORMATS, *rows):
                    if taken := set(row.suffixes) & set(other.suffixes):
                        raise ValueError(f"{min(taken)} files are already read by {other.module}")
            rows += found
        except Exception as error:  # third-party code: whatever it raises must not affect other formats
            package = entry_point.dist.name if entry_point.dist else "its package"
            reason = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            failures.append(
                f"the extractor plug-in {entry_point.name} cannot be used ({reason}); update or uninstall {package}"
            )
    return tuple(rows), tuple(failures)
