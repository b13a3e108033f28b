"""A synthetic store of any size, with documents of random text and questions about them. Created once and cached.

Its points and records are those that an ingest would write. Only the vectors are random, because encoding would take an
hour: each is near the centre of its page, which is near that of its document, which is the encoded topic of the text.
"""

import hashlib
import json
import random
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench import synthetic_text
from bench.measurement import BenchOptions
from bench.synthetic_text import Author, random_question
from diptych.library.runtime import Runtime
from diptych.models.meter import Meter
from diptych.pipeline.discovery.sources import find_sources
from diptych.pipeline.pipeline import Pipeline
from diptych.settings import Settings, load_settings
from diptych.store import points, terms
from diptych.store.embedded import collection as embedded_collection
from diptych.store.points import DocumentDrafts, PointDraft, document_id, draft_points
from diptych.store.register import DocumentRecord, write_record
from diptych.store.switch import make_points
from diptych.vectors import Vector
from extractors.formats import FORMATS
from extractors.types import Extraction, ImageFile, Passage, Picture, Report, Source

PAGE_POINTS = 5.03
"""Average per page: its words, 3.6 passages, and the pictures."""
DOCUMENT_PAGES = 48
"""Average per document."""
PAGE_PICTURES = 0.45
"""Average per page: every eleventh point."""
QUESTIONS = 400
SPREAD = {"page": 0.6, "part": 0.8}
"""Distance of a page from the centre of its document, and of a part from that of its page. The cosine of two parts is
then .5 within a document and .7 within a page."""
WIDTH, HEIGHT = 595.0, 842.0


@dataclass(frozen=True, slots=True)
class SyntheticStore:
    """The folder of a synthetic store, of its source files and its questions."""

    folder: Path

    @property
    def files(self) -> Path:
        return self.folder / "files"

    @property
    def questions(self) -> Path:
        """In the format of `diptych evaluate`."""
        return self.folder / "questions.jsonl"

    @property
    def settings(self) -> Settings:
        return load_settings(str(self.folder / "store"))

    @contextmanager
    def opened(self) -> Iterator[Runtime]:
        runtime = Runtime(self.settings, Meter())
        try:
            yield runtime
        finally:
            runtime.close()


def open_synthetic_store(options: BenchOptions) -> SyntheticStore:
    """The store of about `options.points` points, created unless this code has done so for the same settings."""
    synthetic = SyntheticStore(options.cache / f"store-{options.points}-{_key()}")
    if not synthetic.questions.exists():  # written last
        for stale in options.cache.glob(f"store-{options.points}-*"):
            shutil.rmtree(stale)
        print(f"creating a store of {options.points:,} points in {synthetic.folder} …", file=sys.stderr)
        _create(synthetic, options.points)
    return synthetic


def _key() -> str:
    """A hash of everything that determines the content of the store."""
    settings = load_settings()
    code = (__file__, synthetic_text.__file__, points.__file__, terms.__file__, embedded_collection.__file__)
    digest = hashlib.sha256(b"".join(Path(file).read_bytes() for file in code))
    chosen = (settings.encoder, settings.image_encoder, settings.language, settings.vectors, settings.captioner)
    digest.update(repr((chosen, settings.options(None), FORMATS)).encode())
    return digest.hexdigest()[:12]


def _create(synthetic: SyntheticStore, count: int) -> None:
    chance = random.Random(count)
    _write_files(synthetic.files, count, chance)
    found = find_sources([synthetic.files]).sources
    sources = [replace(one, sha256=hashlib.sha256(one.path.read_bytes()).hexdigest()) for one in found]
    shares = [chance.lognormvariate(0, 0.7) for _ in sources]
    questions: list[dict[str, object]] = []
    with synthetic.opened() as runtime:
        pipeline = runtime.ingest_pipeline()
        for source, share in zip(sources, shares, strict=True):
            pages = max(2, round(count / PAGE_POINTS * share / sum(shares)))
            document = _Document(source, pages)
            _store_document(document, pipeline)
            questions += document.questions(max(1, round(QUESTIONS * share / sum(shares))), chance)
        pipeline.store.optimize()
    synthetic.questions.write_text("".join(json.dumps(line) + "\n" for line in questions))


def _write_files(folder: Path, count: int, chance: random.Random) -> None:
    folder.mkdir(parents=True)
    for number in range(max(8, round(count / PAGE_POINTS / DOCUMENT_PAGES))):
        (folder / f"{number:04}.pdf").write_bytes(chance.randbytes(20_000))  # their content is never read


class _Document:
    """The extraction of one file."""

    def __init__(self, source: Source, pages: int) -> None:
        seed = int(source.sha256[:15], 16)
        self._author, self._chance = Author(np.random.default_rng(seed)), random.Random(seed)
        self._passages: list[Passage] = []
        self._pictures: list[Picture] = []
        self._heading: tuple[str, ...] = ()
        for page in range(1, pages + 1):
            self._write_page(page)
        report = Report(pages=pages)
        title = self._author.heading(5)
        self.extraction = Extraction(source, tuple(self._passages), tuple(self._pictures), report, title)

    @property
    def about(self) -> str:
        """Its most frequent topic words."""
        return " ".join(map(str, self._author.topic[:20]))

    def questions(self, count: int, chance: random.Random) -> Iterator[dict[str, object]]:
        for number in range(count):
            passage = chance.choice(self._passages)
            text = random_question(" ".join(one.text for one in self._passages if one.page == passage.page), chance)
            name = self.extraction.source.name
            yield {"id": f"{name} {number}", "text": text, "document": name, "pages": [passage.page]}

    def _write_page(self, page: int) -> None:
        """100 to 600 words in passages of 60 to 200. Every tenth page starts a chapter, every third a section."""
        chance, author = self._chance, self._author
        if not self._heading or chance.random() < 0.1:
            self._heading = (author.heading(3),)
        elif chance.random() < 0.3:
            self._heading = (self._heading[0], author.heading(4))
        left, label = round(chance.triangular(100, 600, 480)), ""
        if chance.random() < PAGE_PICTURES:
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


def _store_document(document: _Document, pipeline: Pipeline) -> None:
    """Write a document as `diptych.pipeline.ingest` does, all at once."""
    source, extraction = document.extraction.source, document.extraction
    drafts = draft_points(extraction, pipeline.spaces.encoding_config(pipeline.language))
    vectors = _vectors(drafts, pipeline.spaces.text.encode_texts([document.about])[0], int(source.sha256[:15], 16))
    pipeline.store.text.upsert(make_points(drafts.text, vectors, 1))
    pipeline.store.images.upsert(make_points(drafts.images, vectors, 1))
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


def _vectors(drafts: DocumentDrafts, centre: Vector, seed: int) -> dict[str, Vector]:
    """Content hash -> random vector of unit length."""
    chance = np.random.default_rng(seed)

    def offsets(count: int) -> Vector:
        drawn = chance.standard_normal((count, len(centre)), np.float32)
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)

    wanted: Sequence[tuple[PointDraft, str]] = [
        (draft, need.hash) for draft in (*drafts.text, *drafts.images) for need in draft.required_vectors
    ]
    pages = centre + SPREAD["page"] * offsets(1 + max(draft.payload["page"] for draft, _ in wanted))
    parts = pages[[draft.payload["page"] for draft, _ in wanted]] + SPREAD["part"] * offsets(len(wanted))
    parts /= np.linalg.norm(parts, axis=1, keepdims=True)
    return {name: vector for (_, name), vector in zip(wanted, parts, strict=True)}
