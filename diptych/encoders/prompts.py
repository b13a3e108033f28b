"""The prompts that text models expect before queries and passages. Runtimes and servers leave them to their caller."""

from fnmatch import fnmatchcase
from typing import NamedTuple


class Prompts(NamedTuple):
    query: str = ""
    passage: str = ""


_WEB = "Given a web search query, retrieve relevant passages that answer the query"
_BGE = "Represent this sentence for searching relevant passages: "
PROMPTS: tuple[tuple[str, str, str], ...] = (
    ("bge-*-en*", _BGE, ""),
    ("bge-*-zh*", "为这个句子生成表示以用于检索相关文章：", ""),
    ("mxbai-embed-*", _BGE, ""),
    ("snowflake-arctic-embed*v2*", "query: ", ""),
    ("snowflake-arctic-embed2*", "query: ", ""),
    ("snowflake-arctic-embed*", _BGE, ""),
    ("nomic-embed-text*", "search_query: ", "search_document: "),
    ("*e5-*-instruct", f"Instruct: {_WEB}\nQuery: ", ""),
    ("multilingual-e5-*", "query: ", "passage: "),
    ("e5-*", "query: ", "passage: "),
    ("embeddinggemma*", "task: search result | query: ", "title: none | text: "),
    ("qwen3-embedding*", f"Instruct: {_WEB}\nQuery:", ""),
    ("stella-en-*", f"Instruct: {_WEB}.\nQuery: ", ""),
    (
        "jina-embeddings-v3",
        "Represent the query for retrieving evidence documents: ",
        "Represent the document for retrieval: ",
    ),
    ("jina-embeddings-v4*", "Query: ", "Passage: "),
)
"""(model, query prompt, passage prompt), as published by the models' authors. fastembed 0.9 adds none of them; for
jina-embeddings-v3 it selects the adapter."""


def find_prompts(model: str) -> Prompts:
    """Those of a model by any of its names: `Qwen/Qwen3-Embedding-0.6B`, `qwen3-embedding:0.6b`."""
    name = model.lower().rpartition("/")[2].partition(":")[0]
    matching = (Prompts(*prompts) for pattern, *prompts in PROMPTS if fnmatchcase(name, pattern))
    return next(matching, Prompts())
