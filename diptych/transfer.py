"""A whole store as files that a person can read, and back: the way to another machine, or up to a server.

    store.json            format, how the texts are read, counts
    documents.jsonl       the register, one document a line
    text.jsonl            one point a line: id, payload, and the row of its vector (null: none)
    text.f32              the vectors of text.jsonl, row after row, little-endian float32
    images.jsonl, images.f32
    pictures/             the picture files under their hashes

Only what counts is exported: a document that is being replaced is written as readers see it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diptych.errors import SourceError, StoreMismatch
from diptych.index import STORE_ID, VECTORS, Collection, Index, Point, Vector, in_batches
from diptych.index.versions import DocumentRecord, bind, note, records, visible
from diptych.points import Reading
from extractors.images import path_of
from extractors.types import ImageFile

FORMAT = 1
BATCH = 256


@dataclass(frozen=True, slots=True)
class Moved:
    documents: int
    text: int
    images: int
    pictures: int


def export_store(index: Index, pictures: Path, folder: Path) -> Moved:
    """Write the store to `folder`, which must be new or empty. Raises `SourceError` when it is not."""
    if folder.exists() and any(folder.iterdir()):
        raise SourceError(f"{folder}: is not empty; give a new folder to export to")
    folder.mkdir(parents=True, exist_ok=True)
    reading, size = _bound(index)
    register = {record.id: record for record in records(index)}
    with (folder / "documents.jsonl").open("w") as file:
        file.writelines(_line(record.payload() | {"retired": []}) for record in register.values())
    counts = {
        name: _export(collection, VECTORS[name], register, folder / name)
        for name, collection in (("text", index.text), ("images", index.images))
    }
    copied = _copy_pictures(folder, pictures, folder / "pictures")
    moved = Moved(len(register), counts["text"], counts["images"], copied)
    facts = {"format": FORMAT, "reading": asdict(reading), "size": size, "counts": asdict(moved)}
    (folder / "store.json").write_text(json.dumps(facts, indent=1) + "\n")  # last: its presence says all is there
    return moved


def dimensions(folder: Path) -> int:
    """Of the vectors in an export: what the store to import into has to be made for."""
    return int(_facts(folder)["size"])


def import_store(folder: Path, index: Index, pictures: Path) -> Moved:
    """Read an export into a store that is new or reads its texts alike; documents it has already are replaced.

    Points come first and do not count until the register names their document, so a run that dies is simply repeated.
    Raises `SourceError` for a folder that is no whole export, `StoreMismatch` for a store that reads otherwise.
    """
    facts = _facts(folder)
    try:
        bind(index, Reading(**facts["reading"]))
    except StoreMismatch as error:
        raise StoreMismatch(
            f"{folder}: its texts were read otherwise than the settings say; set DIPTYCH_ENCODER and DIPTYCH_LANGUAGE "
            f"to what stands under `reading` in {folder / 'store.json'}, import, and reindex then"
        ) from error
    copied = _copy_pictures(folder, folder / "pictures", pictures)
    counts = {
        name: _import(collection, VECTORS[name], folder / name, facts["size"])
        for name, collection in (("text", index.text), ("images", index.images))
    }
    documents = [DocumentRecord.of(payload) for payload in _lines(folder / "documents.jsonl")]
    for record in documents:
        note(index, record)
    moved = Moved(len(documents), counts["text"], counts["images"], copied)
    if asdict(moved) != facts["counts"]:
        raise SourceError(f"{folder}: holds {asdict(moved)}, its store.json says {facts['counts']}; export again")
    return moved


def _bound(index: Index) -> tuple[Reading, int]:
    known = index.documents.retrieve([STORE_ID])
    if not known:
        raise StoreMismatch("the store is empty; there is nothing to export")
    size = next((len(v) for p in index.text.scroll(vectors=True) for v in p.vectors.values()), 0)
    return Reading(**known[0].payload["reading"]), size


def _export(collection: Collection, name: str, live: dict[str, DocumentRecord], stem: Path) -> int:
    points = rows = 0
    with stem.with_suffix(".jsonl").open("w") as lines, stem.with_suffix(".f32").open("wb") as vectors:
        for point in collection.scroll(vectors=True):
            if not visible(point.payload, point.id, live):
                continue
            vector = point.vectors.get(name)
            lines.write(_line({"id": point.id, "row": None if vector is None else rows, "payload": point.payload}))
            if vector is not None:
                vectors.write(vector.astype("<f4").tobytes())
                rows += 1
            points += 1
    return points


def _import(collection: Collection, name: str, stem: Path, size: int) -> int:
    stored = np.fromfile(stem.with_suffix(".f32"), "<f4")
    vectors: Any = stored.reshape(-1, size) if size else stored
    points = 0
    for batch in in_batches(_lines(stem.with_suffix(".jsonl")), BATCH):
        collection.upsert([_point(line, name, vectors) for line in batch])
        points += len(batch)
    return points


def _point(line: dict[str, Any], name: str, vectors: Any) -> Point:
    held: dict[str, Vector] = {} if line["row"] is None else {name: np.asarray(vectors[line["row"]], np.float32)}
    return Point(line["id"], line["payload"], held)


def _copy_pictures(folder: Path, source: Path, target: Path) -> int:
    """Every picture that images.jsonl names, once."""
    names = {path_of(ImageFile(**line["payload"]["image"]), Path()) for line in _lines(folder / "images.jsonl")}
    for name in names:
        if not (target / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            draft = (target / name).with_suffix(".draft")
            shutil.copyfile(source / name, draft)
            draft.replace(target / name)
    return len(names)


def _facts(folder: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads((folder / "store.json").read_text())
    except (OSError, ValueError) as error:
        raise SourceError(f"{folder}: is no whole export (store.json: {error}); export again") from error
    if facts.get("format") != FORMAT:
        raise SourceError(f"{folder}: is an export of format {facts.get('format')}, this version reads {FORMAT}")
    return facts


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as file:
        for line in file:
            yield json.loads(line)


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"
