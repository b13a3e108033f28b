"""Marked-up text: HTML and MHTML, Markdown, reStructuredText, plain text and EPUB, each as blocks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from extractors.blocks.assembly import extract_blocks
from extractors.blocks.types import BlockDocument
from extractors.markup.epub import read_epub
from extractors.markup.lightweight import read_markdown, read_rst
from extractors.markup.notebook import read_notebook
from extractors.markup.plain_text import read_plain_text
from extractors.markup.web_page import read_mhtml, read_page
from extractors.timing import StageTimer
from extractors.types import Extraction, Options, Source

_READERS: dict[str, Callable[[Path, str], BlockDocument]] = {
    ".epub": read_epub,
    ".htm": read_page,
    ".html": read_page,
    ".ipynb": read_notebook,
    ".markdown": read_markdown,
    ".md": read_markdown,
    ".mht": read_mhtml,
    ".mhtml": read_mhtml,
    ".rst": read_rst,
    ".text": read_plain_text,
    ".txt": read_plain_text,
    ".xhtml": read_page,
}


def load_libraries() -> None:
    """Import lxml and what stores pictures."""
    import lxml.etree  # noqa: F401

    from extractors.photos import extractor

    extractor.load_libraries()


def extract(source: Source, options: Options, pictures: Path) -> Extraction:
    """Extract one file. Raises `ExtractionError` when it is not text, or cannot be read."""
    timer = StageTimer()
    with timer.stage("open"):
        document = _READERS[source.path.suffix.lower()](source.path, source.name)
    fields = {**document.fields, **source.fields}
    return extract_blocks(replace(source, fields=fields), document, options, pictures, timer)
