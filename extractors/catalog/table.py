"""Read a CSV or JSON Lines file into named columns, and recognise what the columns mean."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Literal

from extractors.catalog.columns import Cell, parse_column, unify_column
from extractors.errors import ExtractionError, NoRows
from extractors.markup.encoding_guess import guess_encoding
from extractors.text.cleaning import replace_surrogates

# Names of columns in lower case with underscores, the likeliest first.
IMAGE_COLUMNS = (
    "image", "image_path", "image_file", "image_filename", "image_url", "image_link", "image_src", "imageurl", "img",
    "img_path", "img_url", "images", "photo", "photo_path", "photo_url", "picture", "picture_path", "picture_url",
    "thumbnail", "thumbnail_url", "file_name", "filename",
)  # fmt: skip
DESCRIPTION_COLUMNS = (
    "description", "product_description", "desc", "long_description", "details", "summary", "caption", "text", "body",
)  # fmt: skip
TITLE_COLUMNS = (
    "title", "name", "product_name", "product", "product_title", "item_name", "headline", "label",
)  # fmt: skip
ID_COLUMNS = ("id", "sku", "product_id", "item_id", "article_id", "asin", "uid", "uuid")
SINGLE_COLUMNS = frozenset((*IMAGE_COLUMNS, *DESCRIPTION_COLUMNS, *TITLE_COLUMNS, *ID_COLUMNS))
"""Names of columns with one text per cell, whatever punctuation it has."""
VAGUE_COLUMNS = frozenset(("caption", "text", "body"))
"""Names of descriptions that many other tables have too: alone they do not make a table a catalogue."""
QUESTION_COLUMNS = frozenset(("question", "query", "where"))
"""Names in files of questions for `diptych query --batch`, which may have a column of pictures as well."""
MAX_BYTES = 512 << 20
MAX_CELLS = 20_000_000
"""Of all columns. It is Python that reads catalogues, outside of workers; with so many short cells it takes 2 GB."""
HEAD_BYTES = 1 << 20
"""Bytes from which the header and the delimiter are determined."""
DELIMITER_ROWS = 20
"""Rows that are compared to find the delimiter."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """The content of a catalogue."""

    path: Path
    columns: Mapping[str, Sequence[Cell]]
    """Column name -> one cell per row, None where it is empty."""
    numbers: Sequence[int]
    """Numbers of the rows, from 1."""
    notes: tuple[str, ...] = ()
    """Rows that could not be read."""

    def column(self, names: Iterable[str]) -> str | None:
        """Return the name of the first column that is one of `names`, in the order of `names`."""
        return next(iter(self.known_columns(names)), None)

    def known_columns(self, names: Iterable[str]) -> list[str]:
        """Return the names of all columns that are one of `names`, in the order of `names`."""
        by_name = {_plain_name(column): column for column in reversed(list(self.columns))}
        return [by_name[name] for name in names if name in by_name]

    def image_references(self) -> list[list[str]]:
        """Return the pictures that each row names: all its files, or else the URLs in its likeliest column.

        Rows that name a file often name the same picture by URL, too.
        """
        columns = [self.columns[name] for name in self.known_columns(IMAGE_COLUMNS)]
        return [_row_references([column[row] for column in columns]) for row in range(len(self.numbers))]


def table_kind(path: Path, *, strict: bool) -> Literal["catalogue", "questions", "table"]:
    """Return what a file is by its columns; only its head is read.

    A catalogue has a column of pictures or descriptions; `strict`: not only one with a vague name. Raises
    `ExtractionError` when the file cannot be opened.
    """
    try:
        with path.open("rb") as file:
            head = _decode(file.read(HEAD_BYTES))
        if path.suffix.lower() == ".jsonl":
            header = _first_json_names(path, head)
        else:
            header = next(csv.reader(io.StringIO(head, newline=""), delimiter=find_delimiter(head)), [])
    except OSError as error:
        raise ExtractionError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except (ValueError, RecursionError, csv.Error):
        return "table"
    names = {_plain_name(name) for name in header}
    if names & QUESTION_COLUMNS:
        return "questions"
    known = {*IMAGE_COLUMNS, *DESCRIPTION_COLUMNS} - (VAGUE_COLUMNS if strict else frozenset())
    return "catalogue" if names & known else "table"


def _first_json_names(path: Path, head: str) -> list[str]:
    """The names of the first row that is a JSON object; single rows may be damaged.

    Raises `ExtractionError` if every row is.
    """
    any_json = len(head) >= HEAD_BYTES or not head.strip()  # the only row may be cut
    for line in filter(str.strip, head.split("\n")):
        with suppress(ValueError, RecursionError):
            row, any_json = json.loads(line), True
            if isinstance(row, dict):
                return list(row)
    if not any_json:
        raise ExtractionError(f"{path}: has no row that is JSON; copy or download it again")
    return []


def read_catalog(path: Path) -> Catalog:
    """Read a catalogue.

    Raises `ExtractionError` when the file is not a table, or has neither pictures nor descriptions.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ExtractionError(f"{path}: larger than {MAX_BYTES >> 20} MiB; split it into several files")
        text = _decode(path.read_bytes())
        catalog = _read_json_lines(path, text) if path.suffix.lower() == ".jsonl" else _read_csv(path, text)
    except OSError as error:
        raise ExtractionError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise ExtractionError(f"{path}: cannot be read as a table ({error}); save it as CSV in UTF-8") from error
    if not catalog.numbers:
        if not catalog.notes:
            raise NoRows(f"{path}: has no rows")
        raise ExtractionError(f"{path}: has no rows; {catalog.notes[0]}")
    if not catalog.known_columns((*IMAGE_COLUMNS, *DESCRIPTION_COLUMNS)):
        known = "image, image_url, photo, picture or description"
        raise ExtractionError(f"{path}: not a catalogue, because no column is called {known}; rename one")
    return catalog


