"""What an ingest cannot do without: reading text, drawing pictures that are kept, and the products of the encoder."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diptych.encoders.minilm import MAX_TOKENS, find_package
from diptych.library.runtime import Runtime
from diptych.models.meter import Meter
from diptych.settings import load_settings
from diptych.store.points import text_to_encode
from diptych.store.types import PAGE_WORDS, Payload
from extractors.pdf.render import pymupdf

LAYERS, WIDTH, INNER_WIDTH = 6, 384, 1536
"""Of MiniLM."""
ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Floor:
    """Processor seconds."""

    text: float
    drawing: float
    products: float

    @property
    def total(self) -> float:
        return self.text + self.drawing + self.products

    def __str__(self) -> str:
        parts = (self.text, self.drawing, self.products)
        return "MuPDF text {:.1f} s, drawing {:.1f} s, products {:.1f} s".format(*parts)


def measure_floor(files: Sequence[Path], store: str) -> Floor:
    """The floor of an ingest of these PDFs, which filled the store, encoded by `minilm`."""
    runtime = Runtime(load_settings(store), Meter())
    try:
        collections = runtime.store().text, runtime.store().images
        parts = [point.payload for one in collections for point in one.scroll() if PAGE_WORDS not in point.payload]
    finally:
        runtime.close()
    pictures = {part["image"]["sha256"]: part for part in parts if part.get("image") and part["bbox"]}
    return Floor(
        _processor_seconds(lambda: _read_text(files)),
        _processor_seconds(lambda: _draw(files, pictures.values())),
        _multiplications(parts) / _peak(),
    )


def _processor_seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def _read_text(files: Iterable[Path]) -> None:
    for file in files:
        with pymupdf().open(file) as document:
            for page in document:
                page.get_text()


def _draw(files: Iterable[Path], pictures: Iterable[Payload]) -> None:
    by_file: dict[str, list[Payload]] = {}
    for picture in pictures:
        by_file.setdefault(picture["uri"], []).append(picture)
    for file in files:
        with pymupdf().open(file) as document:
            for picture in by_file.get(file.resolve().as_uri(), ()):
                box = pymupdf().Rect(picture["bbox"])
                scale = picture["image"]["width"] / max(box.width, 1)
                document[picture["page"] - 1].get_pixmap(matrix=pymupdf().Matrix(scale, scale), clip=box)


def _multiplications(parts: Sequence[Payload]) -> float:
    """Of all matrix products that encode the parts, each text once."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(find_package() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    texts = {part["content_hash"]: text_to_encode(part) for part in reversed(parts)}  # passages win
    tokens = np.array([len(one.ids) for one in tokenizer.encode_batch(list(filter(None, texts.values())))], float)
    layers = tokens.sum() * (4 * WIDTH * WIDTH + 2 * WIDTH * INNER_WIDTH)
    attention = (tokens**2).sum() * 2 * WIDTH
    return float(LAYERS * (layers + attention))


def _peak() -> float:
    """Multiplications of bytes a second that ONNX Runtime reaches on one core, in a product of a size that suits it."""
    session, rows = _product(), np.random.default_rng(1).integers(0, 255, (MAX_TOKENS, INNER_WIDTH), np.uint8)
    best = min(_processor_seconds(lambda: session.run(None, {"rows": rows})) for _round in range(ROUNDS))
    return MAX_TOKENS * INNER_WIDTH * INNER_WIDTH / best


def _product() -> Any:
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    weights = np.random.default_rng(2).integers(-63, 63, (INNER_WIDTH, INNER_WIDTH), np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["rows", "weights"], ["products"])],
        "product",
        [helper.make_tensor_value_info("rows", TensorProto.UINT8, [None, INNER_WIDTH])],
        [helper.make_tensor_value_info("products", TensorProto.INT32, [None, INNER_WIDTH])],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
