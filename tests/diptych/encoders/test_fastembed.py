"""Text models run through fastembed's own loading code, with the prompts they expect."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from diptych.encoders.encoder import Encoder
from diptych.encoders.registry import load_encoder
from diptych.errors import ModelError
from diptych.settings import Settings
from tests.support import onnx_models


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with the model files of the default pair and of SigLIP."""
    made = tmp_path_factory.mktemp("models")
    for pair in ("", "siglip2-base-patch16-224"):
        onnx_models.write_pair(made, pair)
    return Settings(models=made, cache=made / "cache")


@pytest.fixture(scope="module")
def pair(settings: Settings) -> Encoder:
    return load_encoder("clip", settings)


def test_vectors_do_not_depend_on_other_texts_or_threads(pair: Encoder) -> None:
    texts = ["red", "a red and blue thing on a hill", "", "green " * 300, "half \ud83d", "\0"]
    alone = np.concatenate([pair.encode_texts([text]) for text in texts])
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(alone, many) for many in pool.map(lambda _: pair.encode_texts(texts), range(8)))
    assert np.linalg.norm(alone, axis=1) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("name", "limit"), [("clip", 77), ("clip:siglip2-base-patch16-224", 64)])
def test_long_text_is_cut_at_the_limit(settings: Settings, name: str, limit: int) -> None:
    encoder = load_encoder(name, settings)
    kept = "tree " * (limit - 2)  # plus a start and an end token
    a, b, c = encoder.encode_texts([kept, kept + "red", kept[5:] + "red"])
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_siglip_reads_lower_case_padded_to_64_tokens(settings: Settings) -> None:
    encoder = load_encoder("clip:google/siglip2-base-patch16-224", settings)
    small, large = encoder.encode_texts(["red tree", "RED Tree"])
    assert np.array_equal(small, large)
    assert small[-2] / small[0] == pytest.approx(0.01 * (64 - 4))


@pytest.mark.parametrize(
    ("name", "question", "passage"),
    [
        ("nomic-ai/nomic-embed-text-v1.5", "search_query:", "search_document:"),
        ("intfloat/multilingual-e5-large", "query:", "passage:"),
        ("BAAI/bge-small-en-v1.5", "represent this sentence for searching relevant passages:", ""),
        ("BAAI/bge-small-zh-v1.5", "为这个句子生成表示以用于检索相关文章：", ""),
        ("google/embeddinggemma-300m", "task: search result | query:", "title: none | text:"),
        (
            "jinaai/jina-embeddings-v3",
            "represent the query for retrieving evidence documents:",
            "represent the document for retrieval:",
        ),
        ("sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2", "", ""),
    ],
)
def test_query_and_passage_prompts_are_prepended(tmp_path: Path, name: str, question: str, passage: str) -> None:
    before = "" if "zh" in name else " "  # Chinese has no spaces
    wanted = [f"{prompt}{before if prompt else ''}red" for prompt in (question, passage)]
    words = sorted({word for text in wanted for word in text.split()})
    onnx_models.write_texts(tmp_path, name, {word: np.eye(1, 40, at)[0] for at, word in enumerate(words, start=1)})
    encoder = load_encoder(f"fastembed:{name}", Settings(models=tmp_path, cache=tmp_path / "cache"))
    for text, query in zip(wanted, (True, False), strict=True):
        vector = encoder.encode_texts(["red"], query=query)[0]
        read = {word: round(float(vector[at] / vector[0])) for at, word in enumerate(words, start=1)}
        assert read == {word: text.split().count(word) for word in words}
        assert vector[-1] == pytest.approx(0), "every word is in the vocabulary"


@pytest.mark.parametrize(
    ("pooling", "wanted"),
    [("cls_token", [1, 0, 0]), ("mean_tokens", [1, 2, 3]), ("lasttoken", [0, 0, 0])],  # of [CLS] ask: red [SEP]
)
def test_model_that_fastembed_does_not_list_is_pooled_as_its_repository_says(
    tmp_path: Path, pooling: str, wanted: list[float]
) -> None:
    words = {"ask:": [0, 2, 0], "red": [0, 0, 3]}
    prompts = {"query": "ask: ", "document": "of: "}
    onnx_models.write_text_export(tmp_path, "someone/tiny", words, pooling, limit=40, prompts=prompts)
    encoder = load_encoder("fastembed:someone/tiny", Settings(models=tmp_path, cache=tmp_path / "cache"))
    vector = encoder.encode_texts(["red"], query=True)[0]
    length = np.linalg.norm(wanted) or 1
    assert vector[:3] == pytest.approx(np.array(wanted) / length, abs=1e-6)
    assert encoder.size == 8
    assert encoder.max_tokens == 40 - 1, "less the prompt of passages"
    assert encoder.fingerprint.startswith("someone/tiny-")


