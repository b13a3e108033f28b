"""Reading all points of a document while it is replaced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from diptych.store.register import list_records
from diptych.store.switch import delete_document
from diptych.store.types import PAGE_WORDS, Point, text_shapes
from diptych.store.visible_points import visible_points
from tests.support.fakes import WordEncoder
from tests.support.power_cut import NAMES, ingest_version
from tests.support.stores import open_embedded_store


@pytest.mark.parametrize("commits", [1, 3])
def test_document_that_is_replaced_meanwhile_is_read_as_of_one_moment(
    commits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document is replaced, and another deleted, after the text was read and before the pictures are."""
    store, left = open_embedded_store(tmp_path / "store", text_shapes(WordEncoder.size), 60), [commits]
    for name in NAMES:
        ingest_version(store, tmp_path / "store", name, 1)
    scroll = store.text.scroll

    def commit_after_reading(*arguments: Any, **options: Any) -> Iterator[Point]:
        found = list(scroll(*arguments, **options))
        if left[0]:
            left[0] -= 1
            version = commits - left[0] + 1
            monkeypatch.setattr(store.text, "scroll", scroll)
            ingest_version(store, tmp_path / "store", NAMES[0], version)
            if version == 2:
                delete_document(store, next(one for one in list_records(store) if one.name == NAMES[1]))
            monkeypatch.setattr(store.text, "scroll", commit_after_reading)
        return iter(found)

    monkeypatch.setattr(store.text, "scroll", commit_after_reading)
    points = visible_points(store, [store.text, store.images])
    payloads = [one.payload for one in points if "page" in one.payload and PAGE_WORDS not in one.payload]
    texts = [(one["document"], one.get("text") or one["caption"]) for one in payloads]
    assert sorted(texts) == sorted(
        text
        for name, version in ((NAMES[0], commits + 1), (NAMES[2], 1))
        for text in ((name, f"pump {version}"), (name, "shared"), (name, f"Figure 1: {name} {version}"))
    )
    store.close()
