"""A `Diptych` as its operator allows it to be used. The page, the API and MCP reach the store only through it."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diptych.answering.answer import Answer
from diptych.errors import QueryError, StoreMissing
from diptych.library.diptych import Diptych
from diptych.library.explanations import explain_no_hits
from diptych.library.parts import Part
from diptych.pipeline.discovery.skipped_files import SkippedFile
from diptych.search.groups import By, Group
from diptych.search.hits import Hit, Results
from diptych.search.query.plain_filters import FilteredText, may_contain_filter
from diptych.search.query.query import Query
from diptych.serve.operator_filter import OperatorFilter
from diptych.serve.options import ServeOptions
from diptych.serve.store_fields import StoreField, store_fields
from diptych.serve.threads import Threads
from diptych.store.names import find_ids, resolve_names
from diptych.store.register import DocumentRecord
from diptych.where import Compare, Expression, all_of
from extractors.types import IMAGE_SUFFIXES, WHOLE_KINDS, ImageFile, PageImage

PICTURE_NAME = re.compile(rf"([0-9a-f]{{64}})({'|'.join(map(re.escape, IMAGE_SUFFIXES))})")
READ_THREADS = 2
"""At least: one encodes while another ranks. More only take turns, because the engine keeps Python's lock."""
MAX_READS = 256
"""Searches and other reads, running and waiting."""
SLOW_THREADS = 4
"""Searches with an image and drawings of pages at the same time; plain searches never wait for them."""
MAX_SLOW = 32
"""Of these, running and waiting."""
MAX_ASKS = 4
"""Questions that are answered at the same time; further ones are refused."""
MAX_PAGES = 1000
"""Images of pages that are remembered, so that their files are neither read nor drawn again."""
MAX_ISSUED = 10_000
"""Drawn pages and crops that stay available under an operator's filter."""


class NotFound(QueryError):
    """There is no such document, hit or picture, or the operator does not show it."""


@dataclass(frozen=True, slots=True)
class Found:
    """The hits of a query, and what people should know about them."""

    hits: Results[Hit]
    understood: FilteredText
    """The filters that were read from its wording."""
    nothing: str = ""
    """Why nothing was found; empty if something was."""


