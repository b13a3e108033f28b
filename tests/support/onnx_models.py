"""Tiny ONNX models in the shape of real ones, for fastembed's own loading code. A person can check their vectors.

A vector of a text is the sum of its words' rows, [CLS] adding 1 to the first number, a word that is not in the list
0.1 to the last, and padding that the model sees 0.01 to the last but one. A vector of a picture is 1, then the means of
4 x 4 fields of the preprocessed pixels, red first, row by row. A colour's row is what a picture of it gives, so that
words find pictures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diptych.encoders import clip
from diptych.encoders.fastembed import (
    IMAGE_GRAPH,
    POOLING_FILE,
    PROMPTS_FILE,
    TEXT_GRAPH,
    WHOLE_GRAPH,
    Model,
    find_export,
    find_model,
)
from diptych.settings import Settings

FIELDS = 4
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of CLIP's pictures."""
COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "white": (255, 255, 255),
    "black": (0, 0, 0),
}
_CLIP = {
    "image_processor_type": "CLIPImageProcessor",
    "do_resize": True,
    "size": {"shortest_edge": 224},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 224, "width": 224},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": MEAN,
    "image_std": STD,
}
_SIGLIP = {
    "image_processor_type": "SiglipImageProcessor",
    "do_resize": True,
    "size": {"height": 224, "width": 224},
    "resample": 2,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}
_JINA = {
    "image_processor_type": "JinaCLIPImageProcessor",
    "size": 224,
    "resize_mode": "shortest",
    "interpolation": "bicubic",
    "fill_color": 0,
    "mean": MEAN,
    "std": STD,
}


def write_pair(models: Path, name: str = "") -> None:
    """Both models of `clip:NAME`, which know the colours."""
    texts, pictures = clip.PAIRS[name or clip.DEFAULT]
    write_texts(models, texts, _colour_words("siglip" in name), limit=64 if "siglip" in name else 77)
    write_pictures(models, pictures)


def write_export(models: Path, repository: str, kind: str = "clip", size: int = 512) -> None:
    """A pair in the layout of Hugging Face's exporters; `kind`: `model_type` in its config.json."""
    folder, siglip = models / repository, kind.startswith("siglip")
    folder.mkdir(parents=True)
    config = {"text_config": {"hidden_size": size}} if siglip else {"projection_dim": size}
    (folder / "config.json").write_text(json.dumps({"model_type": kind} | config))
    for name in (TEXT_GRAPH, IMAGE_GRAPH, "tokenizer.json", "tokenizer_config.json", "preprocessor_config.json"):
        _save(b"", folder / name)
    texts, pictures = find_export(repository, Settings(models=models))
    words = _colour_words(siglip)
    vocabulary = {word: at for at, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    _save(_text_graph(_rows(words, size), texts), folder / TEXT_GRAPH)
    _write_tokenizer(folder, vocabulary, 64 if siglip else 77, lower=not siglip)
    _save(_picture_graph(pictures), folder / IMAGE_GRAPH)
    (folder / "preprocessor_config.json").write_text(json.dumps(_SIGLIP if siglip else _CLIP))
    (folder / "config.json").write_text(json.dumps({"model_type": kind, "pad_token_id": 0} | config))


def write_text_export(
    models: Path,
    repository: str,
    words: Mapping[str, Sequence[float]],
    pooling: str,
    size: int = 8,
    limit: int = 512,
    prompts: Mapping[str, str] | None = None,
) -> None:
    """A model in the layout of sentence-transformers whose graph returns the row of each token."""
    from onnx import TensorProto, helper, numpy_helper

    folder = models / repository
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["texts", "length"])
    hidden = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["texts", "length", size])
    node = helper.make_node("Gather", ["rows", "input_ids"], ["last_hidden_state"])
    rows = numpy_helper.from_array(_rows(words, size), "rows")
    _save(_model([node], [ids], [hidden], [rows]), folder / WHOLE_GRAPH)
    vocabulary = {word: at for at, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    _write_tokenizer(folder, vocabulary, limit, lower=True)
    config = {"word_embedding_dimension": size, f"pooling_mode_{pooling}": True}
    _save(json.dumps(config).encode(), folder / POOLING_FILE)
    _save(json.dumps({"prompts": prompts or {}}).encode(), folder / PROMPTS_FILE)


def write_cross_encoder(models: Path, repository: str, words: Mapping[str, float]) -> None:
    """A cross-encoder whose score is the sum of the numbers of all words of the query and the text."""
    from onnx import TensorProto, helper, numpy_helper

    folder = models / repository
    rows = np.array([[0.0]] * 4 + [[number] for number in words.values()], np.float32)
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["pairs", "length"])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["pairs", 1])
    nodes = [
        helper.make_node("Gather", ["rows", "input_ids"], ["numbers"]),
        helper.make_node("ReduceSum", ["numbers", "tokens"], ["logits"], keepdims=0),
    ]
    constants = [numpy_helper.from_array(rows, "rows"), numpy_helper.from_array(np.array([1]), "tokens")]
    _save(_model(nodes, [ids], [logits], constants), folder / WHOLE_GRAPH)
    _write_tokenizer(
        folder, {word: at for at, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}, 512, lower=True
    )


