"""Catalogue rows as documents: the title, description and fields as text, the picture with the title as caption."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from extractors.addresses import place_uri
from extractors.catalog.columns import Cell, cell_text, odd_cells
from extractors.catalog.pictures import PictureFiles, file_state, find_picture
from extractors.catalog.table import DESCRIPTION_COLUMNS, ID_COLUMNS, IMAGE_COLUMNS, TITLE_COLUMNS, Catalog, is_url
from extractors.errors import ExtractionError
from extractors.formats import find_format, is_row
from extractors.types import Extraction, Field, FileState, Options, Picture, Problem, Report, Source

MAX_NOTED_CELLS = 3
"""Of a column that is text because of them."""


def row_sources(
    catalog: Catalog, downloads: Mapping[str, Path | str], files: PictureFiles | None = None
) -> list[Source]:
    """Return one source per row. `downloads` maps image URLs to the local file, or to the reason why there is none.

    `files`: where pictures may be outside the catalogue's folder.
    """
    description, title = catalog.column(DESCRIPTION_COLUMNS), catalog.column(TITLE_COLUMNS)
    not_fields = {description, *catalog.known_columns(IMAGE_COLUMNS)}
    files = files or PictureFiles()
    catalog_format = find_format(catalog.path)
    changed = file_state(catalog.path, files).modified
    texts = not_fields | set(catalog.known_columns((*TITLE_COLUMNS, *ID_COLUMNS)))
    notes = _column_notes({name: cells for name, cells in catalog.columns.items() if name not in texts})
    sources = []
    for at, (name, references) in enumerate(zip(_row_names(catalog), catalog.image_references(), strict=True)):
        uri = f"{place_uri(catalog.path.resolve())}#{quote(name, safe='')}"
        row = {column: value for column, cells in catalog.columns.items() if (value := cells[at]) is not None}
        found = [
            downloads.get(reference, f"{reference}: was not downloaded")
            if is_url(reference)
            else find_picture(catalog.path, uri, reference, files)
            for reference in references
        ]
        images = tuple(dict.fromkeys(picture for picture in found if isinstance(picture, Path)))
        states = [file_state(image, files) for image in images]
        sources.append(
            Source(
                path=catalog.path,
                uri=uri,
                name=f"{catalog.path.name}#{name}",
                sha256=_row_digest(row, images, files),
                media_type=catalog_format.media_type if catalog_format else "",
                fields={re.sub(r"\s+", "_", key): value for key, value in row.items() if key not in not_fields},
                title=cell_text(row.get(title or "")),
                description=cell_text(row.get(description or "")),
                images=images,
                problems=tuple(picture for picture in found if isinstance(picture, str)),
                notes=tuple(notes.get(at, ())),
                state=FileState(sum(one.size for one in states), max(changed, *(one.modified for one in states), 0.0)),
            )
        )
    return sources


def load_libraries() -> None:
    """Import the extractor of pictures and its libraries."""
    from extractors.photos import extractor

    extractor.load_libraries()


def extract(source: Source, options: Options, pictures: Path) -> Extraction:
    """Extract one row, or a file that is no catalogue as a table.

    Raises `ExtractionError` when a row has neither text nor a picture, and as `extract_table` does.
    """
    from extractors.catalog.plain_table import extract_table

    if not is_row(source.uri):
        return extract_table(source, options, pictures)
    from extractors.photos.extractor import extract_picture
    from extractors.text.headings import HeadedParagraph
    from extractors.text.paragraphs import Paragraph
    from extractors.text.passages import PassageLimit, build_passages
    from extractors.text.sentences import split_sentences

    title = _plain_text(source.title)
    description = "" if _plain_text(source.description) == title else source.description
    fields = " ".join(  # as sentences ("colour: red. price: 129.99."), without URLs and the title
        field_sentence(name, value)
        for name, value in source.fields.items()
        if _plain_text(cell_text(value)) != title and not is_url(str(value))
    )
    lines = filter(None, (source.title, description, fields))
    no_box = (0.0, 0.0, 0.0, 0.0)
    paragraphs = [HeadedParagraph(Paragraph((line,), 1, no_box, size=10.0), ()) for line in lines]
    passages = tuple(replace(one, box=None) for one in build_passages(paragraphs, PassageLimit.of(options)))
    problems = [Problem(problem, 1) for problem in source.problems]
    found: list[Picture] = []
    for image in source.images:
        try:
            picture, picture_problems = extract_picture(image, image.name, 1, options, pictures)
            context = tuple(split_sentences(source.description))
            found.append(replace(picture, caption=source.title, context=context))
            problems += picture_problems
        except ExtractionError as error:
            problems.append(Problem(str(error), 1))
    if not passages and not found:
        raise ExtractionError(f"{source.name}: the row is empty" + "".join(f"; {one.reason}" for one in problems))
    return Extraction(
        source, passages, tuple(found), Report(1, problems=tuple(problems), notes=source.notes), source.title
    )


def _column_notes(columns: Mapping[str, Sequence[Cell]]) -> dict[int, list[str]]:
    """Index of a row -> sentences about its cells that keep a column from being one of numbers."""
    notes = defaultdict(list)
    for name, cells in columns.items():
        for at in odd_cells(cells)[:MAX_NOTED_CELLS]:
            notes[at].append(f'the column {name} is text, because "{cell_text(cells[at])[:60]}" is no number')
    return notes


def field_sentence(name: str, value: Field) -> str:
    """Return a field as a sentence, such as `colour: red, blue.`, without doubling a full stop."""
    sentence = f"{name}: {cell_text(value)}"
    return sentence if sentence.endswith((".", "!", "?", "…", "。")) else f"{sentence}."


def _plain_text(text: str) -> str:
    """Return a text for comparison: without case, extra white space and final full stop."""
    return " ".join(text.casefold().split()).rstrip(".")


def _row_names(catalog: Catalog) -> list[str]:
    """Return the rows' ids if every row has one of its own (a new row then renames no other), else their numbers."""
    if column := catalog.column(ID_COLUMNS):
        ids = [cell_text(cell) for cell in catalog.columns[column] if cell is not None]
        if len(ids) == len(set(ids)) == len(catalog.numbers):
            return ids
    return [str(number) for number in catalog.numbers]


def _row_digest(row: Mapping[str, Cell], images: Iterable[Path], files: PictureFiles) -> str:
    """Of the cells and the bytes of the pictures; of pictures elsewhere, what shows that they have changed."""
    digest = hashlib.sha256(json.dumps(row, sort_keys=True, ensure_ascii=False).encode())
    for image in images:
        if image in files.elsewhere:
            state = files.elsewhere[image]
            digest.update((state.marker or repr(state)).encode())
            continue
        with image.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
