"""What reads the formats, and what is missing without it: for people who ask what this installation can read."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Program:
    """A program that an extractor runs if it is installed."""

    name: Literal["LibreOffice", "poppler", "Tesseract"]
    without: str
    """What is missing without it."""
    required: bool = False
    """Without it, no such file can be read."""


@dataclass(frozen=True, slots=True)
class Reader:
    """The packages and programs that read some formats."""

    label: str
    """What such files are called."""
    packages: tuple[str, ...] = ()
    """Names on PyPI; empty for what Python itself reads."""
    programs: tuple[Program, ...] = ()


_OCR = Program("Tesseract", "words in images are read by RapidOCR, which is slower")
UNKNOWN = Reader("other")
PDF = Reader("PDF", ("pymupdf",), (_OCR, Program("poppler", "pages that MuPDF cannot render are lost")))
SLIDES = Reader("slides", ("python-pptx",), (Program("LibreOffice", "slides have no images"),))
OLD_SLIDES = Reader("slides", ("python-pptx",), (Program("LibreOffice", "cannot be read", required=True),))
IMAGE = Reader("image", ("pillow",), (_OCR,))
HEIF = Reader("image", ("pillow-heif",), (_OCR,))
DRAWING = Reader("drawing", ("resvg-py",))
TEXT_DOCUMENT = Reader(
    "text document",
    ("python-docx", "lxml"),
    (Program("LibreOffice", "parts have no pages and drawings no images"), _OCR),
)
OLD_TEXT_DOCUMENT = Reader(
    "text document", ("python-docx",), (Program("LibreOffice", "cannot be read", required=True),)
)
RICH_TEXT = Reader(
    "text document",
    ("striprtf", "python-docx"),
    (Program("LibreOffice", "only the text is read, without headings, tables and pictures"),),
)
MAIL = Reader("mail")
OUTLOOK_MAIL = Reader("mail", ("python-oxmsg",))
ARCHIVE = Reader("archive")
WORKBOOK = Reader("workbook", ("openpyxl", "python-calamine"), (Program("LibreOffice", "charts have no images"),))
OLD_WORKBOOK = Reader("workbook", ("python-calamine",))
WEB_PAGE = Reader("web page", ("lxml",))
MARKDOWN = Reader("Markdown", ("markdown-it-py", "mdit-py-plugins"))
RESTRUCTURED_TEXT = Reader("reStructuredText", ("docutils",))
PLAIN_TEXT = Reader("plain text")
NOTEBOOK = Reader("notebook", ("markdown-it-py",))
E_BOOK = Reader("e-book", ("lxml",))
CATALOGUE = Reader("catalogue or table")
