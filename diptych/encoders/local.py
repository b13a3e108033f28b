"""What encoders that run on this machine share: cores, threads, and loading on first use."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Generic, Literal, TypeVar

from diptych.encoders.encoder import Encoder
from diptych.errors import ModelError
from diptych.settings import Device
from diptych.vectors import Vector, Vectors

T = TypeVar("T")
Item = TypeVar("Item", str, Path)


class Lazy(Generic[T]):
    """A value computed on first use, by one thread. After an error the next use tries again."""

    def __init__(self, compute: Callable[[], T]) -> None:
        self._compute, self._lock = compute, threading.Lock()
        self._values: list[T] = []

    def get(self) -> T:
        with self._lock:
            if not self._values:
                self._values.append(self._compute())
                del self._compute  # often a method of the owner: without this cycle, models are freed with their owner
            return self._values[0]


def choose_device(wanted: Device) -> Literal["cpu", "cuda"]:
    """Where ONNX models run. Raises `ModelError` if that must be a GPU and ONNX Runtime cannot use one."""
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        return "cpu" if wanted == "cpu" else "cuda"
    if wanted == "cuda":
        raise ModelError(
            "setting `device` is cuda, but this ONNX Runtime cannot use a GPU; replace the package onnxruntime by "
            "onnxruntime-gpu, or set `device` to auto"
        )
    return "cpu"


class LocalEncoder(Encoder):
    """Encodes one item per thread, which is faster than batches (padding) and than several threads on one item.

    A vector therefore depends on its own text or image alone. Callers on several threads share the cores.
    """

    def __init__(self) -> None:
        self._threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._cores = threading.BoundedSemaphore(self._threads)

    def _encode_each(self, items: Sequence[Item], encode: Callable[[Item], Vector]) -> Vectors:
        def encode_on_a_core(item: Item) -> Vector:
            with self._cores:
                return encode(item)

        # Each item once, and the longest texts first, so that no thread is left alone with one at the end.
        distinct = sorted(dict.fromkeys(items), key=lambda item: -len(str(item)))
        if len(distinct) < 2:
            found = [encode(item) for item in distinct]
        else:
            with ThreadPoolExecutor(min(self._threads, len(distinct))) as pool:
                found = list(pool.map(encode_on_a_core, distinct))
        import numpy as np

        vectors = dict(zip(distinct, found, strict=True))
        return np.array([vectors[item] for item in items], np.float32).reshape(len(items), self.size)


def replace_surrogates(text: str) -> str:
    """The text with half surrogate pairs, which tokenizers reject, as question marks."""
    return text.encode("utf-8", "replace").decode()
