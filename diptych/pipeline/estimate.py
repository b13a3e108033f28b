"""What a run would embed, caption and cost: all of it but the asking. Nothing is spent or written into the store."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from diptych.captioners.caption import ModelCaption
from diptych.captioners.prompt import MAX_CAPTION_CHARACTERS
from diptych.encoders.encoder import Encoder
from diptych.encoders.ledger_encoder import vector_key
from diptych.models.ledger import Ledger
from diptych.models.price_list import PriceList
from diptych.pipeline.extraction import extract_ahead
from diptych.pipeline.requirements import MissingVectors, missing_vectors
from diptych.prices import Price, Usage
from diptych.store.spaces import Spaces
from diptych.store.types import Store
from extractors.errors import ExtractionError
from extractors.pictures.store import image_path
from extractors.types import Extraction, Source

if TYPE_CHECKING:
    from diptych.captioners.captioner import Captioner

Use: TypeAlias = Literal["captions", "texts", "pictures"]
"""What a paid model would be asked for: captions, or vectors of texts or of pictures."""


@dataclass(frozen=True, slots=True)
class EstimateContext:
    """What an estimate stands on."""

    store: Store | None
    """None: the store was never made."""
    spaces: Spaces
    captioner: Captioner | None
    ledger: Ledger
    prices: Mapping[str, Price] | PriceList
    language: str
    extract: Callable[[Source, Path], Extraction]
    """Takes a document apart; its pictures go to the folder."""
    workers: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What one model would be asked for."""

    model: str
    use: Use
    items: int
    usage: Usage
    """At most."""
    price: Price | None
    """None: unknown."""
    batches: bool
    """Whether its provider has a batch endpoint for this."""
    likely: Usage | None = None
    """By what the captions cost that this model has written until now."""

    @property
    def dollars(self) -> float | None:
        return self.price.max_cost(self.usage) if self.price else None

    @property
    def batch_dollars(self) -> float | None:
        """The same with --batch-api; a provider without batches is asked one by one at the whole price."""
        return self.price.max_cost(replace(self.usage, batched=self.batches)) if self.price else None

    @property
    def likely_dollars(self) -> float | None:
        return self.price.cost(self.likely) if self.price and self.likely else None


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of the documents that need work."""

    documents: int
    pages: int
    passages: int
    pictures: int
    captions_known: int
    """Pictures whose caption is in the ledger."""
    skipped: Mapping[str, int]
    """Why pictures are not sent to the vision model -> how many."""
    embedded_here: Mapping[str, int]
    """Encoder that runs here and costs nothing -> texts and pictures that it would encode."""
    costs: tuple[Cost, ...]
    unreadable: tuple[str, ...] = ()
    """One sentence for each document that gives no parts."""
    unchanged: int = 0
    """Documents that need no work."""
    left_out: tuple[str, ...] = ()
    """What was passed over, and why."""

    @property
    def dollars(self) -> float | None:
        """At most; None: some price is unknown."""
        return _sum([cost.dollars for cost in self.costs])

    @property
    def batch_dollars(self) -> float | None:
        return _sum([cost.batch_dollars for cost in self.costs])


def estimate_documents(
    sources: Sequence[Source], ground: EstimateContext, on_document: Callable[[str], None] | None = None
) -> Estimate:
    """Of documents that need work. `on_document` is told each name. Pictures are kept for the moment only.

    Raises `StoreError`, and `ModelError` for a local model that is not there.
    """
    count = _Count(ground)
    with tempfile.TemporaryDirectory(prefix="diptych-estimate-") as folder:
        places = {source.uri: Path(folder, str(number)) for number, source in enumerate(sources)}

        def extract(source: Source) -> Extraction:
            return ground.extract(source, places[source.uri])

        for source, parts in extract_ahead(sources, extract, ground.workers):
            if isinstance(parts, ExtractionError):
                count.unreadable.append(str(parts))
            else:
                count.add(parts, places[source.uri])
            shutil.rmtree(places[source.uri], ignore_errors=True)
            if on_document:
                on_document(source.name)
    return count.estimate()


class _Count:
    """Adds up documents; what several of them share is counted once."""

    def __init__(self, ground: EstimateContext) -> None:
        self._ground = ground
        self._reading = ground.spaces.encoding_config(ground.language)
        self.unreadable: list[str] = []
        self._sums = Counter[str]()
        self._skipped = Counter[str]()
        self._here = Counter[str]()
        self._used: dict[tuple[str, Use], Usage] = {}
        self._items = Counter[tuple[str, Use]]()
        self._asked: set[str] = set()
        self._encoded: set[str] = set()

    def add(self, extraction: Extraction, pictures: Path) -> None:
        self._sums["documents"] += 1
        self._sums["pages"] += extraction.report.pages
        self._sums["passages"] += len(extraction.passages)
        self._sums["pictures"] += len(extraction.pictures)
        told = self._captions(extraction, pictures)
        self._vectors(missing_vectors(extraction, told, self._reading, self._ground.store), pictures)

    def _captions(self, extraction: Extraction, pictures: Path) -> list[ModelCaption | None]:
        """What is known of the pictures; counts what would be asked. Empty: there is no captioner."""
        captioner = self._ground.captioner
        if captioner is None:
            return []
        told = captioner.known_captions(extraction, pictures)
        for caption in told:
            if caption is not None:
                self._skipped[caption.skipped] += bool(caption.skipped)
                self._sums["known"] += bool(caption.text)
        if None in told:
            for key, ask in captioner.pending_requests(extraction, pictures):
                if key not in self._asked:
                    self._asked.add(key)
                    self._count(captioner.model.name, "captions", captioner.model.max_usage(ask))
        return told

    def _vectors(self, lacking: MissingVectors, pictures: Path) -> None:
        needs = [need for hash, need in lacking.needs.items() if hash not in self._encoded]
        coming = [words for apart, words in lacking.coming.items() if apart not in self._encoded]
        self._encoded |= lacking.needs.keys() | lacking.coming.keys()
        texts = [need.content for need in needs if isinstance(need.content, str)]
        images = [image_path(need.content, pictures) for need in needs if not isinstance(need.content, str)]
        spaces = self._ground.spaces
        self._encode(spaces.text, texts, [words + "x" * MAX_CAPTION_CHARACTERS for words in coming])
        if spaces.images:
            self._encode(spaces.images, images)

    def _encode(self, encoder: Encoder, contents: Sequence[str | Path], coming: Sequence[str] = ()) -> None:
        """`coming`: texts that do not exist yet, as long as they may become."""
        if not encoder.paid:
            self._here[encoder.name] += len(contents) + len(coming)
            return
        from diptych.models.openai.embedding_inputs import IMAGE_TOKENS, TextInput

        keys = {vector_key(encoder.fingerprint, content): content for content in contents}
        kept = self._ground.ledger.vectors(list(keys))
        for content in [*(content for key, content in keys.items() if key not in kept), *coming]:
            if isinstance(content, str):
                self._count(encoder.paid, "texts", Usage(input_tokens=TextInput(content).tokens))
            else:
                self._count(encoder.paid, "pictures", Usage(input_tokens=IMAGE_TOKENS))

    def _count(self, model: str, use: Use, usage: Usage) -> None:
        known = self._used.get((model, use))
        self._used[model, use] = known + usage if known else usage
        self._items[model, use] += 1

    def estimate(self) -> Estimate:
        sums = self._sums
        return Estimate(
            documents=sums["documents"],
            pages=sums["pages"],
            passages=sums["passages"],
            pictures=sums["pictures"],
            captions_known=sums["known"],
            skipped={why: number for why, number in self._skipped.most_common() if number},
            embedded_here={name: number for name, number in self._here.items() if number},
            costs=tuple(self._cost(model, use, usage) for (model, use), usage in self._used.items()),
            unreadable=tuple(self.unreadable),
        )

    def _cost(self, model: str, use: Use, usage: Usage) -> Cost:
        price, items = self._ground.prices.get(model), self._items[model, use]
        likely = _likely(self._ground.ledger, model, items) if use == "captions" else None
        return Cost(model, use, items, usage, price, self._batches(use), likely)

    def _batches(self, use: Use) -> bool:
        captioner = self._ground.captioner
        if use == "captions":
            return captioner is not None and captioner.model.batch_api is not None
        encoder = self._ground.spaces.text
        return use == "texts" and encoder.batches is not None


def _likely(ledger: Ledger, model: str, items: int) -> Usage | None:
    """Of so many captions, by those that the model has written; None: it has written none."""
    spent = [one for one in ledger.spending() if one.model == model and one.usage.requests]
    number = sum(one.captions for one in spent)
    if not number:
        return None

    def share(tokens: int) -> int:
        return round(tokens * items / number)

    return Usage(
        input_tokens=share(sum(one.usage.input_tokens for one in spent)),
        cached_tokens=share(sum(one.usage.cached_tokens for one in spent)),
        output_tokens=share(sum(one.usage.output_tokens for one in spent)),
        requests=items,
        written_tokens=share(sum(one.usage.written_tokens for one in spent)),
    )


def _sum(amounts: Sequence[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None