def is_url(reference: str) -> bool:
    """Return True when a row's picture is on a web server."""
    return reference.lower().startswith(("http://", "https://"))


def _row_references(cells: Iterable[Cell]) -> list[str]:
    """Return what the image columns of a row name, without repetitions."""
    by_column = [_split_references(cell) for cell in cells if cell is not None]
    files = [reference for references in by_column for reference in references if not is_url(reference)]
    return list(dict.fromkeys(files or next(iter(by_column), [])))


def _split_references(cell: Cell) -> list[str]:
    """Return the references in a list, or in a text such as `front.jpg; back.jpg`."""
    if isinstance(cell, list):
        return [str(item).strip() for item in cell]
    text = str(cell).strip()
    parts = [part.strip() for part in re.split(r"[;|,]", text)]
    return parts if all(PurePosixPath(part).suffix for part in parts) else [text]


def _plain_name(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _decode(data: bytes) -> str:
    """Decode UTF-16 with a byte order mark, else UTF-8, else an old code page of spreadsheet programs."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    text = data.decode("utf-8-sig", "replace")
    # The last character may be cut off where only the head of a file is read.
    return text if "\ufffd" not in text[:-1] else data.decode(guess_encoding(data) or "cp1252", "replace")


def find_delimiter(text: str) -> str:
    """Return the delimiter that cuts the first rows into the largest equal number of columns."""

    def score(delimiter: str) -> tuple[bool, int]:
        rows = filter(None, csv.reader(io.StringIO(text[:HEAD_BYTES], newline=""), delimiter=delimiter))
        widths = [len(row) for row in islice(rows, DELIMITER_ROWS)] or [0]
        return len(set(widths)) == 1 and widths[0] > 1, widths[0]

    return max(",;\t|", key=score)


def _read_csv(path: Path, text: str) -> Catalog:
    delimiter = find_delimiter(text)
    _check_cells(path, text.count(delimiter) + text.count("\n"))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header, *rows = [row for row in reader if any(map(str.strip, row))] or [[]]
    _check_cells(path, len(header) * len(rows))
    columns = {
        name.strip(): parse_column(
            [row[at].strip() if at < len(row) else "" for row in rows], lists=_plain_name(name) not in SINGLE_COLUMNS
        )
        for at, name in enumerate(header)
        if name.strip()
    }
    return Catalog(path, columns, range(1, len(rows) + 1))


def _read_json_lines(path: Path, text: str) -> Catalog:
    _check_cells(path, sum(map(text.count, ",[{")))
    rows: dict[int, dict[str, object]] = {}
    notes = []
    for number, line in enumerate(filter(str.strip, text.split("\n")), 1):
        try:
            row = replace_surrogates(json.loads(line))
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            rows[number] = row
        else:
            notes.append(f"{path.name}: row {number} is not a JSON object and was left out")
    names = dict.fromkeys(name for row in rows.values() for name in row if name.strip())
    _check_cells(path, len(names) * len(rows))
    columns = {name.strip(): unify_column([row.get(name) for row in rows.values()]) for name in names}
    return Catalog(path, columns, list(rows), tuple(notes))


def _check_cells(path: Path, number: int) -> None:
    if number > MAX_CELLS:
        raise ExtractionError(f"{path}: more than {MAX_CELLS:,} cells; split it into several files")
