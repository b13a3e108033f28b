from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from diptych.captioners.caption import ModelCaption
from diptych.errors import QueryError
from diptych.picture_store import PictureStore
from diptych.pipeline.ingest import ingest_document
from diptych.pipeline.pipeline import Pipeline
from diptych.search.hits import Hit
from diptych.search.query.query import Query
from diptych.search.search import SearchContext, search
from diptych.store.points import DocumentDrafts, EncodingConfig, draft_points
from diptych.store.spaces import Spaces
from diptych.store.types import text_shapes
from diptych.where import parse_where
from extractors.addresses import local_path
from extractors.table_grid import grid_from_rows
from extractors.types import ImageFile, Options, Passage, Picture
from tests.support.fakes import ScriptedSandbox, WordEncoder, document, figure, source
from tests.support.scripted_pipeline import ScriptedPipeline
from tests.support.stores import SERVER, open_embedded_store

VALVES = grid_from_rows([("Valve", "Width (mm)"), ("Blue", "40")], header_rows=1)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("store")
    index, sandbox = open_embedded_store(folder / "store", text_shapes(WordEncoder.size), 5), ScriptedSandbox()
    made = Pipeline(index, Spaces(WordEncoder()), sandbox, Options(), PictureStore(folder))
    sandbox.scripts = {
        "manual.pdf": document(
            Passage("Oil the red pump every week.", 1, (1.04, 2.0, 3.0, 4.0), ("Care", "Oil")),
            Passage("The table of valves is on page 4.", 2, None, (), "table", "table 1", "Table 1: valves", VALVES),
            pictures=(figure("Figure 1: a red pump", 3, "figure 1"), figure("Figure 2: a cat", 4)),
        ),
        "other.pdf": document(Passage("A blue valve.", 1)),
    }
    for name in sandbox.scripts:
        ingest_document(source(name), made)
    yield made
    index.close()


def ask(pipeline: Pipeline, text: str, where: str = "", limit: int = 10) -> list[Hit]:
    query = Query(text, where=parse_where(where) if where else None)
    return search([query], SearchContext(pipeline.store, pipeline.spaces, pipeline.pictures), limit)[0]


def test_one_list_mixes_passages_and_pictures_with_their_ranks(pipeline: Pipeline) -> None:
    first, second, *_ = ask(pipeline, "red pump")
    assert {first.modality, second.modality} == {"text", "image"}
    passage, picture = sorted((first, second), key=lambda hit: hit.modality, reverse=True)
    page = {"pages.bm25": 2, "pages.phrases": 1, "pages.dense": 1, "documents.words": 1}
    assert passage.ranks == {"text.dense": 1, "text.bm25": 1, **page}
    page = {"pages.bm25": 1, "pages.phrases": 1, "pages.headings": 1, "pages.dense": 1, "documents.words": 1}
    assert picture.ranks == {"images.description": 1, "images.bm25": 1, **page}
    assert [first.rank, second.rank] == [1, 2]
    assert picture.score > passage.score, "the caption matches too"
    assert (passage.document, passage.page, passage.bbox) == ("manual.pdf", 1, [1.0, 2.0, 3.0, 4.0])
    assert passage.heading == ("Care", "Oil")
    assert (picture.kind, picture.page, picture.caption, picture.label) == (
        "figure",
        3,
        "Figure 1: a red pump",
        "figure 1",
    )
    assert picture.image is not None
    assert Path(picture.image).parent.parent == pipeline.pictures
    assert passage.source == "/library/manual.pdf"


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ('document = "other.pdf"', {"A blue valve."}),
        ('modality = "image" and page >= 4', {"Figure 2: a cat"}),
        ('kind = "table"', {"Table 1: valves"}),
        ('kind in ("figure", "table") and not page = 2', {"Figure 1: a red pump", "Figure 2: a cat"}),
        ('document = "nowhere.pdf"', set()),
    ],
)
def test_where_filters_both_collections(pipeline: Pipeline, where: str, wanted: set[str]) -> None:
    assert {hit.caption or hit.text for hit in ask(pipeline, "red pump valve cat", where)} == wanted


@pytest.mark.parametrize(
    ("question", "caption"),
    [("what does figure 1 show", "Figure 1: a red pump"), ("what is on page 4", "Figure 2: a cat")],
)
def test_named_figures_and_pages_come_first(pipeline: Pipeline, question: str, caption: str) -> None:
    first = ask(pipeline, question)[0]
    assert first.caption == caption
    assert first.ranks["named"] == 1


