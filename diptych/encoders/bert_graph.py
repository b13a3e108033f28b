"""all-MiniLM-L6-v2, a BERT sentence encoder, as an ONNX graph, built from its weights.

The graph takes one text at a time: ids of shape (1, tokens) in, one vector of unit length out. Without padding, no
mask is needed, nothing is computed in vain, and a vector cannot depend on other texts.

The quantised forms follow SmoothQuant (Xiao et al., 2023): a few channels of BERT's activations are ten times larger
than the others and would occupy the whole range of eight bits. Each channel is therefore divided by a factor, and the
matching row of the weights is multiplied by it. Cosine with float32 on the test vectors: 0.991 without, 0.997 with it.
Weights of seven bits (0.995) are for processors without VNNI: sums of two products then fit into 16 bits, so that the
fast instructions for signed weights can be used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Array = NDArray[Any]
Weights = Mapping[str, Array]

_MICROSOFT = "com.microsoft"
_LAYERS, _HEADS, _EPSILON = 6, 12, 1e-12
"""Of all-MiniLM-L6-v2; they cannot be read off the weights."""
_SMOOTHING = 0.75
"""Share of a channel's magnitude that moves from activations to weights. 0.65 to 0.8 agree best with float32."""
LARGEST_WEIGHT = {"int8": 127, "int7": 63}
"""Precision -> the largest quantised weight."""


def build_graph(weights: Weights, peaks: Mapping[str, Array] | None = None, precision: str = "int8") -> bytes:
    """The serialised graph: `ids` int32 (1, tokens) -> `vectors` float32 (1, hidden size).

    `weights` are those of a Hugging Face BertModel, (out, in) for linear layers. With `peaks` from `measure_peaks`, the
    linear layers are of a `precision` in `LARGEST_WEIGHT`, with one scale per output channel; without, everything is
    float32.
    """
    graph = _Graph(peaks, precision)
    hidden = _add_embeddings(graph, weights)
    for layer in range(_LAYERS):
        hidden = _add_layer(graph, weights, f"encoder.layer.{layer}.", hidden)
    graph.node("ReduceMean", [hidden, graph.constant(np.array([1]))], "mean", keepdims=0)
    graph.node("LpNormalization", ["mean"], "vectors", axis=-1, p=2)
    ids = helper.make_tensor_value_info("ids", 6, ["texts", "tokens"])
    vectors = helper.make_tensor_value_info("vectors", 1, ["texts", weights["embeddings.LayerNorm.weight"].size])
    return graph.serialise(ids, vectors)


def build_layer(precision: str) -> bytes:
    """The feed-forward half of a layer with random weights: `x` float32 (tokens, 384) -> `y` of the same shape."""
    chance, size = np.random.default_rng(1), 384
    graph = _Graph(None if precision == "fp32" else {"x": np.ones(size), "active": np.ones(4 * size)}, precision)
    for x, inputs, outputs, y in (("x", size, 4 * size, "inner"), ("active", 4 * size, size, "y")):
        graph.linear(x, chance.standard_normal((inputs, outputs), np.float32), np.zeros(outputs, np.float32), y)
        if y == "inner":
            graph.node("Gelu", ["inner"], "active", _MICROSOFT)
    x, y = (helper.make_tensor_value_info(name, 1, ["tokens", size]) for name in "xy")
    return graph.serialise(x, y)


def measure_peaks(weights: Weights, samples: Sequence[Sequence[int]]) -> dict[str, Array]:
    """Largest magnitude of each input channel of each linear layer, over samples of token ids."""
    model = onnx.load_model_from_string(build_graph(weights))
    names = sorted({node.input[0] for node in model.graph.node if node.op_type == "MatMul"})
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    peaks: dict[str, Array] = {}
    for ids in samples:
        values = session.run(names, {"ids": np.array([ids], np.int32)})
        for name, value in zip(names, values, strict=True):
            peak = np.abs(value[0]).max(axis=0)
            peaks[name] = np.maximum(peaks.get(name, peak), peak)
    return peaks


def _add_embeddings(graph: _Graph, weights: Weights) -> str:
    words = weights["embeddings.word_embeddings.weight"]
    # Every token has type 0, so its type vector can be added to the positions.
    positions = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    if graph.peaks is None:
        graph.node("Gather", [graph.constant(words), "ids"], "words")
    else:  # half precision halves the file and moves a vector by less than 1e-6
        graph.node("Gather", [graph.constant(words.astype(np.float16)), "ids"], "words16")
        graph.node("Cast", ["words16"], "words", to=1)
    graph.node("Shape", ["ids"], "tokens", start=1, end=2)
    graph.node("Slice", [graph.constant(positions), graph.constant(np.array([0])), "tokens"], "positions")
    graph.node("Add", ["words", "positions"], "embedded")
    return graph.norm("embedded", weights, "embeddings.LayerNorm")


