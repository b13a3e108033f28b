"""Questions made ready to be searched: plain phrases become filters, pictures are kept and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

from diptych.errors import QueryError, SourceError
from diptych.library.runtime import Parts
from diptych.pipeline.sources import find_sources
from diptych.search.plain_filters import FieldKinds, FilteredText, extract_filters, field_kinds, may_limit_a_field
from diptych.search.query import Query
from diptych.store.register import register_version
from diptych.store.types import Store
from diptych.where import both
from extractors.pictures.store import image_path
from extractors.types import Extraction

SAMPLE = 1000
"""Documents whose fields tell what the store's fields are: reading all would hold up a question."""


class Queries:
    """What the questions to one store are read with; thread-safe."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._known: tuple[str, FieldKinds] = ("", {})
        """The register's clock when its fields were read, and what they are."""

    def understood(self, query: Query) -> FilteredText:
        """The plain phrases of `query` that limit a field of the store, taken as filters; none where it is literal."""
        if query.literal or not self._parts.settings.phrases or not may_limit_a_field(query.text):
            return FilteredText(query.text)
        return extract_filters(query.text, self._fields(self._parts.existing()))

    def ready(self, query: Query) -> Query:
        """The query as it is searched. Raises `QueryError` for a picture that cannot be searched by."""
        found = self.understood(query)
        query = replace(query, text=found.text, where=both(query.where, found.where))
        return self._seen(query, query.image) if query.image else query

    def stored(self, image: Path, *, ocr: bool) -> Extraction:
        """A picture of a question, opened in a worker and kept in the picture store until the next sweep."""
        try:
            source = find_sources([image]).sources[0]
        except SourceError as error:
            raise QueryError(str(error)) from error
        options = self._parts.options if ocr else replace(self._parts.options, ocr="off")
        seen = self._parts.workers().extract(source, options, self._parts.pictures)
        if not seen.pictures:
            raise QueryError(f"{image}: holds no picture; give a PNG, JPEG or WebP file")
        return seen

    def _fields(self, index: Store) -> FieldKinds:
        """The fields of the store's documents, as of the register's last write."""
        moment = register_version(index)
        before, known = self._known
        if before != moment or not moment:
            known = field_kinds(_fields_of(index))
            self._known = (moment, known)
        return known

    def _seen(self, query: Query, image: Path) -> Query:
        """The question with its picture as the picture store keeps it, opened where nothing can harm.

        With no encoder of pixels, the words in the picture and its caption are searched, beside the question's own.
        """
        encoded, folder = self._parts.spaces.images is not None, self._parts.pictures
        seen = self.stored(image, ocr=not encoded)
        if encoded:
            return replace(query, image=image_path(seen.pictures[0].image, folder))
        words = [picture.words for picture in seen.pictures]
        if self._parts.captioner:
            words += [told.text for told in self._parts.captioner.caption(seen, folder).captions]
        text = " ".join(filter(None, [query.text.strip(), *words]))
        if not text:
            raise QueryError(
                f"{image}: holds no words, and no encoder for pixels is set: add a question in words, or set "
                f'`image_encoder = "clip"` in diptych.toml or DIPTYCH_IMAGE_ENCODER=clip, and run `diptych reindex`'
            )
        return replace(query, text=text, image=None)


def _fields_of(index: Store) -> list[Mapping[str, str | float | bool]]:
    return [
        point.payload["fields"] for point in islice(index.documents.scroll(), SAMPLE) if point.payload.get("fields")
    ]
