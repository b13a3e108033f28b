"""One frozen settings object: defaults < diptych.toml < DIPTYCH_* variables. Read in flows/ and passed down."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from diptych.errors import SettingsError
from extractors.types import OcrEngine, Options, PageImages

VectorType = Literal["float32", "float16", "int8"]


class Settings(BaseSettings):
    """Everything that can be chosen. A misspelt name in diptych.toml is an error, not silence."""

    model_config = SettingsConfigDict(env_prefix="DIPTYCH_", toml_file="diptych.toml", frozen=True, extra="forbid")

    store: str = Field(".diptych", description="Folder of the embedded store, or URL of a Qdrant server.")
    collections: str = Field("diptych", description="On a Qdrant server: what the names of its collections begin with.")
    pictures: Path | None = Field(None, description="Picture folder; by default `pictures` in the store's folder.")
    encoder: str = Field("minilm", description="Text encoder.")
    language: str = Field("english", description="Language whose word endings BM25 looks past (a Snowball stemmer).")
    max_tokens: int = Field(256, ge=32, le=8192, description="Upper bound of a passage, in encoder tokens.")
    page_images: PageImages = Field("visual", description="Which pages are kept as images.")
    ocr: OcrEngine = Field("auto", description="Which engine reads pages without text.")
    ocr_languages: str = Field("eng", description="Tesseract language codes, joined by +.")
    dpi: int = Field(150, ge=72, le=600, description="Resolution of vector crops and page images.")
    private_addresses: bool = Field(
        False, description="Whether pictures of catalogues may be fetched from inside the network."
    )
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 2, ge=1, description="Processes that extract at the same time."
    )
    runner: str = Field("threads", description="Where a flow's tasks run: threads, processes, dask or ray.")
    document_seconds: float = Field(600, gt=0, description="Longest time one document may take to extract.")
    document_memory_mb: int = Field(4096, ge=512, description="Most memory a worker may use, in MiB.")
    vectors: VectorType = Field("float32", description="How a store keeps vectors; int8 only on a server.")
    shards: int = Field(1, ge=1, description="On a Qdrant server: shards of each collection.")
    replicas: int = Field(1, ge=1, description="On a Qdrant server: copies of each shard.")
    server_seconds: float = Field(60, gt=0, description="Deadline of one request to a Qdrant server, retries included.")
    lock_seconds: float = Field(60, ge=0, description="How long to wait for a store that another process owns.")
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
    """The settings in force; `store` overrides. Raises `SettingsError` naming the setting that is wrong."""
    try:
        return Settings(store=store) if store else Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "settings"
        raise SettingsError(
            f"setting `{name}` is wrong: {first['msg']}; see diptych.toml or DIPTYCH_{name.upper()}"
        ) from error
