"""Speed of the text encoder in each precision that a processor may be best at."""

from collections.abc import Iterator

from bench.measurement import BenchOptions, Measurement
from diptych.encoders.bert_precision import PRECISIONS, time_precisions


def precisions(_: BenchOptions) -> Iterator[Measurement]:
    """What the calibration of a new store measures; see `bert_precision`."""
    milliseconds = time_precisions()
    for name in PRECISIONS:
        yield Measurement(f"half a layer in {name}", milliseconds[name], "ms", "in float32", milliseconds["fp32"])
