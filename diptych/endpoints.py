"""Endpoints of paid models and their keys: the sections `openai`, `anthropic`, `unified` and `rerank` of the settings.

No message ever contains a key.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr

from diptych.errors import ModelError, SettingsError

Role = Literal["encoder", "image_encoder", "captioner", "answerer", "reranker", "page_encoder"]
"""What a model is used for; the setting of that name holds the model's."""
ROLES: tuple[Role, ...] = get_args(Role)
PROVIDERS = ("openai", "anthropic", "unified", "rerank")
"""Providers of paid models; the section of that name holds the endpoint."""
NO_KEY = "none"
"""Sent as the key to servers that need none."""


class ApiKeys(dict[str, SecretStr]):
    """Keys by the name of their environment variable. They are left out when pickled: no key is sent to a process."""

    def __reduce__(self) -> tuple[type[ApiKeys], tuple[()]]:
        return ApiKeys, ()


class Endpoint(BaseModel):
    """How to reach a provider of paid models, and its limits. The fields hold the names of keys, never the keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: ClassVar[str] = ""
    url_variable: ClassVar[str] = ""
    """Environment variable of the provider's own SDK that holds a base URL."""
    _role: str = PrivateAttr("")
    _keys: ApiKeys = PrivateAttr(default_factory=ApiKeys)

    base_url: str | None = Field(default=None, description="Base URL of the API, if not the provider's own.")
    key: str = Field(default="", description="Environment variable, or Prefect Secret block, that holds the API key.")
    at_once: int = Field(default=4, ge=1, description="Maximum number of concurrent requests.")
    requests_per_minute: int = Field(default=0, ge=0, description="Maximum requests per minute; 0: no limit.")
    tokens_per_minute: int = Field(default=0, ge=0, description="Maximum tokens per minute; 0: no limit.")
    seconds: float = Field(default=300, gt=0, description="Time limit of one request including retries, in seconds.")
    longest_wait: float = Field(default=60, ge=0, description="Longest Retry-After that is obeyed, in seconds.")

    @property
    def section(self) -> str:
        """Where it is set: `openai`, or `openai.captioner` for a role with an endpoint of its own."""
        return f"{self.provider}.{self._role}" if self._role else self.provider

    @property
    def address(self) -> str | None:
        """Base URL of all requests: as set, else from the variable of the provider's SDK; None: the provider's own.

        Raises `SettingsError` for one that is not a URL.
        """
        url = self.base_url or self._url_from_environment()
        if url and not (url.startswith(("http://", "https://")) and urlsplit(url).hostname):
            raise SettingsError(
                f"{self.address_setting} is `{url}`; it must begin with http:// or https:// and have a host"
            )
        return url

    @property
    def address_setting(self) -> str:
        """The setting or variable that determines `address`, for messages."""
        from_environment = not self.base_url and self._url_from_environment()
        return self.url_variable if from_environment else f"`{self.section}.base_url`"

    @property
    def secret(self) -> str:
        """The key: the value of its environment variable, else the one given to `with_keys`; empty if there is none."""
        return secret_value(self.key, self._keys)

    def with_keys(self, keys: ApiKeys) -> Self:
        """This endpoint with keys for empty environment variables."""
        copy = self.model_copy()
        copy._keys = keys
        return copy

    def for_role(self, role: Role) -> Self:
        """The endpoint of one role: this one, with everything that the role's own section changes.

        A role with an address of its own does not inherit the key, which belongs to another server.
        """
        roles: dict[str, Any] = {name: None for name in ROLES if name in type(self).model_fields}
        own = getattr(self, role, None)
        if own is None:
            return self.model_copy(update=roles)
        changed = {name: getattr(own, name) for name in own.model_fields_set}
        if "base_url" in changed:
            changed = {"key": "", **changed}
        merged = self.model_copy(update={**roles, **changed})
        merged._role = role
        return merged

    def _url_from_environment(self) -> str | None:
        return os.environ.get(self.url_variable, "").strip() or None if self.url_variable else None


def secret_value(variable: str, keys: Mapping[str, SecretStr]) -> str:
    """The value of an environment variable, else that in `keys`; empty if there is none."""
    value = os.environ.get(variable, "").strip() if variable else ""
    return value or (keys[variable].get_secret_value().strip() if variable in keys else "")


