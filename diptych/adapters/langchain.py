"""A LangChain retriever: the hits of a store as LangChain documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field

from diptych.library.diptych import Diptych
from diptych.search.hits import Hit
from diptych.search.query.query import Query, as_filter
from diptych.where import all_of

try:
    from langchain_core.callbacks import CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
except ImportError as error:
    raise ImportError(
        "the LangChain retriever needs another package: pip install 'diptych[langchain]'", name=error.name
    ) from error


class DiptychRetriever(BaseRetriever):  # type: ignore[misc]
    """Finds passages and pictures; one document each, best first.

    `page_content` has the words of the hit. `metadata` has the rest: `modality`, `source`, `document`, `page`, `bbox`,
    `heading`, `label`, `caption`, `image` (path of the image file), `ranks`, `fields` and the other attributes of
    `Hit`. A vision model is shown a picture by reading `metadata["image"]`. `ainvoke` works in a thread.
    """

    model_config = ConfigDict(extra="forbid")  # a misspelt filter must not be ignored

    library: Diptych
    k: int = Field(default=10, ge=1)
    """Maximum number of documents."""
    where: str = ""
    """A filter, such as `price < 200 and kind = "figure"`; it holds for every question."""
    least: Mapping[str, int] = Field(default_factory=dict)
    """Minimum number of hits by modality (`text`, `image`), as far as that many exist."""
    exact: Mapping[str, int] = Field(default_factory=dict)
    """Exact number of hits by modality, as far as that many exist; the other modality has the rest."""
    split_rows: bool = False
    """Return the text and the pictures of a catalogue row as separate documents."""

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None, where: str = ""
    ) -> list[Document]:
        """`k` and `where` are arguments of `invoke`; `where` narrows the filter of the retriever further."""
        both = all_of(as_filter(self.where), as_filter(where))
        question = Query(query, where=both, least=self.least, exact=self.exact, split_rows=self.split_rows)
        return [_document(hit) for hit in self.library.search(question, self.k if k is None else k)]


def _document(hit: Hit) -> Document:
    metadata: dict[str, Any] = hit.as_dict()
    return Document(id=metadata.pop("id"), page_content=hit.full_text, metadata=metadata)
