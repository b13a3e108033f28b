"""The two kinds of requests that a backfill sends in batches: captions and text vectors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from diptych.captioners.captioner import Captioner
from diptych.encoders.ledger_encoder import vector_key
from diptych.models.ledger import BatchKind, Ledger, OpenBatch
from diptych.models.meter import Meter
from diptych.models.openai.embeddings import EmbeddingBatchApi
from diptych.models.vision import BatchApi, BatchItem, VisionRequest
from diptych.pipeline.batch.run import BatchRequest
from diptych.pipeline.missing_vectors import MissingVectors
from extractors.types import Extraction

NO_ANSWER = "the batch has no answer to it"


class CaptionJob:
    """A `BatchJob` for the pictures of a document that need a model caption."""

    kind: BatchKind = "captions"

    def __init__(self, captioner: Captioner, api: BatchApi, ledger: Ledger, meter: Meter, pictures: Path) -> None:
        self.model = captioner.model.name
        self.max_requests, self.max_bytes, self.progress = api.max_requests, api.max_bytes, api.progress
        self._captioner, self._api, self._ledger, self._meter = captioner, api, ledger, meter
        self._pictures = pictures

    def missing_requests(self, extraction: Extraction) -> Iterator[BatchRequest[VisionRequest]]:
        for key, request in self._captioner.pending_requests(extraction, self._pictures):
            size = self._api.size(BatchItem(key, request))
            yield BatchRequest(key, request, size, self._captioner.model.max_usage(request))

    def send(self, requests: Sequence[BatchRequest[VisionRequest]]) -> str:
        return self._api.submit([BatchItem(request.key, request.content) for request in requests])

    def collect(self, batch: OpenBatch) -> dict[str, str]:
        form = VisionRequest("", (), self._captioner.prompt.schema)
        replies = self._api.fetch(batch.id, lambda item: form if item in batch.items else None)
        # An answer that is in the ledger already was counted by the run that added it.
        known = self._ledger.captions(list(batch.items))
        failed: dict[str, str] = {}
        for key in batch.items.keys() - known.keys():
            reply = replies.get(key, NO_ANSWER)
            if isinstance(reply, str):
                failed[key] = reply
                continue
            usage = replace(reply.usage, batched=True, requests=max(reply.usage.requests, 1))
            self._meter.spend(self.model, usage)
            self._captioner.record_reply(key, replace(reply, usage=usage))
        return failed


class TextVectorJob:
    """A `BatchJob` for the text vectors of a document, including descriptions whose captions are known."""

    kind: BatchKind = "embeddings"

    def __init__(
        self,
        fingerprint: str,
        api: EmbeddingBatchApi,
        ledger: Ledger,
        meter: Meter,
        find_missing: Callable[[Extraction], MissingVectors],
    ) -> None:
        """`fingerprint`: of the encoder, for the keys of its vectors in the ledger."""
        self.model = api.name
        self.max_requests, self.max_bytes, self.progress = api.max_requests, api.max_bytes, api.progress
        self._fingerprint, self._api, self._find_missing = fingerprint, api, find_missing
        self._ledger, self._meter = ledger, meter

    def missing_requests(self, extraction: Extraction) -> Iterator[BatchRequest[str]]:
        contents = [required.content for required in self._find_missing(extraction).vectors.values()]
        texts = {vector_key(self._fingerprint, text): text for text in contents if isinstance(text, str)}
        known = self._ledger.vectors(list(texts))
        for key, text in texts.items():
            if key not in known:
                yield BatchRequest(key, text, self._api.size(key, text), self._api.max_usage(text))

    def send(self, requests: Sequence[BatchRequest[str]]) -> str:
        return self._api.submit([(request.key, request.content) for request in requests])

    def collect(self, batch: OpenBatch) -> dict[str, str]:
        answers = self._api.fetch(batch.id, lambda item: item in batch.items)
        known = self._ledger.vectors(list(batch.items))  # counted by the run that added them
        failed, vectors = {}, {}
        for key in batch.items.keys() - known.keys():
            answer = answers.get(key, NO_ANSWER)
            if isinstance(answer, str):
                failed[key] = answer
            else:
                self._meter.spend(self.model, replace(answer.usage, batched=True, requests=1))
                vectors[key] = answer.vector
        self._ledger.add_vectors(vectors)
        return failed
