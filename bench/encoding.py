"""Speed of the text encoder: the default precision, compared with the same weights in float32."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from bench.measurement import BenchOptions, Measurement, median_seconds
from bench.sample_files import MANUAL
from diptych import settings
from diptych.encoders.bert_precision import PRECISIONS, time_precisions
from diptych.encoders.encoder import Encoder
from diptych.encoders.registry import load_encoder

PASSAGE_WORDS = 135
"""177 tokens on average."""
PEER = "the same weights in float32"


def passages(_: BenchOptions) -> Iterator[Measurement]:
    texts = _passages(32)
    ours, peer = _pair()
    fast, slow = median_seconds(lambda: ours.encode_texts(texts), lambda: peer.encode_texts(texts), rounds=5)
    yield Measurement("encode passages of 177 tokens", len(texts) / fast, "texts/s", PEER, len(texts) / slow)


def short_texts(_: BenchOptions) -> Iterator[Measurement]:
    texts = [" ".join(text.split()[:12]) for text in _passages(128)]
    ours, peer = _pair()
    fast, slow = median_seconds(lambda: ours.encode_texts(texts), lambda: peer.encode_texts(texts), rounds=5)
    yield Measurement("encode captions of 12 words", len(texts) / fast, "texts/s", PEER, len(texts) / slow)


def question(_: BenchOptions) -> Iterator[Measurement]:
    ours, peer = _pair()
    ask = ["How often must the filter of the pump be changed?"]
    fast, slow = median_seconds(lambda: ours.encode_texts(ask), lambda: peer.encode_texts(ask), rounds=50)
    yield Measurement("encode one question", fast * 1000, "ms", PEER, slow * 1000)


def precisions(_: BenchOptions) -> Iterator[Measurement]:
    """What the calibration of a new store measures; see `bert_precision`."""
    milliseconds = time_precisions()
    for name in PRECISIONS:
        yield Measurement(f"half a layer in {name}", milliseconds[name], "ms", "in float32", milliseconds["fp32"])


@cache
def _pair() -> tuple[Encoder, Encoder]:
    folder: Path = settings.load_settings().cache
    chosen = settings.Settings(cache=folder)
    return load_encoder("minilm", chosen), load_encoder("minilm:fp32", chosen)


def _passages(count: int) -> list[str]:
    """Pieces of equal length of the sample manual, each starting at another word."""
    from extractors.pdf.render import pymupdf

    with pymupdf().open(MANUAL) as document:
        words = " ".join(page.get_text() for page in document).split()
    starts = [number * 53 % (len(words) - PASSAGE_WORDS) for number in range(count)]
    return [" ".join(words[start : start + PASSAGE_WORDS]) for start in starts]
