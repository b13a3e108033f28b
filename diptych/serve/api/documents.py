"""The REST API for documents: their status, their parts, their pages, and the pictures of the store."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from diptych.serve.api.models import DocumentModel, PartModel, Picture, image_address, show_part
from diptych.serve.api.search import HitId
from diptych.serve.dependencies import Library
from diptych.serve.description import BINARY
from diptych.serve.options import PREFIX
from diptych.serve.problems import PROBLEMS
from diptych.serve.served_library import ServedLibrary

MEDIA_TYPES = {
    ".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp",
    ".gif": "image/gif", ".tif": "image/tiff", ".bmp": "image/bmp",
}  # fmt: skip
"""Suffix of a stored image -> its type. Nothing else is ever sent as a picture."""
PICTURES: dict[int | str, dict[str, Any]] = {
    200: {"content": {media_type: {"schema": BINARY} for media_type in MEDIA_TYPES.values()}},
    304: {"description": "The picture that the client has, by the header `If-None-Match`, is still the right one."},
}
"""How routes document pictures."""
FOR_EVER = "private, max-age=31536000, immutable"
"""Pictures are named by the hash of their bytes."""
CHECKED = "private, no-cache"
"""Images of pages may be kept, but asked for again: the page changes with its document."""

router = APIRouter(prefix=PREFIX, tags=["documents"], responses=PROBLEMS)
DocumentId = Annotated[str, Path(max_length=80, description="The `id` of a document.")]
PictureName = Annotated[str, Path(max_length=80, description="The last part of the address of a picture.")]
PageNumber = Annotated[int, Path(ge=1, le=1_000_000, description="Pages count from 1.")]


class Documents(BaseModel):
    """A part of the list of documents."""

    total: Annotated[int, Field(description="Number of documents with this status and name.")]
    documents: list[DocumentModel]


class PageModel(BaseModel):
    """A page of a document."""

    document: DocumentModel
    page: int
    image: Annotated[Picture | None, Field(description="An image of the whole page, if there is one.")]
    width: Annotated[float | None, Field(description="In points, as the boxes of the parts; null without an image.")]
    height: float | None
    parts: Annotated[list[PartModel], Field(description="In reading order.")]


@router.get("/documents", response_model=Documents)
async def documents(
    library: Library,
    status: Annotated[Literal["complete", "partial", "failed"] | None, Field(description="Only these.")] = None,
    name: Annotated[str, Field(max_length=400, description="A part of the name.")] = "",
    limit: Annotated[int, Field(ge=1, le=1000, description="Maximum documents.")] = 100,
    offset: Annotated[int, Field(ge=0, le=10_000_000, description="Documents to leave out before them.")] = 0,
) -> dict[str, Any]:
    """List documents by name, with what is missing of each and why."""
    part = name.casefold()
    found = [one for one in await library.documents() if status in (None, one.status) and part in one.name.casefold()]
    return {"total": len(found), "documents": [asdict(one) for one in found[offset : offset + limit]]}


@router.get("/documents/{document}", response_model=DocumentModel)
async def document(library: Library, document: DocumentId) -> Any:
    """Show a document."""
    return asdict(await library.document(document))


@router.delete("/documents/{document}", status_code=204)
async def delete(library: Library, document: DocumentId) -> None:
    """Delete a document from the store; its file is kept. Requires a server that was started with `--write`."""
    if not library.options.write:
        raise HTTPException(403, "this server is read-only; start it with `diptych serve --write` to delete documents")
    await library.delete(document)


@router.get("/documents/{document}/parts", response_model=list[PartModel])
async def parts(library: Library, document: DocumentId) -> list[dict[str, Any]]:
    """List the passages and pictures of a document in reading order."""
    return [show_part(part) for part in await library.parts(document)]


@router.get("/documents/{document}/pages/{page}", response_model=PageModel)
async def page(library: Library, document: DocumentId, page: PageNumber) -> dict[str, Any]:
    """Show a page: an image of it, and its passages and pictures with their boxes."""
    record = await _document_with_page(library, document, page)
    parts, drawn = await library.parts(document, page), await library.page_image(document, page)
    shown = {"document": asdict(record), "page": page, "parts": [show_part(part) for part in parts]}
    if drawn is None:
        return {**shown, "image": None, "width": None, "height": None}
    image = drawn.image
    picture = {"address": image_address(image), "width": image.width, "height": image.height}
    return {**shown, "image": picture, "width": drawn.width, "height": drawn.height}


@router.get("/documents/{document}/pages/{page}/image", response_class=FileResponse, responses=PICTURES)
async def page_image(request: Request, library: Library, document: DocumentId, page: PageNumber) -> Response:
    """An image of a page as displayed."""
    record = await _document_with_page(library, document, page)
    drawn = await library.page_image(document, page)
    if drawn is None:
        raise HTTPException(
            404,
            f"{record.name}, page {page}: there is no image of it, because its file is not a PDF file on this machine, "
            f"or has changed since it was ingested",
        )
    return await _picture(request, library, drawn.image.sha256 + drawn.image.suffix, CHECKED)


@router.get("/hits/{hit_id}", response_model=PartModel)
async def hit(library: Library, hit_id: HitId) -> Any:
    """Show the passage or picture behind a hit, with the id of its document."""
    return show_part(await library.part(hit_id))


@router.get("/pictures/{name}", response_class=FileResponse, responses=PICTURES)
async def picture(request: Request, library: Library, name: PictureName) -> Response:
    """A picture by its name: the SHA-256 of its bytes and a suffix, as in the addresses of hits."""
    return await _picture(request, library, name, FOR_EVER)


async def _picture(request: Request, library: ServedLibrary, name: str, caching: str) -> Response:
    path, tag = await library.picture(name), f'"{name}"'
    headers = {"cache-control": caching, "etag": tag}
    known = (one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(","))
    if tag in known:
        return Response(status_code=304, headers=headers)
    return FileResponse(path, media_type=MEDIA_TYPES[path.suffix], headers=headers)


async def _document_with_page(library: ServedLibrary, document: str, page: int) -> Any:
    record = await library.document(document)
    if page > max(record.pages, 1):
        raise HTTPException(404, f"{record.name}: has no page {page}; it has {max(record.pages, 1)}")
    return record
