"""Parts of a file without pages are ranked by section, not all together."""

from __future__ import annotations

from pathlib import Path

from diptych.search.ranking.ranking_inputs import make_pages, make_part
from diptych.store.points import EncodingConfig, draft_points
from diptych.store.register import DocumentRecord
from diptych.store.types import INDEXED
from extractors.types import Extraction, Passage, Report, Source


def test_every_section_of_a_file_without_pages_has_words_of_its_own(tmp_path: Path) -> None:
    source = Source(tmp_path / "a.md", "file:///a.md", "a.md", "0" * 64, "")
    passages = (
        Passage("Rinse it.", 1, heading=("Care",)),
        Passage("With water.", 1, heading=("Care",)),
        Passage("Keep it dry.", 1, heading=("Storage",)),
    )
    drafts = draft_points(Extraction(source, passages, (), Report(0), paged=False), EncodingConfig("words-1")).text
    pages = [draft for draft in drafts if draft.payload["kind"] == "page"]
    assert sorted((draft.words, draft.payload["page"]) for draft in pages) == [
        ("Care\nCare\nRinse it.\nWith water.", 1),
        ("Keep it dry.\nStorage", 1),
    ]
    record = DocumentRecord(id="1", uri=source.uri, name=source.name)
    parts = [make_part({**draft.payload, INDEXED: ""}, record, "english") for draft in drafts if draft not in pages]
    found = make_pages(parts, [])
    assert len(found) == 2
