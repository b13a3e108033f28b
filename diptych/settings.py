"""One frozen settings object: defaults < diptych.toml < DIPTYCH_* variables. Read in flows/ and passed down."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as NotJson

from diptych.errors import SettingsError
from diptych.prices import Price
from extractors.types import OcrEngine, Options, PageImages

VectorType = Literal["float32", "float16", "int8"]
PREFIX, FILE = "DIPTYCH_", "diptych.toml"
NO_SETTINGS = ("DIPTYCH_TRACE", "DIPTYCH_WORKER", "DIPTYCH_TEST_")
"""Variables with our prefix, or beginnings of their names, that mean something else; so may one that ends in `_KEY`."""


class Endpoint(BaseModel):
    """How a provider of paid models is reached, and how much is asked of it. Keys are named here, never written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str | None = Field(
        default=None, description="Another address than the provider's own, such as a local server."
    )
    key: str = Field(
        default="", description="Name of the environment variable, or Prefect secret block, that holds the key."
    )
    at_once: int = Field(default=4, ge=1, description="Requests under way at the same time.")
    requests_per_minute: int = Field(default=0, ge=0, description="Most requests a minute; 0: as the provider allows.")
    tokens_per_minute: int = Field(default=0, ge=0, description="Most tokens a minute; 0: as the provider allows.")
    seconds: float = Field(default=300, gt=0, description="Deadline of one request, retries included.")
    longest_wait: float = Field(default=60, ge=0, description="Longest Retry-After in seconds that is waited for.")


class OpenAI(Endpoint):
    """OpenAI, or whatever speaks its API at `base_url`."""

    key: str = "OPENAI_API_KEY"
    api: Literal["responses", "chat"] = Field(default="responses", description="Chat is what most local servers speak.")
    dimensions: int | None = Field(default=None, ge=1, description="Of embeddings, where the model can shorten them.")


class Anthropic(Endpoint):
    """Claude, directly or through a cloud."""

    key: str = "ANTHROPIC_API_KEY"
    platform: Literal["direct", "vertex", "bedrock"] = "direct"
    region: str = Field(default="", description="Of Vertex or Bedrock.")
    project: str = Field(default="", description="Of Vertex.")


class Unified(Endpoint):
    """An endpoint that embeds texts and pictures into one space."""

    key: str = "DIPTYCH_UNIFIED_API_KEY"
    dimensions: int | None = Field(default=None, ge=1, le=4096, description="Of its vectors; has to be given.")


