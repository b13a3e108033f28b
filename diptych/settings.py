"""The settings: defaults, overridden by diptych.toml, overridden by DIPTYCH_* environment variables."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as NotJson

from diptych.endpoints import (
    PROVIDERS,
    ROLES,
    Anthropic,
    ApiKeys,
    Endpoint,
    OpenAI,
    Rerank,
    Role,
    Unified,
    secret_value,
)
from diptych.errors import SettingsError
from diptych.object_store import check_address, check_places
from diptych.prices import Price
from diptych.setting_names import PREFIX, find_unknown_variable, suggest_setting
from diptych.storage_settings import StorageSettings
from extractors.ocr.languages import split_languages
from extractors.page_range import check_page_range, parse_page_range
from extractors.shared_programs import UseProgram, without_limits
from extractors.types import OcrEngine, Options, PageImages

if TYPE_CHECKING:
    from extractors.sandbox.sandbox import Sandbox

Device = Literal["auto", "cpu", "cuda"]
Runner = Literal["threads", "processes", "dask", "ray"]
TENANT_NAME = r"^([a-z0-9][a-z0-9_-]{0,63})?$"
MEMORY = ":memory:"
"""The setting `store` of a store that ends with the `Diptych` that opened it."""
FILE = "diptych.toml"
API_KEY_VARIABLE = "DIPTYCH_QDRANT_API_KEY"
"""Environment variable, or Prefect Secret block, with the key of the Qdrant server."""


class Settings(StorageSettings):
    """All settings. Unknown names, in diptych.toml or in the environment, are errors.

    Settings in sections are set from the environment as, for example, DIPTYCH_OPENAI__BASE_URL.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        toml_file=FILE,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    store: str = Field(
        default=".diptych", min_length=1, description="Folder of the store, URL of a Qdrant server, or :memory:."
    )
    tenant: str = Field(default="", pattern=TENANT_NAME, description="Whose documents are used, in a shared store.")
    root: Path | None = Field(
        default=None, description="Folder that document names start from; default: the folder that contains the store."
    )
    pictures: str = Field(
        default="", description="Folder or URL (s3://, gs://, az://) of the picture store; default: inside the store."
    )
    encoder: str = Field(default="minilm", description="Text encoder: minilm, fastembed:…, openai:…, unified:….")
    image_encoder: str = Field(
        default="", description="Image encoder: clip, unified:…; empty: none, unless `encoder` reads images."
    )
    page_encoder: str = Field(
        default="",
        description="Encoder of page images: fastembed:Qdrant/colmodernvbert, unified:…; empty: none.",
    )
    captioner: str = Field(
        default="", description="Vision model that captions pictures: openai:…, anthropic:…; empty: none."
    )
    answerer: str = Field(default="", description="Vision model that answers questions: openai:…, anthropic:….")
    reranker: str = Field(
        default="", description="Orders the best pages anew: fastembed:…, rerank:…, answerer; empty: none."
    )
    rerank_pages: int = Field(default=40, ge=2, le=40, description="Maximum number of pages to rerank.")
    caption_detail: Literal["low", "high", "auto"] = Field(
        default="high", description="Image resolution sent to the captioner."
    )
    answer_detail: Literal["low", "high", "auto"] = Field(
        default="high", description="Image resolution sent to the answering model."
    )
    answer_pictures: int = Field(default=8, ge=0, le=100, description="Maximum number of images shown for an answer.")
    answer_tokens: int = Field(default=3000, ge=100, description="Maximum length of an answer, in tokens.")
    verify: bool = Field(default=False, description="Ask the model again about statements that only a picture shows.")
    openai: OpenAI = OpenAI()
    anthropic: Anthropic = Anthropic()
    unified: Unified = Unified()
    rerank: Rerank = Rerank()
    prices: dict[str, Price] = Field(
        default={}, description="US dollars per million tokens, by model; overrides the built-in prices."
    )
    batch_poll_seconds: float = Field(
        default=30, gt=0, description="Initial interval for polling batch APIs, in seconds."
    )
    device: Device = Field(default="auto", description="Where fastembed and clip models run: auto, cpu or cuda.")
    models: Path | None = Field(
        default=None, description="Folder of model files for fastembed; default: downloaded when needed."
    )
    language: str = Field(
        default="auto", description="Language for stemming: a Snowball stemmer; auto: that of each document."
    )
    synonyms: tuple[str, ...] = Field(
        default=("accounting",), description="Synonym files: TOML files, or `accounting`; empty: none."
    )
    phrases: bool = Field(default=True, description='Read phrases such as "under $200" as filters.')
    weights: dict[str, float] = Field(
        default={}, description="Weights of the ranked lists, as suggested by `diptych evaluate`."
    )
    max_tokens: int = Field(
        default=256, ge=32, le=8192, description="Maximum length of a passage, in tokens of the encoder."
    )
    pages: Annotated[str, AfterValidator(check_page_range)] = Field(
        default="", description="Only read these pages: 7, 1-50 or 51-; empty: all."
    )
    page_images: PageImages = Field(default="visual", description="Which pages to store as images.")
    ocr: OcrEngine = Field(default="auto", description="OCR engine for pages without text.")
    ocr_languages: Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_languages)] = Field(
        default=("eng",), description="Languages of scans, as Tesseract calls them: eng, deu …; or auto."
    )
    dpi: int = Field(default=150, ge=72, le=600, description="Minimum resolution of figure crops and page images.")
    include: tuple[str, ...] = Field(
        default=(), description="Only read files that match one of these patterns; syntax of .gitignore."
    )
    exclude: tuple[str, ...] = Field(
        default=(), description="Skip files and folders that match one of these patterns; syntax of .gitignore."
    )
    passwords: dict[str, SecretStr] = Field(
        default={}, description="Passwords of encrypted PDF files: pattern of the path -> password."
    )
    places: Annotated[dict[str, dict[str, SecretStr]], AfterValidator(check_places)] = Field(
        default={}, description="Options and credentials of places: beginning of the address -> options of fsspec."
    )
    fetch_mb: int = Field(default=2048, ge=1, description="Maximum size of a file from another place, in MiB.")
    private_addresses: bool = Field(
        default=False, description="Allow documents and catalogue images from private web addresses."
    )
    download_seconds: float = Field(
        default=30, gt=0, description="Time limit for downloading one catalogue image, in seconds."
    )
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 2, ge=1, description="Number of worker processes for extraction."
    )
    prefect_limits: dict[str, int] = Field(
        default={},
        description="Global limits that flow runs keep: pages and pictures read with ocr, or documents with "
        "libreoffice, at the same time, and requests a minute to openai, anthropic or unified.",
    )
    runner: Runner = Field(default="threads", description="Where the tasks of a flow run work.")
    cluster: str = Field(
        default="", description="Address of a Dask scheduler or Ray cluster; default: a local one for each run."
    )
    prefect: bool = Field(
        default=False, description="Record the commands ingest, query, ask and evaluate as Prefect flow runs."
    )
    search_page: str = Field(default="", description="Address of `diptych serve`, to which Prefect artifacts link.")
    page_seconds: float = Field(
        default=60, gt=0, description="Time limit for one page, in seconds; a slower page is skipped."
    )
    document_seconds: float = Field(
        default=600, gt=0, description="Time limit for a document apart from its pages, in seconds."
    )
    document_memory_mb: int = Field(default=4096, ge=512, description="Memory limit of a worker process, in MiB.")
    confine_workers: bool = Field(
        default=True,
        description="Keep the processes that open documents from other files and the network, where the system can.",
    )
    cache: Path = Field(
        default_factory=lambda: Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "diptych",
        description="Folder for generated model files and downloads.",
    )

    _keys: ApiKeys = PrivateAttr(default_factory=ApiKeys)

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

    def with_keys(self, keys: Mapping[str, str]) -> Settings:
        """These settings with API keys, by environment variable, which are used where that variable is empty."""
        secrets = ApiKeys(self._keys | {variable: SecretStr(key) for variable, key in keys.items()})
        copy = self.model_copy(update={name: getattr(self, name).with_keys(secrets) for name in PROVIDERS})
        copy._keys = secrets
        return copy

    def secret(self, variable: str) -> str:
        """The value of an environment variable, else the key given to `with_keys`; empty if there is none."""
        return secret_value(variable, self._keys)

    @field_validator("pictures", mode="before")
    @classmethod
    def _check_pictures(cls, value: Any) -> Any:
        return check_address(os.fspath(value)) if isinstance(value, str | os.PathLike) else value

    @property
    def picture_address(self) -> str:
        """Folder or URL of the picture store: as set, else in the store's folder, or in `.diptych` for a server's."""
        address = self.pictures or str(Path(".diptych" if "://" in self.store else self.store, "pictures"))
        return f"{address.rstrip('/')}/tenants/{self.tenant}" if self.tenant else address

    def for_role(self, role: Role) -> Settings:
        """These settings with the endpoints that the model of one role uses."""
        return self.model_copy(update={name: getattr(self, name).for_role(role) for name in PROVIDERS})

    def endpoint(self, role: Role) -> Endpoint | None:
        """The endpoint of the model set for a role; None if that runs here or none is set."""
        provider = str(getattr(self, role)).partition(":")[0]
        section: Endpoint | None = getattr(self, provider).for_role(role) if provider in PROVIDERS else None
        return section

    def sandbox(self, use_program: UseProgram = without_limits) -> Sandbox:
        """New worker processes, with these limits and passwords; `use_program`: see `Sandbox`."""
        from extractors.sandbox.sandbox import Sandbox

        limits = self.workers, self.document_seconds, self.document_memory_mb, self.page_seconds
        passwords = {pattern: password.get_secret_value() for pattern, password in self.passwords.items()}
        return Sandbox(*limits, passwords, confined=self.confine_workers, use_program=use_program)

    def require_persistent(self) -> Settings:
        """These settings, unless the store would end with this process: then raises `SettingsError`."""
        if self.store == MEMORY:
            raise SettingsError(
                "a store in memory ends with the command or run that opens it; name a folder or the URL of a Qdrant "
                "server as the store, or open `:memory:` in a Python program"
            )
        return self

    def options(self, tokenizer: Path | None, limit: int | None = None) -> Options:
        """The extraction options; `tokenizer` and `limit`: of the text encoder, which may read less than set."""
        return Options(
            max_tokens=min(self.max_tokens, limit or self.max_tokens),
            tokenizer=tokenizer,
            page_images="all" if self.page_encoder else self.page_images,
            ocr=self.ocr,
            ocr_languages="+".join(self.ocr_languages),
            dpi=self.dpi,
            page_range=parse_page_range(self.pages),
        )


def load_settings(
    store: str | None = None,
    include: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
    others: Mapping[str, Any] | None = None,
) -> Settings:
    """Read the settings; arguments that are not empty override them, as do `others`, by the name of the setting.

    Raises `SettingsError` with the faulty setting.
    """
    given: dict[str, Any] = {"store": store, "include": tuple(include or ()), "exclude": tuple(exclude or ())}
    given = {**(others or {}), **{name: value for name, value in given.items() if value}}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "settings"
        see = f"see {FILE} or {PREFIX}{name.upper().replace('.', '__')}"
        if first["type"] == "extra_forbidden":
            raise SettingsError(f"setting `{name}`: no such setting{suggest_setting(name, Settings)}; {see}") from error
        reason = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"setting `{name}` is wrong: {reason}; {see}") from error
    except NotJson as error:
        raise SettingsError(f"{error}: {PREFIX} variables of sections and tables must hold JSON") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:  # TOMLDecodeError names line and column
        why = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"{Path(FILE).absolute()}: cannot be read: {why}") from error
    secrets = {getattr(settings, name).for_role(role).key for name in PROVIDERS for role in ROLES}
    if unknown := find_unknown_variable(os.environ, secrets, Settings):
        raise SettingsError(unknown)
    return settings
