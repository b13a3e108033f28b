"""What the tools and resources of the MCP server show, apart from the protocol."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

from diptych.errors import QueryError
from diptych.library.explanations import describe_filters
from diptych.search.hits import Hit
from diptych.search.query.query import Query
from diptych.search.query.query_options import parse_filter
from diptych.serve.jobs import Job
from diptych.serve.mcp import text
from diptych.serve.mcp.pictures import HIT_SIDE, Pictures
from diptych.serve.mcp.results import (
    AskResult,
    DocumentResult,
    DocumentsResult,
    FigureResult,
    Heading,
    Item,
    JobResult,
    PageResult,
    SearchResult,
    StatusResult,
    figure_uri,
    make_item,
    make_source,
    make_summary,
    page_uri,
)
from diptych.serve.served_library import NotFound, ServedLibrary
from diptych.store.names import select_documents
from diptych.store.register import DocumentRecord
from extractors.types import WHOLE_KINDS

T = TypeVar("T")
MAX_HEADINGS, MAX_LISTED, MAX_INCOMPLETE = 300, 100, 50
"""Headings and pictures of a document, and documents with failures, in one result."""


@dataclass(frozen=True, slots=True)
class Shown(Generic[T]):
    """A result, as data and as text, with its pictures and links."""

    result: T
    text: str
    images: list[tuple[str, str, str]] = field(default_factory=list)
    """(what it shows, base64, media type)."""
    links: dict[str, str] = field(default_factory=dict)
    """URI of a resource -> what it is."""
    failed: bool = False
    """Whether it is the report of something that failed."""


class Reader:
    """Reads what the operator shows. Raises what `ServedLibrary` raises."""

    def __init__(self, served: ServedLibrary) -> None:
        self.served = served

    async def search(self, query: Query, limit: int, offset: int, images: int) -> Shown[SearchResult]:
        found = await self.served.find(query, limit, offset)
        notes = [describe_filters(found.understood)] if found.understood.phrases else []
        notes += filter(None, [found.hits.problem])
        return await self._hits(found.hits, images, notes, found.nothing)

    async def like(self, hit_id: str, where: str, limit: int, images: int) -> Shown[SearchResult]:
        return await self._hits(await self.served.like(hit_id, limit, parse_filter(where)), images, [])

    async def _hits(
        self, hits: Sequence[Hit], images: int, notes: Sequence[str], reason: str = ""
    ) -> Shown[SearchResult]:
        pictures, shown = Pictures(HIT_SIDE), dict[str, tuple[str, str, str]]()
        for hit in islice((hit for hit in hits if hit.image), images):
            if image := await self._fit(pictures, Path(hit.image or "").name, f"hit {hit.rank}"):
                shown[hit.id] = image
        items = [make_item(hit, shown=hit.id in shown) for hit in hits]
        result = SearchResult(items, [*notes, *pictures.notes], reason)
        return Shown(result, text.search_text(result), list(shown.values()), _links(items))

    async def documents(self, contains: str, limit: int, offset: int) -> Shown[DocumentsResult]:
        wanted = contains.casefold()
        records = await self.served.documents()
        matching = [one for one in records if wanted in one.name.casefold() or wanted in one.title.casefold()]
        return self._documents(matching[offset : offset + limit], len(matching), [])

    async def search_documents(self, query: Query, limit: int, offset: int) -> Shown[DocumentsResult]:
        groups = (await self.served.search_groups(query, "document", limit + offset, 1))[offset:]
        known = {record.id: record for record in await self.served.documents()}
        records = [known[group.hits[0].document_id] for group in groups if group.hits[0].document_id in known]
        return self._documents(records, offset + len(records), ["ordered by how well their best hit fits the query"])

    def _documents(self, records: Iterable[DocumentRecord], total: int, notes: list[str]) -> Shown[DocumentsResult]:
        result = DocumentsResult([make_summary(record) for record in records], total, notes)
        return Shown(result, text.documents_text(result))

    async def document(self, name: str) -> Shown[DocumentResult]:
        record = await self.record(name)
        parts = await self.served.parts(record.id)
        headings = list(dict.fromkeys((part.page, part.heading) for part in parts if part.heading))
        first = dict[tuple[str, ...], int]()
        for page, path in headings:
            first.setdefault(path, page)
        pictures = [part for part in parts if part.image and part.kind not in WHOLE_KINDS]
        cut = [
            f"only the first {limit} of {len(found)} {name} are listed"
            for name, found, limit in (("headings", first, MAX_HEADINGS), ("pictures", pictures, MAX_LISTED))
            if len(found) > limit
        ]
        outline = [Heading(page, list(path)) for path, page in islice(first.items(), MAX_HEADINGS)]
        result = DocumentResult(make_summary(record), outline, [make_item(one) for one in pictures[:MAX_LISTED]], cut)
        return Shown(result, text.document_text(result))

    async def page(self, name: str, page: int, *, with_image: bool) -> Shown[PageResult]:
        record = await self.record(name)
        last = max(record.pages, 1)
        if not 1 <= page <= last:
            raise NotFound(f"{record.name}: has no page {page}; its pages are 1 to {last}")
        pictures, image = Pictures(), None
        drawn = await self.served.page_image(record.id, page) if with_image else None
        if drawn:
            image = await self._fit(pictures, drawn.image.sha256 + drawn.image.suffix, f"page {page}")
        items = [make_item(part) for part in await self.served.parts(record.id, page)]
        notes = [*pictures.notes, *(["this page has no image"] if with_image and not drawn else [])]
        width, height = (drawn.width, drawn.height) if drawn and image else (None, None)
        result = PageResult(record.id, page, last, items, image is not None, width, height, notes)
        links = {page_uri(record.id, near): f"page {near}" for near in (page - 1, page + 1) if 1 <= near <= last}
        return Shown(result, text.page_text(result), [image] if image else [], links | _links(items))

    async def figure(self, hit_id: str) -> Shown[FigureResult]:
        part = await self.served.part(hit_id)
        if part.image is None:
            raise QueryError(f"{hit_id}: is a passage, not a picture; the tool `page` shows its page")
        pictures = Pictures()
        image = await self._fit(pictures, part.image.sha256 + part.image.suffix, f"{part.label or part.kind}")
        mentions = [
            one for one in await self.served.parts(part.document_id) if part.label and part.label in one.mentions
        ]
        items = [make_item(one) for one in mentions]
        result = FigureResult(make_item(part, shown=image is not None), items, pictures.notes)
        return Shown(result, text.figure_text(result), [image] if image else [], _links([result.figure]))

    async def ask(
        self, question: Query, limit: int, on_text: Callable[[str], None], still_wanted: Callable[[], None]
    ) -> Shown[AskResult]:
        answer = await self.served.ask(question, limit, on_text, still_wanted)
        ids = {record.name: record.id for record in await self.served.documents()}
        pictures, sources, images = Pictures(HIT_SIDE), [], []
        missing = "there is no answer" if answer.failed else "the documents do not answer this"
        notes = [f"{missing}: {answer.why}"] if answer.unanswered else []
        for source in answer.citations:
            file = Path(source.image).name if source.image else ""
            image = await self._fit(pictures, file, f"source {source.number}") if file else None
            images += [image] if image else []
            footnotes = (note for one in (*answer.sentences, *answer.seen) for note in one.citations)
            quotes = dict.fromkeys(note.quote for note in footnotes if note.number == source.number and note.quote)
            sources.append(make_source(source, ids.get(source.document, ""), list(quotes), shown=image is not None))
        dropped = [f"{one.text} ({answer.name_places(one.reason)})" for one in answer.dropped]
        result = AskResult(
            answer.text, not answer.unanswered, sources, dropped, [*notes, *pictures.notes], answer.price
        )
        links = {one.page_uri: f"source {one.number}" for one in sources}
        pictured = (one for one in answer.citations if one.modality == "image")
        links |= {figure_uri(one.hit): f"picture of source {one.number}" for one in pictured}
        return Shown(result, text.ask_text(result), images, links)

    async def status(self) -> Shown[StatusResult]:
        records, settings, options = await self.served.documents(), self.served.library.settings, self.served.options
        by_status = {name: [one for one in records if one.status == name] for name in ("complete", "partial", "failed")}
        incomplete = [*by_status["failed"], *by_status["partial"]][:MAX_INCOMPLETE]
        result = StatusResult(
            documents=len(records),
            **{name: len(found) for name, found in by_status.items()},
            passages=sum(one.passages for one in records),
            pictures=sum(one.pictures for one in records),
            incomplete=[make_summary(one) for one in incomplete],
            answering_model=settings.answerer,
            images_searchable=bool(settings.image_encoder),
            filtered=options.where is not None,
            writable=options.write,
            untrusted_fields=[f"{one.name} ({one.kind})" for one in await self.served.fields()],
        )
        return Shown(result, text.status_text(result))

    async def delete(self, name: str) -> Shown[DocumentsResult]:
        record = await self.record(name)
        await self.served.delete(record.id)
        return self._documents([record], 1, ["deleted"])

    async def show_job(self, job: Job) -> Shown[JobResult]:
        names = await self.served.shown_names()
        job = job if names is None else job.restricted_to(names)
        report = [job.message, *(f"{one.document}: {one.reason}" for one in job.failures)]
        result = JobResult(job.id, job.status, dict(job.counts), job.total, list(filter(None, report)))
        return Shown(result, text.job_text(result), failed=job.status == "failed")

    async def record(self, name: str) -> DocumentRecord:
        """A document by its id, its name, or the end of its name."""
        records = await self.served.documents()
        if known := next((record for record in records if record.id == name), None):
            return known
        found = select_documents(name, records)
        if not found:
            raise NotFound(f"{name[:200]}: no such document; the tool `documents` lists all")
        if len(found.documents) > 1:
            first = found.documents[0].name
            raise NotFound(f"{name[:200]} is a {found.kind} of {len(found.documents)} documents; name one, as {first}")
        return found.documents[0]

    async def _fit(self, pictures: Pictures, file: str, name: str) -> tuple[str, str, str] | None:
        try:
            path = await self.served.picture(file)
        except NotFound:
            pictures.left_out.append(name)
            return None
        fitted = await asyncio.to_thread(pictures.fit, path, name)
        return (name, *fitted) if fitted else None


def _links(items: Iterable[Item]) -> dict[str, str]:
    """The pages of hits, each once, and the figures."""
    found = list(items)
    pages = {one.page_uri: f"page {one.page}" for one in found if one.page}
    return pages | {one.figure_uri: f"{one.kind} on page {one.page}" for one in found if one.figure_uri}
