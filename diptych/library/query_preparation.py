"""Queries made ready for search: limits in the wording become filters, images are stored and read."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

from diptych.errors import QueryError, SourceError
from diptych.library.runtime import Runtime
from diptych.pipeline.sources import find_sources
from diptych.search.plain_filters import (
    FieldKinds,
    FilteredText,
    extract_filters,
    field_kinds,
    may_contain_filter,
    rare_fields,
)
from diptych.search.query import Query
from diptych.store.register import register_version
from diptych.store.types import Store
from diptych.where import all_of
from extractors.pictures.store import image_path

SAMPLED_DOCUMENTS = 1000
"""Documents whose fields are taken for the fields of the store; reading all of them would delay a query."""


class QueryPreparation:
    """Prepares the queries to one store. Thread-safe."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._fields: tuple[str, FieldKinds, frozenset[str]] = ("", {}, frozenset())
        """The register's version, the kinds of the store's fields in it, and the rare ones."""

    def prepare(self, query: Query) -> Query:
        """The query as it is searched. Raises `QueryError` for an image that cannot be searched with."""
        return self.prepare_question(query)[0]

    def prepare_question(self, query: Query) -> tuple[Query, Path | None]:
        """The query as it is searched, and the path of its image in the picture store. Raises as `prepare` does."""
        self._runtime.check_models("encoder", "image_encoder")
        found = self.interpret(query)
        query = replace(query, text=found.text, where=all_of(query.where, found.where))
        return self._with_image(query, query.image) if query.image else (query, None)

    def interpret(self, query: Query) -> FilteredText:
        """The limits in the wording that match a field of the store, as filters; none for a literal query."""
        if query.literal or not self._runtime.settings.phrases or not may_contain_filter(query.text):
            return FilteredText(query.text)
        return extract_filters(query.text, *self._own_fields(self._runtime.existing()))

    def _own_fields(self, store: Store) -> tuple[FieldKinds, frozenset[str]]:
        """The users' fields in the store, and those of them that few documents have."""
        version = register_version(store)
        read_at, kinds, rare = self._fields
        if read_at != version or not version:
            documents = (point for point in store.documents.scroll() if "uri" in point.payload)
            fields = [point.payload.get("fields") or {} for point in islice(documents, SAMPLED_DOCUMENTS)]
            kinds, rare = field_kinds(fields), rare_fields(fields)
            self._fields = (version, kinds, rare)
        return kinds, rare

    def _with_image(self, query: Query, image: Path) -> tuple[Query, Path]:
        """The query with its stored image, or with the image's words if no encoder reads images; and the image.

        The image stays in the picture store until the next sweep.
        """
        try:
            source = find_sources([image]).sources[0]
        except SourceError as error:
            raise QueryError(str(error)) from error
        runtime = self._runtime
        has_image_encoder = runtime.spaces.images is not None
        options = replace(runtime.options, ocr="off") if has_image_encoder else runtime.options
        extraction = runtime.workers().extract(source, options, runtime.pictures)
        if not extraction.pictures:
            raise QueryError(f"{image}: contains no image; use a PNG, JPEG or WebP file")
        stored = image_path(extraction.pictures[0].image, runtime.pictures)
        if has_image_encoder:
            return replace(query, image=stored), stored
        words = [picture.words for picture in extraction.pictures]
        if runtime.captioner:
            runtime.check_models("captioner")
            words += [caption.text for caption in runtime.captioner.caption(extraction, runtime.pictures).captions]
        text = " ".join(filter(None, [query.text.strip(), *words]))
        if not text:
            raise QueryError(
                f"{image}: contains no words, and no image encoder is set. Add words to the query, or set "
                f'`image_encoder = "clip"` in diptych.toml or DIPTYCH_IMAGE_ENCODER=clip and run `diptych reindex`'
            )
        return replace(query, text=text, image=None), stored
