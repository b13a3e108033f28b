"""Reading candidates while documents are replaced."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from diptych.search import search
from diptych.search.query.query import Query
from diptych.search.ranking import candidates
from diptych.search.ranking.candidates import Snapshot, agree, load_payloads, read_candidates
from diptych.search.ranking.part_cache import PartCache
from diptych.store import switch
from diptych.store.register import list_records
from diptych.store.spaces import Spaces
from diptych.store.switch import delete_document
from diptych.store.terms import analyse
from diptych.store.types import INDEXED, RankedListRequest, Store, text_shapes
from diptych.where import Compare
from tests.support.fakes import WordEncoder
from tests.support.power_cut import NAMES, ingest_version
from tests.support.stores import open_embedded_store


def read(store: Store, folder: Path, cache: PartCache | None = None) -> Snapshot:
    where = Compare("document", "=", NAMES[0])
    requests = {
        name: {f"{name}.bm25": RankedListRequest(80, INDEXED, words="pump share figur", where=where)}
        for name in ("text", "images")
    }
    return read_candidates(store, cache or PartCache(), requests, {}, 160, "english")


def texts(snapshot: Snapshot) -> list[str]:
    """As stems."""
    return sorted(part.stems for part in snapshot.parts.values())


@pytest.mark.parametrize(("replaced", "version", "searches"), [(NAMES[1], 1, 2), (NAMES[0], 4, 5)])
def test_only_commits_to_documents_that_are_found_delay_a_search(
    replaced: str, version: int, searches: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another document is replaced in the middle of every search; one that is found, in the first three."""
    monkeypatch.setattr(candidates, "RETRY_SECONDS", 600.0)  # an ingest may take longer than a search may wait
    store = open_embedded_store(tmp_path / "store", text_shapes(WordEncoder.size), 60)
    for name in NAMES:
        ingest_version(store, tmp_path / "store", name, 1)
    search, calls = store.images.search, count(1)

    def replace_meanwhile(*arguments: Any) -> Any:
        number = next(calls)
        if replaced != NAMES[0] or number <= 3:
            ingest_version(store, tmp_path / "store", replaced, 1 + number)
        return search(*arguments)

    monkeypatch.setattr(store.images, "search", replace_meanwhile)
    snapshot = read(store, tmp_path)
    assert texts(snapshot) == sorted(map(analyse, [f"pump {version}", "shared", f"Figure 1: {NAMES[0]} {version}"]))
    assert next(calls) <= searches + 1
    store.close()


def test_points_are_read_once_until_their_document_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, cache = open_embedded_store(tmp_path / "store", text_shapes(WordEncoder.size), 60), PartCache()
    ingest_version(store, tmp_path / "store", NAMES[0], 1)
    first = read(store, tmp_path, cache)
    ingest_version(store, tmp_path / "store", NAMES[1], 1)
    for collection in (store.text, store.images):
        monkeypatch.setattr(collection, "retrieve", lambda ids: pytest.fail("read again"))
    for _twice in range(2):  # after a commit to another document
        assert read(store, tmp_path, cache).parts == first.parts
    monkeypatch.undo()
    ingest_version(store, tmp_path / "store", NAMES[0], 2)
    second = read(store, tmp_path, cache)
    assert texts(first)[-1] == texts(second)[-1] == "share"
    assert "pump 2" in texts(second)
    assert not cache.find(first.parts.keys() - second.parts.keys()), "what was replaced is forgotten"
    assert agree([first, first], store)
    assert not agree([first, second], store)
    store.close()


