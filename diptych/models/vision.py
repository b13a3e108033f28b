"""Vision models behind one interface: text and images in, text or validated data out.

Captions, answers and proposed questions all send a `VisionRequest` to a `VisionModel`. Each provider's SDK is imported
only in its own folder.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Literal, Protocol, cast

from pydantic import BaseModel

from diptych.endpoints import AnthropicEndpoint, Role, api_key
from diptych.errors import SettingsError
from diptych.models.meter import Meter
from diptych.prices import Usage
from diptych.settings import Settings

Detail = Literal["low", "high", "auto"]


@dataclass(frozen=True, slots=True)
class TextPart:
    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An encoded image."""

    data: bytes
    media_type: str
    """`image/png`, `image/jpeg` or `image/webp`."""

    @property
    def base64(self) -> str:
        return b64encode(self.data).decode()

    @property
    def data_address(self) -> str:
        """The image itself, as a `data:` address."""
        return f"data:{self.media_type};base64,{self.base64}"


@dataclass(frozen=True, slots=True)
class CitableText:
    """A text that the model may cite by its id, natively where the provider supports citations."""

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
    """Shape of the answer; None: free text, with native citations of `CitableText` where the provider has them."""
    max_tokens: int = 1000
    """Of the answer."""
    detail: Detail = "auto"


@dataclass(frozen=True, slots=True)
class CitedSpan:
    """A part of a free-text answer and what the provider says it is based on."""

    text: str
    quotes: tuple[tuple[str, str], ...] = ()
    """(id of the `CitableText`, quote from it)."""


@dataclass(frozen=True, slots=True)
class Reply:
    text: str
    """The whole answer; with a schema, its JSON."""
    data: BaseModel | None = None
    """The validated answer, if the request has a schema and the model did not refuse."""
    usage: Usage = field(default_factory=Usage)
    refusal: str = ""
    """Why there is no answer: refused, filtered, or `malformed`."""
    cited: tuple[CitedSpan, ...] = ()
    """The answer in spans, if citations were native; joined, their texts are `text`."""
    malformed: bool = False
    """Whether the model answered, but emptily, too long or not in the schema's shape: another attempt may succeed."""
    counted: bool = True
    """Whether the provider counted all tokens; if not, `usage` is too low."""

    def charged_up_to(self, most: Usage) -> "Reply":
        """The reply as it is charged: with the usage `most` if the provider did not count its tokens."""
        return self if self.counted else replace(self, usage=most)


def sendable(text: str) -> str:
    """The text without unpaired surrogates, which broken documents and arguments contain and requests cannot."""
    return text.encode(errors="replace").decode()


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One request of a batch."""

    id: str
    """At most 64 characters of A-Z, a-z, 0-9, _ and -."""
    request: VisionRequest


class BatchApi(Protocol):
    """A provider's batch API for vision requests. Errors are `ProviderError`."""

    max_requests: int
    max_bytes: int

    def size(self, item: BatchItem) -> int:
        """Bytes that the item adds to a batch."""
        ...

    def submit(self, items: list[BatchItem]) -> str:
        """Create a batch and return its id."""
        ...

    def progress(self, batch: str) -> tuple[bool, int, int]:
        """(whether it has ended, items answered so far, items in all)."""
        ...

    def fetch(self, batch: str, requests: Callable[[str], VisionRequest | None]) -> dict[str, Reply | str]:
        """Item id -> reply, or one sentence on why this item failed and may be retried. Some items may be missing.

        `requests`: item id -> its request, by which the answer is validated; None: skip the item.
        """
        ...


class VisionModel(Protocol):
    """A model that reads text and images. Thread-safe."""

    name: str
    """As the settings write it: `openai:gpt-…`, `anthropic:claude-…`."""
    max_side: int
    """Pixels of the longer side above which the model gains nothing; larger images are scaled down before sending."""
    low_side: int
    """The same for requests with the detail `low`."""
    native_citations: bool
    """Whether the provider cites `CitableText` itself."""
    batch_api: BatchApi | None
    """None: this provider or address has none."""

    def ask(self, request: VisionRequest, on_text: Callable[[str], None] | None = None) -> Reply:
        """Send the request and count its usage. `on_text` receives the text as it arrives.

        Raises `BudgetReached` if the request could exceed the budget, `ProviderError` if it failed after all retries,
        `ModelError` if there is no key.
        """
        ...

    def max_usage(self, request: VisionRequest) -> Usage:
        """An upper estimate of the request's usage; sends nothing."""
        ...


PROVIDERS: dict[str, str] = {
    "openai": "openai",
    "anthropic": "anthropic",
}
"""First part of a model's name -> the folder here whose `vision.load_model(model, settings, meter)` creates it."""


def load_vision_model(name: str, settings: Settings, meter: Meter) -> VisionModel:
    """The vision model of that name. Sends nothing and needs no key before the first `ask`.

    `settings`: those of its role (`Settings.for_role`). Raises `SettingsError` if the name is unknown.
    """
    provider, _, model = name.partition(":")
    if provider not in PROVIDERS or not model:
        raise SettingsError(
            f"no vision model is called `{name}`; write PROVIDER:MODEL, where PROVIDER is one of {', '.join(PROVIDERS)}"
        )
    module = import_module(f"diptych.models.{PROVIDERS[provider]}.vision")
    return cast(VisionModel, module.load_model(model, settings, meter))


def check_api_keys(roles: Iterable[Role], settings: Settings) -> None:
    """Raise `ModelError` if the model of one of these roles needs an API key and its variable is empty.

    Sends nothing.
    """
    for role in roles:
        endpoint = settings.endpoint(role)
        in_cloud = isinstance(endpoint, AnthropicEndpoint) and endpoint.platform != "direct"  # has its own credentials
        if endpoint and not in_cloud:
            api_key(endpoint)
