"""Speed of the text encoder: the default precision, compared with the same weights in float32."""

from collections.abc import Iterator
from functools import partial

from bench.measurement import MANUAL, BenchOptions, Measurement, median_seconds
from diptych.encoders.bert_precision import PRECISIONS, time_precisions
from diptych.encoders.registry import load_encoder
from diptych.settings import Settings, load_settings

PASSAGE_WORDS = 135
"""177 tokens on average."""
PEER = "the same weights in float32"


def encode(_: BenchOptions) -> Iterator[Measurement]:
    folder = load_settings().cache
    ours, peer = (load_encoder(name, Settings(cache=folder)) for name in ("minilm", "minilm:fp32"))
    captions = [" ".join(text.split()[:12]) for text in _passages(128)]
    question = ["How often must the filter of the pump be changed?"]
    for name, texts, rounds in (
        ("passages of 177 tokens", _passages(32), 5),
        ("captions of 12 words", captions, 5),
        ("one question", question, 50),
    ):
        fast, slow = median_seconds(partial(ours.encode_texts, texts), partial(peer.encode_texts, texts), rounds)
        yield Measurement(f"encode {name}", len(texts) / fast, "texts/s", PEER, len(texts) / slow)


def precisions(_: BenchOptions) -> Iterator[Measurement]:
    """What the calibration of a new store measures; see `bert_precision`."""
    milliseconds = time_precisions()
    for name in PRECISIONS:
        yield Measurement(f"half a layer in {name}", milliseconds[name], "ms", "in float32", milliseconds["fp32"])


def _passages(count: int) -> list[str]:
    """Pieces of equal length of the sample manual, each starting at another word."""
    from extractors.pdf.render import pymupdf

    with pymupdf().open(MANUAL) as document:
        words = " ".join(page.get_text() for page in document).split()
    starts = [number * 53 % (len(words) - PASSAGE_WORDS) for number in range(count)]
    return [" ".join(words[start : start + PASSAGE_WORDS]) for start in starts]
