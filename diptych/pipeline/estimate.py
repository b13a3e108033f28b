"""Estimate what an ingest would encode, caption and cost. Nothing is spent or stored."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from diptych.captioners.caption import ModelCaption
from diptych.captioners.prompt import MAX_CAPTION_CHARACTERS
from diptych.encoders.encoder import Encoder
from diptych.encoders.ledger_encoder import vector_key
from diptych.encoders.page_encoder import PageEncoder
from diptych.models.ledger import Ledger
from diptych.models.price_list import PriceList
from diptych.pipeline.extract_ahead import extract_ahead
from diptych.pipeline.missing_vectors import MissingVectors, find_missing_vectors
from diptych.prices import Price, Usage
from diptych.store.page_vectors import POOLED
from diptych.store.spaces import Spaces
from diptych.store.types import PAGE_VECTOR, Store
from extractors.errors import ExtractionError
from extractors.pictures.store import image_path
from extractors.temporary_folder import TemporaryFolder
from extractors.types import Extraction, ImageFile, Source

if TYPE_CHECKING:
    from diptych.captioners.captioner import Captioner

Use: TypeAlias = Literal["captions", "texts", "pictures", "pages"]
"""What a paid model is used for: captions, or vectors of texts, pictures or whole pages."""


@dataclass(frozen=True, slots=True)
class EstimateContext:
    """Everything that an estimate uses."""

    store: Store | None
    """None: the store does not exist."""
    spaces: Spaces
    captioner: Captioner | None
    ledger: Ledger
    prices: Mapping[str, Price] | PriceList
    language: str
    extract: Callable[[Source, Path], Extraction]
    """Extracts a document; its pictures go to the folder."""
    workers: int


@dataclass(frozen=True, slots=True)
class Cost:
    """The requests to one paid model."""

    model: str
    use: Use
    items: int
    usage: Usage
    """At most."""
    price: Price | None
    """None: unknown."""
    batches: bool
    """Whether its provider has a batch endpoint for this use."""

    @property
    def dollars(self) -> float | None:
        return self.price.max_cost(self.usage) if self.price else None

    @property
    def batch_dollars(self) -> float | None:
        """With --batch-api; providers without a batch endpoint charge the full price."""
        return self.price.max_cost(replace(self.usage, batched=self.batches)) if self.price else None


@dataclass(frozen=True, slots=True)
class PageVectors:
    """What a page encoder on this machine would do, as measured with the first page."""

    encoder: str
    pages: int
    bytes_per_page: int
    """Of all vectors in half precision, without search structures."""
    seconds_per_page: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """For the documents that need work."""

    documents: int
    pages: int
    passages: int
    pictures: int
    captions_known: int
    """Pictures whose caption is in the ledger."""
    skipped: Mapping[str, int]
    """Why pictures are not sent to the vision model -> number of pictures."""
    embedded_here: Mapping[str, int]
    """Local encoder, which costs nothing -> number of texts and pictures that it would encode."""
    costs: tuple[Cost, ...]
    unreadable: tuple[str, ...] = ()
    """One sentence for each document that cannot be extracted."""
    unchanged: int = 0
    """Documents that need no work."""
    left_out: tuple[str, ...] = ()
    """Files that were skipped, with reasons."""
    page_vectors: PageVectors | None = None
    """None: no page encoder would run here."""

    @property
    def dollars(self) -> float | None:
        """At most; None if a price is unknown."""
        return _sum_if_all_known([cost.dollars for cost in self.costs])

    @property
    def batch_dollars(self) -> float | None:
        return _sum_if_all_known([cost.batch_dollars for cost in self.costs])


def _sum_if_all_known(amounts: Sequence[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None


def estimate_documents(
    sources: Sequence[Source], context: EstimateContext, on_document: Callable[[str], None] | None = None
) -> Estimate:
    """Estimate the documents that need work. `on_document` is called with each name. Pictures are not kept.

    Raises `StoreError`, and `ModelError` if a local model is missing.
    """
    counter = _Counter(context)
    with TemporaryFolder() as folder:
        pictures = {source.uri: folder / str(number) for number, source in enumerate(sources)}

        def extract(source: Source) -> Extraction:
            return context.extract(source, pictures[source.uri])

        for source, extraction in extract_ahead(sources, extract, context.workers):
            if isinstance(extraction, ExtractionError):
                counter.unreadable.append(str(extraction))
            else:
                counter.add(extraction, pictures[source.uri])
            shutil.rmtree(pictures[source.uri], ignore_errors=True)
            if on_document:
                on_document(source.name)
    return counter.estimate()


class _Counter:
    """Adds up documents; content that several documents share is counted once."""

    def __init__(self, context: EstimateContext) -> None:
        self._context = context
        self._config = context.spaces.encoding_config(context.language)
        self.unreadable: list[str] = []
        self._sums = Counter[str]()
        self._skipped = Counter[str]()
        self._local = Counter[str]()
        self._usage: dict[tuple[str, Use], Usage] = {}
        self._items = Counter[tuple[str, Use]]()
        self._pages: PageVectors | None = None
        self._counted: set[str] = set()
        """Ledger keys of captions, and hashes of vectors."""

    def add(self, extraction: Extraction, pictures: Path) -> None:
        self._sums["documents"] += 1
        self._sums["pages"] += extraction.report.pages
        self._sums["passages"] += len(extraction.passages)
        self._sums["pictures"] += len(extraction.pictures)
        captions = self._add_captions(extraction, pictures)
        self._add_vectors(find_missing_vectors(extraction, captions, self._config, self._context.store), pictures)

    def _add_captions(self, extraction: Extraction, pictures: Path) -> list[ModelCaption | None]:
        """Count caption requests. Returns the known captions, one per picture; empty without a captioner."""
        captioner = self._context.captioner
        if captioner is None:
            return []
        captions = captioner.known_captions(extraction, pictures)
        for caption in filter(None, captions):
            self._skipped[caption.skipped] += bool(caption.skipped)
            self._sums["captions_known"] += bool(caption.text)
        if None in captions:
            for key, request in captioner.pending_requests(extraction, pictures):
                if key not in self._counted:
                    self._counted.add(key)
                    self._add_request(captioner.model.name, "captions", captioner.model.max_usage(request))
        return captions

    def _add_vectors(self, missing: MissingVectors, pictures: Path) -> None:
        new = [vector for hash, vector in missing.vectors.items() if hash not in self._counted]
        contents = [vector.content for vector in new if vector.vector != PAGE_VECTOR]
        self._add_pages([vector.content for vector in new if vector.vector == PAGE_VECTOR], pictures)
        texts = [content for content in contents if isinstance(content, str)]
        images = [image_path(content, pictures) for content in contents if not isinstance(content, str)]
        uncaptioned = [text for key, text in missing.uncaptioned.items() if key not in self._counted]
        self._counted |= missing.vectors.keys() | missing.uncaptioned.keys()
        spaces = self._context.spaces
        self._add_encoder(spaces.text, texts, [text + "x" * MAX_CAPTION_CHARACTERS for text in uncaptioned])
        if spaces.images:
            self._add_encoder(spaces.images, images)

    def _add_pages(self, contents: Sequence[str | ImageFile], pictures: Path) -> None:
        encoder = self._context.spaces.pages
        files = [image_path(content, pictures) for content in contents if not isinstance(content, str)]
        if encoder and files and encoder.paid:
            from diptych.models.openai.embeddings import IMAGE_TOKENS

            for _ in files:
                self._add_request(encoder.paid, "pages", Usage(input_tokens=IMAGE_TOKENS))
        elif encoder and files:
            known = self._pages or _measure_page(encoder, files[0])
            self._pages = replace(known, pages=known.pages + len(files))

    def _add_encoder(self, encoder: Encoder, contents: Sequence[str | Path], future: Sequence[str] = ()) -> None:
        """`future`: stand-ins for texts that do not exist yet, as long as they may become."""
        if not encoder.paid:
            self._local[encoder.name] += len(contents) + len(future)
            return
        from diptych.models.openai.embeddings import IMAGE_TOKENS, TextInput

        keys = {vector_key(encoder.fingerprint, content): content for content in contents}
        paid = self._context.ledger.vectors(list(keys))
        for content in [*(content for key, content in keys.items() if key not in paid), *future]:
            if isinstance(content, str):
                self._add_request(encoder.paid, "texts", Usage(input_tokens=TextInput(content).tokens))
            else:
                self._add_request(encoder.paid, "pictures", Usage(input_tokens=IMAGE_TOKENS))

    def _add_request(self, model: str, use: Use, usage: Usage) -> None:
        before = self._usage.get((model, use))
        self._usage[model, use] = before + usage if before else usage
        self._items[model, use] += 1

    def estimate(self) -> Estimate:
        sums = self._sums
        return Estimate(
            documents=sums["documents"],
            pages=sums["pages"],
            passages=sums["passages"],
            pictures=sums["pictures"],
            captions_known=sums["captions_known"],
            skipped={reason: number for reason, number in self._skipped.most_common() if number},
            embedded_here={name: number for name, number in self._local.items() if number},
            costs=tuple(self._cost(model, use, usage) for (model, use), usage in self._usage.items()),
            unreadable=tuple(self.unreadable),
            page_vectors=self._pages,
        )

    def _cost(self, model: str, use: Use, usage: Usage) -> Cost:
        context, items = self._context, self._items[model, use]
        batches = use == "texts" and context.spaces.text.batches is not None
        if use == "captions" and context.captioner:
            batches = context.captioner.model.batch_api is not None
        return Cost(model, use, items, usage, context.prices.get(model), batches)


def _measure_page(encoder: PageEncoder, file: Path) -> PageVectors:
    encoder.encode_pages([file])  # loads the model
    start = time.perf_counter()
    (vectors,) = encoder.encode_pages([file])
    stored = len(vectors) + min(len(vectors), POOLED)
    return PageVectors(encoder.name, 0, 2 * stored * encoder.size, time.perf_counter() - start)
