"""Vectors of texts through a provider's batch endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from diptych.encoders.ledger_encoder import vector_key
from diptych.models.ledger import BatchKind, Ledger, OpenBatch
from diptych.models.meter import Meter
from diptych.models.openai.embedding_batches import EmbeddingBatchApi
from diptych.pipeline.batch_run import BatchRequest
from diptych.pipeline.requirements import MissingVectors
from extractors.types import Extraction


class VectorJob:
    """A `paid.batches.Job`: the vectors of a document's texts, descriptions included whose captions are known."""

    kind: BatchKind = "embeddings"

    def __init__(
        self,
        fingerprint: str,
        batches: EmbeddingBatchApi,
        ledger: Ledger,
        meter: Meter,
        lacking: Callable[[Extraction], MissingVectors],
    ) -> None:
        """`fingerprint`: of the encoder, under which the ledger keeps its vectors. `lacking`: see `paid.due.due`."""
        self.model = batches.name
        self.max_requests, self.max_bytes = batches.max_requests, batches.max_bytes
        self.progress = batches.progress
        self._fingerprint, self._batches, self._lacking = fingerprint, batches, lacking
        self._ledger, self._meter = ledger, meter

    def wanted(self, extraction: Extraction) -> Iterator[BatchRequest[str]]:
        texts = {
            vector_key(self._fingerprint, need.content): need.content
            for need in self._lacking(extraction).needs.values()
            if isinstance(need.content, str)
        }
        known = self._ledger.vectors(list(texts))
        for key, text in texts.items():
            if key not in known:
                yield BatchRequest(key, text, self._batches.size(key, text), self._batches.max_usage(text))

    def send(self, items: Sequence[BatchRequest[str]]) -> tuple[str, Mapping[str, Sequence[str]]]:
        id = self._batches.submit([(item.key, item.content) for item in items])
        return id, {item.key: [item.key] for item in items}

    def take(self, batch: OpenBatch) -> dict[str, str]:
        """A vector that is in the ledger by now was counted by whoever put it there."""
        answers = self._batches.fetch(batch.id, lambda item: item in batch.items)
        known = self._ledger.vectors(list(batch.items))
        failed, vectors = {}, {}
        for key in batch.items.keys() - known.keys():
            answer = answers.get(key, "the batch has no answer to it")
            if isinstance(answer, str):
                failed[key] = answer
            else:
                self._meter.spend(self.model, replace(answer.usage, batched=True, requests=1))
                vectors[key] = answer.vector
        self._ledger.add_vectors(vectors)
        return failed
