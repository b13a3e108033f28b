"""The LangChain retriever: the library's own interface tests, and what its documents contain."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from langchain_tests.integration_tests import RetrieversIntegrationTests

from diptych import Diptych, QueryError
from diptych.adapters.langchain import DiptychRetriever
from tests.support.scripted_library import MANUAL, readme_block, scripted_library


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Diptych]:
    with scripted_library(tmp_path_factory.mktemp("langchain")) as library:
        yield library


class TestInterface(RetrieversIntegrationTests):  # type: ignore[misc]
    @pytest.fixture(autouse=True)
    def open_library(self, library: Diptych) -> None:
        self.library = library

    @property
    def retriever_constructor(self) -> type[DiptychRetriever]:
        return DiptychRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"library": self.library}

    @property
    def retriever_query_example(self) -> str:
        return "red pump"


def test_documents_have_page_box_picture_and_ranks(library: Diptych) -> None:
    found = DiptychRetriever(library=library).invoke("chart of the red pump")
    (figure,) = [one for one in found if one.metadata["modality"] == "image"]
    hit = next(hit for hit in library.search("chart of the red pump") if hit.id == figure.id)
    about = figure.metadata
    assert figure.page_content.startswith("Figure 1: A chart of the red pump.")
    assert (about["document"], about["page"], about["bbox"]) == (MANUAL, 1, [50.0, 100.0, 250.0, 250.0])
    assert Path(about["image"]).is_file()
    assert about["ranks"] == dict(hit.ranks)
    assert json.loads(json.dumps(about)) == about


def test_unknown_arguments_are_refused(library: Diptych) -> None:
    with pytest.raises(ValueError, match="were"):
        DiptychRetriever(library=library, were="page = 2")
    with pytest.raises(TypeError, match="were"):
        DiptychRetriever(library=library).invoke("pump", were="page = 2")


def test_filters_and_numbers_by_modality(library: Diptych) -> None:
    pages = DiptychRetriever(library=library, where='document = "manual.pdf"')
    assert {one.metadata["document"] for one in pages.invoke("pump")} == {MANUAL}
    assert {one.metadata["page"] for one in pages.invoke("pump", where="page = 2")} == {2}
    assert [one.metadata["document"] for one in pages.invoke("pump", where='document = "notes.pdf"')] == []
    pictures = DiptychRetriever(library=library, k=2, exact={"image": 1})
    assert sorted(one.metadata["modality"] for one in pictures.invoke("pump")) == ["image", "text"]
    with pytest.raises(QueryError, match="column"):
        pages.invoke("pump", where="page =")


async def test_chains_batches_and_callbacks(library: Diptych) -> None:
    retriever = DiptychRetriever(library=library, k=1)
    chain = retriever | RunnableLambda(lambda documents: documents[0].metadata["document"])
    assert await chain.abatch(["green valve", "blue cat"]) == [MANUAL, "notes.pdf"]
    events = [event["event"] async for event in retriever.astream_events("blue cat", version="v2")]
    assert events == ["on_retriever_start", "on_retriever_end"]


def test_example_in_the_readme(library: Diptych) -> None:
    names = {"library": library}
    exec(readme_block("from diptych.adapters.langchain "), names)
    assert {one.metadata["modality"] for one in names["documents"]} == {"text", "image"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("module", "adapter", "extra"),
    [
        ("langchain_core.callbacks", "langchain", "langchain"),
        ("llama_index.core.callbacks", "llama_index", "llama-index"),
    ],
)
def test_message_without_the_package(module: str, adapter: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, f"diptych.adapters.{adapter}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"retriever needs another package: pip install 'diptych\[{extra}\]'$"):
        importlib.import_module(f"diptych.adapters.{adapter}")