def _add_layer(graph: _Graph, weights: Weights, name: str, hidden: str) -> str:
    """One transformer layer, normalised after each sum as in the original BERT."""
    parts = [f"{name}attention.self.{part}" for part in ("query", "key", "value")]
    joined = np.concatenate([weights[f"{part}.weight"] for part in parts]).T
    bias = np.concatenate([weights[f"{part}.bias"] for part in parts])
    projected = graph.linear(hidden, joined, bias, f"{name}projected")
    heads = [f"{part}.heads" for part in parts]
    graph.nodes.append(helper.make_node("Split", [projected], heads, axis=-1, num_outputs=3))
    graph.node("MultiHeadAttention", heads, f"{name}context", _MICROSOFT, num_heads=_HEADS)
    attended = graph.dense(f"{name}context", weights, f"{name}attention.output.dense")
    # Separate Add and LayerNormalization: the fused SkipLayerNormalization is seven times slower (onnxruntime 1.31).
    graph.node("Add", [attended, hidden], f"{name}sum1")
    hidden = graph.norm(f"{name}sum1", weights, f"{name}attention.output.LayerNorm")
    inner = graph.dense(hidden, weights, f"{name}intermediate.dense")
    graph.node("Gelu", [inner], f"{name}activated", _MICROSOFT)
    outer = graph.dense(f"{name}activated", weights, f"{name}output.dense")
    graph.node("Add", [outer, hidden], f"{name}sum2")
    return graph.norm(f"{name}sum2", weights, f"{name}output.LayerNorm")


class _Graph:
    """Nodes and constants of a graph; methods that add to it return the name of their output."""

    def __init__(self, peaks: Mapping[str, Array] | None, precision: str) -> None:
        self.peaks, self._precision = peaks, precision
        self.nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, value: Array) -> str:
        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: Sequence[str], output: str, domain: str = "", **attributes: float) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))
        return output

    def norm(self, x: str, weights: Weights, name: str) -> str:
        scale, shift = self.constant(weights[f"{name}.weight"]), self.constant(weights[f"{name}.bias"])
        return self.node("LayerNormalization", [x, scale, shift], name, axis=-1, epsilon=_EPSILON)

    def dense(self, x: str, weights: Weights, name: str) -> str:
        return self.linear(x, weights[f"{name}.weight"].T, weights[f"{name}.bias"], name)

    def linear(self, x: str, weight: Array, bias: Array, name: str) -> str:
        """Add x @ weight + bias; `weight` is (in, out)."""
        if self.peaks is None:
            self.node("MatMul", [x, self.constant(weight)], f"{name}.product")
            return self.node("Add", [f"{name}.product", self.constant(bias)], name)
        smooth = _smoothing_factors(self.peaks[x], weight)
        self.node("Mul", [x, self.constant(1 / smooth)], f"{name}.smoothed")
        quantised, scale = _quantise_weights(weight * smooth[:, None], LARGEST_WEIGHT[self._precision])
        inputs = [f"{name}.smoothed", self.constant(quantised), self.constant(scale), "", self.constant(bias)]
        return self.node("DynamicQuantizeMatMul", inputs, name, _MICROSOFT)

    def serialise(self, inputs: onnx.ValueInfoProto, outputs: onnx.ValueInfoProto) -> bytes:
        graph = helper.make_graph(self.nodes, "bert", [inputs], [outputs], self._constants)
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid(_MICROSOFT, 1)]
        model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
        return model


def _smoothing_factors(peaks: Array, weight: Array) -> Array:
    """Factors for the input channels, with a geometric mean of 1."""
    rows = np.maximum(np.abs(weight).max(axis=1), 1e-5)
    factor = np.maximum(peaks, 1e-5) ** _SMOOTHING / rows ** (1 - _SMOOTHING)
    return np.asarray(factor / np.exp(np.log(factor).mean()), np.float32)


def _quantise_weights(weight: Array, largest: int) -> tuple[Array, Array]:
    """Symmetric weights of at most `largest`, and one float32 scale per output channel."""
    scale = np.maximum(np.abs(weight).max(axis=0) / largest, 1e-12).astype(np.float32)
    return np.clip(np.rint(weight / scale), -largest, largest).astype(np.int8), scale
