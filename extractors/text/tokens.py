"""Counting the tokens of texts as the text encoder does."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

LETTERS_PER_TOKEN = 5  # for the estimate: a word is one token, and one more for every five letters after the first

TokenCounter = Callable[[Sequence[str]], list[int]]
"""Returns the number of tokens of each text, without the special ones around it."""

# Punctuation marks and CJK characters are tokens of their own.
_PIECE = re.compile(r"[぀-ヿ㐀-鿿가-힯豈-﫿]|[^\W_]+|[^\w\s]|_")


def token_counter(tokenizer: Path | None) -> TokenCounter:
    """Return a counter that uses the file `tokenizer.json`, or an estimate without one."""
    return estimate_tokens if tokenizer is None else _exact_counter(tokenizer)


def estimate_tokens(texts: Sequence[str]) -> list[int]:
    return [sum(1 + (len(piece) - 1) // LETTERS_PER_TOKEN for piece in _PIECE.findall(text)) for text in texts]


@cache
def _exact_counter(path: Path) -> TokenCounter:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(texts: Sequence[str]) -> list[int]:
        # One by one: the library's batches start threads, which do not survive a fork.
        return [len(tokenizer.encode(text, add_special_tokens=False).ids) for text in texts]

    return count
