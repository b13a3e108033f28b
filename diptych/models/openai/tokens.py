"""Upper estimates of the tokens that OpenAI's models charge, without a request.

Pictures are charged by patches of 32 x 32 pixels times a factor, by older models by tiles of 512 x 512 pixels; both
after they were made smaller. Source: the guide "Images and vision", sections "Model sizing behavior" and "Calculating
costs" (developers.openai.com/api/docs/guides/images-vision, read in November 2026). Models it does not name, such as
those of local servers, are estimated like the newest.
"""

from __future__ import annotations

import math
import re

from diptych.models.vision import CitableText, Detail, ImagePart, TextPart, VisionRequest
from diptych.prices import Usage

CHARACTERS = 3
"""Of a token of text, a low figure for European languages."""
WIDE = 0x2E80
"""From this code point on scripts begin in which one character is a token or more."""
OVERHEAD = 50
"""Tokens of a request around its parts, and of each part."""
PATCH = 32
LONGEST_SIDE, LARGEST = 2048, 30_000
"""Side in pixels to which `high` makes pictures smaller; most patches of any picture, above which it is refused."""

_FACTORS = (
    (re.compile(r"nano"), 2.46),
    (re.compile(r"mini"), 1.72),
)
NEWEST = 1.2
"""Factor since gpt-5.6; gpt-5.4 and 5.5 charge a little less."""
_BUDGETS = ((re.compile(r"nano|mini|gpt-5\.[123]"), 6144),)
"""Most patches of `high`: of some small models once 1,536, since the summer of 2026 more."""
HIGH = 2500
_TILES = (
    (re.compile(r"gpt-4o-mini"), 2833, 5667),
    (re.compile(r"gpt-4o|gpt-4\.[15](?!-mini|-nano)|o1|o3(?!-mini)|gpt-5(?!\.|-mini|-nano)"), 85, 170),
)


def most(model: str, ask: VisionRequest) -> Usage:
    """What an ask may use at most, its answer included."""
    text = ask.system + "".join(_text(part) for part in ask.parts)
    if ask.schema is not None:
        text += str(ask.schema.model_json_schema())
    pictures = sum(_picture(model, part, ask.detail) for part in ask.parts if isinstance(part, ImagePart))
    return Usage(
        input_tokens=words(text) + pictures + OVERHEAD * (1 + len(ask.parts)),
        output_tokens=output(model, ask),
        requests=1,
    )


def words(text: str) -> int:
    """Tokens of a text, rather too many than too few."""
    wide = sum(letter >= chr(WIDE) for letter in text)
    return math.ceil((len(text) - wide) / CHARACTERS) + 2 * wide


THOUGHTS = 2000
"""Tokens that a model may think with before it answers, beside those of the answer."""


def thinks(model: str) -> bool:
    """Whether the model spends part of the tokens it may write on thinking."""
    return bool(re.match(r"(?:o\d|gpt-(?:[5-9]|\d\d))", model)) and not re.search(r"chat|pro", model)


def output(model: str, ask: VisionRequest) -> int:
    """Most tokens that the model may write."""
    return ask.max_tokens + (THOUGHTS if thinks(model) else 0)


def picture(model: str, width: int, height: int, detail: Detail) -> int:
    """Tokens of a picture of so many pixels."""
    for names, base, tile in _TILES:
        if names.match(model):
            return base if detail == "low" else base + tile * _tiles(width, height)
    factor = next((factor for names, factor in _FACTORS if names.search(model)), NEWEST)
    return math.ceil(factor * _patches(model, width, height, detail))


def _patches(model: str, width: int, height: int, detail: Detail) -> int:
    if detail == "auto":  # the newest models keep the size, and look at every patch
        return min(_cover(width, height), LARGEST)
    side, budget = (512, (512 // PATCH) ** 2) if detail == "low" else (LONGEST_SIDE, HIGH)
    if detail == "high":
        budget = next((most for names, most in _BUDGETS if names.search(model)), HIGH)
    scale = min(1.0, side / max(width, height))
    return min(_cover(math.ceil(width * scale), math.ceil(height * scale)), budget)


def _cover(width: int, height: int) -> int:
    return math.ceil(width / PATCH) * math.ceil(height / PATCH)


def _tiles(width: int, height: int) -> int:
    """Of 512 pixels, after a fit into 2048 x 2048 and to a shortest side of 768."""
    scale = min(1.0, 2048 / max(width, height))
    scale *= min(1.0, 768 / (min(width, height) * scale))
    return math.ceil(width * scale / 512) * math.ceil(height * scale / 512)


def _text(part: TextPart | ImagePart | CitableText) -> str:
    match part:
        case TextPart(text):
            return text
        case CitableText(name, title, text):
            return name + title + text
    return ""


def _picture(model: str, part: ImagePart, detail: Detail) -> int:
    import io

    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(part.data)) as image:
            return picture(model, image.width, image.height, detail)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return picture(model, LONGEST_SIDE, LONGEST_SIDE, detail)  # nothing larger is sent on purpose
