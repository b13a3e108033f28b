"""Catalogues: CSV and JSONL files of which every row is a document: a picture, its description and typed fields."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from extractors.catalog.columns import typed
from extractors.catalog.fields import URL, bare, words
from extractors.errors import ExtractionError
from extractors.formats import find_format
from extractors.types import Extraction, FieldValue, Options, Picture, Problem, Report, Source

# Names of columns in small letters, the likeliest first.
_IMAGE = (
    "image image_path image_file image_filename image_url image_link image_src imageurl img img_path img_url images "
    "photo photo_path photo_url picture picture_path picture_url thumbnail thumbnail_url file_name filename"
)
_DESCRIPTION = "description product_description desc long_description details summary caption text body"
_TITLE = "title name product_name product product_title item_name headline label"
_ID = "id sku product_id item_id article_id asin uid uuid"
# Files of questions, as `diptych query --batch` reads them, may name pictures too.
_QUESTION = frozenset(("question", "query", "where"))
_MAX_BYTES = 512 * 2**20
_HEAD = 2**20

Cell = FieldValue | None
Fetched = Mapping[str, Path | str]
"""URL -> the fetched file, or the sentence that says why there is none."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """A catalogue as read, before its pictures are looked for."""

    path: Path
    columns: Mapping[str, Sequence[Cell]]
    """Column name -> one cell a row; None where it is empty."""
    numbers: Sequence[int]
    """The rows' numbers, from 1."""
    notes: tuple[str, ...] = ()
    """Rows that could not be read."""

    def column(self, names: str) -> str | None:
        """The first of the catalogue's columns that goes by one of `names`, in the order of `names`."""
        return next(iter(_known(self.columns, names)), None)

    def images(self) -> list[str]:
        """What each row names as its picture: a path, a URL, or nothing."""
        columns = [self.columns[name] for name in _known(self.columns, _IMAGE)]
        return [next((str(cell).strip() for cell in cells if cell), "") for cells in zip(*columns, strict=True)] or [
            "" for _ in self.numbers
        ]


def is_catalog(path: Path) -> bool:
    """Whether the file's first row has a column of pictures or of descriptions; only its head is read."""
    try:
        with path.open("rb") as file:
            head = _decode(file.read(_HEAD))
        names = _header(head, path)
    except (OSError, ValueError, csv.Error):
        return False
    known = {_plain(name) for name in names}
    return bool(known & {*_IMAGE.split(), *_DESCRIPTION.split()[:-3]}) and not known & _QUESTION


def is_url(image: str) -> bool:
    """Whether a row's picture lies on a web server."""
    return image.lower().startswith(URL)


