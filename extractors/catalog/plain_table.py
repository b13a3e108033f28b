"""CSV and TSV files that are no catalogues: the whole file is one document with its table."""

import csv
import io
from pathlib import Path

from extractors.blocks.assembly import extract_blocks
from extractors.blocks.types import BlockDocument
from extractors.catalog.table import find_delimiter
from extractors.errors import ExtractionError
from extractors.markup.encoding import decode_text
from extractors.sheets.extractor import sheet_blocks
from extractors.sheets.types import MAX_CELLS, TOO_LARGE, Cell, Sheet, text_cell
from extractors.types import Extraction, Options, Source


def extract_table(source: Source, options: Options, pictures: Path) -> Extraction:
    """Extract a table in text. Raises `ExtractionError` when it is empty, too large, or no text."""
    text = decode_text(source.path.read_bytes(), source.name)
    cells: dict[tuple[int, int], Cell] = {}
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=find_delimiter(text))
        for number, row in enumerate(rows):
            values = [value.strip() for value in row]
            is_row = sum(map(bool, values)) > 1  # its empty cells are part of it, unlike those beside a title
            cells |= {(number, at): text_cell(one) for at, one in enumerate(values) if one or is_row}
            if len(cells) > MAX_CELLS:
                raise ExtractionError(f"{source.name}: {TOO_LARGE}")
    except csv.Error as error:
        raise ExtractionError(f"{source.name}: cannot be read as a table ({error}); save it as CSV in UTF-8") from error
    return extract_blocks(source, BlockDocument(sheet_blocks(Sheet("", cells), 1)), options, pictures)
