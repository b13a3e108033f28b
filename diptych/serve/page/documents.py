"""The pages about documents: the list, a document, one of its pages, and the rows of catalogues as products."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi import Path as InPath
from starlette.exceptions import HTTPException

from diptych.errors import DiptychError
from diptych.library.parts import Part
from diptych.pipeline.discovery.skipped_files import describe_skipped
from diptych.search.query.query import Query
from diptych.serve.dependencies import Library
from diptych.serve.page.form import SearchState
from diptych.serve.page.hits import Shown, own_fields, short_name, show_image, view_hits
from diptych.serve.page.html import HtmlRoute, html_page
from diptych.serve.page.leaf import boxes, view_parts
from diptych.serve.prefix import address
from diptych.serve.problems import problem_of
from diptych.serve.served_library import ServedLibrary
from diptych.store.names import in_natural_order
from diptych.store.register import DocumentRecord
from extractors.formats import is_row, split_name
from extractors.types import WHOLE_KINDS

DOCUMENTS, PRODUCTS, PAGES = 100, 48, 20
"""On one page: of the list, of the catalogue, and of a document with its passages."""
STATUSES = ("failed", "partial", "complete")
DocumentId = Annotated[str, InPath(pattern=r"^[0-9a-f-]{36}$")]
router = APIRouter(route_class=HtmlRoute)


class Listed(NamedTuple):
    """A document of the list, or a catalogue: the worst record of its rows, with their sums."""

    record: DocumentRecord
    address: str
    rows: int = 0


class Product(NamedTuple):
    """A row of a catalogue as a card."""

    address: str
    title: str
    picture: Shown | None
    fields: dict[str, str]


@router.get("/documents")
async def documents_page(request: Request, library: Library) -> Response:
    state = SearchState("/documents", request.query_params.multi_items())
    listed = _list(await library.documents())
    name, status, first = state.get("q").casefold(), state.get("status"), state.first
    counts = Counter[str](one.record.status for one in listed)
    chosen = [
        one
        for one in listed
        if status in ("", one.record.status)
        and (name in one.record.name.casefold() or name in one.record.title.casefold())
    ]
    return html_page(
        "documents.html",
        here="/documents",
        listed=chosen[first - 1 : first - 1 + DOCUMENTS],
        q=state.get("q"),
        status_chosen=status,
        tabs=[("all", len(listed), state.address({"status": ""}))]
        + [(one, counts[one], state.address({"status": one})) for one in STATUSES if counts[one]],
        skipped=describe_skipped(replace(one, path=short_name(one.path)) for one in await library.skipped()),
        pages=state.pages_of(DOCUMENTS, len(chosen), "documents"),
    )


def _list(records: Sequence[DocumentRecord]) -> list[Listed]:
    """Documents and catalogues, sorted by name."""
    catalogues: dict[str, list[DocumentRecord]] = {}
    found = []
    for record in records:
        if is_row(record.name):
            catalogues.setdefault(split_name(record.name)[0], []).append(record)
        else:
            shown = replace(record, name=short_name(record.name), error=record.reason)
            found.append(Listed(shown, address(f"/documents/{record.id}")))
    for name, rows in catalogues.items():
        whole = replace(
            min(rows, key=lambda record: STATUSES.index(record.status)),
            name=short_name(name),
            title="",
            error="",
            problems=tuple({"reason": problem, "page": None} for record in rows for problem in _row_problems(record)),
            passages=sum(record.passages for record in rows),
            pictures=sum(record.pictures for record in rows),
        )
        found.append(Listed(whole, SearchState("/catalogue", [("document", name)]).address(), len(rows)))
    return sorted(found, key=lambda one: one.record.name)


def _row_problems(record: DocumentRecord) -> list[str]:
    """What failed or is missing of a row, with its name; rows have no pages."""
    reasons = [record.reason] if record.error else [problem["reason"] for problem in record.problems]
    return [f"Row {split_name(record.name)[1]}: {reason}" for reason in reasons]


@router.get("/documents/{document}")
async def document_page(request: Request, library: Library, document: DocumentId) -> Response:
    record, parts = await library.document(document), await library.parts(document)
    if is_row(record.name):
        return await _leaf(library, record, parts, 1, "")
    state = SearchState(f"/documents/{document}", request.query_params.multi_items())
    numbers = sorted({part.page for part in parts})
    shown = numbers[state.first - 1 : state.first - 1 + PAGES]
    passages = [part for part in parts if part.modality == "text" and part.page in shown]
    return html_page(
        "document.html",
        here="/documents",
        record=record,
        name=short_name(record.name),
        gallery=[(part, show_image(part.image)) for part in parts if part.image and part.kind != "panel"],
        passages=[(number, [part for part in passages if part.page == number]) for number in shown],
        fields=own_fields(record.fields, record.title),
        pages=state.pages_of(PAGES, len(numbers), "pages"),
    )


@router.get("/hits/{hit}")
async def hit_page(library: Library, hit: DocumentId) -> Response:
    """The page of a hit, with its box."""
    part = await library.part(hit)
    record, parts = await library.document(part.document_id), await library.parts(part.document_id)
    return await _leaf(library, record, parts, part.page, hit)


@router.get("/documents/{document}/pages/{page}")
async def leaf_page(library: Library, document: DocumentId, page: Annotated[int, InPath(ge=1)]) -> Response:
    return await _leaf(library, await library.document(document), await library.parts(document), page, "")


async def _leaf(
    library: ServedLibrary, record: DocumentRecord, parts: Sequence[Part], page: int, chosen: str
) -> Response:
    if page > max([record.pages, *(part.page for part in parts)]):
        raise HTTPException(404, f"{short_name(record.name)} has no page {page}; it has {record.pages} pages.")
    views = sorted(view_parts(parts, page, chosen), key=lambda view: not view.chosen)
    image = await library.page_image(record.id, page)
    return html_page(
        "leaf.html",
        here="/catalogue" if is_row(record.name) else "/documents",
        record=record,
        name=short_name(record.name),
        row=is_row(record.name),
        page=page,
        folio=next((view.part.folio for view in views), None),
        views=[view for view in views if view.part.kind not in WHOLE_KINDS or len(views) == 1 or view.chosen],
        boxes=boxes(views),
        chosen=chosen,
        image=image,
        drawn=show_image(image.image) if image else None,
        photo=next((view for view in views if view.picture and not image), None),
        fields=own_fields(record.fields, record.title),
        problems=[one for one in record.problems if is_row(record.name) or one.get("page") == page],
    )


@router.get("/catalogue")
async def catalogue_page(request: Request, library: Library) -> Response:
    """Rows of catalogues as cards: those that a search finds, or all of them."""
    state = SearchState("/catalogue", request.query_params.multi_items())
    shown: dict[str, Any] = {"products": [], "problem": "", "chips": [], "status": 200, "total": 0}
    rows = in_natural_order(record for record in await library.documents() if is_row(record.name))
    try:
        shown |= await _products(state, library, rows)
    except DiptychError as error:
        shown |= {"problem": str(error), "status": problem_of(error).status}
    with_fields = {name for record in rows for name in record.fields}
    return html_page(
        "catalogue.html",
        here="/catalogue",
        rows=len(rows),
        asked=bool(state.get("q")),
        form=state.form([field for field in await library.fields() if field.name in with_fields]),
        placeholder="Search products",
        why=False,
        unfiltered=state.without_filters(),
        pages=state.pages_of(PRODUCTS, shown["total"], "products"),
        **shown,
    )


async def _products(state: SearchState, library: ServedLibrary, rows: Sequence[DocumentRecord]) -> dict[str, Any]:
    """The products to show, with pictures, and the filters. Raises `DiptychError`."""
    words, where, first = state.get("q"), state.where(), state.first
    query = Query(words, where=where)
    understood = await library.interpret(query)
    chips = state.chips(understood)
    if words:
        found = view_hits((await library.find(query, 3 * PRODUCTS)).hits, words)
        products = [Product(one.link, one.title, one.picture, one.fields) for one in found if one.is_row]
        return {"chips": chips, "products": products[:PRODUCTS], "total": len(products[:PRODUCTS])}
    if where:
        matching = {part.document_id for part in await library.parts_of(None, where)}
        rows = [record for record in rows if record.id in matching]
    here = rows[first - 1 : first - 1 + PRODUCTS]
    parts = await library.parts_of([record.id for record in here])
    pictures = {part.document_id: show_image(part.image) for part in reversed(parts) if part.image}
    products = [
        Product(
            address(f"/documents/{record.id}"),
            record.title or short_name(record.name),
            pictures.get(record.id),
            own_fields(record.fields, record.title),
        )
        for record in here
    ]
    return {"chips": chips, "products": products, "total": len(rows)}