def read(path: Path) -> Catalog:
    """Read a catalogue. Raises `ExtractionError` when it is no table, or has neither pictures nor descriptions."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ExtractionError(f"{path}: larger than {_MAX_BYTES >> 20} MiB; split it into several files")
        text = _decode(path.read_bytes())
        catalog = _from_jsonl(path, text) if path.suffix.lower() == ".jsonl" else _from_csv(path, text)
    except OSError as error:
        raise ExtractionError(f"{path}: cannot be read ({error.strerror})") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise ExtractionError(f"{path}: not a table that can be read ({error}); save it as CSV in UTF-8") from error
    if not catalog.numbers:
        raise ExtractionError(f"{path}: has no rows" + "".join(f"; {note}" for note in catalog.notes[:1]))
    if catalog.column(_IMAGE) is None and catalog.column(_DESCRIPTION) is None:
        raise ExtractionError(
            f"{path}: not a catalogue: no column is called image, image_url, photo, picture or description; rename one"
        )
    return catalog


def rows(path: Path) -> list[Source]:
    """One source a row, for a catalogue whose pictures lie beside it. Raises `ExtractionError`."""
    return sources(read(path), {})


def extract(source: Source, options: Options, pictures: Path) -> Extraction:
    """Read one row: its title, description and fields as text, its picture with the title as caption."""
    from extractors.photos import extractor as photos
    from extractors.text.headings import HeadedParagraph
    from extractors.text.paragraphs import Paragraph
    from extractors.text.passages import PassageLimit, build_passages
    from extractors.text.sentences import split_sentences

    nowhere = (0.0, 0.0, 0.0, 0.0)
    said = "" if bare(source.description) == bare(source.title) else source.description
    lines = [text for text in (source.title, said, words(source)) if text]
    placed = [HeadedParagraph(Paragraph((line,), 1, nowhere, 10.0), ()) for line in lines]
    made = build_passages(placed, PassageLimit.of(options))
    problems = [Problem(source.problem, 1)] if source.problem else []
    found: list[Picture] = []
    if source.image is not None:
        try:
            picture, more = photos.of_row(source.image, options, pictures)
            found = [replace(picture, caption=source.title, context=tuple(split_sentences(source.description)))]
            problems += more
        except ExtractionError as error:
            problems.append(Problem(str(error), 1))
    if not made and not found:
        raise ExtractionError(f"{source.name}: the row is empty" + "".join(f"; {one.reason}" for one in problems))
    passages = tuple(replace(passage, box=None) for passage in made)
    return Extraction(source, passages, tuple(found), Report(1, problems=tuple(problems)), source.title)


def sources(catalog: Catalog, fetched: Fetched) -> list[Source]:
    """One source a row; `fetched` says where the pictures lie that are named by URL."""
    described, titled = catalog.column(_DESCRIPTION), catalog.column(_TITLE)
    pictured = {*_known(catalog.columns, _IMAGE)}
    images, names = catalog.images(), _names(catalog)
    row_format = find_format(catalog.path)
    media_type = row_format.media_type if row_format else "text/csv"
    made = []
    for at, name in enumerate(names):
        row = {column: cells[at] for column, cells in catalog.columns.items() if cells[at] is not None}
        image, problem = _picture(catalog.path, images[at], fetched)
        made.append(
            Source(
                path=catalog.path,
                uri=f"{catalog.path.resolve().as_uri()}#{quote(name, safe='')}",
                name=f"{catalog.path.name}#{name}",
                sha256=_digest(row, image),
                media_type=media_type,
                fields={
                    re.sub(r"\s+", "_", column): value
                    for column, value in row.items()
                    if value is not None and column != described and column not in pictured
                },
                title=str(row.get(titled or "", "")),
                description=str(row.get(described or "", "")),
                image=image,
                problem=problem,
            )
        )
    return made


def _plain(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _known(columns: Mapping[str, object], names: str) -> list[str]:
    called = {_plain(column): column for column in reversed(list(columns))}
    return [called[name] for name in names.split() if name in called]


def _names(catalog: Catalog) -> list[str]:
    """What each row is called: its id if each row has its own, so that a new row renames none; else its number."""
    if column := catalog.column(_ID):
        ids = [str(cell) for cell in catalog.columns[column] if cell is not None]
        if len(ids) == len(set(ids)) == len(catalog.numbers):
            return ids
    return [str(number) for number in catalog.numbers]


def _picture(catalog: Path, image: str, fetched: Fetched) -> tuple[Path | None, str]:
    """Where a row's picture lies, and what is wrong with it. Only files below the catalogue's folder are opened."""
    if not image:
        return None, ""
    if is_url(image):
        found = fetched.get(image, f"{image}: was not fetched")
        return (found, "") if isinstance(found, Path) else (None, found)
    root = catalog.parent.resolve()
    try:
        file = (root / image.replace("\\", "/")).resolve()
        if not file.is_relative_to(root):
            return None, f"{image}: outside of the catalogue's folder; keep the pictures beside {catalog.name}"
        if not file.is_file():
            return None, f"{image}: no such picture beside {catalog.name}; correct the row or add the file"
    except (OSError, ValueError):
        return None, f"{image[:100]}: not the name of a file; correct the row in {catalog.name}"
    return file, ""


def _digest(row: Mapping[str, Cell], image: Path | None) -> str:
    digest = hashlib.sha256(json.dumps(row, sort_keys=True, ensure_ascii=False).encode())
    if image is not None:
        with image.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _decode(data: bytes) -> str:
    """UTF-8 or UTF-16 by their marks, else UTF-8, else the old code page of spreadsheets."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    text = data.decode("utf-8-sig", "replace")
    # A multi-byte sign cut at the end of a head is no reason to take another encoding.
    return text if "�" not in text[:-1] else data.decode("cp1252", "replace")


def _header(head: str, path: Path) -> list[str]:
    if path.suffix.lower() == ".jsonl":
        first = next((line for line in head.splitlines() if line.strip()), "{}")
        row = json.loads(first)
        return list(row) if isinstance(row, dict) else []
    return next(csv.reader(io.StringIO(head, newline=""), delimiter=_delimiter(head)), [])


def _delimiter(text: str) -> str:
    """The delimiter that cuts the first rows into most columns of equal number; quoted ones do not count."""

    def score(delimiter: str) -> tuple[bool, int]:
        widths = []
        for row in csv.reader(io.StringIO(text[:_HEAD], newline=""), delimiter=delimiter):
            widths += [len(row)] if row else []
            if len(widths) == 20:
                break
        return bool(widths) and len(set(widths)) == 1 and widths[0] > 1, widths[0] if widths else 0

    return max(",;\t|", key=score)


def _from_csv(path: Path, text: str) -> Catalog:
    lines = [
        row for row in csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)) if any(map(str.strip, row))
    ]
    header = [name.strip() for name in lines[0]] if lines else []
    body = lines[1:]
    columns = {
        name: typed([row[at].strip() if at < len(row) else "" for row in body])
        for at, name in enumerate(header)
        if name
    }
    return Catalog(path, columns, range(1, len(body) + 1))


def _from_jsonl(path: Path, text: str) -> Catalog:
    found: list[dict[str, object]] = []
    numbers, notes = [], []
    lines = [line for line in text.split("\n") if line.strip()]
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            found.append(row)
            numbers.append(number)
        else:
            notes.append(f"{path.name}: row {number} is not a JSON object; left out")
    names = list(dict.fromkeys(name for row in found for name in row if name.strip()))
    columns = {name.strip(): _alike([_value(row.get(name)) for row in found]) for name in names}
    return Catalog(path, columns, numbers, tuple(notes))


def _value(value: object) -> Cell:
    """A JSON value as a field: lists of words joined, deeper things as JSON text."""
    if isinstance(value, str):
        return value.strip() or None
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return ", ".join(map(str, value)) or None
    return json.dumps(value, ensure_ascii=False)


def _alike(cells: list[Cell]) -> list[Cell]:
    """One type a column: numbers become floats when any is one, anything mixed becomes text."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if len(kinds) < 2:
        return cells
    if kinds == {int, float}:
        return [None if cell is None else float(cell) for cell in cells]
    return [None if cell is None else str(cell) for cell in cells]
