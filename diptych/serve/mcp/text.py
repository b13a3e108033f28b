"""Results of the MCP server as text for models, in which the words of documents cannot pass for anything else."""

import secrets
from collections.abc import Iterable
from dataclasses import replace

from diptych.printable import one_line, printable
from diptych.serve.mcp.results import (
    AskResult,
    Content,
    DocumentResult,
    DocumentsResult,
    DocumentSummary,
    FigureResult,
    Item,
    JobResult,
    PageResult,
    SearchResult,
    StatusResult,
)

MAX_LINE = 600
"""Characters of a title or a field."""


class Fence:
    """Encloses words of documents in tags with a random number, which no document can contain."""

    def __init__(self) -> None:
        self._tag = f"untrusted-{secrets.token_hex(8)}"

    def enclose(self, content: Content) -> str:
        """The words of a document, with every control character escaped."""
        heading = " > ".join(content.heading)
        place = content.place if content.place != heading else ""
        known = {"document": content.document, "title": content.title, "heading": heading, "place": place}
        known["label"] = content.label
        lines = [f"{name}: {one_line(value, MAX_LINE)}" for name, value in known.items() if value]
        for name, value in content.fields.items():
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            lines.append(f"{name}: {one_line(text, MAX_LINE)}")
        lines += [content.caption, content.text, *content.context]
        if content.model_caption:
            lines.append(f"described by a model: {content.model_caption}")
        inside = printable("\n".join(dict.fromkeys(filter(None, lines))))
        return f"<{self._tag}>\n{inside}\n</{self._tag}>"


def search_text(result: SearchResult) -> str:
    fence = Fence()
    reason = [fence.enclose(Content("", text=result.untrusted_reason))] if result.untrusted_reason else []
    return _join(result.notes, [*reason, *(_item_text(item, fence) for item in result.hits)])


def page_text(result: PageResult) -> str:
    fence, about = Fence(), f"Page {result.page} of {result.pages}, document {result.document_id}"
    return _join([about, *result.notes], (_item_text(item, fence, on_page=True) for item in result.parts))


def figure_text(result: FigureResult) -> str:
    fence = Fence()
    mentions = [_item_text(item, fence) for item in result.mentioned_by]
    heading = ["Passages that mention it:"] if mentions else []
    return _join(result.notes, [_item_text(result.figure, fence), *heading, *mentions])


def documents_text(result: DocumentsResult) -> str:
    fence = Fence()
    shown = f"{len(result.documents)} of {result.total} documents"
    return _join([shown, *result.notes], (_summary_text(one, fence) for one in result.documents))


def document_text(result: DocumentResult) -> str:
    fence, content = Fence(), result.document.untrusted_content
    headings = [f"page {one.page}: {' > '.join(one.path)}" for one in result.untrusted_headings]
    outline = fence.enclose(replace(content, text="\n".join(headings)))
    pictures = (_item_text(item, fence) for item in result.pictures)
    return _join(result.notes, [_summary_text(result.document, fence), "Headings:", outline, "Pictures:", *pictures])


def ask_text(result: AskResult) -> str:
    """The answer was written by a model that read documents, so it is enclosed too."""
    fence = Fence()
    sources = (
        f"[{one.number}] page {one.page}, {one.page_uri}\n"
        + fence.enclose(replace(one.untrusted_content, context=[f"quote: {text}" for text in one.quotes]))
        for one in result.sources
    )
    dropped = fence.enclose(Content("", text="\n".join(result.dropped))) if result.dropped else ""
    parts = [fence.enclose(Content("", text=result.answer)), *(["Sources:"] if result.sources else []), *sources]
    return _join(result.notes, [*parts, *(["Dropped, because no source supports it:", dropped] if dropped else [])])


def job_text(result: JobResult) -> str:
    counts = ", ".join(f"{count} {status}" for status, count in result.documents.items())
    facts = [f"Job {result.job}: {result.status}, {counts or 'no document yet'}, of {result.total or '?'} documents"]
    return _join(facts, [Fence().enclose(Content("", text="\n".join(result.untrusted_report)))])


def status_text(result: StatusResult) -> str:
    fence = Fence()
    counts = (
        f"documents: {result.documents} ({result.complete} complete, {result.partial} partial, {result.failed} "
        f"failed), passages: {result.passages}, pictures: {result.pictures}"
    )
    model = result.answering_model or "none: `ask` is not available"
    fields = fence.enclose(Content("", text="\n".join(result.untrusted_fields))) if result.untrusted_fields else "none"
    incomplete = (_summary_text(one, fence) for one in result.incomplete)
    return _join([counts, f"answering model: {model}"], ["Fields for filters:", fields, *incomplete])


def _item_text(item: Item, fence: Fence, *, on_page: bool = False) -> str:
    """`Hit 1: image (figure), page 3, id …, diptych://document/…/page/3`, and the words below it.

    `on_page`: what is said once about the page is left out.
    """
    name = f"Hit {item.rank}: " if item.rank else ""
    kind = item.kind if item.modality == item.kind else f"{item.modality} ({item.kind})"
    printed = f" (printed {item.printed_page})" if item.printed_page else ""
    place = [] if on_page else [f"page {item.page}{printed}" if item.page else "", item.page_uri]
    content = replace(item.untrusted_content, document="", title="") if on_page else item.untrusted_content
    about = ", ".join(filter(None, [kind, *place, f"id {item.id}", item.figure_uri]))
    return f"{name}{about}\n{fence.enclose(content)}"


def _summary_text(one: DocumentSummary, fence: Fence) -> str:
    counts = f"pages: {one.pages}, passages: {one.passages}, pictures: {one.pictures}"
    missing = replace(one.untrusted_content, context=[f"missing: {problem}" for problem in one.problems])
    return f"Document {one.id}: {one.status}, {counts}, {one.uri}\n{fence.enclose(missing)}"


def _join(notes: Iterable[str], parts: Iterable[str]) -> str:
    return "\n\n".join([*filter(None, (printable(note) for note in notes)), *parts])