def test_hits_say_which_page_number_was_meant(tmp_path: Path) -> None:
    made = ScriptedPipeline(tmp_path, "embedded")
    pages = document(*(Passage(f"The {word} pump.", page) for page, word in enumerate(["red", "green", "blue"], 1)))
    made.ingest(source("book.pdf"), replace(pages, shift=1))
    printed, position, neither = ask(made.pipeline, "the pump on page 2")
    assert [(hit.page, hit.folio, hit.named_page) for hit in (printed, position, neither)] == [
        (3, 2, "printed"),
        (2, 1, "position"),
        (1, None, ""),  # the cover, without a number
    ]
    made.index.close()


@pytest.mark.parametrize("engine", ["embedded", SERVER])
def test_named_pages_and_tables_are_found_whatever_their_words(engine: str, tmp_path: Path) -> None:
    made = ScriptedPipeline(tmp_path, engine)
    others = (2, 60, 63, 100)
    passages = [Passage("Nothing." if number in others else f"Pump {number}.", number) for number in range(1, 101)]
    tables = [
        Passage("Nothing.", page, None, (), "table", label) for page, label in ((31, "table 7"), (41, "table 8b"))
    ]
    made.ingest(source("book.pdf"), replace(document(*passages, *tables), shift=3))
    made.ingest(source("note.pdf"), document(Passage("A pump.", 1)))
    wanted = {
        "the pump on page 60": 63,
        "the pump on the last page": 100,
        "the pump on the second page": 2,
        "the pump in table 7": 31,
        "the pump in table 8": 41,
    }
    for question, page in wanted.items():
        assert ask(made.pipeline, question, 'document = "book.pdf"')[0].page == page, question
    made.index.close()


def test_words_of_the_whole_page_raise_its_parts(pipeline: Pipeline) -> None:
    hits = ask(pipeline, "blue valves of page")
    assert {hit.document for hit in hits if "pages.bm25" in hit.ranks} == {"manual.pdf", "other.pdf"}
    assert all(hit.text or hit.caption for hit in hits), "pages are never hits"


def test_pages_below_a_heading_are_found_by_it(tmp_path: Path) -> None:
    made = ScriptedPipeline(tmp_path, "embedded")
    under, other = Passage("Oil it.", 2, heading=("Pump", "Weekly care")), Passage("Care: weekly, weekly care.", 1)
    made.ingest(source("book.pdf"), document(under, other))
    ranks = {hit.page: hit.ranks.get("pages.sections") for hit in ask(made.pipeline, "what does weekly care include")}
    assert ranks == {2: 1, 1: None}
    made.index.close()


def test_page_points_store_headings_pictures_and_printed_number() -> None:
    passage = Passage("Every week.", 3, heading=("Care", "Oil"))
    parts = replace(document(passage, pictures=(figure("Figure 1: a pump", 3, "figure 1"),)), shift=2)
    stored, page = (draft.stored_payload(1) for draft in draft_points(parts, EncodingConfig("words-1")).text)
    assert stored["folio"] == page["folio"] == 1
    assert page["headings"] == "figur 1 pump oil"
    assert (page["kinds"], page["labels"], page["last"]) == (["figure"], ["figure 1"], True)
    assert "folio" not in draft_points(replace(parts, shift=0), EncodingConfig("words-1")).text[0].payload


def test_filters_that_exclude_pages_rank_by_the_parts_found(pipeline: Pipeline) -> None:
    first, *_ = ask(pipeline, "red pump", 'modality = "image"')
    assert first.caption == "Figure 1: a red pump"
    assert {"pages.bm25", "pages.phrases"} <= first.ranks.keys()


def test_weights_of_unknown_lists_are_ignored(pipeline: Pipeline) -> None:
    """`pages.links` was a signal once; settings may still name it."""
    context = SearchContext(pipeline.store, pipeline.spaces, pipeline.pictures, weights={"pages.links": 5.0})
    assert search([Query("red pump")], context, 10)[0] == ask(pipeline, "red pump")


def test_limit_keeps_the_best_hits(pipeline: Pipeline) -> None:
    everything = ask(pipeline, "red pump")
    assert len(everything) == 5
    assert [hit.id for hit in ask(pipeline, "red pump", limit=2)] == [hit.id for hit in everything[:2]]


def test_hit_of_a_table_has_its_grid_and_html(pipeline: Pipeline) -> None:
    (table,), (other, *_) = ask(pipeline, "valves", 'kind = "table"'), ask(pipeline, "oil", 'kind = "text"')
    assert table.table == {"rows": [["Valve", "Width (mm)"], ["Blue", "40"]], "header_rows": 1}
    assert table.as_dict()["table_html"] == table.table_html
    assert '<th scope="col">Width (mm)</th>' in table.table_html
    assert (other.table, other.table_html) == (None, "")


def test_grid_that_is_too_large_is_not_stored() -> None:
    table = Passage("| a |", 1, kind="table", table=grid_from_rows([["word " * 5000, "b"]]))
    (draft, _page) = draft_points(document(table), EncodingConfig("e")).text
    assert "table" not in draft.payload