class ServedLibrary:
    """Awaitable methods that read a store, with the operator's filter added to everything.

    They raise what those of `Diptych` raise, and `NotFound`. What the filter excludes does not exist for clients.
    """

    def __init__(self, library: Diptych, options: ServeOptions) -> None:
        """Raises `QueryError` if the operator's filter names a document ambiguously."""
        self.library, self.options = library, options
        self._filter = OperatorFilter(library, options.where)
        self._filter.check()
        self._readers = Threads("read", max(READ_THREADS, os.cpu_count() or 1), MAX_READS)
        self._slow = Threads("draw", SLOW_THREADS, MAX_SLOW)
        self._askers = Threads("ask", MAX_ASKS, MAX_ASKS)
        self._pages: dict[tuple[str, str, int], PageImage] = {}
        """(id and hash of the document, page) -> its image, the last ones."""
        self._issued: dict[str, None] = {}
        """Names of drawn images, the last ones of `MAX_ISSUED`."""

    def close(self) -> None:
        """End the threads; the `Diptych` stays open."""
        for threads in (self._readers, self._slow, self._askers):
            threads.close()

    # Search

    async def find(self, query: Query, limit: int = 10, offset: int = 0) -> Found:
        """`Diptych.search` with the filters that were understood, and why nothing was found."""
        return await (self._slow if query.image else self._readers).run(self._find, query, limit, offset)

    def _find(self, query: Query, limit: int, offset: int) -> Found:
        restricted = self._restricted(query)
        understood = self.library.interpret(restricted)
        hits = self.library.search(restricted, limit, offset)
        nothing = "" if hits else self._explain(query, hits.resembles)
        return Found(hits, understood, f"there are no hits after the first {offset}" if nothing and offset else nothing)

    async def explain_no_hits(self, query: Query, *, resembles: bool) -> str:
        """Why nothing was found; `resembles`: whether anything in the store resembles the query."""
        return await self._readers.run(self._explain, query, resembles)

    def _explain(self, query: Query, resembles: bool) -> str:
        documents = self._filter.snapshot().documents
        if self._filter and not documents:
            return "nothing found: this server shows no documents at present"
        return explain_no_hits(documents, query.filter, resembles=resembles)

    async def search_groups(self, query: Query, by: By = "document", limit: int = 10, each: int = 3) -> Results[Group]:
        """See `Diptych.search_groups`."""
        return await self._readers.run(
            lambda: self.library.search_groups(self._restricted(query), by, limit, each),
        )

    async def like(
        self, hit_id: str, limit: int = 10, where: Expression | None = None, split_rows: bool = False
    ) -> list[Hit]:
        """See `Diptych.like`."""
        return await self._readers.run(self._like, hit_id, limit, where, split_rows)

    def _like(self, hit_id: str, limit: int, where: Expression | None, split_rows: bool) -> list[Hit]:
        self._part(hit_id)
        return self.library.like(hit_id, limit, self._with_filter(where), split_rows)

    async def interpret(self, query: Query) -> FilteredText:
        """See `Diptych.interpret`."""
        return await self._readers.run(lambda: self.library.interpret(self._restricted(query)))

    async def ask(
        self, question: Query, limit: int, on_text: Callable[[str], None], still_wanted: Callable[[], None]
    ) -> Answer:
        """See `Diptych.ask`; the functions are called in another thread."""
        answer = await self._askers.run(
            lambda: self.library.ask(self._restricted(question), limit, on_text, still_wanted)
        )
        for source in answer.citations:
            self._issue(Path(source.image).name if source.image else "")
        return answer

    def _restricted(self, query: Query) -> Query:
        """The query with the operator's filter; limits in its wording only stand for fields that clients see."""
        if not self._filter:
            return query
        fields = self._filter.snapshot().fields if may_contain_filter(query.text) else None
        where, scope = self._with_filter(query.filter), self._filter.expression
        return replace(query, where=where, scope=scope, known_fields=fields)

    def _with_filter(self, where: Expression | None) -> Expression | None:
        """A client's filter with the operator's; document names in it only stand for documents that clients see."""
        if where and self._filter:
            shown = self._filter.snapshot().documents
            where = resolve_names(where, lambda name, part: find_ids(name, shown, part=part))
        return all_of(self._filter.expression, where)

    # Documents and their parts

    async def documents(self) -> list[DocumentRecord]:
        """All documents, sorted by name; read again only after a commit."""
        return (await self._readers.run(self._filter.snapshot)).documents

    async def shown_names(self) -> set[str] | None:
        """Names of the documents that the operator's filter leaves; None without a filter."""
        try:
            return {one.name for one in await self.documents()} if self._filter else None
        except StoreMissing:  # the first ingest will create it
            return set()

    async def version(self) -> str:
        """See `Diptych.version`."""
        return await self._readers.run(lambda: self.library.version)

    async def delete(self, document: str) -> None:
        """Delete a document by the id of its record. The caller checks whether clients may."""
        await self._slow.run(lambda: self.library.maintenance.remove([self._document(document)]))

    async def document(self, document: str) -> DocumentRecord:
        """The record with this id."""
        return await self._readers.run(self._document, document)

    async def parts(self, document: str, page: int | None = None) -> list[Part]:
        """The passages and pictures of a document, or of a page, in reading order; `document`: the id of its record."""
        return await self._readers.run(self._parts, document, page)

    async def parts_of(self, documents: Sequence[str] | None, where: Expression | None = None) -> list[Part]:
        """The passages and pictures of several documents, None: of all, that match a filter."""
        return await self._readers.run(lambda: self.library.parts(documents, self._with_filter(where)))

    async def skipped(self) -> list[SkippedFile]:
        """See `Maintenance.skipped`; none under an operator's filter, because skipped files have no fields."""
        return [] if self._filter else await self._readers.run(self.library.maintenance.skipped)

    async def part(self, hit_id: str) -> Part:
        """The passage or picture with the id of a hit."""
        return await self._readers.run(self._part, hit_id)

    async def fields(self) -> list[StoreField]:
        """The users' own fields in the store."""
        return await self._readers.run(self._fields)

    def _fields(self) -> list[StoreField]:
        return store_fields(record.fields for record in self._filter.snapshot().documents)

    def _document(self, document: str) -> DocumentRecord:
        for record in self._filter.snapshot().documents:
            if record.id == document:
                return record
        raise NotFound(f"{document[:80]}: no document of the store has this id")

    def _parts(self, document: str, page: int | None) -> list[Part]:
        record = self._document(document)
        on_page = None if page is None else Compare("page", "=", page)
        return self.library.parts([record.id], all_of(self._filter.expression, on_page))

    def _part(self, hit_id: str) -> Part:
        document = self.library.find_document(hit_id)
        parts = self.library.parts([document], self._filter.expression) if document else []
        for part in parts:
            if part.id == hit_id:
                return part
        raise NotFound(f"{hit_id[:80]}: no hit has this id; search again, because ids change with their documents")

    # Pictures

    async def store_query_image(self, image: bytes) -> str:
        """See `Diptych.store_query_image`."""
        name = await self._slow.run(self.library.store_query_image, image)
        self._issue(name)
        return name

    async def page_image(self, document: str, page: int) -> PageImage | None:
        """See `Diptych.page_image`; None too if the operator's filter selects parts of pages."""
        return await self._slow.run(self._page_image, document, page)

    def _page_image(self, document: str, page: int) -> PageImage | None:
        parts = self._parts(document, page)
        hidden = self._filter.selects_within_pages and not any(part.kind in WHOLE_KINDS for part in parts)
        if hidden or (self._filter and not parts):
            return None
        key = document, self._document(document).sha256, page
        image = self._pages.get(key)
        if image is None or not self.library.picture(image.image).is_file():
            image = self.library.page_image(document, page)
        if image:
            self._pages = dict([*self._pages.items(), (key, image)][-MAX_PAGES:])
            self._issue(image.image.sha256 + image.image.suffix)
        return image

    async def picture(self, name: str) -> Path:
        """The file of a picture by its name: the hash of its bytes, and a suffix."""
        return await self._readers.run(self._picture, name)

    def _picture(self, name: str) -> Path:
        unknown = NotFound(f"{name[:80]}: no picture has this name")
        if not (match := PICTURE_NAME.fullmatch(name)) or not self._shows(name):
            raise unknown
        path = self.library.picture(ImageFile(match[1], match[2], 0, 0))
        if not path.is_file():
            raise unknown
        return path

    def _shows(self, name: str) -> bool:
        """Whether the operator shows a picture: it belongs to a part that matches the filter, or was drawn for one."""
        if not self._filter or name in self._issued:
            return True
        pictures = self._filter.snapshot().pictures
        return pictures is None or name in pictures

    def _issue(self, name: str) -> None:
        if name and self._filter:
            self._issued = dict.fromkeys([*self._issued, name][-MAX_ISSUED:])
