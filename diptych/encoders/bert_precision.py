"""The precision in which a BERT encoder is fastest on this machine, and ONNX Runtime sessions for it.

Which one that is depends on the processor: int8 is four times as fast as float32 with VNNI, and hardly faster without.
A short calibration, stored in the cache, therefore times one layer in each.
"""

from __future__ import annotations

import hashlib
import json
import platform
import time
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from extractors.atomic_write import write_file

PRECISIONS = ("fp32", "int8", "int7")
"""From the most exact to the least; the last two have quantised weights of eight and seven bits."""
TOLERANCE = 1.12
"""A more exact precision may take this much longer than the fastest one."""
TOKENS, ROUNDS = 128, 30
"""Of a typical passage; and how often each layer is timed. All of it takes half a second, once per machine."""


def find_fastest_precision(cache_folder: Path) -> str:
    """The precision to encode a new store with; measured unless the cache knows it for this processor."""
    if known := known_precision(cache_folder):
        return known
    milliseconds = time_precisions()
    limit = min(milliseconds.values()) * TOLERANCE
    precision = next(one for one in PRECISIONS if milliseconds[one] <= limit)
    with suppress(OSError):  # measured again the next time; what needs the cache reports that it is not writable
        note = {"precision": precision, "milliseconds": milliseconds}
        write_file(_note_file(cache_folder), json.dumps(note).encode())
    return precision


def known_precision(cache_folder: Path) -> str:
    """The precision that an earlier calibration chose; empty if there was none."""
    with suppress(OSError, ValueError):  # missing or damaged
        note = json.loads(_note_file(cache_folder).read_bytes())
        if isinstance(note, dict) and note.get("precision") in PRECISIONS:
            return str(note["precision"])
    return ""


def time_precisions() -> dict[str, float]:
    """Precision -> milliseconds of processor time for half a layer. Other work on the machine hardly matters."""
    import numpy as np

    from diptych.encoders.bert_graph import build_layer

    sessions = {precision: open_session(build_layer(precision)) for precision in PRECISIONS}
    batch = {"x": np.random.default_rng(2).standard_normal((TOKENS, 384), np.float32)}
    seconds = dict.fromkeys(PRECISIONS, float("inf"))
    for _round in range(ROUNDS):
        for precision, session in sessions.items():
            session.run(None, batch)  # the one before has emptied the processor's caches
            start = time.thread_time()
            session.run(None, batch)
            seconds[precision] = min(seconds[precision], time.thread_time() - start)
    return {precision: round(1000 * taken, 3) for precision, taken in seconds.items()}


def open_session(graph: bytes) -> Any:
    """A session that runs in the calling thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # every text length would leave a pattern of its own
    disabled: list[str] = []
    if _int8_saturates():
        options.add_session_config_entry("session.x64quantprecision", "1")
        disabled = ["SkipLayerNormFusion"]
    else:
        # The graph is already optimised; higher levels would fuse sums and norms into a slower kernel.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return onnxruntime.InferenceSession(
        graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=disabled
    )


def _int8_saturates() -> bool:
    """Whether products of signed and unsigned bytes overflow 16 bits: on x86 processors without VNNI.

    ONNX Runtime then uses unsigned weights, which is as exact and half as fast.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    return "vnni" not in _processor()


@cache
def _processor() -> str:
    """Model and instruction sets, as the first core reports them; empty where the system has no such file."""
    try:
        lines = Path("/proc/cpuinfo").read_text().partition("\n\n")[0].splitlines()
    except OSError:
        return ""
    return "\n".join(line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part")))


def _note_file(cache_folder: Path) -> Path:
    """One file for each machine that uses the cache."""
    return cache_folder / f"precision-{_machine_key()}.json"


def _machine_key() -> str:
    """Changes with whatever may change the choice."""
    parts = (platform.system(), platform.machine(), platform.processor(), _processor(), version("onnxruntime"))
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
