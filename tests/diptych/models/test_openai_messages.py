"""Request bodies for OpenAI: fields, strict schemas, image tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, Field

from diptych.endpoints import OpenAI
from diptych.models.openai.messages import MessageFormat, strict_schema
from diptych.models.openai.tokens import image_tokens
from tests.support.openai_fixtures import QUESTION


def test_token_limit_has_another_name_for_other_servers() -> None:
    assert "max_completion_tokens" in MessageFormat("gpt-6-luna", OpenAI(api="chat")).body(QUESTION)
    assert "max_tokens" in MessageFormat("llava", OpenAI(api="chat", base_url="http://localhost/v1")).body(QUESTION)


@pytest.mark.parametrize(
    ("name", "width", "height", "detail", "tokens"),
    [
        ("gpt-4o", 1024, 1024, "high", 765),  # the guide's own examples
        ("gpt-4o", 2048, 4096, "high", 1105),
        ("gpt-4o", 4096, 8192, "low", 85),
        ("gpt-4o-mini", 512, 512, "high", 2833 + 5667),
        ("gpt-6-luna", 1024, 1024, "high", 1229),  # 1024 patches, times 1.2
        ("gpt-6-luna", 2048, 2048, "high", 3000),
        ("gpt-6-luna", 2048, 2048, "low", 308),
        ("gpt-6-luna", 4096, 3072, "auto", 14746),
        ("gpt-5.4-nano", 1024, 1024, "high", 2520),
        ("llava", 64, 33, "high", 5),
    ],
)
def test_image_tokens_match_the_documentation(name: str, width: int, height: int, detail: Any, tokens: int) -> None:
    assert image_tokens(name, width, height, detail) == tokens


class Inner(BaseModel):
    """A nested model."""

    default: str = "x"
    maxLength: int = 3


class Outer(BaseModel):
    inner: Inner = Field(Inner(), description="The inner one.")
    many: list[Inner] = []
    maybe: str | None = None


def test_strict_schema_keeps_fields_named_like_keywords() -> None:
    made = strict_schema(Outer)
    inner = made["$defs"]["Inner"]
    assert inner["required"] == list(inner["properties"]) == ["default", "maxLength"]
    assert made["required"] == ["inner", "many", "maybe"]
    assert made["additionalProperties"] is inner["additionalProperties"] is False
    assert made["properties"]["inner"] == {"$ref": "#/$defs/Inner"}
    assert '"default":' not in json.dumps(made["properties"])
