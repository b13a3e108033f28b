"""Export paid captions and vectors with a store, so that nobody pays for them again after an import.

    ledger.captions.jsonl   one caption per line: key, model, text, refusal, usage, price, at
    ledger.vectors.jsonl    one vector per line: key, size
    ledger.vectors.f32      the vectors of ledger.vectors.jsonl, one after the other, little-endian float32

Several stores may share a ledger, and exports are not trusted. So only captions and vectors that belong to exported
points are exported, and only such are imported.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO, TypeVar

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from diptych.encoders.ledger_encoder import vector_key
from diptych.errors import SourceError, list_mistakes
from diptych.models.ledger import Ledger, LedgerCaption
from diptych.prices import Usage
from diptych.store.points import EncodingConfig, text_to_encode
from diptych.store.types import DESCRIPTION_VECTOR, INDEXED, TEXT_VECTOR, VISUAL_VECTOR, Payload, in_batches
from diptych.vectors import Vector
from extractors.pictures.store import image_path
from extractors.types import ImageFile

CAPTIONS_FILE, VECTORS_FILE, VECTOR_ROWS_FILE = "ledger.captions.jsonl", "ledger.vectors.jsonl", "ledger.vectors.f32"
BATCH = 256
MAX_LINE_CHARACTERS = 100_000
REFUSED = "refused: "
"""Start of `caption_skipped` in the payload of a picture that the model refused to describe."""

_Key = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0, le=10**12)]


def _check_timestamp(text: str) -> str:
    datetime.fromisoformat(text)
    return text


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _UsageFields(_Line):
    input_tokens: _Count
    cached_tokens: _Count
    output_tokens: _Count
    requests: _Count
    batched: bool
    written_tokens: _Count


class _CaptionLine(_Line):
    key: _Key
    model: str = Field(max_length=300)
    text: str = Field(max_length=20_000)
    refusal: str = Field(max_length=2000)
    usage: _UsageFields
    price: float | None = Field(ge=0, le=1e6)
    at: Annotated[str, Field(max_length=40), AfterValidator(_check_timestamp)]


class _VectorLine(_Line):
    key: _Key
    size: int = Field(ge=1, le=100_000)


L = TypeVar("L", bound=_Line)


@dataclass(frozen=True, slots=True)
class PaidContent:
    """What the points of an export contain that may have been paid for."""

    captions: frozenset[tuple[str, str, str]]
    """Model, text, refusal."""
    vectors: Mapping[str, str]
    """Ledger key -> name of the vector."""


def find_paid_content(payloads: Iterable[Payload], config: EncodingConfig, pictures: Path) -> PaidContent:
    """`pictures`: folder of the picture store; its files are read if there is an image encoder."""
    captions: set[tuple[str, str, str]] = set()
    vectors: dict[str, str] = {}
    for payload in payloads:
        if model := payload.get("captioned_by"):
            text, skipped = payload.get("model_caption", ""), payload.get("caption_skipped", "")
            captions.add((model, text, "" if text else skipped.removeprefix(REFUSED)))
        if INDEXED in payload and (text := text_to_encode(payload)):
            name = TEXT_VECTOR if payload["modality"] == "text" else DESCRIPTION_VECTOR
            vectors[vector_key(config.encoder, text)] = name
        if "pixels_hash" in payload:
            try:
                vectors[vector_key(config.images, image_path(ImageFile(**payload["image"]), pictures))] = VISUAL_VECTOR
            except OSError:  # without its file, the picture was not encoded
                continue
    return PaidContent(frozenset(captions), vectors)


def export_ledger(ledger: Ledger, content: PaidContent, folder: Path) -> dict[str, int]:
    """Write the ledger's entries for `content`. Returns the numbers of captions and vectors; zero: no file."""
    counts = {"captions": 0, "vectors": 0}
    if captions := ledger.find_captions(content.captions):
        with (folder / CAPTIONS_FILE).open("w", encoding="utf-8") as file:
            for key, caption in captions.items():
                file.write(_CaptionLine.model_validate({"key": key, **asdict(caption)}).model_dump_json() + "\n")
        counts["captions"] = len(captions)
    for keys in in_batches(sorted(content.vectors.keys() & ledger.vector_keys()), BATCH):
        if vectors := ledger.vectors(keys):
            with (folder / VECTORS_FILE).open("a") as lines, (folder / VECTOR_ROWS_FILE).open("ab") as rows:
                for key, vector in vectors.items():
                    lines.write(_VectorLine(key=key, size=len(vector)).model_dump_json() + "\n")
                    rows.write(vector.astype("<f4").tobytes())
            counts["vectors"] += len(vectors)
    return counts


def import_ledger(folder: Path, content: PaidContent, sizes: Mapping[str, int], ledger: Ledger) -> dict[str, int]:
    """Add the entries of an export to a ledger; existing entries stay. Returns numbers like `export_ledger`.

    `sizes`: vector name -> dimensions. Raises `SourceError` for a line that is invalid or belongs to no exported
    point; earlier lines are imported.
    """
    counts = {"captions": 0, "vectors": 0}
    for captions in in_batches(_read_captions(folder, content), BATCH):
        ledger.add_captions(dict(captions))
        counts["captions"] += len(captions)
    for vectors in in_batches(_read_vectors(folder, content, sizes), BATCH):
        ledger.add_vectors(dict(vectors))
        counts["vectors"] += len(vectors)
    return counts


def _read_captions(folder: Path, content: PaidContent) -> Iterator[tuple[str, LedgerCaption]]:
    for place, line in _read_lines(folder / CAPTIONS_FILE, _CaptionLine):
        if (line.model, line.text, line.refusal) not in content.captions:
            raise SourceError(f"{place}: a caption that belongs to no picture of the export; export again")
        usage = Usage(**line.usage.model_dump())
        yield line.key, LedgerCaption(line.model, line.text, line.refusal, usage, line.price, line.at)


def _read_vectors(folder: Path, content: PaidContent, sizes: Mapping[str, int]) -> Iterator[tuple[str, Vector]]:
    if not (folder / VECTORS_FILE).exists():
        return
    with (folder / VECTOR_ROWS_FILE).open("rb") as rows:
        for place, line in _read_lines(folder / VECTORS_FILE, _VectorLine):
            if line.key not in content.vectors or line.size != sizes.get(content.vectors[line.key]):
                raise SourceError(f"{place}: a vector that belongs to no part of the export; export again")
            yield line.key, _read_vector(rows, line.size, place)
        if rows.read(1):
            raise SourceError(f"{folder / VECTOR_ROWS_FILE}: has more vectors than {VECTORS_FILE} lists; export again")


def _read_vector(rows: BinaryIO, size: int, place: str) -> Vector:
    data = rows.read(4 * size)
    vector: Vector = np.frombuffer(data, "<f4") if len(data) == 4 * size else np.zeros(1, np.float32)
    # Encoders return unit length. The comparison is negated because it must refuse NaN too.
    if not abs(float(np.linalg.norm(vector.astype(np.float64))) - 1) < 0.01:
        raise SourceError(f"{place}: its row of {VECTOR_ROWS_FILE} is missing or not of unit length; export again")
    return vector


def _read_lines(path: Path, form: type[L]) -> Iterator[tuple[str, L]]:
    """Every line with its place for messages; none if the file does not exist."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_CHARACTERS), ""), 1):
            place = f"{path}, line {number}"
            try:
                yield place, form.model_validate_json(line)
            except ValidationError as error:
                raise SourceError(f"{place}: {list_mistakes(error.errors())[0]}; export again") from error
