"""Export a store to readable files and import it: to another machine, or to a server.

    store.json            format, encoders, counts
    documents.jsonl       the register, one document per line
    text.jsonl            one point per line: id, payload, and vector name -> row in its file
    text.dense.f32        the vectors of text.jsonl, row after row, little-endian float32
    images.jsonl, images.description.f32, images.visual.f32
    pictures/             the picture files, named by their hashes
    ledger.captions.jsonl paid captions of these documents, if there are any

Only visible points are exported: a document that is being replaced is exported as readers see it.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from diptych.encoders.encoder import Encoder
from diptych.errors import SourceError, StoreMismatch
from diptych.models.ledger import Ledger
from diptych.models.object_ledger import open_ledger
from diptych.picture_store import PictureStore
from diptych.pipeline.transfer.ledger import export_captions, find_paid_captions, import_captions, record_vectors
from diptych.search.place_wording import place_of
from diptych.store.points import EncodingConfig
from diptych.store.register import DocumentRecord, bind_encoders, is_visible, list_records, write_record
from diptych.store.types import STORE_ID, VECTORS, Collection, Payload, Point, Store, in_batches
from extractors.atomic_write import make_private_folder, write_file
from extractors.formats import is_row
from extractors.pictures.store import image_path
from extractors.types import ImageFile, Problem

FORMAT = 2
BATCH = 256
PICTURE_BATCH = 64
UNFINISHED = "unfinished"
"""File in the folder of an export that has begun, so that it can be repeated after a full disk or a kill."""
MISSING_PICTURE = "its picture file was missing or damaged when the store was exported; ingest the document again"


@dataclass(frozen=True, slots=True)
class TransferReport:
    """Numbers of what was exported or imported."""

    documents: int
    text: int
    images: int
    pictures: int
    captions: int = 0
    """From the ledger, including refusals."""
    lacking: tuple[str, ...] = ()
    """Places of pictures whose files were missing or damaged when they were exported: `manual.pdf, page 3`."""


class _Place(NamedTuple):
    document: str
    """Id."""
    page: int | None
    text: str
    """`manual.pdf, page 3`."""


def export_store(store: Store, pictures: PictureStore, folder: Path) -> TransferReport:
    """Write the store to `folder`. Raises `SourceError` unless it is new, empty, or an export that was interrupted."""
    if folder.exists() and any(folder.iterdir()) and not (folder / UNFINISHED).exists():
        raise SourceError(f"{folder}: is not empty; use a new folder for the export")
    make_private_folder(folder)
    bound = store.documents.retrieve([STORE_ID])
    if not bound:
        raise StoreMismatch("the store is empty; there is nothing to export")
    (folder / UNFINISHED).touch()
    config = EncodingConfig(**bound[0].payload["reading"])
    records = {record.id: record for record in list_records(store)}
    text, text_sizes = _export_points(store.text, "text", records, folder)
    images, image_sizes = _export_points(store.images, "images", records, folder)
    places = _picture_places(folder)
    lacking = {name: places[name] for name in _export_pictures(pictures, list(places), folder / "pictures")}
    pages: dict[str, dict[int | None, None]] = defaultdict(dict)
    for place in (place for found in lacking.values() for place in found):
        pages[place.document][place.page] = None
    with (folder / "documents.jsonl").open("w") as file:
        for record in records.values():
            file.write(_json_line(_with_problems(record, pages.get(record.id, ())).payload() | {"retired": []}))
    captions = export_captions(open_ledger(pictures), find_paid_captions(_picture_payloads(folder)), folder)
    counts = {"documents": len(records), "text": text, "images": images, "pictures": len(places) - len(lacking)}
    facts = {"format": FORMAT, "reading": asdict(config), "sizes": text_sizes | image_sizes, "counts": counts}
    if captions:
        facts["paid"] = {"captions": captions}
    if lacking:
        facts["lacking"] = {str(name): sorted({place.text for place in found}) for name, found in lacking.items()}
    (folder / "store.json").write_text(json.dumps(facts, indent=1) + "\n")  # last: it marks a complete export
    (folder / UNFINISHED).unlink()
    return TransferReport(**counts, captions=captions, lacking=_lacking_places(facts))


def export_dimensions(folder: Path) -> dict[str, int]:
    """Vector name -> dimensions of the vectors in an export. Raises `SourceError` if the folder is not an export."""
    return {str(name): int(size) for name, size in _read_facts(folder)["sizes"].items()}


def exported_config(folder: Path) -> EncodingConfig:
    """The encoders and the language of an export. Raises `SourceError` if the folder is not an export."""
    return EncodingConfig(**_read_facts(folder)["reading"])


def import_store(
    folder: Path, store: Store, pictures: PictureStore, encoders: Mapping[str, Encoder] | None = None
) -> TransferReport:
    """Import an export into a store that is new or has the same encoders. Documents that it has are replaced.

    `encoders`: by the names of their vectors; the vectors of paid ones are added to the ledger.
    Points are invisible until the register names their document, so an interrupted import can simply be repeated.
    Raises `SourceError` if the export is incomplete, `StoreMismatch` if the store has other encoders.
    """
    facts = _read_facts(folder)
    config = EncodingConfig(**facts["reading"])
    if not _is_bound_to(store, config):
        raise StoreMismatch(
            f"{folder}: was exported with other encoders than the settings name. Set DIPTYCH_ENCODER, "
            f"DIPTYCH_IMAGE_ENCODER, DIPTYCH_PAGE_ENCODER and DIPTYCH_LANGUAGE to the values under `reading` in "
            f"{folder / 'store.json'}, import, then reindex"
        )
    ledger = open_ledger(pictures)
    captions = _import_captions(folder, facts, ledger)
    copied = _import_pictures(folder, set(facts.get("lacking", ())), pictures)
    numbers = Counter[str]()
    for name, collection in (("text", store.text), ("images", store.images)):
        for points in _read_points(folder, name, facts["sizes"]):
            collection.upsert(points)
            record_vectors(points, encoders or {}, pictures.folder, ledger)
            numbers[name] += len(points)
    records = [DocumentRecord.of(payload) for payload in _read_lines(folder / "documents.jsonl")]
    for record in records:
        write_record(store, record)
    counts = {"documents": len(records), "text": numbers["text"], "images": numbers["images"], "pictures": copied}
    if counts != facts["counts"]:
        raise SourceError(f"{folder}: contains {counts}, but its store.json lists {facts['counts']}; export again")
    return TransferReport(**counts, captions=captions, lacking=_lacking_places(facts))


def _is_bound_to(store: Store, config: EncodingConfig) -> bool:
    """Whether the store has these encoders and this language, which a new store gets."""
    try:
        return bind_encoders(store, config) == config.language
    except StoreMismatch:
        return False


def _import_captions(folder: Path, facts: dict[str, Any], ledger: Ledger) -> int:
    """The number of captions."""
    expected: int = facts.get("paid", {}).get("captions", 0)
    if not expected:
        return 0
    found = import_captions(folder, find_paid_captions(_picture_payloads(folder)), ledger)
    if found != expected:
        raise SourceError(
            f"{folder}: contains {found} paid captions, but its store.json lists {expected}; export again"
        )
    return found


def _picture_payloads(folder: Path) -> Iterator[Payload]:
    return (line["payload"] for line in _read_lines(folder / "images.jsonl"))


def _export_points(
    collection: Collection, name: str, records: Mapping[str, DocumentRecord], folder: Path
) -> tuple[int, dict[str, int]]:
    """The number of points, and the dimensions of each vector."""
    points = 0
    rows, sizes = Counter[str](), dict[str, int]()
    with ExitStack() as files:
        lines = files.enter_context((folder / f"{name}.jsonl").open("w"))
        vectors = {each: files.enter_context(_vector_file(folder, name, each).open("wb")) for each in VECTORS[name]}
        for point in collection.scroll(vectors=True):
            if not is_visible(point.payload, point.id, records):
                continue
            point_rows = {
                vector: rows[vector] if one.ndim == 1 else [rows[vector], rows[vector] + len(one)]
                for vector, one in point.vectors.items()
            }
            lines.write(_json_line({"id": point.id, "rows": point_rows, "payload": point.payload}))
            for vector, values in point.vectors.items():
                vectors[vector].write(values.astype("<f4").tobytes())
                rows[vector] += 1 if values.ndim == 1 else len(values)
                sizes[vector] = values.shape[-1]
            points += 1
    return points, sizes


def _read_points(folder: Path, name: str, sizes: Mapping[str, int]) -> Iterator[list[Point]]:
    vectors = {
        vector: np.fromfile(_vector_file(folder, name, vector), "<f4").reshape(-1, sizes[vector])
        for vector in VECTORS[name]
        if vector in sizes
    }
    for lines in in_batches(_read_lines(folder / f"{name}.jsonl"), BATCH):
        points = []
        for line in lines:
            chosen = {vector: row if isinstance(row, int) else slice(*row) for vector, row in line["rows"].items()}
            encoded = {vector: np.asarray(vectors[vector][row], np.float32) for vector, row in chosen.items()}
            points.append(Point(line["id"], line["payload"], encoded))
        yield points


def _vector_file(folder: Path, name: str, vector: str) -> Path:
    return folder / f"{name}.{vector}.f32"


def _picture_places(folder: Path) -> dict[Path, list[_Place]]:
    """The file names of all pictures in images.jsonl, with their places."""
    places: dict[Path, list[_Place]] = defaultdict(list)
    for line in _read_lines(folder / "images.jsonl"):
        payload = line["payload"]
        page = None if is_row(payload["document"]) or not payload.get("paged", True) else payload["page"]
        text = ", ".join(filter(None, (payload["document"], place_of(payload))))
        places[image_path(ImageFile(**payload["image"]), Path())].append(_Place(payload["document_id"], page, text))
    return places


def _export_pictures(pictures: PictureStore, names: Sequence[Path], target: Path) -> Iterator[Path]:
    """Copy pictures; yields those whose files are missing or damaged."""
    for batch in in_batches(names, PICTURE_BATCH):
        pictures.load(pictures.folder / name for name in batch)
        yield from (name for name in batch if not _copy_picture(pictures.folder, target, name))


def _import_pictures(folder: Path, lacking: Set[str], pictures: PictureStore) -> int:
    """The number of pictures, without those that are `lacking` from the export."""
    names = [name for name in _picture_places(folder) if str(name) not in lacking]
    for batch in in_batches(names, PICTURE_BATCH):
        for name in batch:
            if not _copy_picture(folder / "pictures", pictures.folder, name):
                raise SourceError(
                    f"{folder / 'pictures' / name}: is missing or does not match the hash in its name; export again"
                )
        pictures.save(pictures.folder / name for name in batch)
    return len(names)


def _copy_picture(source: Path, target: Path, name: Path) -> bool:
    """Copy unless the target exists. Returns False if the source is missing or does not match its hash."""
    if (target / name).exists():
        return True
    if not (source / name).exists():
        return False
    content = (source / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != name.stem:
        return False
    write_file(target / name, content)
    return True


def _with_problems(record: DocumentRecord, pages: Iterable[int | None]) -> DocumentRecord:
    """The record; partial if picture files of some pages are lacking, so that the document can be ingested again."""
    problems = tuple(asdict(Problem(MISSING_PICTURE, page)) for page in pages)
    status = "partial" if problems and record.status == "complete" else record.status
    return replace(record, status=status, problems=(*record.problems, *problems))


def _lacking_places(facts: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted({str(place) for places in facts.get("lacking", {}).values() for place in places}))


def _read_facts(folder: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads((folder / "store.json").read_text())
    except (OSError, ValueError) as error:
        reason = (error.strerror or error) if isinstance(error, OSError) else error
        raise SourceError(f"{folder}: is not a complete export (store.json: {reason}); export again") from error
    if facts.get("format") != FORMAT:
        raise SourceError(f"{folder}: is an export of format {facts.get('format')}; this version reads format {FORMAT}")
    return facts


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as file:
        for line in file:
            yield json.loads(line)


def _json_line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"
