"""Images reach an image model as its authors publish it, and texts match images in every pair."""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from diptych.encoders import clip
from diptych.encoders.encoder import Encoder
from diptych.encoders.fastembed import load_image
from diptych.encoders.local import choose_device
from diptych.encoders.registry import load_encoder
from diptych.errors import ModelError
from diptych.settings import Settings
from tests.support import onnx_models
from tests.support.onnx_models import COLOURS, FIELDS, MEAN, STD

Pixels = NDArray[np.float64]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with every pair."""
    made = tmp_path_factory.mktemp("models")
    for pair in clip.PAIRS:
        onnx_models.write_pair(made, pair)
    return made


@pytest.fixture(scope="module")
def settings(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(models=folder, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def pair(settings: Settings) -> Encoder:
    return load_encoder("clip", settings)


def fields(encoder: Encoder, picture: Path) -> NDArray[np.float32]:
    """Means of the preprocessed pixels, shape (3, 4, 4)."""
    vector = encoder.encode_images([picture])[0]
    means: NDArray[np.float32] = vector[1 : 1 + 3 * FIELDS**2] / vector[0]
    return means.reshape(3, FIELDS, FIELDS)


def colour(encoder: Encoder, picture: Path) -> list[int]:
    """The mean colour that reaches the image model, as RGB."""
    means = fields(encoder, picture).mean(axis=(1, 2))
    return [int(value) for value in ((means * STD + MEAN) * 255).round()]


def plain(name: str, size: tuple[int, int], file: Path) -> Path:
    Image.new("RGB", size, COLOURS[name]).save(file)
    return file


@pytest.mark.parametrize("name", clip.PAIRS)
def test_texts_match_their_images_in_every_pair(settings: Settings, tmp_path: Path, name: str) -> None:
    encoder = load_encoder(f"clip:{name}", settings)
    pictures = [plain(name, (300, 200), tmp_path / f"{name}.png") for name in COLOURS]
    words = encoder.encode_texts(list(COLOURS), query=True)
    seen = encoder.encode_images(pictures)
    assert words.shape == seen.shape == (len(COLOURS), encoder.size)
    assert {str(words.dtype), str(seen.dtype)} == {"float32"}
    assert np.linalg.norm(words, axis=1) == pytest.approx(1, abs=1e-6)
    assert np.linalg.norm(seen, axis=1) == pytest.approx(1, abs=1e-6)
    assert list((words @ seen.T).argmax(axis=1)) == list(range(len(COLOURS)))


@pytest.mark.parametrize(
    ("name", "repository", "kind", "size"),
    [
        ("ViT-L-14", "Xenova/clip-vit-large-patch14", "clip", 768),
        ("acme/clip-huge-onnx", "acme/clip-huge-onnx", "clip", 1024),
        ("acme/siglip2-large-onnx", "acme/siglip2-large-onnx", "siglip2", 1024),
    ],
)
def test_exports_of_any_size_match_texts_and_images(
    tmp_path: Path, name: str, repository: str, kind: str, size: int
) -> None:
    onnx_models.write_export(tmp_path / "models", repository, kind, size)
    encoder = load_encoder(f"clip:{name}", Settings(models=tmp_path / "models", cache=tmp_path / "cache"))
    assert (encoder.size, encoder.name, encoder.reads_images) == (size, f"clip:{name}", True)
    pictures = [plain(colour, (300, 200), tmp_path / f"{colour}.png") for colour in COLOURS]
    words = encoder.encode_texts([colour.title() for colour in COLOURS], query=True)
    assert list((words @ encoder.encode_images(pictures).T).argmax(axis=1)) == list(range(len(COLOURS)))
    assert encoder.fingerprint.startswith(f"{repository}-")


def test_exports_of_other_models_are_refused(tmp_path: Path) -> None:
    onnx_models.write_export(tmp_path, "acme/other")
    (tmp_path / "acme/other/config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelError, match="acme/other is a model of type bert; use one of: clip, siglip"):
        load_encoder("clip:acme/other", Settings(models=tmp_path))


def test_a_gpu_is_used_only_where_there_is_one(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    providers = ["CPUExecutionProvider"]
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: providers)
    assert [choose_device("auto"), choose_device("cpu")] == ["cpu", "cpu"]
    missing = load_encoder("clip", Settings(models=folder, cache=tmp_path, device="cuda"))
    with pytest.raises(ModelError, match="`device` is cuda, but this ONNX Runtime cannot use a GPU"):
        missing.encode_texts(["red"])
    providers.append("CUDAExecutionProvider")
    assert [choose_device("auto"), choose_device("cuda"), choose_device("cpu")] == ["cuda", "cuda", "cpu"]


def test_image_of_the_right_height_is_cropped_without_scaling(pair: Encoder, tmp_path: Path) -> None:
    drawn = np.zeros((224, 448, 3), np.uint8)
    drawn[:, :112] = 255  # cut away
    drawn[:, 112:168, 0] = 255
    drawn[:56, 224:336, 2] = 255
    Image.fromarray(drawn).save(tmp_path / "drawn.png")
    expected = np.zeros((3, FIELDS, FIELDS))
    expected[0, :, 0] = 1
    expected[2, 0, 2:] = 1
    wanted = (expected - np.array(MEAN)[:, None, None]) / np.array(STD)[:, None, None]
    assert fields(pair, tmp_path / "drawn.png") == pytest.approx(wanted, abs=1e-4)


def clip_pixels(image: Image.Image, cut: Callable[[float], int] = int) -> Pixels:
    """The shorter side scaled to 224 with bicubic interpolation, then the middle square."""
    scale = 224 / min(image.size)
    width, height = (int(side * scale + 1e-6) for side in image.size)
    resized = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), np.float64)
    top, left = cut((height - 224) / 2), cut((width - 224) / 2)
    return (resized[top : top + 224, left : left + 224] / 255 - MEAN) / STD


def jina_pixels(image: Image.Image) -> Pixels:
    """Like CLIP, but if the middle lies between two pixels, the reference rounds to even."""
    return clip_pixels(image, round)


def siglip_pixels(image: Image.Image) -> Pixels:
    """The whole image, squashed with bilinear interpolation."""
    return np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR), np.float64) / 127.5 - 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [("vit-b-32", clip_pixels), ("jina-clip-v1", jina_pixels), ("siglip2-base-patch16-224", siglip_pixels)],
)
@pytest.mark.parametrize("size", [(400, 300), (301, 403), (100, 60), (224, 224)])
def test_preprocessing_agrees_with_the_published_one(
    settings: Settings, tmp_path: Path, name: str, expected: Callable[[Image.Image], Pixels], size: tuple[int, int]
) -> None:
    noise = np.random.default_rng(7).integers(0, 256, (size[1] // 20 + 1, size[0] // 20 + 1, 3), np.uint8)
    image = Image.fromarray(noise).resize(size)
    image.save(tmp_path / "noise.png")
    by_field = expected(image).reshape(FIELDS, 224 // FIELDS, FIELDS, 224 // FIELDS, 3).mean(axis=(1, 3))
    encoder = load_encoder(f"clip:{name}", settings)
    assert fields(encoder, tmp_path / "noise.png") == pytest.approx(by_field.transpose(2, 0, 1), abs=1e-4)


def deep(image: Image.Image, file: Path) -> None:
    Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257).save(file)


def turned(image: Image.Image, file: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    drawn = Image.new("RGB", (224, 448))
    drawn.paste(image.resize((224, 112)), (0, 168))  # in the middle in either orientation
    drawn.save(file, exif=exif, quality=95)


@pytest.mark.parametrize(
    ("suffix", "write", "expected"),
    [
        ("png", lambda image, file: image.save(file), [200, 40, 60]),
        ("jpg", lambda image, file: image.save(file, quality=95), [200, 40, 60]),
        ("webp", lambda image, file: image.save(file, lossless=True), [200, 40, 60]),
        ("jpeg", lambda image, file: image.convert("CMYK").save(file, quality=95), [200, 40, 60]),
        ("png", lambda image, file: image.convert("P").save(file), [200, 40, 60]),
        ("png", lambda image, file: image.convert("L").save(file), [90, 90, 90]),
        ("png", deep, [90, 90, 90]),
        ("png", lambda image, file: image.convert("1").save(file), [90, 90, 90]),
        ("png", lambda image, file: Image.new("RGBA", (60, 60), (200, 40, 60, 0)).save(file), [255, 255, 255]),
        ("png", lambda image, file: Image.new("RGBA", (60, 60), (200, 40, 60, 51)).save(file), [244, 212, 216]),
        ("png", lambda image, file: Image.new("LA", (60, 60), (0, 0)).save(file), [255, 255, 255]),
        ("jpg", turned, [100, 20, 30]),
    ],
)
def test_every_image_mode_is_converted_to_rgb_on_white(
    pair: Encoder,
    tmp_path: Path,
    suffix: str,
    write: Callable[[Image.Image, Path], None],
    expected: list[int],
) -> None:
    file = tmp_path / f"picture.{suffix}"
    write(Image.new("RGB", (300, 300), (200, 40, 60)), file)
    assert colour(pair, file) == pytest.approx(expected, abs=4)


def test_unreadable_image_gets_zeros_and_spares_the_others(pair: Encoder, tmp_path: Path) -> None:
    red = plain("red", (60, 60), tmp_path / "red.png")
    (tmp_path / "cut.png").write_bytes(red.read_bytes()[:60])
    (tmp_path / "empty.png").touch()
    header = struct.pack(">4sIIBBBBB", b"IHDR", 100_000, 100_000, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    (tmp_path / "bomb.png").write_bytes(start + b"\0\0\1\0IDAT")
    broken = [tmp_path / name for name in ("cut.png", "empty.png", "bomb.png", "missing.png")]
    vectors = pair.encode_images([red, *broken, red])
    assert np.array_equal(vectors[0], pair.encode_images([red])[0])
    assert np.array_equal(vectors[0], vectors[-1])
    assert not vectors[1:-1].any()


def test_very_long_image_is_cropped_to_its_middle(pair: Encoder, tmp_path: Path) -> None:
    drawn = Image.new("RGB", (60_000, 3), COLOURS["blue"])
    drawn.paste(COLOURS["red"], (29_000, 0, 31_000, 3))
    drawn.save(tmp_path / "rule.png")
    assert load_image(tmp_path / "rule.png").size == (48, 3)
    assert colour(pair, tmp_path / "rule.png") == pytest.approx([255, 0, 0], abs=1)


def test_no_items_give_no_rows(pair: Encoder) -> None:
    assert pair.encode_texts([]).shape == pair.encode_images([]).shape == (0, 512)


def test_weights_of_another_model_are_an_error(folder: Path, tmp_path: Path) -> None:
    onnx_models.write_pair(tmp_path)
    other = folder / "jinaai" / "jina-clip-v1" / "onnx" / "vision_model.onnx"
    (tmp_path / "Qdrant" / "clip-ViT-B-32-vision" / "model.onnx").write_bytes(other.read_bytes())
    red = plain("red", (60, 60), tmp_path / "red.png")
    with pytest.raises(ModelError, match="does not return vectors of 512 finite numbers"):
        load_encoder("clip", Settings(models=tmp_path, cache=tmp_path / "cache")).encode_images([red])


@pytest.fixture
def published() -> Path:
    """A folder with the published outputs; the weights must be present as well."""
    folder, weights = os.environ.get("DIPTYCH_TEST_CLIP"), os.environ.get("DIPTYCH_TEST_MODELS")
    if not folder or not weights:
        pytest.skip("DIPTYCH_TEST_CLIP names no folder with expected.json, or DIPTYCH_TEST_MODELS no model folder")
    if not (Path(weights) / "Qdrant" / "clip-ViT-B-32-vision").is_dir():
        pytest.skip(f"{weights} holds no Qdrant/clip-ViT-B-32-vision")
    return Path(folder)


@pytest.mark.model
def test_real_clip_returns_the_published_numbers(published: Path, tmp_path: Path) -> None:
    expected = json.loads((published / "expected.json").read_text(encoding="utf-8"))
    encoder = load_encoder("clip", Settings(models=Path(os.environ["DIPTYCH_TEST_MODELS"]), cache=tmp_path))
    of_image, of_text = expected["Qdrant/clip-ViT-B-32-vision"], expected["Qdrant/clip-ViT-B-32-text"]
    image, text = encoder.encode_images([published / of_image["image"]])[0], encoder.encode_texts([of_text["text"]])[0]
    assert image[:5] == pytest.approx(np.array(of_image["first_values"]), abs=1e-3)
    assert aligned(text, of_text["first_values"]) > 0.999


def aligned(vector: NDArray[np.float32], first: list[float]) -> float:
    """Cosine of the first numbers; the published vector may have any length."""
    start = vector[: len(first)]
    return float(start @ np.array(first) / np.linalg.norm(start) / np.linalg.norm(first))


@pytest.mark.model
def test_real_clip_separates_a_diagram_from_a_dog(published: Path, tmp_path: Path) -> None:
    softmax = json.loads((published / "expected.json").read_text(encoding="utf-8"))["softmax"]
    encoder = load_encoder("clip", Settings(models=Path(os.environ["DIPTYCH_TEST_MODELS"]), cache=tmp_path))
    logits = 100 * encoder.encode_texts(softmax["texts"]) @ encoder.encode_images([published / softmax["image"]])[0]
    chances = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    assert chances == pytest.approx(np.array(softmax["probabilities"]), abs=0.01)
