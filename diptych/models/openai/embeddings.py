"""Embeddings through OpenAI's API, at OpenAI or at any server that speaks it.

Requests keep the limits of the endpoint and the budget. Every vector is told as soon as its request is answered, so
that nobody pays for it again. The SDK itself is behind `openai_embeddings`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeAlias

import numpy as np

from diptych.errors import ProviderError
from diptych.models.meter import Meter
from diptych.models.openai.embedding_inputs import ImageInput, Input, Item
from diptych.models.request_queue import call_in_halves
from diptych.prices import Usage
from diptych.settings import Endpoint
from diptych.vectors import Vectors

MOST_INPUTS, MOST_TOKENS = 2048, 300_000
"""Inputs of a request and their tokens (OpenAI's reference of `POST /embeddings`)."""
FEW_INPUTS = 32
"""Texts of a request to other servers: what the most modest of them take unless told otherwise."""
FEW_PICTURES = 8

OnVectors: TypeAlias = Callable[[Sequence[int], Vectors], None]
"""Is given places among what was asked for, and a row of the vectors for each."""
Row: TypeAlias = tuple[int, Item]
"""Something to embed, and its place among what was asked for."""


class EmbeddingClient:
    """One model at one endpoint. Thread-safe; no request and no question for the key before the first `embed`."""

    def __init__(
        self, name: str, model: str, size: int, endpoint: Endpoint, meter: Meter, *, shortened: bool = True
    ) -> None:
        """`name`: what usage is counted under; `size`: dimensions; `shortened`: the model has to be asked for them."""
        self.name, self.model, self.size = name, model, size
        self._endpoint, self._meter = endpoint, meter
        self._shortened = shortened

    def embed(self, items: Sequence[Item], told: OnVectors) -> None:
        """Tell the vector of every item, of unit length, float32; zeros for a picture that cannot be opened.

        `told` is called as each request is answered, from several threads. When something is refused, everything else
        has been told before `ProviderError` names it. Raises as well what concerns all: `ProviderError`, `ModelError`
        without a key, `BudgetReached`; what was answered until then has been told.
        """
        if not items:
            return
        from diptych.models.openai.errors import is_openai  # loads the SDK

        portions = _portions(items, is_openai(self._endpoint))
        stopped = threading.Event()

        def work(portion: Sequence[Row]) -> list[tuple[Item, ProviderError]]:
            if stopped.is_set():
                return []
            try:
                results = call_in_halves(portion, lambda rows: self._answered(rows, told))
            except BaseException:
                stopped.set()  # here, not where it is waited for: this thread would begin the next one meanwhile
                raise
            return [(item, result) for (_, item), result in zip(portion, results, strict=True) if result]

        if len(portions) == 1:
            refused = work(portions[0])
        else:
            with ThreadPoolExecutor(min(self._endpoint.at_once, len(portions)), "diptych-embed") as pool:
                futures = [pool.submit(copy_context().run, work, portion) for portion in portions]  # whose cost it is
                try:
                    wait(futures, return_when=FIRST_EXCEPTION)
                finally:
                    stopped.set()  # what is under way is paid for anyway: it is waited for and told
            errors = [error for future in futures if (error := future.exception())]
            if errors:
                raise errors[0]
            refused = [one for future in futures for one in future.result()]
        if refused:
            raise _refusal(self.name, refused)

    def _answered(self, rows: Sequence[Row], told: OnVectors) -> list[ProviderError | None]:
        """Ask for a few items and tell their vectors; what is wrong with an item whose vector cannot be used."""
        results = self._asked(rows)
        good = [(row, result) for (row, _), result in zip(rows, results, strict=True) if isinstance(result, np.ndarray)]
        if good:
            told([row for row, _ in good], np.stack([vector for _, vector in good]))
        return [result if isinstance(result, ProviderError) else None for result in results]

    def _asked(self, rows: Sequence[Row]) -> list[Vectors | ProviderError]:
        """Servers differ in how much they read, and few say: a text that is refused alone is tried by its beginning."""
        try:
            return self._vectors([item for _, item in rows])
        except ProviderError as error:
            shorter = rows[0][1].shorter() if len(rows) == 1 else None
            if shorter is None or error.transient or error.about == "account":
                raise
            return self._asked([(rows[0][0], shorter)])

    def _vectors(self, items: Sequence[Item]) -> list[Vectors | ProviderError]:
        inputs = [item.wire() for item in items]
        sent = [one for one in inputs if one is not None]
        most = sum(item.tokens for item, one in zip(items, inputs, strict=True) if one is not None)
        answered = iter(self._sized(sent, most) if sent else [])
        return [np.zeros(self.size, np.float32) if one is None else next(answered) for one in inputs]

    def _sized(self, inputs: list[Input], most: int) -> list[Vectors | ProviderError]:
        """Vectors of the wanted size. Some models refuse to be told their own size, and are then not told it."""
        from diptych.models.openai.embedding_request import OtherSize  # loads the SDK

        shortened = self._shortened
        try:
            return self._paid(inputs, most, shortened)
        except OtherSize:
            raise
        except ProviderError as error:
            if error.transient or not shortened or "dimension" not in str(error).lower():
                raise
        vectors = self._paid(inputs, most, False)
        self._shortened = False
        return vectors

    def _paid(self, inputs: list[Input], most: int, shortened: bool) -> list[Vectors | ProviderError]:
        from diptych.models.openai.embedding_request import Request, answered

        def used(tokens: int | None) -> None:
            self._meter.spend(self.name, Usage(input_tokens=most if tokens is None else tokens, requests=1))

        request = Request(self.name, self.model, inputs, self.size, shortened)
        with self._meter.reserve(self.name, Usage(input_tokens=most, requests=1)):
            return answered(request, self._endpoint, most, used)


def _portions(items: Sequence[Item], openai: bool) -> list[list[Row]]:
    """Requests: as many items each as the endpoint takes."""
    portions: list[list[Row]] = []
    held = 0
    for row in enumerate(items):
        few = FEW_PICTURES if isinstance(row[1], ImageInput) else FEW_INPUTS
        most = MOST_INPUTS if openai else few
        if not portions or len(portions[-1]) >= most or held + row[1].tokens > MOST_TOKENS:
            portions.append([])
            held = 0
        portions[-1].append(row)
        held += row[1].tokens
    return portions


def _refusal(name: str, refused: Sequence[tuple[Item, ProviderError]]) -> ProviderError:
    item, error = refused[0]
    more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    reason = str(error).removeprefix(f"{name}: ")
    return ProviderError(
        f"{name}: {item}{more} cannot be encoded: {reason}; take it out of the document or choose another encoder"
    )
