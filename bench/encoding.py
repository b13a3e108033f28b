"""The text encoder: int8, which is the default, against the same weights in float32."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from bench.measure import Given, Measure, by_turns
from bench.samples import MANUAL
from diptych import settings
from diptych.encoders.encoder import Encoder
from diptych.encoders.registry import load_encoder

PASSAGE_WORDS = 135
"""177 tokens on the average."""
PEER = "the same weights in float32"


def passages(_: Given) -> Iterator[Measure]:
    texts = _passages(32)
    ours, peer = _pair()
    fast, slow = by_turns(lambda: ours.encode_texts(texts), lambda: peer.encode_texts(texts), rounds=5)
    yield Measure("encode passages of 177 tokens", len(texts) / fast, "texts/s", PEER, len(texts) / slow)


def short_texts(_: Given) -> Iterator[Measure]:
    texts = [" ".join(text.split()[:12]) for text in _passages(128)]
    ours, peer = _pair()
    fast, slow = by_turns(lambda: ours.encode_texts(texts), lambda: peer.encode_texts(texts), rounds=5)
    yield Measure("encode captions of 12 words", len(texts) / fast, "texts/s", PEER, len(texts) / slow)


def question(_: Given) -> Iterator[Measure]:
    ours, peer = _pair()
    ask = ["How often must the filter of the pump be changed?"]
    fast, slow = by_turns(lambda: ours.encode_texts(ask), lambda: peer.encode_texts(ask), rounds=50)
    yield Measure("encode one question", fast * 1000, "ms", PEER, slow * 1000)


@cache
def _pair() -> tuple[Encoder, Encoder]:
    folder: Path = settings.load_settings().cache
    chosen = settings.Settings(cache=folder)
    return load_encoder("minilm", chosen), load_encoder("minilm:fp32", chosen)


def _passages(count: int) -> list[str]:
    """Running text of the sample manual, cut at even lengths, from another word each time."""
    from extractors.pdf.render import pymupdf

    with pymupdf().open(MANUAL) as document:
        words = " ".join(page.get_text() for page in document).split()
    starts = [number * 53 % (len(words) - PASSAGE_WORDS) for number in range(count)]
    return [" ".join(words[start : start + PASSAGE_WORDS]) for start in starts]
