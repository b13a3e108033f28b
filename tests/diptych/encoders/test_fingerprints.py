"""Fingerprints and ledger keys are stored: changing one makes users encode, and pay for, everything again."""

from __future__ import annotations

from pathlib import Path

import pytest

from diptych.encoders.clip import DEFAULT, PAIRS
from diptych.encoders.fastembed import find_model
from diptych.encoders.ledger_encoder import vector_key
from diptych.encoders.registry import load_encoder
from diptych.endpoints import OpenAI, Unified
from diptych.settings import Settings


@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [
        ("minilm:int8", "minilm-int8-1-53aa51172d14-256"),
        ("minilm:int7", "minilm-int7-1-53aa51172d14-256"),
        ("minilm:fp32", "minilm-fp32-1-53aa51172d14-256"),
        ("openai:text-embedding-3-small", "openai:text-embedding-3-small-256"),
        ("unified:seer", "unified:seer-8"),
    ],
)
def test_fingerprints_without_files(tmp_path: Path, name: str, fingerprint: str) -> None:
    unified = Unified(base_url="http://localhost:1/v1", dimensions=8)
    settings = Settings(cache=tmp_path, openai=OpenAI(dimensions=256), unified=unified)
    assert load_encoder(name, settings).fingerprint == fingerprint


@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [
        ("clip", "Qdrant/clip-ViT-B-32-text-c07bbc3f83297cf9"),
        ("clip:siglip2-base-patch16-224", "google/siglip2-base-patch16-224-03f69a4c9a1ac369"),
        ("fastembed:BAAI/bge-small-en-v1.5", "BAAI/bge-small-en-v1.5-8a1948823cb9f244"),
        ("fastembed:minishlab/potion-base-8M", "minishlab/potion-base-8M-91058ee96beea0fe"),
        ("fastembed:intfloat/multilingual-e5-large", "intfloat/multilingual-e5-large-52af8529e68d0309"),
    ],
)
def test_fingerprints_of_files_that_hold_their_own_names(tmp_path: Path, name: str, fingerprint: str) -> None:
    settings = Settings(models=tmp_path / "models", cache=tmp_path / "cache")
    family, _, variant = name.partition(":")
    texts, images = PAIRS[variant or DEFAULT] if family == "clip" else (variant, "")
    for model in [find_model(texts, settings), *([find_model(images, settings, reads_images=True)] if images else [])]:
        for file in model.files.names:
            path = model.files.user_folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.encode())
    assert load_encoder(name, settings).fingerprint == fingerprint


def test_ledger_keys(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"pump")
    contents = ("pump", tmp_path / "image", "\ud83d")
    assert [vector_key("m", content) for content in contents] == [
        "53d4cecdf36dcbdaaa6500e66ec34db7d4dbba90acfbeaec70b110c4a9479372",
        "38a2d7e3b76ee415dd0ec117a26fc05acce0fa7c08bf6690d67b3a0a4d23f9f4",
        "27e73ba01aae461a7d31eeb39f1d532cb4263afa23f908c3201bb019455b9b53",
    ]