class Settings(BaseSettings):
    """Everything that can be chosen. A misspelt name, in diptych.toml or of a variable, is an error, not silence.

    A value of a section comes from the environment as DIPTYCH_OPENAI__BASE_URL.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", toml_file=FILE, frozen=True, extra="forbid"
    )

    store: str = Field(default=".diptych", description="Folder of the embedded store, or URL of a Qdrant server.")
    collections: str = Field(
        default="diptych", description="On a Qdrant server: what the names of its collections begin with."
    )
    pictures: Path | None = Field(
        default=None, description="Picture folder; by default `pictures` in the store's folder."
    )
    encoder: str = Field(default="minilm", description="Encoder of texts: minilm, fastembed:…, openai:…, unified:….")
    image_encoder: str = Field(
        default="", description="Encoder of pixels: clip, unified:…; none unless `encoder` sees itself."
    )
    captioner: str = Field(
        default="", description="Vision model that describes pictures: openai:…, anthropic:…; empty: none."
    )
    answerer: str = Field(default="", description="Vision model that answers `diptych ask`: openai:…, anthropic:….")
    caption_detail: Literal["low", "high", "auto"] = Field(
        default="high", description="How closely pictures are looked at."
    )
    answer_detail: Literal["low", "high", "auto"] = Field(
        default="high", description="The same for pictures of evidence."
    )
    openai: OpenAI = OpenAI()
    anthropic: Anthropic = Anthropic()
    unified: Unified = Unified()
    prices: dict[str, Price] = Field(
        default={}, description="US dollars for a million tokens, by model; before our own table."
    )
    batch_poll_seconds: float = Field(
        default=30,
        gt=0,
        description="Seconds between the first looks at a batch of paid requests; later ones take their time.",
    )
    models: Path | None = Field(
        default=None, description="Folder of model files for fastembed; by default they are fetched."
    )
    language: str = Field(
        default="english", description="Language whose word endings BM25 looks past (a Snowball stemmer)."
    )
    phrases: bool = Field(
        default=True, description='Whether "under $200" in a question is a filter on a field of prices.'
    )
    weights: dict[str, float] = Field(
        default={}, description="Weights of ranked lists, as `diptych evaluate` suggests them."
    )
    max_tokens: int = Field(default=256, ge=32, le=8192, description="Upper bound of a passage, in encoder tokens.")
    page_images: PageImages = Field(default="visual", description="Which pages are kept as images.")
    ocr: OcrEngine = Field(default="auto", description="Which engine reads pages without text.")
    ocr_languages: str = Field(default="eng", description="Tesseract language codes, joined by +.")
    dpi: int = Field(default=150, ge=72, le=600, description="Resolution of vector crops and page images.")
    private_addresses: bool = Field(
        default=False, description="Whether pictures of catalogues may be fetched from inside the network."
    )
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 2, ge=1, description="Processes that extract at the same time."
    )
    runner: str = Field(default="threads", description="Where a flow's tasks run: threads, processes, dask or ray.")
    document_seconds: float = Field(default=600, gt=0, description="Longest time one document may take to extract.")
    document_memory_mb: int = Field(default=4096, ge=512, description="Most memory a worker may use, in MiB.")
    vectors: VectorType = Field(default="float32", description="How a store keeps vectors; int8 only on a server.")
    shards: int = Field(default=1, ge=1, description="On a Qdrant server: shards of each collection.")
    replicas: int = Field(default=1, ge=1, description="On a Qdrant server: copies of each shard.")
    server_seconds: float = Field(
        default=60, gt=0, description="Deadline of one request to a Qdrant server, retries included."
    )
    lock_seconds: float = Field(default=60, ge=0, description="How long to wait for a store that another process owns.")
    cache: Path = Field(
        default_factory=lambda: Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "diptych",
        description="Folder for built model files.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def options(self, tokenizer: Path | None) -> Options:
        """The part that extractors read; `tokenizer` is the text encoder's."""
        return Options(
            max_tokens=self.max_tokens,
            tokenizer=tokenizer,
            page_images=self.page_images,
            ocr=self.ocr,
            ocr_languages=self.ocr_languages,
            dpi=self.dpi,
        )


def load(store: str | None = None) -> Settings:
    """The settings in force; `store` overrides. Raises `SettingsError` naming the setting or line that is wrong."""
    try:
        settings = Settings(store=store) if store else Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "settings"
        see = f"see {FILE} or {PREFIX}{name.upper().replace('.', '__')}"
        if first["type"] == "extra_forbidden":
            raise SettingsError(f"setting `{name}`: there is no such setting{_nearest(name)}; {see}") from error
        raise SettingsError(f"setting `{name}` is wrong: {first['msg']}; {see}") from error
    except NotJson as error:
        raise SettingsError(f"{error}: a variable {PREFIX}… of a section or table holds JSON") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:  # TOMLDecodeError tells line and column
        why = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"{Path(FILE).absolute()}: cannot be read: {why}; mend it there") from error
    _check_variables(os.environ, settings)
    return settings


def _check_variables(names: Iterable[str], settings: Settings) -> None:
    """Raises `SettingsError` for a variable with our prefix that sets nothing."""
    secrets = {settings.openai.key, settings.anthropic.key, settings.unified.key}
    for variable in sorted(names):
        name = variable.upper().removeprefix(PREFIX).lower()
        if not variable.upper().startswith(PREFIX) or variable in secrets or variable.endswith("_KEY"):
            continue
        section, nested, _ = name.partition("__")
        known = section in (_sections() if nested else Settings.model_fields)
        if not known and not variable.startswith(NO_SETTINGS):
            near = _nearest(name.replace("__", "."), lambda one: PREFIX + one.upper().replace(".", "__"))
            raise SettingsError(f"variable {variable}: there is no such setting{near}; unset it")


def _sections() -> set[str]:
    """Settings that hold others, or a table."""
    return {name for name, one in Settings.model_fields.items() if isinstance(one.default, BaseModel | dict)}


def _names() -> Iterator[str]:
    """Every setting, those of sections as `openai.base_url`."""
    for name, one in Settings.model_fields.items():
        yield name
        if isinstance(one.default, BaseModel):
            yield from (f"{name}.{inner}" for inner in type(one.default).model_fields)


def _nearest(name: str, shown: Callable[[str], str] = str) -> str:
    """`, perhaps …`: the known name that is most like `name`; empty when none is."""
    near = get_close_matches(name, list(_names()), 1)
    return f", perhaps `{shown(near[0])}`" if near else ""
