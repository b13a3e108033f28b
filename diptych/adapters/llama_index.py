"""A LlamaIndex retriever: the hits of a store as text and image nodes."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Mapping

from diptych.library.diptych import Diptych
from diptych.search.hits import Hit
from diptych.search.query.query import Query, as_filter

try:
    from llama_index.core.callbacks import CallbackManager
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import (
        ImageNode,
        NodeRelationship,
        NodeWithScore,
        QueryBundle,
        RelatedNodeInfo,
        TextNode,
    )
except ImportError as error:
    raise ImportError(
        "the LlamaIndex retriever needs another package: pip install 'diptych[llama-index]'", name=error.name
    ) from error

SHOWN = ("document", "page", "heading", "label")
"""Metadata that a model or an embedding of LlamaIndex reads together with the text of a node."""


class DiptychRetriever(BaseRetriever):  # type: ignore[misc]
    """Finds passages and pictures; one node each, best first.

    A hit with a picture is an `ImageNode` (`image_path`), any other a `TextNode`. `metadata` has the attributes of
    `Hit`: `document`, `page`, `bbox`, `heading`, `label`, `caption`, `image`, `ranks`, `fields` and so on. The image of
    a `QueryBundle` (`image_path`) is searched with as well.
    """

    def __init__(
        self,
        library: Diptych,
        similarity_top_k: int = 10,
        where: str = "",
        *,
        least: Mapping[str, int] | None = None,
        exact: Mapping[str, int] | None = None,
        split_rows: bool = False,
        callback_manager: CallbackManager | None = None,
        verbose: bool = False,
    ) -> None:
        """`similarity_top_k`: maximum number of nodes. `where`: a filter, such as `price < 200 and kind = "figure"`.

        `least` and `exact`: the minimum and the exact number of hits by modality (`text`, `image`), as in `Query`.
        Raises `QueryError` for a malformed filter.
        """
        super().__init__(callback_manager=callback_manager, verbose=verbose)
        self._library, self.similarity_top_k = library, similarity_top_k
        self._where = as_filter(where)
        self._least, self._exact, self._split_rows = least or {}, exact or {}, split_rows

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query = Query(
            query_bundle.query_str,
            query_bundle.image_path or None,
            self._where,
            least=self._least,
            exact=self._exact,
            split_rows=self._split_rows,
        )
        hits = self._library.search(query, self.similarity_top_k)
        return [NodeWithScore(node=_node(hit), score=hit.score) for hit in hits]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


def _node(hit: Hit) -> TextNode:
    metadata = hit.as_dict()
    hidden = sorted(metadata.keys() - set(SHOWN))
    node = (
        ImageNode(image_path=hit.image, image_mimetype=mimetypes.guess_type(hit.image)[0]) if hit.image else TextNode()
    )
    node.id_, node.text, node.metadata = metadata.pop("id"), hit.full_text, metadata
    node.excluded_llm_metadata_keys = node.excluded_embed_metadata_keys = hidden
    node.relationships = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=hit.source)}
    return node
