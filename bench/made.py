"""A made store as large as one likes: documents of text of our own, and questions about them. Made once and kept.

It is a store like any other, by the names, points and register entries that an ingest would write; only the vectors of
passages are drawn instead of encoded, which would take an hour: around the page, which lies around the document, whose
centre is what the encoder makes of the words it is about.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import prose
from bench.measure import Given
from bench.prose import Author
from diptych.library.runtime import Runtime
from diptych.models.meter import Meter
from diptych.pipeline.ingest import Pipeline
from diptych.pipeline.sources import find_sources
from diptych.settings import Settings, load_settings
from diptych.store import points
from diptych.store import terms as words
from diptych.store.points import DocumentDrafts, PointDraft, document_id, draft_points
from diptych.store.register import DocumentRecord, write_record
from diptych.store.switch import stage_points
from diptych.vectors import Vector
from extractors.formats import FORMATS
from extractors.types import Extraction, ImageFile, Passage, Picture, Report, Source

PAGE_POINTS = 5.03
"""Of a page on the average: its words, 3.6 passages, and the pictures."""
DOCUMENT_PAGES = 48
"""On the average."""
PICTURES = 0.45
"""Pictures a page: every eleventh point."""
QUESTIONS = 400
SPREAD = {"page": 0.6, "part": 0.8}
"""How far a page lies from its document's centre, and a part from its page's; parts of a document then have a cosine
of .5, of a page .7."""
WIDTH, HEIGHT = 595.0, 842.0


@dataclass(frozen=True, slots=True)
class Made:
    """Where a made store lies, with the files it pretends to come from and its questions."""

    folder: Path

    @property
    def files(self) -> Path:
        return self.folder / "files"

    @property
    def questions(self) -> Path:
        """In the form that `diptych evaluate` reads."""
        return self.folder / "questions.jsonl"

    @property
    def settings(self) -> Settings:
        return load_settings(str(self.folder / "store"))

    @contextmanager
    def opened(self) -> Iterator[Runtime]:
        parts = Runtime(self.settings, Meter())
        try:
            yield parts
        finally:
            parts.close()


def made_store(given: Given) -> Made:
    """The store of about `given.points` points, made unless it is there: by this code, for these settings."""
    made = Made(given.kept / f"store-{given.points}-{_key()}")
    if not made.questions.exists():  # written last
        for stale in given.kept.glob(f"store-{given.points}-*"):
            shutil.rmtree(stale)
        print(f"making a store of {given.points:,} points in {made.folder} …", file=sys.stderr)
        _make(made, given.points)
    return made


def _key() -> str:
    """Another one for whatever would make another store, or have its documents ingested anew."""
    settings = load_settings()
    code = (__file__, prose.__file__, points.__file__, words.__file__)
    digest = hashlib.sha256(b"".join(Path(file).read_bytes() for file in code))
    chosen = (settings.encoder, settings.image_encoder, settings.language, settings.vectors, settings.captioner)
    digest.update(repr((chosen, settings.options(None), FORMATS)).encode())
    return digest.hexdigest()[:12]


def _make(made: Made, count: int) -> None:
    chance = random.Random(count)
    _write_files(made.files, count, chance)
    sources = find_sources([made.files]).sources
    shares = [chance.lognormvariate(0, 0.7) for _ in sources]
    asked: list[dict[str, object]] = []
    with made.opened() as parts:
        pipeline = parts.pipeline
        for source, share in zip(sources, shares, strict=True):
            pages = max(2, round(count / PAGE_POINTS * share / sum(shares)))
            document = _Document(source, pages)
            _store(document, pipeline)
            asked += document.questions(max(1, round(QUESTIONS * share / sum(shares))), chance)
        pipeline.store.optimize()
    made.questions.write_text("".join(json.dumps(line) + "\n" for line in asked))


def _write_files(folder: Path, count: int, chance: random.Random) -> None:
    folder.mkdir(parents=True)
    for number in range(max(8, round(count / PAGE_POINTS / DOCUMENT_PAGES))):
        (folder / f"{number:04}.pdf").write_bytes(chance.randbytes(20_000))  # never opened


class _Document:
    """What the extractor would give of one file."""

    def __init__(self, source: Source, pages: int) -> None:
        seed = int(source.sha256[:15], 16)
        self._author, self._chance = Author(np.random.default_rng(seed)), random.Random(seed)
        self._passages: list[Passage] = []
        self._pictures: list[Picture] = []
        self._heading: tuple[str, ...] = ()
        for page in range(1, pages + 1):
            self._write(page)
        report = Report(pages=pages)
        title = self._author.heading(5)
        self.extraction = Extraction(source, tuple(self._passages), tuple(self._pictures), report, title)

    @property
    def about(self) -> str:
        """The words that it uses most."""
        return " ".join(map(str, self._author.topic[:20]))

    def questions(self, count: int, chance: random.Random) -> Iterator[dict[str, object]]:
        for number in range(count):
            passage = chance.choice(self._passages)
            text = prose.question(" ".join(one.text for one in self._passages if one.page == passage.page), chance)
            name = self.extraction.source.name
            yield {"id": f"{name} {number}", "text": text, "document": name, "pages": [passage.page]}

    def _write(self, page: int) -> None:
        """100 to 600 words in passages of 60 to 200; a new chapter every tenth page, a section every third."""
        chance, author = self._chance, self._author
        if not self._heading or chance.random() < 0.1:
            self._heading = (author.heading(3),)
        elif chance.random() < 0.3:
            self._heading = (self._heading[0], author.heading(4))
        left, label = round(chance.triangular(100, 600, 480)), ""
        if chance.random() < PICTURES:
            label = f"figure {len(self._pictures) + 1}"
            self._pictures.append(self._picture(page, label))
        top = 72.0
        while left:
            words = min(left, round(chance.triangular(60, 200, 70)))
            if left - words < 60:
                words = left if left <= 200 else left - 60
            box = (72.0, top, WIDTH - 72, top + words / 2)
            mentions = (label,) if label and left == words else ()
            self._passages.append(Passage(author.text(words), page, box, self._heading, mentions=mentions))
            left, top = left - words, top + words / 2 + 8

    def _picture(self, page: int, label: str) -> Picture:
        author, chance = self._author, self._chance
        name = hashlib.sha256(f"{self._heading} {label} {chance.random()}".encode()).hexdigest()
        return Picture(
            "figure",
            page,
            ImageFile(name, ".png", 900, 600),
            (90.0, 400.0, WIDTH - 90, 640.0),
            label,
            f"{label.capitalize()}: {author.text(chance.randint(6, 30))}",
            author.heading(chance.randint(0, 30)),
            (author.text(20),),
            self._heading,
        )


def _store(document: _Document, pipeline: Pipeline) -> None:
    """Written as `diptych.pipeline.ingest` does, all of a document at once."""
    source, extraction = document.extraction.source, document.extraction
    made = draft_points(extraction, pipeline.spaces.encoding_config(pipeline.language))
    vectors = _vectors(made, pipeline.spaces.text.encode_texts([document.about])[0], int(source.sha256[:15], 16))
    stage_points(pipeline.store.text, made.text, vectors, 1)
    stage_points(pipeline.store.images, made.images, vectors, 1)
    record = DocumentRecord(
        id=document_id(source.uri),
        uri=source.uri,
        name=source.name,
        sha256=source.sha256,
        fingerprint=pipeline.fingerprint(source),
        generation=1,
        title=extraction.title,
        pages=extraction.report.pages,
        passages=len(extraction.passages),
        pictures=len(extraction.pictures),
    )
    write_record(pipeline.store, record)


def _vectors(made: DocumentDrafts, centre: Vector, seed: int) -> dict[str, Vector]:
    """Hash -> vector of unit length."""
    chance = np.random.default_rng(seed)

    def away(count: int) -> Vector:
        drawn = chance.standard_normal((count, len(centre)), np.float32)
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)

    wanted: Sequence[tuple[PointDraft, str]] = [
        (draft, need.hash) for draft in (*made.text, *made.images) for need in draft.required_vectors
    ]
    pages = centre + SPREAD["page"] * away(1 + max(draft.payload["page"] for draft, _ in wanted))
    parts = pages[[draft.payload["page"] for draft, _ in wanted]] + SPREAD["part"] * away(len(wanted))
    parts /= np.linalg.norm(parts, axis=1, keepdims=True)
    return {name: vector for (_, name), vector in zip(wanted, parts, strict=True)}