def test_points_that_were_retired_when_they_were_found_are_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a server, which sends payloads with the lists: that a point is gone is not noticed when it is read."""
    folder = tmp_path / "store"
    store = open_embedded_store(folder, text_shapes(WordEncoder.size), 60)
    ingest_version(store, folder, NAMES[0], 1)
    find_texts, find_images, calls = store.text.search, store.images.search, count(1)

    def with_payloads(*arguments: Any) -> Any:
        lists = find_texts(*arguments)
        payloads = {one.id: one.payload for one in store.text.retrieve([one.id for found in lists for one in found])}
        return [[one._replace(payload=payloads[one.id]) for one in found] for found in lists]

    def write_meanwhile(*arguments: Any) -> Any:
        number = next(calls)
        if number == 1:
            with monkeypatch.context() as slow:
                slow.setattr(switch, "delete_retired_points", lambda *_: None)
                ingest_version(store, folder, NAMES[0], 2)
        elif number == 2:
            switch.delete_retired_points(store, list_records(store)[0])
        return find_images(*arguments)

    monkeypatch.setattr(store.text, "search", with_payloads)
    monkeypatch.setattr(store.images, "search", write_meanwhile)
    found = texts(read(store, tmp_path))
    assert found == sorted(map(analyse, ["pump 2", "shared", f"Figure 1: {NAMES[0]} 2"]))
    store.close()


@pytest.mark.parametrize("again", [False, True])
def test_document_that_is_deleted_during_a_search_is_not_shown_in_part(
    again: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the first hits and further ones; `again`: it is ingested again, with other content."""
    folder = tmp_path / "store"
    store = open_embedded_store(folder, text_shapes(WordEncoder.size), 60)
    for name in NAMES:
        ingest_version(store, folder, name, 1)
    find, calls = search.find_candidates, count(1)

    def delete_meanwhile(*arguments: Any) -> Any:
        if next(calls) == 2:
            delete_document(store, next(one for one in list_records(store) if one.name == NAMES[0]))
            if again:
                ingest_version(store, folder, NAMES[0], 2)
        return find(*arguments)

    monkeypatch.setattr(search, "BAND", 4)
    monkeypatch.setattr(search, "find_candidates", delete_meanwhile)
    context = search.SearchContext(store, Spaces(WordEncoder()), folder)
    (hits,) = search.search([Query("pump share figur", copies=True)], context, 100)
    shown = sorted(hit.text or hit.caption for hit in hits if hit.document == NAMES[0])
    assert shown == ([f"Figure 1: {NAMES[0]} 2", "pump 2", "shared"] if again else [])
    assert next(calls) > 3  # there were several bands
    store.close()


@pytest.mark.parametrize("is_remote", [False, True])
def test_a_remote_store_is_asked_for_both_collections_at_once(
    is_remote: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_embedded_store(tmp_path / "store", text_shapes(WordEncoder.size), 60)
    ingest_version(store, tmp_path / "store", NAMES[0], 1)
    monkeypatch.setattr(store, "is_remote", is_remote)
    all_asked, threads = threading.Barrier(1 + is_remote, timeout=600), set[str]()

    def noting(method: Any) -> Any:
        def call(*arguments: Any) -> Any:
            all_asked.wait()
            threads.add(threading.current_thread().name)
            return method(*arguments)

        return call

    for collection in (store.text, store.images):
        for name in ("search", "retrieve"):
            monkeypatch.setattr(collection, name, noting(getattr(collection, name)))
    for _again in range(2):
        assert len(read(store, tmp_path).parts) == 3
    assert len(threads) == 1 + is_remote
    store.close()


def test_process_that_is_forked_after_a_search_can_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_embedded_store(tmp_path / "store", text_shapes(WordEncoder.size), 60)
    monkeypatch.setattr(store, "is_remote", True)

    def search() -> dict[str, str]:
        return candidates._for_each(["text", "images"], str.upper, store)

    expected = search()
    fork = get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    # What it found counts, not its exit code: exit hooks of other libraries fail in a forked process.
    process = fork.Process(target=lambda: sender.send(search()))
    process.start()
    sender.close()
    try:
        assert receiver.poll(60)
        assert receiver.recv() == expected == {"text": "TEXT", "images": "IMAGES"}
    finally:
        process.kill()
        process.join()
        store.close()


@pytest.mark.parametrize("commits", [False, True])
def test_all_points_are_read_ahead_after_the_first_search(
    commits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, cache = open_embedded_store(tmp_path / "store", text_shapes(WordEncoder.size), 60), PartCache()
    for name in NAMES[:2]:
        ingest_version(store, tmp_path / "store", name, 1)
    taken: list[Iterator[None]] = []
    monkeypatch.setattr(store, "in_background", taken.append)
    read(store, tmp_path, cache)
    ids = [point.id for collection in (store.text, store.images) for point in collection.scroll()]
    assert len(cache.find(ids)) == 3
    if commits:  # while they are read
        monkeypatch.setattr(cache.register, "records_at", lambda *_: None)
    (steps,) = taken
    assert len(list(steps)) == 1
    assert len(cache.find(ids)) == (3 if commits else len(ids))
    store.close()


def test_document_that_is_replaced_after_ranking_is_searched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "store"
    store = open_embedded_store(folder, text_shapes(WordEncoder.size), 60)
    ingest_version(store, folder, NAMES[0], 1)
    context = search.SearchContext(store, Spaces(WordEncoder()), folder)
    search.search([Query("pump share figur")], context, 10)  # what ranking reads is in memory now
    versions = iter([2])

    def replace_meanwhile(*arguments: Any) -> Any:
        for version in versions:
            ingest_version(store, folder, NAMES[0], version)
        return load_payloads(*arguments)

    monkeypatch.setattr(search, "load_payloads", replace_meanwhile)
    (hits,) = search.search([Query("pump share figur")], context, 10)
    assert sorted(hit.text or hit.caption for hit in hits) == [f"Figure 1: {NAMES[0]} 2", "pump 2", "shared"]
    store.close()
