"""Prompts of text models, by any name under which a library or a server offers them."""

import pytest

from diptych.encoders.prompts import find_prompts


@pytest.mark.parametrize(
    ("name", "query", "passage"),
    [
        ("Qwen/Qwen3-Embedding-8B", "Instruct: Given a web", ""),
        ("qwen3-embedding:0.6b", "Instruct: Given a web", ""),
        ("nomic-embed-text", "search_query: ", "search_document: "),
        ("embeddinggemma:300m", "task: search result | query: ", "title: none | text: "),
        ("intfloat/multilingual-e5-small", "query: ", "passage: "),
        ("intfloat/multilingual-e5-large-instruct", "Instruct: Given a web", ""),
        ("intfloat/e5-base-v2", "query: ", "passage: "),
        ("Snowflake/snowflake-arctic-embed-l-v2.0", "query: ", ""),
        ("snowflake/snowflake-arctic-embed-m", "Represent this sentence", ""),
        ("BAAI/bge-m3", "", ""),
        ("text-embedding-3-large", "", ""),
    ],
)
def test_prompts_are_found_by_any_name(name: str, query: str, passage: str) -> None:
    prompts = find_prompts(name)
    assert prompts.passage == passage
    assert prompts.query.startswith(query)
    assert bool(prompts.query) == bool(query)
