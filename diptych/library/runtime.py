"""What a `Diptych` runs on: store, encoders, captioner, worker processes. Each starts when it is first needed."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from diptych.encoders.ledger_encoder import with_ledger
from diptych.encoders.page_encoder import load_page_encoder
from diptych.encoders.registry import load_encoder
from diptych.endpoints import Role
from diptych.errors import SettingsError, StoreError, StoreMissing
from diptych.library.parts import load_page_image, load_parts
from diptych.models.ledger import Ledger
from diptych.models.meter import Meter
from diptych.models.vision import VisionModel, check_api_keys, load_vision_model
from diptych.picture_store import PictureStore, open_picture_store
from diptych.settings import MEMORY, Settings
from diptych.shared_limits import SharedLimits
from diptych.store.names import bind_names
from diptych.store.open import open_store
from diptych.store.picture_binding import bind_pictures, find_wrong_pictures
from diptych.store.register import bind_encoders, stored_config
from diptych.store.spaces import Spaces
from diptych.store.terms import check_language
from diptych.store.types import Store
from diptych.where import Compare
from extractors.pictures.store import image_path
from extractors.temporary_folder import TemporaryFolder
from extractors.types import Options, PageImage

if TYPE_CHECKING:
    from diptych.captioners.captioner import Captioner
    from diptych.pipeline.discovery.download import Fetch
    from diptych.pipeline.pipeline import Pipeline
    from diptych.places.places import Places
    from diptych.rerankers.registry import PageContent, Reranker
    from diptych.search.search import SearchContext
    from extractors.sandbox.sandbox import Sandbox


class Runtime:
    """Everything costly behind one `Diptych`. Thread-safe."""

    def __init__(self, settings: Settings, meter: Meter, limits: SharedLimits | None = None) -> None:
        self._temporary: TemporaryFolder | None = None
        if settings.store == MEMORY:  # the engine needs files, which end with this object
            self._temporary = TemporaryFolder()
            # Names start from the working folder, and not from the one of temporary files.
            settings = settings.model_copy(update={"store": str(self._temporary.path), "root": settings.root or Path()})
        self.settings, self.meter, self._limits = settings, meter, limits or SharedLimits()
        self.language = settings.language
        """Replaced by that of the store when it is opened."""
        self._opened = threading.RLock()
        self._store: Store | None = None
        self._sandbox: Sandbox | None = None
        self._search_context: SearchContext | None = None
        self.closed = self._pictures_checked = False

    def close(self) -> None:
        """Close everything for good; later calls raise `StoreError` rather than start it again."""
        with self._opened:
            self.closed = True
            self._limits.close()
            # The store first: a document whose worker is killed below must not be registered as failed.
            if self._store:
                self._store.close()
            if self._sandbox:
                self._sandbox.close()
            self._sandbox = self._store = self._search_context = None
            self.__dict__.pop("spaces", None)  # frees the models, which may be hundreds of megabytes
            if self._temporary:
                self._temporary.close()

    @property
    def pictures(self) -> Path:
        """Folder of the picture store; of one in an object store, its local copy."""
        return self.picture_store.folder

    @property
    def root(self) -> str:
        """The folder that document names start from: as set, else the folder that contains the store; empty: none."""
        chosen = self.settings
        if chosen.root is None and "://" in chosen.store:
            return ""
        return os.path.realpath(chosen.root or Path(chosen.store).absolute().parent)

    @cached_property
    def picture_store(self) -> PictureStore:
        chosen = self.settings
        return open_picture_store(chosen.picture_address, chosen.cache, chosen.picture_copy_mb)

    @cached_property
    def places(self) -> Places:
        """Where documents are."""
        from diptych.library.open_places import open_places

        return open_places(self.settings, lambda *container: self.workers().unpack(*container))

    @cached_property
    def ledger(self) -> Ledger:
        from diptych.models.object_ledger import open_ledger

        return open_ledger(self.picture_store)

    def share_counts(self, run: str) -> bool:
        """Count usage together with all processes of a run. Returns whether this one is the first of them."""
        counts = self.ledger.counts(run)
        self.meter.share(counts)
        return counts.begin()

    @cached_property
    def spaces(self) -> Spaces:
        chosen = self.settings
        text = with_ledger(load_encoder(chosen.encoder, chosen.for_role("encoder"), self.meter), self.ledger)
        images = text if text.reads_images else None
        if chosen.image_encoder and chosen.image_encoder != chosen.encoder:
            image_settings = chosen.for_role("image_encoder")
            images = with_ledger(load_encoder(chosen.image_encoder, image_settings, self.meter), self.ledger)
            if not images.reads_images:
                raise SettingsError(f"setting `image_encoder` is {chosen.image_encoder}, which does not read images")
        pages = load_page_encoder(chosen.for_role("page_encoder"), self.meter)
        return Spaces(text, images, half=chosen.vectors == "float16" if chosen.vectors else None, pages=pages)

    @cached_property
    def captioner(self) -> Captioner | None:
        from diptych.captioners.captioner import load_captioner

        return load_captioner(self.settings, self.meter, self.ledger)

    @cached_property
    def answerer(self) -> VisionModel:
        """The model that answers questions. Raises `SettingsError` when none is set."""
        if not self.settings.answerer:
            raise SettingsError(
                "no answering model is set. Set `answerer` in diptych.toml or DIPTYCH_ANSWERER to openai:MODEL or "
                f"anthropic:MODEL, and put its key in {self.settings.openai.key} or {self.settings.anthropic.key}"
            )
        return load_vision_model(self.settings.answerer, self.settings.for_role("answerer"), self.meter)

    @cached_property
    def reranker(self) -> Reranker | None:
        from diptych.rerankers.registry import load_reranker

        return load_reranker(self.settings, self.meter, self._page_file)

    def page_image(self, document: str, page: int) -> PageImage | None:
        parts = load_parts(store := self.existing(), [document], Compare("page", "=", page))
        self.picture_store.load(image_path(part.image, self.pictures) for part in parts if part.image)
        return load_page_image(document, page, parts, store, self.workers(), self.pictures)

    def _page_file(self, page: PageContent) -> Path | None:
        drawn = self.page_image(page.document_id, page.page)
        return image_path(drawn.image, self.pictures) if drawn else None

    def check_models(self, *roles: Role) -> None:
        """Called before anything is paid for: raises `ModelError` if a model of these roles lacks its key.

        With a budget, also raises `SettingsError` if the price of one of them is unknown.
        """
        check_api_keys(roles, self.settings)
        paid: dict[Role, str] = {"captioner": self.settings.captioner, "answerer": self.settings.answerer}
        paid["encoder"] = self.spaces.text.paid
        paid["page_encoder"] = self.spaces.pages.paid if self.spaces.pages else ""
        paid["image_encoder"] = self.spaces.images.paid if self.spaces.images else ""
        self.meter.check_prices(paid[role] for role in roles if paid[role])

    def with_pictures(self, store: Store) -> Store:
        """The store, bound to its picture store. Raises `StoreError` if it is bound to another one.

        Called before a document is locked, because binding takes such a lock, too.
        """
        if not self._pictures_checked:
            bind_pictures(store, self.picture_store)
            self._pictures_checked = True
        return store

    @cached_property
    def options(self) -> Options:
        text, pages = self.spaces.text, self.pictures / "pages"
        return replace(self.settings.options(text.tokenizer, text.max_tokens), pages=pages)

    def existing(self, *, bound: bool = True) -> Store:
        """The store if it exists; never creates one. Raises `StoreMissing` with the command that creates it."""
        try:
            return self.store(bound=bound, create=False)
        except StoreMissing:
            if self._temporary:
                raise StoreMissing("the store in memory is empty; ingest documents first") from None
            place = self.settings.store
            raise StoreMissing(f"no store at {place}; create it with `diptych ingest PATH --store {place}`") from None

    def find_store(self) -> Store | None:
        """The store if it exists; never creates one."""
        try:
            return self.store(create=False)
        except StoreMissing:
            return None

    def store(self, *, bound: bool = True, create: bool = True) -> Store:
        """The store, created if necessary; `bound`: refuse one that was built with other encoders.

        Raises `StoreMissing` if it does not exist and `create` is False.
        """
        with self._opened:
            self._check_open()
            if self._store is None:
                check_language(self.settings.language)
                store = open_store(self.settings, lambda: self.spaces.shapes, create=create)
                try:
                    if built := stored_config(store):
                        self.spaces.adopt(built)
                    if bound:
                        self.language = bind_encoders(store, self.spaces.encoding_config(self.settings.language))
                        self.spaces.check_types(store.shapes)
                        bind_names(store, self.root)
                except BaseException:
                    store.close()
                    raise
                self._store = store
            return self._store

    def forget_store(self) -> None:
        """Close the store; the next operation opens it again."""
        with self._opened:
            if self._store:
                self._store.close()
            self._store = self._search_context = None

    def workers(self) -> Sandbox:
        """The worker processes that open files."""
        with self._opened:
            self._check_open()
            if self._sandbox is None:
                self._sandbox = self.settings.sandbox(self._limits.using)
            return self._sandbox

    def fetcher(self, retry: bool, *, for_query: bool = False) -> Fetch:
        """Downloads the pictures of catalogues, or that of a query; `retry`: also from servers that failed just now."""
        from diptych.library.open_places import open_fetcher

        return open_fetcher(self.settings, retry=retry, for_query=for_query)

    def ingest_pipeline(self) -> Pipeline:
        """`pipeline`, for changes. Raises as `with_pictures` does."""
        self.with_pictures(self.store())
        return self.pipeline

    @property
    def pipeline(self) -> Pipeline:
        """What an ingest needs, with these settings."""
        from diptych.pipeline.pipeline import Pipeline

        return Pipeline(
            store=self.store(),
            spaces=self.spaces,
            sandbox=self.workers(),
            options=self.options,
            picture_store=self.picture_store,
            places=self.places,
            language=self.language,
            captioner=self.captioner,
            check_models=lambda: self.check_models("encoder", "image_encoder", "page_encoder", "captioner"),
        )

    @property
    def search_context(self) -> SearchContext:
        """What a search needs, with these settings; the same for all searches, because it keeps what they read."""
        from diptych.search.query.synonyms import load_synonyms
        from diptych.search.search import SearchContext

        chosen, store = self.settings, self.existing()
        with self._opened:
            if self._search_context is None or self._search_context.store is not store:
                # A folder can be the wrong one by chance, as it depends on where the command runs, a URL cannot.
                shared = self.picture_store.objects is not None
                self._search_context = SearchContext(
                    store=store,
                    spaces=self.spaces,
                    pictures=self.pictures,
                    language=self.language,
                    weights=chosen.weights,
                    synonyms=load_synonyms(chosen.synonyms),
                    reranker=self.reranker,
                    rerank_pages=chosen.rerank_pages,
                    problem="" if shared else find_wrong_pictures(store, self.picture_store),
                )
            return self._search_context

    def _check_open(self) -> None:
        if self.closed:
            raise StoreError(f"{self.settings.store}: this Diptych is closed; open a new one")
