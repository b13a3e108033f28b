"""Search options: pages of hits, minimum numbers, groups, similar hits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from diptych.errors import QueryError
from diptych.picture_store import PictureStore
from diptych.pipeline.ingest import ingest_document
from diptych.pipeline.pipeline import Pipeline
from diptych.search.groups import search_groups
from diptych.search.hits import Hit
from diptych.search.more_like_this import find_similar
from diptych.search.paging import stable_order, with_minimum
from diptych.search.query.query import Query
from diptych.search.ranking.fusion import FusedPoint
from diptych.search.ranking.ranking_inputs import Part
from diptych.search.ranking.result_order import RankedPart
from diptych.search.search import SearchContext, search
from diptych.store.points import document_id
from diptych.store.register import load_records
from diptych.store.spaces import Spaces
from diptych.store.switch import delete_document
from diptych.where import parse_where
from extractors.types import Options, Passage
from tests.diptych.store.test_spaces import ColourEncoder, shop
from tests.support.fakes import ScriptedSandbox, WordEncoder, document, figure, source
from tests.support.stores import ENGINES, open_store

PASSAGES = 130
"""Passages about pumps: more than the first band holds."""


def points(letters: str) -> list[RankedPart]:
    """`aBc` -> passages a and c, picture B."""
    return [
        RankedPart(FusedPoint(letter, 0, {}), Part(("a", 1), "image" if letter.isupper() else "text"))
        for letter in letters
    ]


def spell(found: Iterable[RankedPart]) -> str:
    return "".join(point.id for point in found)


def test_results_of_a_deeper_search_come_last() -> None:
    sizes = []
    orders = {2: "ba", 4: "cabd", 8: "edcba"}

    def band(size: int) -> tuple[list[RankedPart], bool]:
        sizes.append(size)
        return points(orders[size]), size == 8

    order = stable_order(band, 2)
    assert [next(order).id for _ in range(2)] == ["b", "a"]
    assert sizes == [2], "no deeper than necessary"
    assert spell(order) == "cde"


@pytest.mark.parametrize(
    ("order", "least", "exact", "size", "found"),
    [
        ("abcdEfgH", {"image": 1, "text": 2}, "image", 3, "abEcdHfg"),
        ("ABCDeFg", {"image": 1, "text": 2}, "image", 3, "AegB"),
        ("ABCD", {"image": 1, "text": 1}, "image text", 2, "A"),
        ("aBc", {"image": 0, "text": 3}, "image", 3, "ac"),
        ("AB", {"image": 0, "text": 2}, "image", 2, ""),
        ("abcdEfgH", {"image": 1}, "", 3, "abEcdHfg"),
        ("abcdEfgH", {"image": 2}, "", 4, "abEHcdfg"),
        ("ABCDe", {"text": 1, "image": 1}, "", 3, "ABeCD"),
        ("aBcd", {"image": 1}, "", 2, "aBcd"),
        ("abcd", {"image": 2}, "", 3, "abcd"),
        ("aB", {"text": 2, "image": 2}, "", 5, "aB"),
    ],
)
def test_pages_hold_the_minimum_and_other_results_keep_their_order(
    order: str, least: dict[str, int], exact: str, size: int, found: str
) -> None:
    results = points(order)

    def of_modality(modality: str) -> list[RankedPart]:
        return [point for point in results if point.part.modality == modality]

    assert spell(with_minimum(results, least, size, of_modality, exact.split())) == found


@dataclass
class Bench:
    pipeline: Pipeline
    context: SearchContext

    def ask(
        self,
        text: str,
        limit: int = 10,
        offset: int = 0,
        where: str = "",
        least: dict[str, int] | None = None,
        exact: dict[str, int] | None = None,
    ) -> list[Hit]:
        query = Query(text, where=parse_where(where) if where else None, least=least or {}, exact=exact or {})
        return search([query], self.context, limit, offset)[0]


@pytest.fixture(scope="module", params=ENGINES)
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("store")
    index, sandbox = open_store(request.param, folder, WordEncoder.size), ScriptedSandbox()
    spaces = Spaces(WordEncoder())
    pipeline = Pipeline(index, spaces, sandbox, Options(), PictureStore(folder))
    colours = ("red", "green", "blue")
    sandbox.scripts = {
        "long.pdf": document(
            *(Passage(f"The {colours[n % 3]} pump has the number {n}.", 1 + n // 4) for n in range(PASSAGES))
        ),
        "cats.pdf": document(
            Passage("A cat beside a pump.", 1),
            Passage("A cat sleeps.", 2),
            pictures=(figure("Figure 1: a cat", 1), figure("Figure 2: a red pump", 2)),
        ),
        "copy.pdf": document(Passage("A cat sleeps.", 7), pictures=(figure("Figure 9: a blue cat", 7),)),
    }
    for name in sandbox.scripts:
        ingest_document(source(name), pipeline)
    yield Bench(pipeline, SearchContext(index, spaces, folder))
    index.close()


@pytest.mark.parametrize("least", [{}, {"image": 2}])
def test_pages_of_hits_fit_together(bench: Bench, least: dict[str, int]) -> None:
    pages = [bench.ask("red pump", 20, offset, least=least) for offset in range(0, 100, 20)]
    together = [hit for page in pages for hit in page]
    assert [hit.rank for hit in together] == list(range(1, 101))
    assert len({hit.id for hit in together}) == 100
    if least:
        images = [sum(hit.modality == "image" for hit in page) for page in pages]
        assert (images[0] >= 2, sum(images)) == (True, 3)
        return
    assert together == bench.ask("red pump", 100)
    assert together[:7] == bench.ask("red pump", 7)
    assert together[6:9] == bench.ask("red pump", 3, 6)


def test_every_hit_is_reached_exactly_once(bench: Bench) -> None:
    everything = bench.ask("red pump", 1000)
    assert len(everything) == len({hit.id for hit in everything}) == PASSAGES + 6
    assert bench.ask("red pump", 10, 1000) == []


def test_minimum_numbers_bring_hits_from_further_down(bench: Bench) -> None:
    plain = bench.ask("pump number 77", 5)
    assert {hit.modality for hit in plain} == {"text"}
    hits = bench.ask("pump number 77", 5, least={"image": 2})
    assert [hit.modality for hit in hits] == ["text", "text", "text", "image", "image"]
    assert [hit.id for hit in hits[:3]] == [hit.id for hit in plain[:3]]
    assert {hit.modality for hit in bench.ask("pump number 77", 5, where='modality = "text"', least={"image": 2})} == {
        "text"
    }


@pytest.mark.parametrize(
    ("exact", "limit", "found"),
    [
        ({"text": 3, "image": 2}, 10, (3, 2)),
        ({"image": 2}, 5, (3, 2)),
        ({"image": 0}, 4, (4, 0)),
        ({"text": 1}, 10, (1, 3)),
        ({"text": 0, "image": 3}, 10, (0, 3)),
        ({"text": 4, "image": 5}, 9, (4, 3)),
    ],
)
def test_exact_numbers_hold_as_far_as_there_are_hits(
    bench: Bench, exact: dict[str, int], limit: int, found: tuple[int, int]
) -> None:
    hits = bench.ask("red pump", limit, exact=exact)
    assert (sum(hit.modality == "text" for hit in hits), sum(hit.modality == "image" for hit in hits)) == found
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))


def test_pages_of_exact_numbers_fit_together(bench: Bench) -> None:
    exact = {"text": 3, "image": 1}
    pages = [bench.ask("red pump", 4, offset, exact=exact) for offset in (0, 4, 8)]
    assert len({hit.id for page in pages for hit in page}) == 12
    assert all(sum(hit.modality == "image" for hit in page) == 1 for page in pages)


def test_more_exact_hits_than_the_limit_are_refused(bench: Bench) -> None:
    with pytest.raises(QueryError, match="requires 12 hits but the limit is 10"):
        bench.ask("pump", 10, exact={"text": 9, "image": 3})


@pytest.mark.parametrize(
    ("limit", "offset", "least"), [(0, 0, {}), (5, -1, {}), (5, 0, {"image": 6}), (5, 0, {"table": 1})]
)
def test_impossible_pages_are_refused(bench: Bench, limit: int, offset: int, least: dict[str, int]) -> None:
    with pytest.raises(QueryError):
        bench.ask("pump", limit, offset, least=least)


def test_groups_are_ordered_by_their_best_hit(bench: Bench) -> None:
    first, second, third = search_groups(Query("a cat"), bench.context, "document", 5, 2)
    assert {first.document, second.document} == {"cats.pdf", "copy.pdf"}
    assert third.document == "long.pdf"
    assert [group.rank for group in (first, second, third)] == [1, 2, 3]
    assert first.hits[0].rank == 1
    assert (first.page, len(third.hits)) == (None, 2)
    best, *_ = pages = search_groups(Query("a cat beside a pump"), bench.context, "page", 3, 1)
    assert (best.document, best.page, best.hits[0].page) == ("cats.pdf", 1, 1)
    assert [len(page.hits) for page in pages] == [1, 1, 1]


def test_documents_far_below_another_are_found(bench: Bench) -> None:
    groups = search_groups(Query("pump number"), bench.context, "document", 2, 1)
    assert {group.document for group in groups} == {"long.pdf", "cats.pdf"}


def test_similar_to_a_passage_excludes_itself_and_its_copies(bench: Bench) -> None:
    (sleeps,) = bench.ask("sleeps", 1, where='document = "cats.pdf" and modality = "text"')
    assert sleeps.text == "A cat sleeps."
    found = find_similar(sleeps.id, bench.context, 4)
    assert sleeps.text not in {hit.text for hit in found}, "neither the hit itself nor its copy"
    assert {"Figure 1: a cat", "Figure 9: a blue cat"} <= {hit.caption for hit in found}
    assert [hit.rank for hit in found] == [1, 2, 3, 4]
    only = find_similar(sleeps.id, bench.context, 3, parse_where('document = "long.pdf"'))
    assert {hit.document for hit in only} == {"long.pdf"}


def test_similar_to_a_picture_finds_passages_and_pictures(bench: Bench) -> None:
    (pump,) = bench.ask("red pump", 1, where='document = "cats.pdf" and modality = "image"')
    found = find_similar(pump.id, bench.context, 5)
    assert "The red pump" in {hit.text.split(" has")[0] for hit in found if hit.modality == "text"}
    assert "image" in {hit.modality for hit in found}
    assert pump.id not in {hit.id for hit in found}


@pytest.mark.parametrize("unknown", ["first", "00000000-0000-0000-0000-000000000000"])
def test_similar_to_an_unknown_id_is_refused(bench: Bench, unknown: str) -> None:
    with pytest.raises(QueryError, match="no hit has this id"):
        find_similar(unknown, bench.context, 3)


def test_similar_to_a_hit_of_a_deleted_document_is_refused(bench: Bench) -> None:
    sandbox = bench.pipeline.sandbox
    gone = source("gone.pdf")
    assert isinstance(sandbox, ScriptedSandbox)
    sandbox.scripts["gone.pdf"] = document(Passage("A green valve.", 1))
    ingest_document(gone, bench.pipeline)
    (hit,) = bench.ask("green valve", 1, where='document = "gone.pdf"')
    (record,) = load_records(bench.context.store, [document_id(gone.uri)]).values()
    delete_document(bench.context.store, record)
    with pytest.raises(QueryError, match="no hit has this id"):
        find_similar(hit.id, bench.context, 3)


@pytest.mark.parametrize("engine", ENGINES)
def test_similar_pixels_are_found(tmp_path: Path, engine: str) -> None:
    made = shop(engine, tmp_path, Spaces(WordEncoder(), ColourEncoder()))
    context = SearchContext(made.index, made.spaces, made.folder)
    red = next(hit for hit in made.ask(colour="red") if hit.page == 1)
    found = find_similar(red.id, context, 5)
    assert {hit.page for hit in found} == {2, 3}
    assert {name for hit in found for name in hit.ranks} == {"images.visual"}
    made.index.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_in_a_unified_space_passages_are_similar_to_pictures(tmp_path: Path, engine: str) -> None:
    unified = ColourEncoder()
    made = shop(engine, tmp_path, Spaces(unified, unified))
    context = SearchContext(made.index, made.spaces, made.folder)
    green = next(hit for hit in made.ask("green") if hit.modality == "text")
    assert next(hit.page for hit in find_similar(green.id, context, 5) if hit.modality == "image") == 2
    made.index.close()
