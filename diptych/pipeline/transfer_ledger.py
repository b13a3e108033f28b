"""What was paid for the documents of an export, as files in it, so that nobody pays for them again elsewhere.

    ledger.captions.jsonl   one caption a line: key, model, text, refusal, usage, price, at
    ledger.vectors.jsonl    one vector a line: key, size
    ledger.vectors.f32      the vectors of ledger.vectors.jsonl, one after the other, little-endian float32

A ledger may serve several stores. So only what the exported points show goes out, and nothing else is let in: captions
that stand on a point as they are, vectors of what a point says or shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeAlias, TypeVar

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from diptych.encoders.ledger_encoder import vector_key
from diptych.errors import SourceError
from diptych.models.ledger import Ledger, LedgerCaption
from diptych.prices import Usage
from diptych.store.points import EncodingConfig, text_to_encode
from diptych.store.types import DESCRIPTION_VECTOR, INDEXED, TEXT_VECTOR, VISUAL_VECTOR, Payload, in_batches
from extractors.pictures.store import image_path
from extractors.types import ImageFile

CAPTIONS_FILE, VECTORS_FILE, VECTOR_ROWS_FILE = "ledger.captions.jsonl", "ledger.vectors.jsonl", "ledger.vectors.f32"
BATCH = 256
LONGEST = 100_000
"""Characters of a line."""
REFUSED = "refused: "
"""What a point says of a picture that the model would not describe, before the reason."""

_Key = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0, le=10**12)]


def _moment(text: str) -> str:
    datetime.fromisoformat(text)
    return text


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Usage(_Form):
    input_tokens: _Count
    cached_tokens: _Count
    output_tokens: _Count
    requests: _Count
    batched: bool
    written_tokens: _Count


class _Caption(_Form):
    key: _Key
    model: str = Field(max_length=300)
    text: str = Field(max_length=20_000)
    refusal: str = Field(max_length=2000)
    usage: _Usage
    price: float | None = Field(ge=0, le=1e6)
    at: Annotated[str, Field(max_length=40), AfterValidator(_moment)]


class _Vector(_Form):
    key: _Key
    size: int = Field(ge=1, le=100_000)


Said: TypeAlias = tuple[str, str, str]
"""Model, text, refusal."""


@dataclass(frozen=True, slots=True)
class PaidContent:
    """What the points of an export show of paid work."""

    captions: frozenset[Said]
    vectors: Mapping[str, str]
    """Key in the ledger -> name of the vector."""


def paid_content(payloads: Iterable[Payload], reading: EncodingConfig, pictures: Path) -> PaidContent:
    """`pictures`: folder of the picture store, whose files are read where an encoder of pixels is in use."""
    captions: set[Said] = set()
    vectors: dict[str, str] = {}
    for payload in payloads:
        if model := payload.get("captioned_by"):
            text, skipped = payload.get("model_caption", ""), payload.get("caption_skipped", "")
            captions.add((model, text, "" if text else skipped.removeprefix(REFUSED)))
        if INDEXED in payload and (words := text_to_encode(payload)):
            name = TEXT_VECTOR if payload["modality"] == "text" else DESCRIPTION_VECTOR
            vectors[vector_key(reading.encoder, words)] = name
        if "pixels_hash" in payload:
            try:
                vectors[vector_key(reading.images, image_path(ImageFile(**payload["image"]), pictures))] = VISUAL_VECTOR
            except OSError:  # without its file there is nothing to pay for
                continue
    return PaidContent(frozenset(captions), vectors)


def export_ledger(ledger: Ledger, wanted: PaidContent, folder: Path) -> dict[str, int]:
    """Write what the ledger has of `wanted`; the number of captions and of vectors, no files where there are none."""
    counts = {"captions": 0, "vectors": 0}
    if captions := ledger.find_captions(wanted.captions):
        lines = [
            _Caption.model_validate({"key": key, **asdict(caption)}).model_dump_json() + "\n"
            for key, caption in captions.items()
        ]
        (folder / CAPTIONS_FILE).write_text("".join(lines), encoding="utf-8")
        counts["captions"] = len(captions)
    for keys in in_batches(sorted(wanted.vectors), BATCH):
        if found := ledger.vectors(keys):
            with (folder / VECTORS_FILE).open("a") as lines_file, (folder / VECTOR_ROWS_FILE).open("ab") as rows:
                for key, vector in found.items():
                    lines_file.write(_Vector(key=key, size=len(vector)).model_dump_json() + "\n")
                    rows.write(vector.astype("<f4").tobytes())
            counts["vectors"] += len(found)
    return counts


def import_ledger(folder: Path, wanted: PaidContent, sizes: Mapping[str, int], ledger: Ledger) -> dict[str, int]:
    """Put what an export has into a ledger; what is there under a key stays. Gives numbers as `export_ledger` does.

    `sizes`: vector name -> dimensions. Raises `SourceError` for a line that is wrong or belongs to no point of the
    export; what came before it is kept.
    """
    counts = {"captions": 0, "vectors": 0}
    for captions in in_batches(_captions(folder, wanted), BATCH):
        ledger.add_captions(dict(captions))
        counts["captions"] += len(captions)
    for vectors in in_batches(_vectors(folder, wanted, sizes), BATCH):
        ledger.add_vectors(dict(vectors))
        counts["vectors"] += len(vectors)
    return counts


def _captions(folder: Path, wanted: PaidContent) -> Iterator[tuple[str, LedgerCaption]]:
    for place, line in _lines(folder / CAPTIONS_FILE, _Caption):
        if (line.model, line.text, line.refusal) not in wanted.captions:
            raise SourceError(f"{place}: a caption that no picture of the export has; export again")
        usage = Usage(**line.usage.model_dump())
        yield line.key, LedgerCaption(line.model, line.text, line.refusal, usage, line.price, line.at)


def _vectors(folder: Path, wanted: PaidContent, sizes: Mapping[str, int]) -> Iterator[tuple[str, Any]]:
    if not (folder / VECTORS_FILE).exists():
        return
    with (folder / VECTOR_ROWS_FILE).open("rb") as rows:
        for place, line in _lines(folder / VECTORS_FILE, _Vector):
            if line.key not in wanted.vectors or line.size != sizes.get(wanted.vectors[line.key]):
                raise SourceError(f"{place}: a vector that no part of the export has; export again")
            yield line.key, _vector(rows, line.size, place)
        if rows.read(1):
            raise SourceError(
                f"{folder / VECTOR_ROWS_FILE}: holds more vectors than {VECTORS_FILE} names; export again"
            )


def _vector(rows: BinaryIO, size: int, place: str) -> Any:
    vector = np.frombuffer(data, "<f4") if len(data := rows.read(4 * size)) == 4 * size else np.zeros(1, "<f4")
    # Of unit length, as every encoder gives them; this refuses what is no number, too.
    if not abs(float(np.linalg.norm(vector.astype(np.float64))) - 1) < 0.01:
        raise SourceError(
            f"{place}: its row of {VECTOR_ROWS_FILE} is missing or no vector of unit length; export again"
        )
    return vector


L = TypeVar("L", bound=BaseModel)


def _lines(path: Path, form: type[L]) -> Iterator[tuple[str, L]]:
    """(its place, for people, and the line) of every line; none where there is no file."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST), ""), 1):
            place = f"{path}, line {number}"
            try:
                yield place, form.model_validate_json(line)
            except ValidationError as error:
                first = error.errors(include_input=False, include_url=False)[0]
                where = ".".join(map(str, first["loc"]))
                raise SourceError(f"{place}: {where + ': ' if where else ''}{first['msg']}; export again") from error
