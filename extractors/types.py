"""What goes into an extractor and what comes out: plain, frozen data.

Boxes are (x0, y0, x1, y1) in PDF points, origin top left, of the page as it is displayed
(after rotation and cropping). Pages and slides count from 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Box = tuple[float, float, float, float]
FieldValue = str | int | float | bool

PassageKind = Literal["text", "table", "notes"]
PictureKind = Literal["figure", "compound", "table", "slide", "page", "photo"]
"""`compound`: a figure of several panels as a whole, with its label, its caption and all words in it; each panel is a
`figure` of its own under the same caption."""
PageImages = Literal["all", "visual", "none"]
OcrEngine = Literal["auto", "tesseract", "rapidocr", "off"]


IMAGE_SUFFIXES = (".png", ".jpg", ".webp", ".gif", ".tif", ".bmp")


@dataclass(frozen=True, slots=True)
class Source:
    """One document before it is opened: a file, or one row of a catalogue."""

    path: Path
    """The local file; for a catalogue row, the catalogue itself."""
    uri: str
    """Where the document lives, and its identity: `file:///…/manual.pdf`, `file:///…/products.csv#17`."""
    name: str
    """The document's name as people filter by it: `manual.pdf`, `products.csv#17`."""
    sha256: str
    """Of the file's bytes; for a catalogue row, of the row and its picture's bytes."""
    media_type: str
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    """The user's own typed fields (price, category, date …)."""
    title: str = ""
    description: str = ""
    image: Path | None = None
    """A catalogue row's picture, already on this machine."""
    problem: str = ""
    """Why a row has no picture though it names one; its extraction is partial."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to extract. Part of the pipeline fingerprint: another value may give other parts."""

    max_tokens: int = 256
    """Upper bound of a passage with its heading path, in tokens of the text encoder."""
    tokenizer: Path | None = None
    """A `tokenizer.json` to count tokens with; None estimates them from the characters."""
    pages: Path | None = None
    """Folder where the parts of PDF pages are kept, so that a page that comes again costs nothing; None: nowhere."""
    page_images: PageImages = "visual"
    ocr: OcrEngine = "auto"
    ocr_languages: str = "eng"
    """Tesseract's language codes, joined by `+`."""
    dpi: int = 150
    """Least resolution of vector crops and page images."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A picture's bytes, stored once under their hash; see `images.save`."""

    sha256: str
    suffix: str
    """`.png`, `.jpg` or `.webp`."""
    width: int
    """Pixels."""
    height: int

    def __post_init__(self) -> None:
        """It becomes a path, and may come out of a store or an export that somebody else wrote."""
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256) or self.suffix not in IMAGE_SUFFIXES:
            raise ValueError(f"no picture file is called {self.sha256[:80]}{self.suffix[:8]}")


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
    """Of a table: its normalised label, `table 2`."""
    caption: str = ""
    """Of a table: its printed caption."""
    mentions: tuple[str, ...] = ()
    """Normalised labels of the figures and tables it refers to: `figure 3`, `figure 3a`, `table 1`."""
    ocr: bool = False
    """True when the words were read from pixels."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is found and shown as one."""

    kind: PictureKind
    page: int
    image: ImageFile
    box: Box | None = None
    """None for a photo: it has no page to lie on."""
    label: str = ""
    """Normalised label: `figure 3`, `figure 3a`, `table 2`; empty when none is printed."""
    caption: str = ""
    """The printed caption in full, label included; sub-figures share their figure's caption."""
    words: str = ""
    """The words inside: vector text, else OCR."""
    context: tuple[str, ...] = ()
    """Sentences of the document that refer to it."""
    heading: tuple[str, ...] = ()
    ocr: bool = False
    """True when `words` were read from pixels."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A place that could not be extracted, so that no loss is silent."""

    reason: str
    """One clear sentence, way out included where there is one."""
    page: int | None = None
    """None: the whole document."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an extraction did and what it could not do."""

    pages: int
    captions_matched: int = 0
    captions_unmatched: tuple[str, ...] = ()
    """The captions that no picture or table was found for."""
    ocr_pages: tuple[int, ...] = ()
    flagged_pages: tuple[int, ...] = ()
    """Pages that look visual but gave no figure; kept as page images unless that is switched off."""
    problems: tuple[Problem, ...] = ()
    """Not empty: the document is partial."""
    notes: tuple[str, ...] = ()
    """What the user should know though nothing failed: a missing program, hidden slides."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Seconds by stage: open, layout, figures, tables, ocr, render, passages …"""


@dataclass(frozen=True, slots=True)
class Extraction:
    """All parts of one document, in reading order."""

    source: Source
    passages: tuple[Passage, ...]
    pictures: tuple[Picture, ...]
    report: Report
    title: str = ""
    shift: int = 0
    """Page less the number printed on it, where the pages agree: what people call page 17 may be the file's page 20."""
