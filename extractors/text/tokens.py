"""How many tokens the text encoder will see."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

TokenCounter = Callable[[Sequence[str]], list[int]]

# Word pieces are about four letters of a word each; every sign and every CJK character is its own.
_PIECE = re.compile(r"[぀-ヿ㐀-鿿가-힯豈-﫿]|[^\W_]+|[^\w\s]|_")


def token_counter(tokenizer: Path | None) -> TokenCounter:
    """Counts tokens of texts, without special ones; without a tokenizer an estimate_tokens on the safe side."""
    return estimate_tokens if tokenizer is None else _exact(tokenizer)


def estimate_tokens(texts: Sequence[str]) -> list[int]:
    return [sum(1 + (len(piece) - 1) // 5 for piece in _PIECE.findall(text)) for text in texts]


@cache
def _exact(path: Path) -> TokenCounter:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(texts: Sequence[str]) -> list[int]:
        # One by one: the library's batches start threads, which do not survive a fork.
        return [len(tokenizer.encode(text, add_special_tokens=False).ids) for text in texts]

    return count
