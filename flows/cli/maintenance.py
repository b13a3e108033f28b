"""`diptych status`, `retry`, `delete`, `sweep`, `reindex` and `doctor`: the state of a store and its upkeep."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from diptych.object_store import hide_credentials
from diptych.printable import one_line
from diptych.search.query.query_options import parse_filter
from flows.cli import options
from flows.output.ingest_report import skipped_record
from flows.output.progress import progress_display
from flows.output.removals import MAX_LISTED
from flows.output.terminal import ExitCode, build_table, print_json, print_message, print_output
from flows.output.wording import describe_notes, describe_reindex, describe_sweep, diptych_command, pluralize

if TYPE_CHECKING:
    from rich.table import Table

    from diptych.store.register import DocumentRecord

COLUMNS = ("status", "document", "#pages", "#passages", "#pictures", "updated", "missing")
CHECK_COLUMNS = ("", "what", "found", "costs", "fix")
TABLE_ROWS = 100
HIDDEN = {"id", "generation", "retired", "fingerprint", "marker", "text_fingerprint"}
"""Fields of a register record that only matter inside the store."""


@click.command()
@click.option("--failed", is_flag=True, help="Only failed and partial documents that are not acknowledged.")
@click.option("--limit", type=options.Span(), help="Maximum documents, or a range such as 101-200.")
@options.store
@options.as_json
def status(failed: bool, limit: tuple[int, int] | None, store: str | None, as_json: bool) -> None:
    """List the documents of the store: how much of each is stored, what is missing and why, and how to fix it.

    Without --limit, the table has the first 100 documents, and --json all of them. --json prints one object per
    document: uri, name, status (complete, partial, failed), error, transient, problems, counts, fields, usage (of its
    last ingest: model -> requests, input_tokens, output_tokens, usd) … Without --failed and --limit, the files that the
    last ingest skipped follow: uri, name, status (skipped), error.
    """
    from diptych.pipeline.discovery.skipped_files import describe_skipped
    from diptych.store.copies import find_copies
    from diptych.store.names import in_natural_order

    with options.open_store(store) as diptych:
        documents, skipped = in_natural_order(diptych.documents()), diptych.maintenance.skipped()
    chosen = [one for one in documents if one.status != "complete" and not one.acknowledged] if failed else documents
    count, offset = limit or (len(chosen) if as_json else TABLE_ROWS, 0)
    page, copies = chosen[offset : offset + count], find_copies(documents)
    if as_json:
        for document in page:
            record = {name: value for name, value in asdict(document).items() if name not in HIDDEN}
            print_json(record | ({"copy_of": copies[document.id].name} if document.id in copies else {}))
        for one in () if failed or limit else skipped:
            print_json(skipped_record(one))
        return
    if page:
        print_output(_documents_table(page))
    if len(page) < len(chosen):
        shown = f"documents {offset + 1}-{offset + len(page)}" if page else "none"
        print_output(f"{shown} of {len(chosen)}; --limit FROM-TO shows others, --failed only incomplete ones")
    print_output(
        *_summarise(documents, diptych.settings.store),
        *describe_notes({one.name: one.notes for one in page}),
        *_describe_copies(documents, copies),
        *(f"skipped: {line}" for line in describe_skipped(skipped)),
    )


def _summarise(documents: Sequence[DocumentRecord], place: str) -> Iterator[str]:
    """Counts of a store, and the commands that help with incomplete documents."""
    counts = Counter(document.status for document in documents)
    amounts = ", ".join(pluralize(sum(getattr(one, f"{n}s") for one in documents), n) for n in ("passage", "picture"))
    parts = ", ".join(f"{counts[name]} {name}" for name in ("complete", "partial", "failed") if counts[name]) or "empty"
    yield f"{hide_credentials(place)}: {pluralize(len(documents), 'document')} ({parts}), {amounts}"
    yield from _suggest_fixes(documents, place)


def _describe_copies(documents: Sequence[DocumentRecord], copies: Mapping[str, DocumentRecord]) -> Iterator[str]:
    """The first copies by name, and how to see what they repeat."""
    found = [document for document in documents if document.id in copies]
    for document in found[:MAX_LISTED]:
        first = copies[document.id]
        kind = "the same bytes" if document.sha256 == first.sha256 else "almost the same text"
        yield f"copy: {document.name} has {kind} as {first.name}"
    if found:
        yield f"{len(found)} of the documents repeat others, which count once; `diptych query --copies` shows all"


def _documents_table(documents: Sequence[DocumentRecord]) -> Table:
    """One row per document, with a column for the cost of paid models if any was used."""
    from diptych.models.meter import format_charges

    any_paid = any(document.usage for document in documents)
    columns = [*COLUMNS[:-1], *(["#paid"] if any_paid else []), COLUMNS[-1]]
    rows = []
    for document in documents:
        counts = (document.pages, document.passages, document.pictures)
        paid = [format_charges(document.usage)] if any_paid else []
        known = [_status_label(document), document.name, *map(str, counts), document.updated_at[:16]]
        rows.append([*known, *paid, one_line(_describe_missing(document), 300)])
    return build_table(columns, rows)


def _status_label(document: DocumentRecord) -> str:
    if document.acknowledged:
        return f"{document.status} (acknowledged)"
    if document.status != "failed":
        return document.status
    kind = "transient" if document.transient else "limit" if document.limits else "permanent"
    return f"failed ({kind})"


def _describe_missing(document: DocumentRecord) -> str:
    """Why a document failed, or which parts of it are missing; empty for a complete one."""
    if document.status == "failed":
        return document.reason + ("; searches still find its last good version" if document.generation else "")
    return "; ".join(document.missing_parts())


def _suggest_fixes(documents: Sequence[DocumentRecord], store: str) -> Iterator[str]:
    """For each kind of incomplete documents, how many there are and the command that helps."""
    labels = [_status_label(document) for document in documents]
    retry, retry_all = diptych_command("retry", store=store), diptych_command("retry", "--all", store=store)
    if count := labels.count("failed (transient)"):
        yield f"{count} failed temporarily: `{retry}` tries again, and so does every ingest"
    if count := labels.count("failed (limit)"):
        yield f"{count} exceeded a limit of time or memory: raise it, or `{retry}` tries again"
    if count := labels.count("failed (permanent)"):
        delete, acknowledge = (diptych_command(name, "NAME", store=store) for name in ("delete", "acknowledge"))
        fix = f"fix the files and ingest them, `{delete}` or `{acknowledge}`"
        yield f"{count} failed permanently: {fix}; `{retry_all}` tries again"
    if count := labels.count("partial"):
        yield f"{count} partial, with the missing parts listed: `{retry_all}` reads them again"
    if count := sum(document.acknowledged for document in documents):
        yield f"{count} acknowledged: not reported by runs until the file changes"


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also retry permanent failures and partial documents.")
@options.store
@options.as_json
@options.budget
def retry(everything: bool, store: str | None, as_json: bool, budget: float | None) -> int:
    """Retry documents that failed temporarily or exceeded a limit, from the places where they are registered.

    Catalogue rows are read through their catalogue. A document that fails again keeps its old version, if it has one.
    """
    with options.open_store(store, budget) as diptych, progress_display(as_json=as_json) as progress:
        outcomes = diptych.maintenance.retry(everything=everything, on_outcome=progress.on_outcome)
        fixes = [] if outcomes else list(_suggest_fixes(diptych.documents(), diptych.settings.store))
    options.print_usage(diptych)
    if outcomes:
        print_message(progress.report.summary)
    else:
        print_message(f"nothing to retry: {'; '.join(fixes) or 'every document is complete'}")
    print_message(progress.report.stop_reason)
    return progress.report.exit_code


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--undo", is_flag=True, help="Report these documents again.")
@options.store
@options.as_json
def acknowledge(names: tuple[str, ...], undo: bool, store: str | None, as_json: bool) -> None:
    """Accept that documents failed or are partial: runs no longer fail because of them, until their files change.

    NAME is a name, path or URI listed by `diptych status`; a catalogue stands for its rows, a folder for everything in
    it. Runs still say how many documents are acknowledged.
    """
    with options.open_store(store) as diptych:
        changed = diptych.maintenance.acknowledge(names, undo=undo)
    for record in changed:
        if as_json:
            print_json({"uri": record.uri, "name": record.name, "acknowledged": record.acknowledged})
    done = "reported again" if undo else "acknowledged"
    print_message(f"{pluralize(len(changed), 'document')} {done}" if changed else f"no document had to be {done}")


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@options.where
@click.option("--yes", is_flag=True, help="Delete a folder, a catalogue or the result of a filter without asking.")
@options.store
@options.as_json
def delete(names: tuple[str, ...], where: str | None, yes: bool, store: str | None, as_json: bool) -> int:
    """Delete documents from both collections: those called NAME, or those that match --where, or both.

    NAME is a name, path or URI listed by `diptych status`, or the end of a name. A catalogue stands for all its rows,
    a folder for everything in it. If a NAME is unknown or ambiguous, nothing is deleted. Documents are deleted one by
    one; after an interruption, run the command again. The files themselves are kept, and an ingest that covers them
    adds them again. `diptych sweep` deletes their pictures after an hour.
    """
    if not names and not where:
        raise click.UsageError("name the documents to delete, or give --where")
    from diptych.library.explanations import explain_no_hits
    from diptych.store.names import distinct_documents

    condition = parse_filter(where)

    def report(record: DocumentRecord) -> None:
        if as_json:
            print_json({"uri": record.uri, "name": record.name, "status": "deleted"})
        else:
            print_message(f"deleted    {record.name}")

    with options.open_store(store) as diptych:
        selected = diptych.maintenance.select(names, condition)
        chosen = distinct_documents(selected)
        if not chosen:
            print_message(explain_no_hits(diptych.documents(), condition))
        elif not yes and any(one.kind != "document" for one in selected) and not _confirm_deletion(chosen):
            print_message("nothing deleted")
            return ExitCode.ERROR
        diptych.maintenance.remove(chosen, report)
    print_message(f"{pluralize(len(chosen), 'document')} deleted")
    return ExitCode.COMPLETE


def _confirm_deletion(documents: Sequence[DocumentRecord]) -> bool:
    """Show what would be deleted and ask. Raises `QueryError` if nobody can be asked."""
    from diptych.errors import QueryError

    for document in documents[:MAX_LISTED]:
        print_message(f"to delete  {document.name}")
    if len(documents) > MAX_LISTED:
        print_message(f"           and {len(documents) - MAX_LISTED} more")
    count = pluralize(len(documents), "document")
    if not sys.stdin.isatty():
        raise QueryError(f"{count} would be deleted, and nobody can be asked; add --yes to delete")
    return click.confirm(f"Delete {count} from the store?", err=True)


@click.command()
@options.store
@options.as_json
def sweep(store: str | None, as_json: bool) -> int:
    """Remove points, pictures and old editions that no document uses. Safe while documents are being ingested.

    Documents that lack parts, because the store has lost them, become partial; the next ingest stores them again.
    --json prints one object: points, pictures, editions, incomplete (names of such documents), kept (a reason).
    """
    with options.open_store(store) as diptych, progress_display("sweeping"):
        swept = diptych.maintenance.sweep()
    if as_json:
        print_json(asdict(swept))
    print_message(describe_sweep(swept, diptych.settings.store))
    return ExitCode.PARTIAL if swept.incomplete else ExitCode.COMPLETE


@click.command()
@options.store
@options.as_json
def reindex(store: str | None, as_json: bool) -> None:
    """Rebuild the collections with the encoders, the language and the vector type of the current settings.

    Nothing is extracted again. Searches use the old edition until the new one is complete; `diptych sweep` deletes it.
    After an interruption, run the command again to continue. --json prints one object: encoded, the number of texts.
    """
    with options.open_store(store) as diptych, progress_display("opening the store") as progress:

        def report_document(name: str) -> None:
            progress.advance(name)
            print_message(f"reindexed  {name}")

        encoded = diptych.maintenance.reindex(report_document)
    if as_json:
        print_json({"encoded": encoded})
    options.print_usage(diptych)
    print_message(describe_reindex(encoded, diptych.settings))


@click.command()
@options.store
@options.as_json
def doctor(store: str | None, as_json: bool) -> int:
    """Check this machine: what is installed, what is missing, what that costs, and which command fixes it.

    Exits with 1 if a requirement is missing.
    """
    from diptych.doctor.doctor import run_checks
    from diptych.settings import load_settings

    checks = run_checks(load_settings(store))
    if as_json:
        for check in checks:
            row = asdict(check)
            print_json(row | {"mend": row.pop("fix")})  # scripts read this key
    else:
        rows = ((one.state, one.name, one.what, one.cost, one.fix) for one in checks)
        print_output(build_table(CHECK_COLUMNS, rows))
    return ExitCode.ERROR if any(one.state == "broken" for one in checks) else ExitCode.COMPLETE
