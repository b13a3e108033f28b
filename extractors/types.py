"""What goes into an extractor and what comes out: plain, frozen data.

Boxes are (x0, y0, x1, y1) in PDF points of the page as displayed (after rotation and cropping), origin top left.
Pages and slides count from 1.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Box = tuple[float, float, float, float]
FieldValue = str | int | float | bool
Field = FieldValue | list[FieldValue]
"""A field of the user's own: one value, or several of one type, such as tags."""

PassageKind = Literal["text", "table", "notes", "form"]
"""`notes`: of a speaker, or comments on a page or cell; `form`: the filled fields of a form."""
PictureKind = Literal["figure", "panel", "table", "slide", "page", "photo"]
"""A `figure` of several panels is kept as a whole, and each `panel` that stands apart as a picture of its own."""
WHOLE_KINDS: tuple[PictureKind, ...] = ("page", "slide")
"""Pictures that show a whole page."""
PageImages = Literal["all", "visual", "none"]
OcrEngine = Literal["auto", "tesseract", "rapidocr", "off"]

IMAGE_SUFFIXES = (".png", ".jpg", ".webp", ".gif", ".tif", ".bmp")


@dataclass(frozen=True, slots=True)
class FileState:
    """What a listing says about a file without reading it."""

    size: int = 0
    """Bytes."""
    modified: float = 0.0
    """Seconds since 1970; 0 if unknown."""
    marker: str = ""
    """Changes whenever the bytes change, and may change without; empty if the place has nothing of the kind."""


@dataclass(frozen=True, slots=True)
class Source:
    """One document before it is opened: a file, or a row of a catalogue."""

    path: Path
    """The local file; for a row, the catalogue. See `extractors.addresses` for documents elsewhere."""
    uri: str
    """The document's address and identity: `file:///…/manual.pdf`, `s3://bucket/manual.pdf`, `…/products.csv#17`."""
    name: str
    """The name used in filters: `manual.pdf`, `products.csv#17`."""
    sha256: str
    """Hash of the file's bytes, empty before they are read; for a row, of its cells and its pictures."""
    media_type: str
    fields: Mapping[str, Field] = field(default_factory=dict)
    """The user's own typed fields (price, category, date …)."""
    title: str = ""
    description: str = ""
    images: tuple[Path, ...] = ()
    """The pictures of a row, as local files."""
    problems: tuple[str, ...] = ()
    """Why a row lacks pictures that it names; its document is then partial."""
    notes: tuple[str, ...] = ()
    """What is odd about a row although all of it is stored."""
    passwords: tuple[str, ...] = field(default=(), repr=False)
    """Passwords to try if it is encrypted; set by the sandbox only."""
    skipped_pages: Mapping[int, str] = field(default_factory=dict)
    """Pages that must not be read -> the reason: in an earlier attempt they exceeded a limit of the sandbox."""
    member: str = ""
    """The name of a document in a container, such as `reports/a.pdf` of `archive.zip#reports/a.pdf`."""
    state: FileState = FileState()
    """Of the file; for a row, the size of its pictures and the latest change of catalogue and pictures."""
    unreadable: str = ""
    """Why an archive or a catalogue, whose members or rows would be the documents, cannot be read; then it fails."""


@dataclass(frozen=True, slots=True)
class PageRange:
    """Pages from `first` to `last`; None: to the end."""

    first: int
    last: int | None

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last or ''}"


@dataclass(frozen=True, slots=True)
class Options:
    """How to extract. Part of the pipeline fingerprint, because other values may yield other parts."""

    max_tokens: int = 256
    """Maximum length of a passage with its heading path, in tokens of the text encoder."""
    tokenizer: Path | None = None
    """The `tokenizer.json` that counts tokens; None estimates them from the characters."""
    pages: Path | None = None
    """Folder that caches the parts of PDF pages, so that an unchanged page costs nothing; None: no cache."""
    page_images: PageImages = "visual"
    ocr: OcrEngine = "auto"
    ocr_languages: str = "eng"
    """Language codes of Tesseract, joined by `+`; `auto`: the installed ones."""
    dpi: int = 150
    """Minimum resolution of vector crops and page images."""
    page_range: PageRange | None = None
    """The only pages to read; None: all."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image in the picture store, named by the hash of its bytes; see `extractors.pictures.store`."""

    sha256: str
    suffix: str
    """One of `IMAGE_SUFFIXES`."""
    width: int
    """Pixels."""
    height: int

    def __post_init__(self) -> None:
        """Raise `ValueError` for a malformed name: it becomes a path, and may come from an untrusted file."""
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256) or self.suffix not in IMAGE_SUFFIXES:
            raise ValueError(f"not the name of a stored image: {self.sha256[:80]}{self.suffix[:8]}")


