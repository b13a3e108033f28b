"""Paid models behind one seam: words and pictures in, words or checked data out.

Each provider's SDK is imported only in its own folder. Captions, answers and proposed questions all send a
`VisionRequest` to a `VisionModel`; encoders request embeddings through the same folders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Literal, Protocol, cast

from pydantic import BaseModel

from diptych.errors import SettingsError
from diptych.models.meter import Meter
from diptych.models.request_queue import api_key
from diptych.prices import Usage
from diptych.settings import Anthropic, Endpoint, Settings

Detail = Literal["low", "high", "auto"]


@dataclass(frozen=True, slots=True)
class TextPart:
    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An encoded picture."""

    data: bytes
    media_type: str
    """`image/png`, `image/jpeg` or `image/webp`."""


@dataclass(frozen=True, slots=True)
class CitableText:
    """A text that the model may cite by its id; where a provider has citations of its own, it is sent as such."""

    id: str
    title: str
    text: str


RequestPart = TextPart | ImagePart | CitableText


@dataclass(frozen=True, slots=True)
class VisionRequest:
    """One request to a vision model."""

    system: str
    parts: tuple[RequestPart, ...]
    schema: type[BaseModel] | None = None
    """Model of the answer; None: free text, with native citations of `CitableText` where the provider has them."""
    max_tokens: int = 1000
    detail: Detail = "auto"


@dataclass(frozen=True, slots=True)
class CitedSpan:
    """A stretch of a free-text answer with what the provider says it rests on."""

    text: str
    quotes: tuple[tuple[str, str], ...] = ()
    """(id of the evidence, words of it)."""


@dataclass(frozen=True, slots=True)
class Reply:
    text: str
    """The whole answer as it came; with a schema, its JSON."""
    data: BaseModel | None = None
    """Validated, when the ask has a schema and the model did not refuse."""
    usage: Usage = field(default_factory=Usage)
    refusal: str = ""
    """Why there is no answer: refused, filtered, empty, or never of the schema's shape. Final: not tried again."""
    cited: tuple[CitedSpan, ...] = ()
    """The answer in stretches, where citations were native; their texts joined are `text`."""


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One request of a batch."""

    id: str
    """At most 64 characters of A-Z, a-z, 0-9, _ and -."""
    ask: VisionRequest


class BatchApi(Protocol):
    """A provider's batch endpoint for asks. Errors are `ProviderError`."""

    max_requests: int
    max_bytes: int

    def size(self, item: BatchItem) -> int:
        """Bytes that it adds to a batch."""
        ...

    def submit(self, items: list[BatchItem]) -> str:
        """The batch's id at the provider."""
        ...

    def progress(self, batch: str) -> tuple[bool, int, int]:
        """(has it ended, answered so far, of how many)."""
        ...

    def fetch(self, batch: str, asks: Callable[[str], VisionRequest | None]) -> dict[str, Reply | str]:
        """Item id -> reply, or one sentence on why this item failed and may be tried again. Any order, maybe partial.

        `asks`: item id -> what was asked, to validate the answer by; None: not one of ours.
        """
        ...


class VisionModel(Protocol):
    """A model that sees. Thread-safe."""

    name: str
    """As the settings write it: `openai:gpt-…`, `anthropic:claude-…`."""
    max_side: int
    """Longest side of a picture that is of use to it: larger ones are made smaller before they are sent."""
    native_citations: bool
    """Whether it has citations of its own for `CitableText`."""
    batch_api: BatchApi | None
    """None: this provider, or this way to it, has no batch endpoint."""

    def ask(self, ask: VisionRequest, on_text: Callable[[str], None] | None = None) -> Reply:
        """The answer, paid and counted. `on_text` is told the text as it comes.

        Raises `BudgetReached` before the request that would pass the budget, `ProviderError` for what did not pass
        with patience (`transient`: another run may have more luck), `ModelError` when there is no key.
        """
        ...

    def max_usage(self, ask: VisionRequest) -> Usage:
        """An upper estimate of what an ask will use, without a request."""
        ...


PROVIDERS: dict[str, str] = {
    "openai": "openai",
    "anthropic": "anthropic",
}
"""First part of a model's name -> the module here whose `load(model, settings, meter)` makes it."""


def load_vision_model(name: str, settings: Settings, meter: Meter) -> VisionModel:
    """The vision model of that name; no request is made and no key is asked for before the first `ask`.

    Raises `SettingsError` for an unknown name.
    """
    provider, _, model = name.partition(":")
    if provider not in PROVIDERS or not model:
        raise SettingsError(
            f"no vision model is called `{name}`; write PROVIDER:MODEL, PROVIDER: {', '.join(PROVIDERS)}"
        )
    return cast(VisionModel, import_module(f"diptych.models.{PROVIDERS[provider]}.vision").load(model, settings, meter))


def check_api_keys(names: Iterable[str], settings: Settings) -> None:
    """Whether the models of these names have their keys, without a request; others than paid ones need none.

    Raises `ModelError` naming the variable that is empty.
    """
    for name in names:
        endpoint = getattr(settings, name.partition(":")[0], None)
        if not isinstance(endpoint, Endpoint):
            continue
        cloud = isinstance(endpoint, Anthropic) and endpoint.platform != "direct"
        if not cloud:  # those have credentials of their own
            api_key(endpoint)