def write_page_encoder(models: Path, repository: str) -> None:
    """A page encoder, ColPali or ColModernVBERT, that knows the colours: every vector of a page is its mean colour, the
    vectors of a query are those of its words."""
    from onnx import TensorProto, helper, numpy_helper

    folder, tiled, size = models / repository, "modern" in repository, 128
    words = {word: [0.0, *(2 * np.array(rgb) / 255 - 1)] for word, rgb in COLOURS.items()}
    rows = np.concatenate([_rows(words, size), np.zeros((1, size), np.float32)])
    rows[:4] = 0
    spread = np.zeros((3, size), np.float32)
    spread[range(3), range(1, 4)] = 1
    constants = {
        "rows": rows,
        "last": np.array(len(rows) - 1),
        "spread": spread,
        "fields": np.array([1, 3, 4] if tiled else [2, 3]),
        "tokens": np.array([1]),
    }
    nodes = [
        helper.make_node("Min", ["input_ids", "last"], ["known"]),
        helper.make_node("Gather", ["rows", "known"], ["words"]),
        helper.make_node("ReduceMean", ["pixel_values", "fields"], ["means"], keepdims=0),
        helper.make_node("MatMul", ["means", "spread"], ["placed"]),
        helper.make_node("Unsqueeze", ["placed", "tokens"], ["colour"]),
        helper.make_node("Add", ["words", "colour"], ["vectors"]),
    ]
    side = ["tiles", 3, 512, 512] if tiled else [3, 448, 448]
    inputs = [
        helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["texts", "length"]),
        helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["texts", "length"]),
        helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["pages", *side]),
    ]
    outputs = [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["items", "length", size])]
    stored = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, stored)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    for name in ("model.onnx_data", "processor_config.json"):
        _save(json.dumps({"image_seq_len": 4}).encode(), folder / name)
    _save(made.SerializeToString(), folder / ("model_v2.onnx" if tiled else "model.onnx"))
    vocabulary = {word: at for at, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    _write_tokenizer(folder, vocabulary, 5000, lower=True)
    _mark_special(folder / "tokenizer.json", ["<pad>", "<s>", "<end_of_utterance>"])
    (folder / "config.json").write_text(json.dumps({"pad_token_id": 0, "vision_config": {"image_size": 512}}))
    square = _SIGLIP | {"size": {"height": 448, "width": 448}}
    split = _SIGLIP | {
        "image_processor_type": "Idefics3ImageProcessor",
        "size": {"longest_edge": 1024},
        "max_image_size": {"longest_edge": 512},
        "do_image_splitting": True,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(split if tiled else square))


def _mark_special(file: Path, tokens: list[str]) -> None:
    """Cut these tokens off the words beside them."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.add_special_tokens(tokens)
    tokenizer.save(str(file))


def _colour_words(siglip: bool) -> dict[str, list[float]]:
    mean, std = ((0.5,) * 3, (0.5,) * 3) if siglip else (MEAN, STD)
    return {word: [0.0, *np.repeat((np.array(rgb) / 255 - mean) / std, FIELDS**2)] for word, rgb in COLOURS.items()}


def _rows(words: Mapping[str, Sequence[float]], size: int) -> NDArray[np.float32]:
    """A row for each token: padding, unknown, [CLS], [SEP], and the words."""
    rows = np.zeros((4 + len(words), size), np.float32)
    rows[0, -2], rows[1, -1], rows[2, 0] = 0.01, 0.1, 1
    for row, word in zip(rows[4:], words, strict=True):
        row[: len(words[word])] = words[word]
    return rows


def write_texts(models: Path, name: str, words: Mapping[str, Sequence[float]], *, limit: int = 512) -> None:
    """A model of texts that fastembed lists; `words`: row of each word, the rest of it zeros."""
    model = find_model(name, Settings(models=models))
    folder = models / model.files.repository
    rows = _rows(words, model.size)
    vocabulary = {word: at for at, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    for file in model.files.names:
        _save(b"" if file != model.files.names[0] else _text_graph(rows, model), folder / file)
    _write_tokenizer(folder, vocabulary, limit, lower="siglip" not in name)


def write_static(models: Path, name: str, words: Mapping[str, Sequence[float]]) -> None:
    """A model that is a table of words and nothing else; texts become the mean of their words' rows."""
    from safetensors.numpy import save_file

    model = find_model(name, Settings(models=models))
    folder = models / model.files.repository
    rows = np.zeros((4 + len(words), model.size), np.float32)
    for row, word in zip(rows[4:], words, strict=True):
        row[: len(words[word])] = words[word]
    folder.mkdir(parents=True)
    save_file({"embeddings": rows}, folder / model.files.names[0])
    vocabulary = {word: at for at, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    _write_tokenizer(folder, vocabulary, 512, lower=True)


def write_pictures(models: Path, name: str) -> None:
    """A model of pictures that fastembed lists."""
    model = find_model(name, Settings(models=models), reads_images=True)
    folder = models / model.files.repository
    _save(_picture_graph(model), folder / model.files.names[0])
    config = _JINA if "jina" in name else _SIGLIP if "siglip" in name else _CLIP
    (folder / "preprocessor_config.json").write_text(json.dumps(config))


def _write_tokenizer(folder: Path, vocabulary: Mapping[str, int], limit: int, *, lower: bool) -> None:
    from tokenizers import Tokenizer, normalizers
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from tokenizers.processors import TemplateProcessing

    tokenizer = Tokenizer(WordLevel(dict(vocabulary), unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    if lower:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"model_max_length": limit, "pad_token": "[PAD]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "config.json").write_text(json.dumps({"pad_token_id": vocabulary["[PAD]"]}))


def _text_graph(rows: NDArray[np.float32], model: Model) -> bytes:
    """ids (texts, tokens) -> the sum of their rows; where fastembed does the pooling, at every token."""
    from onnx import TensorProto, helper

    def tensor(name: str, *shape: str | int, kind: int = TensorProto.FLOAT) -> object:
        return helper.make_tensor_value_info(name, kind, shape)

    inputs = [tensor("input_ids", "texts", "length", kind=TensorProto.INT64)]
    nodes = [helper.make_node("Gather", ["rows", "input_ids"], ["words"])]
    if model.runner == "SiglipOnnxTextEmbedding":  # it sees its padding
        nodes.append(helper.make_node("Identity", ["words"], ["shown"]))
    else:
        inputs.append(tensor("attention_mask", "texts", "length", kind=TensorProto.INT64))
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
            helper.make_node("Mul", ["words", "column"], ["shown"]),
        ]
    nodes += [
        helper.make_node("ReduceSum", ["shown", "tokens"], ["pooler_output"], keepdims=0),
        helper.make_node("Unsqueeze", ["pooler_output", "tokens"], ["sums"]),
        helper.make_node("Mul", ["shown", "zero"], ["blank"]),
        helper.make_node("Add", ["blank", "sums"], ["last_hidden_state"]),
    ]
    outputs = [tensor("last_hidden_state", "texts", "length", model.size), tensor("pooler_output", "texts", model.size)]
    if model.runner == "CLIPOnnxEmbedding":
        outputs = outputs[1:]
    elif model.runner not in ("SiglipOnnxTextEmbedding", "BuiltinSentenceEmbedding"):
        outputs = outputs[:1]
    if model.runner == "JinaEmbeddingV3":  # whose adapter for passages, 1,
        inputs.append(tensor("task_id", kind=TensorProto.INT64))
        nodes[-1] = helper.make_node("Add", ["blank", "sums"], ["plain"])
        nodes += [
            helper.make_node("Cast", ["task_id"], ["task"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["task", "third"], ["adapter"]),
            helper.make_node("Add", ["plain", "adapter"], ["last_hidden_state"]),
        ]
    return _model(nodes, inputs, _renamed(nodes, outputs, model), _constants(rows, nodes))


def _renamed(nodes: list[Any], outputs: list[Any], model: Model) -> list[Any]:
    """The outputs, and under the name that an exported model gives it, the last of them."""
    from onnx import TensorProto, helper

    if model.output in ("", outputs[-1].name):
        return outputs
    nodes.append(helper.make_node("Identity", [outputs[-1].name], [model.output]))
    nodes.append(helper.make_node("Neg", [outputs[-1].name], ["first"]))  # must not be taken for the vector
    names = "first", model.output
    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["items", model.size]) for name in names]


def _constants(rows: NDArray[np.float32], nodes: list[Any]) -> list[object]:
    """What the nodes of a graph of texts read besides its inputs; `third` is the third number from the end."""
    from onnx import numpy_helper

    size = rows.shape[1]
    third = np.eye(1, size, size - 3, dtype=np.float32)[0]
    zero = np.array(0, np.float32)
    constants = {"rows": rows, "tokens": np.array([1]), "last": np.array([2]), "zero": zero, "third": third}
    used = {name for node in nodes for name in node.input} & constants.keys()
    return [numpy_helper.from_array(constants[name], name) for name in sorted(used)]


def _picture_graph(model: Model) -> bytes:
    """pixel_values (pictures, 3, 224, 224) -> 1 and the means of the fields, which nomic's has as the first of two
    tokens, and siglip's as the second output."""
    from onnx import TensorProto, helper, numpy_helper

    size, cells = model.size, 3 * FIELDS**2
    spread = np.zeros((cells, size), np.float32)
    spread[range(cells), range(1, cells + 1)] = 1
    one = np.zeros(size, np.float32)
    one[0] = 1
    field = 224 // FIELDS
    nodes = [
        helper.make_node("AveragePool", ["pixel_values"], ["fields"], kernel_shape=[field] * 2, strides=[field] * 2),
        helper.make_node("Flatten", ["fields"], ["means"]),
        helper.make_node("MatMul", ["means", "spread"], ["placed"]),
        helper.make_node("Add", ["placed", "one"], ["pooler_output"]),
    ]
    constants = [numpy_helper.from_array(spread, "spread"), numpy_helper.from_array(one, "one")]
    inputs = [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["pictures", 3, 224, 224])]
    pooled = helper.make_tensor_value_info("pooler_output", TensorProto.FLOAT, ["pictures", size])
    if model.runner == "OnnxImageEmbedding":
        return _model(nodes, inputs, _renamed(nodes, [pooled], model), constants)
    constants.append(numpy_helper.from_array(np.array([1]), "tokens"))
    nodes += [
        helper.make_node("Unsqueeze", ["pooler_output", "tokens"], ["first"]),
        helper.make_node("Neg", ["first"], ["second"]),
        helper.make_node("Concat", ["first", "second"], ["last_hidden_state"], axis=1),
    ]
    hidden = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["pictures", 2, size])
    siglip = model.runner == "SiglipOnnxImageEmbedding"
    return _model(nodes, inputs, [hidden, pooled] if siglip else [hidden], constants)


def _model(nodes: list[object], inputs: list[object], outputs: list[object], constants: list[object]) -> bytes:
    from onnx import helper

    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    content: bytes = made.SerializeToString()
    return content


def _save(content: bytes, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
