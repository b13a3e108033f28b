"""The LlamaIndex retriever: the contract of `BaseRetriever`, and what its nodes contain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from diptych import Diptych, QueryError
from tests.support.scripted_library import MANUAL, readme_block, scripted_library


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Diptych]:
    with scripted_library(tmp_path_factory.mktemp("llama")) as library:
        yield library


def test_nodes_have_page_box_picture_and_ranks(library: Diptych) -> None:
    from llama_index.core.schema import ImageNode, NodeWithScore, TextNode

    from diptych.adapters.llama_index import DiptychRetriever

    found = DiptychRetriever(library).retrieve("chart of the red pump")
    assert all(isinstance(one, NodeWithScore) for one in found)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    hits = {hit.id: hit for hit in library.search("chart of the red pump")}
    assert [one.node_id for one in found] == list(hits)
    (figure,) = [one.node for one in found if isinstance(one.node, ImageNode)]
    assert figure.text.startswith("Figure 1: A chart of the red pump.")
    assert Path(figure.image_path).is_file()
    assert figure.image_mimetype == "image/png"
    assert figure.metadata["bbox"] == [50.0, 100.0, 250.0, 250.0]
    assert figure.metadata["ranks"] == dict(hits[figure.node_id].ranks)
    assert figure.source_node.node_id == hits[figure.node_id].source
    assert [type(one.node) for one in found if one.node is not figure] == [TextNode] * (len(found) - 1)


def test_nodes_survive_serialisation_and_show_models_their_place(library: Diptych) -> None:
    from llama_index.core.schema import MetadataMode

    from diptych.adapters.llama_index import DiptychRetriever

    for one in DiptychRetriever(library).retrieve("red pump"):
        assert type(one.node).from_dict(json.loads(json.dumps(one.node.to_dict()))) == one.node
        shown = one.node.get_content(MetadataMode.LLM)
        assert f"document: {one.node.metadata['document']}" in shown
        assert "ranks" not in shown


async def test_async_filters_and_limits(library: Diptych) -> None:
    from llama_index.core.schema import ImageNode, QueryBundle

    from diptych.adapters.llama_index import DiptychRetriever

    retriever = DiptychRetriever(library, 2, 'document = "manual.pdf" and modality = "text"')
    found = await retriever.aretrieve(QueryBundle("pump"))
    assert [one.metadata["document"] for one in found] == [MANUAL, MANUAL]
    assert [one.node_id for one in found] == [one.node_id for one in retriever.retrieve("pump")]
    exact = DiptychRetriever(library, 2, exact={"image": 1})
    assert sum(isinstance(one.node, ImageNode) for one in exact.retrieve("pump")) == 1
    with pytest.raises(QueryError, match="column"):
        DiptychRetriever(library, where="page =")


def test_callbacks(library: Diptych) -> None:
    from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler

    from diptych.adapters.llama_index import DiptychRetriever

    debug = LlamaDebugHandler(print_trace_on_end=False)
    DiptychRetriever(library, 1, callback_manager=CallbackManager([debug])).retrieve("green valve")
    ((start, end),) = debug.get_event_pairs(CBEventType.RETRIEVE)
    assert start.payload
    assert start.payload["query_str"] == "green valve"
    assert end.payload
    assert len(end.payload["nodes"]) == 1


def test_query_engine_cites_the_nodes(library: Diptych) -> None:
    from llama_index.core.llms import MockLLM
    from llama_index.core.query_engine import RetrieverQueryEngine
    from llama_index.core.response_synthesizers import get_response_synthesizer

    from diptych.adapters.llama_index import DiptychRetriever

    synthesizer = get_response_synthesizer(llm=MockLLM())
    engine = RetrieverQueryEngine(DiptychRetriever(library, 2), synthesizer)
    response = engine.query("when is the green valve closed")
    assert next(one.metadata["document"] for one in response.source_nodes) == MANUAL
    assert "before the filter is cleaned" in str(response)  # the mock repeats its prompt


def test_router(library: Diptych) -> None:
    from llama_index.core.base.llms.types import CompletionResponse
    from llama_index.core.llms import MockLLM
    from llama_index.core.retrievers import RouterRetriever
    from llama_index.core.selectors import LLMSingleSelector
    from llama_index.core.tools import RetrieverTool

    from diptych.adapters.llama_index import DiptychRetriever

    class Chooser(MockLLM):  # type: ignore[misc]
        """Always chooses the second retriever."""

        def complete(self, prompt: str, formatted: bool = False, **kwargs: object) -> CompletionResponse:
            return CompletionResponse(text='[{"choice": 2, "reason": "it has the notes"}]')

    tools = [
        RetrieverTool.from_defaults(DiptychRetriever(library, 3, f'document = "{name}"'), description=name)
        for name in (MANUAL, "notes.pdf")
    ]
    router = RouterRetriever(LLMSingleSelector.from_defaults(llm=Chooser()), tools, llm=Chooser())
    assert {one.metadata["document"] for one in router.retrieve("pump")} == {"notes.pdf"}


def test_example_in_the_readme(library: Diptych) -> None:
    names = {"library": library}
    exec(readme_block("from diptych.adapters.llama_index "), names)
    assert {one.metadata["modality"] for one in names["nodes"]} == {"text", "image"}  # type: ignore[attr-defined]