def test_query_without_words_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(QueryError, match="empty"):
        ask(pipeline, "  \n")


def test_encoded_text_of_a_passage_includes_its_headings() -> None:
    passage = Passage("Every week.", 1, heading=("Care", "Oil"), caption="Table 1: oils")
    draft, _ = draft_points(document(passage), EncodingConfig("words-1")).text
    assert draft.text == "Care > Oil\nTable 1: oils\nEvery week."
    assert draft.stored_payload(1)["indexed"] == "care oil tabl 1 oil everi week"


def test_encoded_text_includes_the_document_title_and_bm25_text_does_not() -> None:
    parts = [
        Passage("Every week.", 1, heading=("Oil",)),
        Passage("By hand.", 2),
        Passage("Gears.", 3, heading=("Pump care",)),
    ]
    titled = replace(document(*parts, pictures=(figure("Figure 1: a pump", 3, "figure 1"),)), title="Pump care")
    made = draft_points(titled, EncodingConfig("words-1"))
    assert [draft.text for draft in made.text if draft.text] == [
        "Pump care > Oil\nEvery week.",
        "Pump care\nBy hand.",
        "Pump care\nGears.",
    ]
    assert made.images[0].text == "Pump care\nFigure 1: a pump"
    assert made.text[1].stored_payload(1)["indexed"] == "hand"
    long = replace(titled, title="Care of pumps and valves in the tropics, with examples")
    assert draft_points(long, EncodingConfig("")).text[1].text == "Care of pumps and valves in the tropics,\nBy hand."
    renamed = draft_points(replace(titled, source=replace(titled.source, name="other.pdf")), EncodingConfig("words-1"))
    assert hashes(renamed) == hashes(made), "renaming a file does not change vectors"


def hashes(made: DocumentDrafts) -> list[str]:
    return [need.hash for draft in (*made.text, *made.images) for need in draft.required_vectors]


def test_figures_and_their_panels_are_stored_under_their_own_kinds() -> None:
    image = ImageFile("0" * 64, ".png", 1, 1)
    whole = Picture("figure", 1, image, None, "figure 1", "Figure 1: (a) before, (b) after")
    panel = Picture("panel", 1, image, None, "figure 1a", "(a) before")
    made = draft_points(document(pictures=(whole, panel)), EncodingConfig("words-1"))
    assert [draft.payload["kind"] for draft in made.images] == ["figure", "panel"]
    (page,) = (draft.payload for draft in made.text if draft.payload["kind"] == "page")
    assert page["labels"] == ["figure 1", "figure 1a"]


def test_picture_of_a_table_gets_the_vector_of_a_passage_unless_a_model_has_described_it() -> None:
    box, image = (10.0, 10.0, 50.0, 40.0), ImageFile("0" * 64, ".png", 1, 1)
    rows = [Passage(f"| {row} |", 4, box, ("Care",), "table", "table 1", "Table 1: valves") for row in ("Red", "Blue")]
    pictures = tuple(Picture("table", page, image, box, "table 1", "Table 1: valves", "Red Blue") for page in (4, 5))
    config = EncodingConfig("words-1")
    shared, alone = draft_points(document(*rows, pictures=pictures), config).images
    assert (shared.text, shared.words) == ("Care\nTable 1: valves\nBlue", "Table 1: valves\nRed Blue")
    assert alone.text == "Table 1: valves\nRed Blue", "no passage of the table on its page"
    assert draft_points(document(*rows[::-1], pictures=pictures), config).images[0].id == shared.id
    described, _ = draft_points(document(*rows, pictures=pictures), config, [ModelCaption("A list.")] * 2).images
    assert described.text == "Table 1: valves\nA list.\nRed Blue"


def test_descriptions_contain_only_words_of_the_document() -> None:
    image = ImageFile("0" * 64, ".png", 1, 1)
    described = Picture(
        "figure", 1, image, None, "figure 1", "Figure 1: flow", "inlet 4 bar", ("See Fig. 1.",), ("Care",)
    )
    bare = Picture("figure", 1, image, heading=("Care",))
    first, second = draft_points(document(pictures=(described, bare)), EncodingConfig("words-1")).images
    assert first.text == "Care\nFigure 1: flow\ninlet 4 bar\nSee Fig. 1."
    assert second.text == ""


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///home/a%20b/%E5%9B%BE.pdf", "/home/a b/图.pdf"),
        ("file:///x/products.csv#17", "/x/products.csv#17"),
        ("file:///x/caf%E8.txt", "/x/caf\\xe8.txt"),
        ("/x/caf\udce8.txt", "/x/caf\\xe8.txt"),  # as the shell gives it
        ("https://example.org/a.pdf", "https://example.org/a.pdf"),
    ],
)
def test_local_uris_are_shown_as_paths(uri: str, path: str) -> None:
    assert local_path(uri) == path
