"""Carry paid captions and vectors along with a store, so that nobody pays for them again after an import.

    ledger.captions.jsonl   one caption per line: key, model, text, refusal, usage, price, at

Several stores may share a ledger, and exports are not trusted. So only captions that belong to exported pictures are
exported, and only such are imported. Vectors need no file of their own: the points have them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from diptych.encoders.encoder import Encoder
from diptych.encoders.ledger_encoder import vector_key
from diptych.errors import SourceError, list_mistakes
from diptych.models.ledger import Ledger, LedgerCaption
from diptych.prices import Usage
from diptych.store.points import encoded_text
from diptych.store.types import VISUAL_VECTOR, Payload, Point, in_batches
from diptych.vectors import Vector
from extractors.pictures.store import image_path
from extractors.types import ImageFile

CAPTIONS_FILE = "ledger.captions.jsonl"
BATCH = 256
MAX_LINE_CHARACTERS = 100_000
REFUSED = "refused: "
"""Start of `caption_skipped` in the payload of a picture that the model refused to describe."""

PaidCaptions: TypeAlias = Set[tuple[str, str, str]]
"""Model, text and refusal of the captions of an export."""

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


def find_paid_captions(payloads: Iterable[Payload]) -> PaidCaptions:
    """The captions in the payloads of points."""
    captions: set[tuple[str, str, str]] = set()
    for payload in payloads:
        if model := payload.get("captioned_by"):
            text, skipped = payload.get("model_caption", ""), payload.get("caption_skipped", "")
            captions.add((model, text, "" if text else skipped.removeprefix(REFUSED)))
    return captions


def export_captions(ledger: Ledger, contents: PaidCaptions, folder: Path) -> int:
    """Write the ledger's entries for `contents`, and return their number; without any, there is no file."""
    if captions := ledger.find_captions(contents):
        with (folder / CAPTIONS_FILE).open("w", encoding="utf-8") as file:
            for key, caption in captions.items():
                file.write(_CaptionLine.model_validate({"key": key, **asdict(caption)}).model_dump_json() + "\n")
    return len(captions)


def import_captions(folder: Path, contents: PaidCaptions, ledger: Ledger) -> int:
    """Add the captions of an export to a ledger, whose own entries stay, and return the number of lines.

    Raises `SourceError` for a line that is invalid or belongs to no exported picture; earlier lines are imported.
    """
    count = 0
    for captions in in_batches(_read_captions(folder / CAPTIONS_FILE, contents), BATCH):
        ledger.add_captions(dict(captions))
        count += len(captions)
    return count


def record_vectors(points: Sequence[Point], encoders: Mapping[str, Encoder], pictures: Path, ledger: Ledger) -> None:
    """Add the vectors of imported points to a ledger, whose own entries stay; only those of paid encoders.

    `pictures`: folder of the picture store.
    """
    vectors: dict[str, Vector] = {}
    paid = {name: encoder for name, encoder in encoders.items() if encoder.paid}
    for point in points:
        for name in paid.keys() & point.vectors.keys():
            key, vector = _vector_key(point, name, paid[name], pictures), point.vectors[name]
            length = np.linalg.norm(vector.astype(np.float64))
            if key and abs(length - 1) < 0.01:  # encoders return vectors of unit length
                vectors[key] = vector
    if vectors:
        ledger.add_vectors(vectors)


def _vector_key(point: Point, name: str, encoder: Encoder, pictures: Path) -> str:
    """Empty if the point does not have what was encoded, or if the picture's file is missing."""
    if name != VISUAL_VECTOR:
        text = encoded_text(point.payload, encoder.fingerprint)
        return vector_key(encoder.fingerprint, text) if text else ""
    try:
        return vector_key(encoder.fingerprint, image_path(ImageFile(**point.payload["image"]), pictures))
    except OSError:
        return ""


def _read_captions(path: Path, contents: PaidCaptions) -> Iterator[tuple[str, LedgerCaption]]:
    """Key and caption of every line; none if the file does not exist."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, text in enumerate(iter(lambda: file.readline(MAX_LINE_CHARACTERS), ""), 1):
            place = f"{path}, line {number}"
            try:
                line = _CaptionLine.model_validate_json(text)
            except ValidationError as error:
                raise SourceError(f"{place}: {list_mistakes(error.errors())[0]}; export again") from error
            if (line.model, line.text, line.refusal) not in contents:
                raise SourceError(f"{place}: a caption that belongs to no picture of the export; export again")
            usage = Usage(**line.usage.model_dump())
            yield line.key, LedgerCaption(line.model, line.text, line.refusal, usage, line.price, line.at)