class EmbeddingEndpoint(Endpoint):
    """A server that embeds texts."""

    query_prompt: str | None = Field(default=None, description="Put before queries; default: as the model expects.")
    passage_prompt: str | None = Field(default=None, description="Put before passages; default: as the model expects.")
    tokenizer: str = Field(
        default="", description="The model's tokenizer.json, or its repository on Hugging Face, to measure passages."
    )


class OpenAIEndpoint(EmbeddingEndpoint):
    """A server that speaks OpenAI's API."""

    provider: ClassVar[str] = "openai"
    url_variable: ClassVar[str] = "OPENAI_BASE_URL"

    key: str = "OPENAI_API_KEY"
    api: Literal["responses", "chat"] = Field(
        default="responses", description="API to use; most local servers speak `chat`."
    )
    dimensions: int | None = Field(default=None, ge=1, description="Embedding size, if the model can shorten it.")


class OpenAI(OpenAIEndpoint):
    """OpenAI, or a server at `base_url` that speaks its API. Each role can have an endpoint of its own."""

    encoder: OpenAIEndpoint | None = None
    captioner: OpenAIEndpoint | None = None
    answerer: OpenAIEndpoint | None = None


class AnthropicEndpoint(Endpoint):
    """Claude, from Anthropic or through a cloud platform."""

    provider: ClassVar[str] = "anthropic"
    url_variable: ClassVar[str] = "ANTHROPIC_BASE_URL"

    key: str = "ANTHROPIC_API_KEY"
    platform: Literal["direct", "vertex", "bedrock"] = "direct"
    region: str = Field(default="", description="Region of Vertex AI or Bedrock.")
    project: str = Field(default="", description="Project of Vertex AI.")

    def _url_from_environment(self) -> str | None:
        return super()._url_from_environment() if self.platform == "direct" else None


class Anthropic(AnthropicEndpoint):
    """Claude, from Anthropic or through a cloud platform. Each role can have an endpoint of its own."""

    captioner: AnthropicEndpoint | None = None
    answerer: AnthropicEndpoint | None = None


class UnifiedEndpoint(EmbeddingEndpoint):
    """A server that embeds text and images into one space."""

    provider: ClassVar[str] = "unified"

    key: str = "DIPTYCH_UNIFIED_API_KEY"
    dimensions: int | None = Field(default=None, ge=1, le=4096, description="Dimensions of its vectors (required).")


class Unified(UnifiedEndpoint):
    """An endpoint that embeds text and images into one space. Each role can have an endpoint of its own."""

    encoder: UnifiedEndpoint | None = None
    image_encoder: UnifiedEndpoint | None = None
    page_encoder: UnifiedEndpoint | None = None


class Rerank(Endpoint):
    """A server with a rerank API, such as those of Cohere, Voyage, Jina and vLLM."""

    provider: ClassVar[str] = "rerank"

    key: str = "DIPTYCH_RERANK_API_KEY"


def api_key(endpoint: Endpoint) -> str:
    """The endpoint's key; `NO_KEY` if it has none and its server is in the local network.

    Raises `ModelError` when the key is missing or cannot be one.
    """
    secret = endpoint.secret
    if not secret:
        if is_local(endpoint.address):
            return NO_KEY
        if not endpoint.key:
            raise ModelError(
                f"no key: set `{endpoint.section}.key` to the name of the environment variable that holds it"
            )
        raise ModelError(
            f"no key: the environment variable {endpoint.key} is empty (setting `{endpoint.section}.key` names it)"
        )
    if not (secret.isascii() and secret.isprintable() and " " not in secret):
        raise ModelError(
            f"the environment variable {endpoint.key} does not hold a key: it contains blanks or special characters"
        )
    return secret


def is_local(base_url: str | None) -> bool:
    """Whether the address is on this machine or in its own network."""
    host = urlsplit(base_url or "").hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # Names without dots, such as those of containers, are local.
        return bool(host) and ("." not in host or host.endswith((".localhost", ".local", ".internal")))
    return address.is_loopback or address.is_private
