"""A whole store as files that a person can read, and back: the way to another machine, or up to a server.

    store.json            format, how the texts are read, counts
    documents.jsonl       the register, one document a line
    text.jsonl            one point a line: id, payload, and by vector name the row of its vectors
    text.dense.f32        the vectors of text.jsonl by that name, row after row, little-endian float32
    images.jsonl, images.description.f32, images.visual.f32
    pictures/             the picture files under their hashes
    ledger.*              what was paid for all that (`diptych.pipeline.transfer_ledger`), if anything was

Only what counts is exported: a document that is being replaced is written as readers see it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from diptych.errors import SourceError, StoreMismatch
from diptych.models.ledger import Ledger
from diptych.pipeline.transfer_ledger import export_ledger, import_ledger, paid_content
from diptych.store.points import EncodingConfig
from diptych.store.register import DocumentRecord, bind_encoders, is_visible, list_records, write_record
from diptych.store.types import STORE_ID, VECTORS, Collection, Payload, Point, Store, in_batches
from extractors.formats import is_row
from extractors.pictures.store import image_path
from extractors.types import ImageFile, Problem

FORMAT = 2
BATCH = 256
MISSING_PICTURE = "its picture file was gone or damaged when the store was exported; read the document again"


@dataclass(frozen=True, slots=True)
class TransferReport:
    documents: int
    text: int
    images: int
    pictures: int
    captions: int = 0
    """Paid ones, refusals included, that the ledger keeps."""
    vectors: int = 0
    """Paid ones that the ledger keeps."""
    lacking: tuple[str, ...] = ()
    """Places of pictures whose files were gone or damaged when they were exported: `manual.pdf, page 3`."""


def export_store(index: Store, pictures: Path, folder: Path) -> TransferReport:
    """Write the store to `folder`, which must be new or empty. Raises `SourceError` when it is not."""
    if folder.exists() and any(folder.iterdir()):
        raise SourceError(f"{folder}: is not empty; give a new folder to export to")
    folder.mkdir(parents=True, exist_ok=True)
    reading = _bound(index)
    register = {record.id: record for record in list_records(index)}
    exported = {
        name: _export(collection, name, register, folder)
        for name, collection in (("text", index.text), ("images", index.images))
    }
    counts = {name: points for name, (points, _) in exported.items()}
    sizes = {name: size for _, found in exported.values() for name, size in found.items()}
    names = _names(folder)
    lacking = {name: shown for name, shown in names.items() if not _copy(pictures, folder / "pictures", name)}
    with (folder / "documents.jsonl").open("w") as file:
        file.writelines(_line(record.payload() | {"retired": []}) for record in _mended(register, lacking))
    paid = _export_paid(folder, reading, pictures)
    held = {"documents": len(register), **counts, "pictures": len(names) - len(lacking)}
    places = {str(name): sorted({place for _, place, _ in shown}) for name, shown in lacking.items()}
    more = ({"paid": paid} if paid else {}) | ({"lacking": places} if places else {})
    facts = {"format": FORMAT, "reading": asdict(reading), "sizes": sizes, "counts": held, **more}
    (folder / "store.json").write_text(json.dumps(facts, indent=1) + "\n")  # last: its presence says all is there
    return TransferReport(**held, **paid, lacking=_places(facts))


def export_dimensions(folder: Path) -> dict[str, int]:
    """Vector name -> dimensions, of the vectors in an export. Raises `SourceError` for a folder that is none."""
    return {str(name): int(size) for name, size in _facts(folder)["sizes"].items()}


def import_store(folder: Path, index: Store, pictures: Path) -> TransferReport:
    """Read an export into a store that is new or reads its texts alike; documents it has already are replaced.

    Points come first and do not count until the register names their document, so a run that dies is simply repeated.
    Raises `SourceError` for a folder that is no whole export, `StoreMismatch` for a store that reads otherwise.
    """
    facts = _facts(folder)
    reading = EncodingConfig(**facts["reading"])
    try:
        bind_encoders(index, reading)
    except StoreMismatch as error:
        raise StoreMismatch(
            f"{folder}: was read otherwise than the settings say; set DIPTYCH_ENCODER, DIPTYCH_IMAGE_ENCODER and "
            f"DIPTYCH_LANGUAGE to what stands under `reading` in {folder / 'store.json'}, import, and reindex then"
        ) from error
    paid = _import_paid(folder, facts, reading, pictures)
    copied = _import_pictures(folder, set(facts.get("lacking", ())), pictures)
    counts = {
        name: _import(collection, name, folder, facts["sizes"])
        for name, collection in (("text", index.text), ("images", index.images))
    }
    documents = [DocumentRecord.of(payload) for payload in _lines(folder / "documents.jsonl")]
    for record in documents:
        write_record(index, record)
    held = {"documents": len(documents), **counts, "pictures": copied}
    if held != facts["counts"]:
        raise SourceError(f"{folder}: holds {held}, its store.json says {facts['counts']}; export again")
    return TransferReport(**held, **paid, lacking=_places(facts))


def _export_paid(folder: Path, reading: EncodingConfig, pictures: Path) -> dict[str, int]:
    """Empty where nothing was ever paid."""
    ledger = Ledger(pictures)
    wanted = paid_content(_payloads(folder), reading, folder / "pictures")
    counts = export_ledger(ledger, wanted, folder) if ledger.path.exists() else {}
    return counts if any(counts.values()) else {}


def _import_paid(folder: Path, facts: dict[str, Any], reading: EncodingConfig, pictures: Path) -> dict[str, int]:
    """Empty where the export has none, as those of older versions."""
    told = facts.get("paid")
    if not told:
        return {}
    try:
        wanted = paid_content(_payloads(folder), reading, folder / "pictures")
    except (KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{folder}: its points are not as an export writes them ({error}); export again") from error
    paid = import_ledger(folder, wanted, facts["sizes"], Ledger(pictures))
    if paid != told:
        raise SourceError(f"{folder}: holds paid {paid}, its store.json says {told}; export again")
    return paid


def _payloads(folder: Path) -> Iterator[Payload]:
    """Of all points in an export."""
    for panel in ("text", "images"):
        yield from (line["payload"] for line in _lines(folder / f"{panel}.jsonl"))


def _bound(index: Store) -> EncodingConfig:
    known = index.documents.retrieve([STORE_ID])
    if not known:
        raise StoreMismatch("the store is empty; there is nothing to export")
    return EncodingConfig(**known[0].payload["reading"])


def _export(
    collection: Collection, panel: str, live: dict[str, DocumentRecord], folder: Path
) -> tuple[int, dict[str, int]]:
    """Gives the number of points, and the dimensions of each vector that was met."""
    points = 0
    rows, sizes = Counter[str](), dict[str, int]()
    with ExitStack() as files:
        lines = files.enter_context((folder / f"{panel}.jsonl").open("w"))
        vectors = {name: files.enter_context(_vectors(folder, panel, name).open("wb")) for name in VECTORS[panel]}
        for point in collection.scroll(vectors=True):
            if not is_visible(point.payload, point.id, live):
                continue
            lines.write(_line({"id": point.id, "rows": {n: rows[n] for n in point.vectors}, "payload": point.payload}))
            for name, vector in point.vectors.items():
                vectors[name].write(vector.astype("<f4").tobytes())
                rows[name] += 1
                sizes[name] = len(vector)
            points += 1
    return points, sizes


def _import(collection: Collection, panel: str, folder: Path, sizes: Mapping[str, int]) -> int:
    held: dict[str, Any] = {
        name: np.fromfile(_vectors(folder, panel, name), "<f4").reshape(-1, sizes[name])
        for name in VECTORS[panel]
        if name in sizes
    }
    points = 0
    for batch in in_batches(_lines(folder / f"{panel}.jsonl"), BATCH):
        collection.upsert([_point(line, held) for line in batch])
        points += len(batch)
    return points


def _vectors(folder: Path, panel: str, name: str) -> Path:
    return folder / f"{panel}.{name}.f32"


def _point(line: dict[str, Any], held: Mapping[str, Any]) -> Point:
    vectors = {name: np.asarray(held[name][row], np.float32) for name, row in line["rows"].items()}
    return Point(line["id"], line["payload"], vectors)


Place = tuple[str, str, int | None]
"""Where a picture stands: document id, `manual.pdf, page 3`, page."""


def _names(folder: Path) -> dict[Path, list[Place]]:
    """The files of all pictures that images.jsonl names, and where they stand."""
    names: dict[Path, list[Place]] = defaultdict(list)
    for line in _lines(folder / "images.jsonl"):
        said = line["payload"]
        page = None if is_row(said["document"]) else said["page"]
        place = said["document"] + (f", page {page}" if page else "")
        names[image_path(ImageFile(**said["image"]), Path())].append((said["document_id"], place, page))
    return names


def _import_pictures(folder: Path, lacking: Set[str], target: Path) -> int:
    """The number of pictures, without those that were `lacking` from the export."""
    names = [name for name in _names(folder) if str(name) not in lacking]
    for name in names:
        if not _copy(folder / "pictures", target, name):
            raise SourceError(
                f"{folder / 'pictures' / name}: is gone, or is not the picture that its name says; export again"
            )
    return len(names)


def _copy(source: Path, target: Path, name: Path) -> bool:
    """Unless it is there already; False: the file in `source` is gone, or is not what its name says."""
    if (target / name).exists():
        return True
    if not (source / name).exists():
        return False
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    draft = (target / name).with_suffix(".draft")
    shutil.copyfile(source / name, draft)
    if _digest(draft) != name.stem:
        draft.unlink()
        return False
    draft.replace(target / name)
    return True


def _mended(
    register: Mapping[str, DocumentRecord], lacking: Mapping[Path, Sequence[Place]]
) -> Iterator[DocumentRecord]:
    """The register, in which a document without one of its picture files is partial: it can be read again there."""
    pages: dict[str, dict[int | None, None]] = defaultdict(dict)
    for places in lacking.values():
        for document, _, page in places:
            pages[document][page] = None
    for record in register.values():
        problems = tuple(asdict(Problem(MISSING_PICTURE, page)) for page in pages.get(record.id, ()))
        status = "partial" if problems and record.status == "complete" else record.status
        yield replace(record, status=status, problems=(*record.problems, *problems))


def _places(facts: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted({str(place) for places in facts.get("lacking", {}).values() for place in places}))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _facts(folder: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads((folder / "store.json").read_text())
    except (OSError, ValueError) as error:
        why = (error.strerror or error) if isinstance(error, OSError) else error
        raise SourceError(f"{folder}: is no whole export (store.json: {why}); export again") from error
    if facts.get("format") != FORMAT:
        raise SourceError(f"{folder}: is an export of format {facts.get('format')}, this version reads {FORMAT}")
    return facts


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as file:
        for line in file:
            yield json.loads(line)


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"
