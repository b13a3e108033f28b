"""Queries made ready for search: limits in the wording become filters, images are stored and read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from diptych.errors import ExtractionError, QueryError, SourceError
from diptych.library.runtime import Runtime
from diptych.places.web import check_url
from diptych.search.query.query import Query
from diptych.store.register import seen_version
from diptych.store.types import Store
from diptych.where import all_of
from extractors.pictures.store import image_path
from extractors.temporary_folder import TemporaryFolder
from extractors.types import Extraction, Options, PageRange, Source

if TYPE_CHECKING:
    from PIL.Image import Image

    from diptych.search.query.plain_filters import FilteredText, KnownFields
    from diptych.search.search import SearchContext

T = TypeVar("T")
SAMPLED_DOCUMENTS = 1000
"""Documents whose fields are taken for the fields of the store; reading all of them would delay a query."""
SET_ENCODER = 'set `image_encoder = "clip"` in diptych.toml or DIPTYCH_IMAGE_ENCODER=clip and run `diptych reindex`'
IMAGE_SECONDS = 20.0
"""For reading the image of a query, words in it included."""


class QueryPreparation:
    """Prepares the queries to one store. Thread-safe."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._fields: tuple[str, KnownFields] | None = None
        """The register's version, and the fields of the store in it."""

    def run(self, queries: Sequence[Query], work: Callable[[list[Query], SearchContext], T]) -> T:
        """What `work` returns for the prepared queries.

        A search finds out at its end what was committed since the register was last read. If that changes how the
        queries are read, it is repeated.
        """
        from diptych.models.request_queue import QUERY_RETRY_SECONDS, retried_for

        context = self._runtime.search_context

        def reading() -> object:
            return context.languages, [self.interpret(query) for query in queries]

        before = reading()
        with retried_for(QUERY_RETRY_SECONDS):
            result = work([self.prepare(query) for query in queries], context)
            return result if reading() == before else work([self.prepare(query) for query in queries], context)

    def prepare(self, query: Query) -> Query:
        """The query as it is searched. Raises `QueryError` for an image that cannot be searched with."""
        return self.prepare_question(query)[0]

    def prepare_question(self, query: Query) -> tuple[Query, Path | None]:
        """The query as it is searched, and the path of its image in the picture store. Raises as `prepare` does."""
        self._runtime.check_models("encoder", "image_encoder", "page_encoder")
        found = self.interpret(query)
        query = replace(query, text=found.text, where=all_of(query.filter, found.where), problem=found.problem)
        if query.image is None:
            return query, None
        with TemporaryFolder() as folder:
            return self._with_image(query, *self._image_source(query.image, folder))

    def store_image(self, image: Path | str | bytes | Image) -> Path:
        """The path of an image in the picture store, where it stays until the next sweep.

        It is captioned if searches need that, which are then free. Raises `QueryError` and `ModelError`.
        """
        runtime = self._runtime
        options = replace(runtime.options, ocr="off")
        with TemporaryFolder() as folder:
            source, name = self._image_source(image, folder)
            stored = _stored_image(self._read_image(source, options), name, runtime.pictures)
            if runtime.spaces.images is None and runtime.captioner:
                # Read as every search with the stored image does, which then finds this caption.
                source, _ = self._image_source(stored.read_bytes(), folder)
                self._describe(self._read_image(source, options), may_ask=True)
        return stored

    def _image_source(self, image: Path | str | bytes | Image, folder: Path) -> tuple[Source, str]:
        """(the image as a source, what messages call it); what is not a file yet is written to `folder`."""
        from diptych.pipeline.discovery.sources import find_sources
        from extractors.catalog.table import is_url

        name = "the image of the query"
        try:
            if isinstance(image, str) and is_url(image):
                check_url(image)
                (file,) = self._runtime.fetcher(retry=True, for_query=True)([image]).values()
                if isinstance(file, str):
                    raise QueryError(file)
                name, image = image, file.read_bytes()
            if isinstance(image, Path | str):
                return find_sources([image]).sources[0], str(image)
            file = folder / "image.png"  # an extractor of images reads all kinds of them, whatever the suffix
            file.write_bytes(image if isinstance(image, bytes) else _to_png(image))
            if kind := _document_kind(file):
                raise QueryError(f"{name} is {kind}; use a PNG, JPEG or WebP file, such as a picture of its page")
            return replace(find_sources([file]).sources[0], name=name), name
        except SourceError as error:
            raise QueryError(str(error)) from error

    def _read_image(self, source: Source, options: Options) -> Extraction:
        """Only its first page, and not for long: images of other queries wait for the same workers."""
        options = replace(options, page_range=PageRange(1, 1))
        return self._runtime.workers().extract(source, options, self._runtime.pictures, seconds=IMAGE_SECONDS)

    def interpret(self, query: Query) -> FilteredText:
        """The limits in the wording that match a field of the store, as filters; none for a literal query."""
        from diptych.search.query.plain_filters import FilteredText, extract_filters, may_contain_filter

        if query.literal or not self._runtime.settings.phrases or not may_contain_filter(query.text):
            return FilteredText(query.text)
        return extract_filters(query.text, *(query.known_fields or self._own_fields(self._runtime.existing())))

    def _own_fields(self, store: Store) -> KnownFields:
        """The users' fields in the store."""
        from diptych.search.query.plain_filters import KnownFields

        version = seen_version(store)
        if not self._fields or self._fields[0] != version or not version:
            documents = (point for point in store.documents.scroll() if "uri" in point.payload)
            fields = [point.payload.get("fields") or {} for point in islice(documents, SAMPLED_DOCUMENTS)]
            self._fields = (version, KnownFields.of(fields))
        return self._fields[1]

    def _with_image(self, query: Query, source: Source, name: str) -> tuple[Query, Path]:
        """The query with its stored image, or with what the image says or shows if no encoder reads images; the image.

        The image stays in the picture store until the next sweep. Raises `QueryError` if there is nothing to search.
        """
        runtime = self._runtime
        has_image_encoder = runtime.spaces.images is not None
        options = replace(runtime.options, ocr="off") if has_image_encoder else runtime.options
        try:
            extraction = self._read_image(source, options)
        except ExtractionError as error:
            # The file may be a copy in a temporary folder, which is nobody's business.
            error.args = (str(error).replace(str(source.path), name),)
            raise
        stored = _stored_image(extraction, name, runtime.pictures)
        if has_image_encoder:
            return replace(query, image=stored), stored
        caption, reason = self._describe(extraction, may_ask=query.describe_image)
        found = " ".join(filter(None, [*(picture.words for picture in extraction.pictures), caption]))
        if not found and not query.text.strip():
            raise QueryError(f"{name}: contains no words, and {reason}, or add words to the query")
        problem = query.problem if found else f"{name} is not searched with: it contains no words, and {reason}"
        return replace(query, text=f"{query.text.strip()} {found}".strip(), image=None, problem=problem), stored

    def _describe(self, extraction: Extraction, *, may_ask: bool) -> tuple[str, str]:
        """(what a captioner says about the image, why it says nothing and what helps); `may_ask`: at its price."""
        runtime, captioner = self._runtime, self._runtime.captioner
        if captioner is None:
            return "", f"no image encoder is set; {SET_ENCODER}"
        if None in captioner.known_captions(extraction, runtime.pictures):
            if not may_ask:
                return "", "it has no caption yet, which opening an address never asks for; choose the image again"
            runtime.check_models("captioner")
        captions = captioner.caption(extraction, runtime.pictures)
        if text := " ".join(caption.text for caption in captions.captions if caption.text):
            return text, ""
        skipped = [problem.reason for problem in captions.problems]
        skipped += [f"no caption: {caption.skipped}" for caption in captions.captions]
        return "", f"has {skipped[0] if skipped else 'no caption'}; {SET_ENCODER}"