def test_unknown_pooling_is_an_error(tmp_path: Path) -> None:
    onnx_models.write_text_export(tmp_path, "someone/tiny", {}, "max_tokens")
    with pytest.raises(ModelError, match="someone/tiny pools in a way that is not one of: mean_tokens"):
        load_encoder("fastembed:someone/tiny", Settings(models=tmp_path, cache=tmp_path / "cache"))


@pytest.mark.parametrize(("name", "limit"), [("clip", 77), ("clip:siglip2-base-patch16-224", 64), ("minilm", 256)])
def test_passages_are_no_longer_than_the_model_reads(settings: Settings, name: str, limit: int) -> None:
    encoder = load_encoder(name, settings)
    chosen = settings.model_copy(update={"max_tokens": 300})
    assert chosen.options(encoder.tokenizer, encoder.max_tokens).max_tokens == limit


@pytest.mark.filterwarnings("ignore:The model 'jinaai/jina-embeddings-v2-base-de' used to run:UserWarning")
def test_every_listed_text_model_is_loaded_and_pooled(tmp_path: Path) -> None:
    from fastembed import TextEmbedding

    for one in TextEmbedding._list_supported_models():
        if one.model_file.endswith(".onnx") and not one.model.startswith("Qdrant/constella"):
            onnx_models.write_texts(tmp_path / one.model, one.model, {"red": [0, 3, 4]})
            chosen = Settings(models=tmp_path / one.model, cache=tmp_path / "cache")
            encoder = load_encoder(f"fastembed:{one.model}", chosen)
            first, second = encoder.encode_texts(["red", "red red"])
            assert first.shape == (encoder.size,) == (one.dim,)
            assert first[1:3] / first[0] == pytest.approx([3, 4], rel=1e-4)
            assert second[1:3] / second[0] == pytest.approx([6, 8], rel=1e-4)


def test_adapter_for_queries_or_passages_is_selected(tmp_path: Path) -> None:
    onnx_models.write_texts(tmp_path, "jinaai/jina-embeddings-v3", {})
    encoder = load_encoder("fastembed:jinaai/jina-embeddings-v3", Settings(models=tmp_path, cache=tmp_path / "cache"))
    question, passage = encoder.encode_texts(["red"], query=True)[0], encoder.encode_texts(["red"])[0]
    assert question[-3] / question[0] == pytest.approx(0)
    assert passage[-3] / passage[0] == pytest.approx(1)


def test_model_for_queries_only_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="encodes only queries"):
        load_encoder("fastembed:Qdrant/constella-zero", Settings(models=tmp_path))


def test_static_model_averages_word_vectors(tmp_path: Path) -> None:
    onnx_models.write_static(tmp_path, "minishlab/potion-base-8M", {"red": [1, 0], "blue": [0, 1]})
    encoder = load_encoder("fastembed:minishlab/potion-base-8M", Settings(models=tmp_path, cache=tmp_path / "cache"))
    vectors = encoder.encode_texts(["red", "blue", "red blue", "unknown"])
    assert vectors[:3, :2] == pytest.approx(np.array([[1, 0], [0, 1], [0.5**0.5, 0.5**0.5]]))
    assert not vectors[3].any(), "no word is known"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clip:ViT-G", "vit-b-32, jina-clip-v1"),
        ("fastembed:bert", "BAAI/bge"),
        ("fastembed", "BAAI"),
        ("fastembed:some/bert", "some/bert is neither in"),
    ],
)
def test_unknown_model_is_an_error_that_lists_the_known_ones(settings: Settings, name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_encoder(name, settings)


def test_text_model_reads_no_images(settings: Settings) -> None:
    encoder = load_encoder("fastembed:Qdrant/clip-ViT-B-32-text", settings)
    assert not encoder.reads_images
    with pytest.raises(ModelError, match="reads no images"):
        encoder.encode_images([])


def test_importing_the_registry_imports_no_heavy_library() -> None:
    code = (
        "import sys; import diptych.encoders.registry\n"
        "print({'fastembed', 'onnxruntime', 'huggingface_hub', 'PIL'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_model_files_are_not_needed_before_the_first_use(tmp_path: Path) -> None:
    encoder = load_encoder("clip", Settings(models=tmp_path))
    assert (encoder.size, encoder.reads_images, encoder.tokenizer) == (512, True, None)
