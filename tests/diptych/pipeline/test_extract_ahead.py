"""Documents are extracted ahead of their turn, and what is under way at an early end is not waited for."""

from threading import Event

from diptych.pipeline.extract_ahead import extract_ahead
from extractors.errors import ExtractionError
from extractors.types import Source
from tests.support.fakes import source


def test_documents_come_in_order_with_their_errors() -> None:
    def extract(one: Source) -> str:
        if one.name == "b.pdf":
            raise ExtractionError("broken")
        return one.name

    found = extract_ahead(map(source, ("a.pdf", "b.pdf", "c.pdf")), extract, 2)
    assert [str(extraction) for _, extraction in found] == ["a.pdf", "broken", "c.pdf"]


def test_extractions_under_way_are_not_waited_for_when_nobody_wants_them() -> None:
    begun, may_end, ended = Event(), Event(), list[str]()

    def extract(one: Source) -> bool:
        if one.name == "a.pdf":
            return begun.wait(60)
        begun.set()
        may_end.wait(60)
        ended.append(one.name)
        return True

    found = extract_ahead(map(source, ("a.pdf", "b.pdf")), extract, 2)
    next(found)
    found.close()
    assert not ended
    may_end.set()