def _document_kind(file: Path) -> str:
    """What a file is by its content, such as `a .pdf file`; nothing for images and unrecognised content."""
    from extractors.formats import FORMATS, HEAD_BYTES

    with file.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
    found = [row for row in FORMATS if row.signature and re.match(row.signature, head)]
    if not found or any(row.media_type.startswith("image/") for row in found):
        return ""
    return f"a {found[0].suffixes[0]} file" if len(found) == 1 else "an office document or ZIP archive"


def _stored_image(extraction: Extraction, name: str, pictures: Path) -> Path:
    if not extraction.pictures:
        raise QueryError(f"{name}: contains no image; use a PNG, JPEG or WebP file")
    return image_path(extraction.pictures[0].image, pictures)


def _to_png(image: Image) -> bytes:
    """Raises `QueryError` for an image that cannot be decoded, such as one whose file is closed."""
    from PIL.Image import Image

    from extractors.pictures.decode import normalise_image

    if not isinstance(image, Image):
        raise QueryError(f"the image of a query must be a path, a URL, bytes or a PIL image, not {image!r:.40}")
    data = BytesIO()
    try:
        normalise_image(image).save(data, "PNG")
    except (OSError, SyntaxError, ValueError, AttributeError) as error:
        raise QueryError(f"the image of the query cannot be read ({error}); open it again") from error
    return data.getvalue()
