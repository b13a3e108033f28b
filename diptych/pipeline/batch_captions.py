"""Captions through a provider's batch endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from diptych.captioners.captioner import Captioner
from diptych.models.ledger import BatchKind, Ledger, OpenBatch
from diptych.models.meter import Meter
from diptych.models.vision import BatchApi, BatchItem, VisionRequest
from diptych.pipeline.batch_run import BatchRequest
from extractors.types import Extraction


class CaptionJob:
    """A `diptych.pipeline.batch_run.Job`: the captions of which a document's pictures are worth one and have none."""

    kind: BatchKind = "captions"

    def __init__(self, captioner: Captioner, batches: BatchApi, ledger: Ledger, meter: Meter, pictures: Path) -> None:
        self.model = captioner.model.name
        self.max_requests, self.max_bytes = batches.max_requests, batches.max_bytes
        self.progress = batches.progress
        self._captioner, self._batches, self._ledger, self._meter = captioner, batches, ledger, meter
        self._pictures = pictures

    def wanted(self, extraction: Extraction) -> Iterator[BatchRequest[VisionRequest]]:
        for key, ask in self._captioner.pending_requests(extraction, self._pictures):
            yield BatchRequest(key, ask, self._batches.size(BatchItem(key, ask)), self._captioner.model.max_usage(ask))

    def send(self, items: Sequence[BatchRequest[VisionRequest]]) -> tuple[str, dict[str, list[str]]]:
        id = self._batches.submit([BatchItem(item.key, item.content) for item in items])
        return id, {item.key: [item.key] for item in items}

    def take(self, batch: OpenBatch) -> dict[str, str]:
        """An answer that is in the ledger by now was counted by whoever put it there."""
        form = VisionRequest("", (), self._captioner.prompt.schema)
        replies = self._batches.fetch(batch.id, lambda item: form if item in batch.items else None)
        known = self._ledger.captions(list(batch.items))
        failed: dict[str, str] = {}
        for key in batch.items.keys() - known.keys():
            reply = replies.get(key, "the batch has no answer to it")
            if isinstance(reply, str):
                failed[key] = reply
                continue
            usage = replace(reply.usage, batched=True, requests=max(reply.usage.requests, 1))
            self._meter.spend(self.model, usage)
            self._captioner.record_reply(key, replace(reply, usage=usage))
        return failed