@dataclass(frozen=True, slots=True)
class PageImage:
    """An image of a whole page, with the page's size in points."""

    image: ImageFile
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class TableCell:
    """A cell, with the row and column, from 0, in which it starts."""

    row: int
    column: int
    text: str
    row_span: int = 1
    column_span: int = 1
    header: bool = False
    """True for the headers of columns, the labels of rows and the labels of row groups."""


@dataclass(frozen=True, slots=True)
class TableGrid:
    """The cells of a table; `extractors.table_grid` makes it, and renders it as Markdown, HTML and JSON.

    Raises `ValueError` when a cell reaches beyond it.
    """

    rows: int
    columns: int
    cells: tuple[TableCell, ...]
    """In reading order; places without a cell are empty."""
    header_rows: int = 0
    """How many of the first rows are headers of columns."""
    groups: tuple[int, ...] = ()
    """Rows that begin a row group. If it has a label, that is a header cell as wide as the table; such a cell in
    another row of the group is the label of a subgroup."""

    def __post_init__(self) -> None:
        for cell in self.cells:
            inside = 0 <= cell.row < cell.row + cell.row_span <= self.rows
            if not (inside and 0 <= cell.column < cell.column + cell.column_span <= self.columns):
                raise ValueError(f"a cell reaches beyond its table of {self.rows} rows and {self.columns} columns")


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of text that is searched as one."""

    text: str
    page: int
    box: Box | None = None
    heading: tuple[str, ...] = ()
    """Heading path, outermost first, without the document's title."""
    kind: PassageKind = "text"
    label: str = ""
    """Normalised label of a table, such as `table 2`."""
    caption: str = ""
    """Printed caption of a table."""
    table: TableGrid | None = None
    """The cells of a table, of which `text` is the Markdown."""
    mentions: tuple[str, ...] = ()
    """Normalised labels of the figures and tables it refers to, such as `figure 3a`."""
    ocr: bool = False
    """True when OCR read the text."""
    doubtful: tuple[str, ...] = ()
    """Words of the text that OCR read with little confidence."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is found and shown as one."""

    kind: PictureKind
    page: int
    image: ImageFile
    box: Box | None = None
    """None for a photo, which is not on a page."""
    label: str = ""
    """Normalised label, such as `figure 3a` or `table 2`; empty when none is printed."""
    caption: str = ""
    """The whole printed caption with its label; of a panel, only its own part: `(a) Dry year.`, or empty."""
    words: str = ""
    """Words inside the picture: vector text, else OCR."""
    context: tuple[str, ...] = ()
    """Sentences of the document that refer to it."""
    heading: tuple[str, ...] = ()
    ocr: bool = False
    """True when OCR read `words`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A place that could not be extracted."""

    reason: str
    """One sentence, with what to do if anything can be done."""
    page: int | None = None
    """None for the whole document."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an extraction found, and what it could not extract."""

    pages: int
    """0 for a file without pages."""
    captions_matched: int = 0
    captions_unmatched: tuple[str, ...] = ()
    """Captions without a picture or table."""
    ocr_pages: tuple[int, ...] = ()
    flagged_pages: tuple[int, ...] = ()
    """Pages that look visual but yielded no figure; kept as page images unless those are switched off."""
    uncertain_pages: tuple[int, ...] = ()
    """Pages whose reading order is uncertain: that by their layout and that in the file differ."""
    problems: tuple[Problem, ...] = ()
    """A document with problems is partial."""
    worker_stopped: bool = False
    """True when pages are missing because they exceeded a limit of the sandbox."""
    notes: tuple[str, ...] = ()
    """What the user should know although nothing failed, such as a missing program or hidden slides."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Seconds by stage: open, layout, figures, tables, ocr, render, pictures, passages …"""


@dataclass(frozen=True, slots=True)
class Extraction:
    """All parts of one document, in reading order."""

    source: Source
    passages: tuple[Passage, ...]
    pictures: tuple[Picture, ...]
    report: Report
    title: str = ""
    shift: int = 0
    """Page minus the number printed on it, where pages agree: printed page 17 may be page 20 of the file."""
    paged: bool = True
    """False for a file without pages, such as HTML: all parts are on page 1, and their place is their heading path."""
