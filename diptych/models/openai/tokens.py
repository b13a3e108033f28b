"""Upper estimates of the tokens that OpenAI's models charge.

Images are charged by patches of 32 x 32 pixels times a factor, by older models by tiles of 512 x 512 pixels, both after
scaling down. Source: the guide "Images and vision", sections "Model sizing behavior" and "Calculating costs"
(developers.openai.com/api/docs/guides/images-vision, read in November 2026). Models that it does not name, such as
those of local servers, are estimated like the newest ones.
"""

import io
import math
import re

from diptych.models.vision import CitableText, Detail, ImagePart, TextPart, VisionRequest
from diptych.prices import Usage

CHARACTERS_PER_TOKEN = 3
"""A low figure for European languages."""
WIDE_SCRIPTS = 0x2E80
"""First code point of scripts in which a character is one or more tokens."""
OVERHEAD_TOKENS = 50
"""For a request, and for each of its parts."""
REASONING_TOKENS = 2000
"""Allowance for models that reason before they answer, in addition to the answer."""
PATCH = 32
HIGH_SIDE, LOW_SIDE = 2048, 512
"""Pixels of the longer side to which `high` and `low` scale images down."""
MAX_PATCHES = 30_000
"""Of any image; larger ones are refused."""
HIGH_PATCHES, SMALL_MODEL_PATCHES = 2500, 6144
"""Patches of an image with `high`; small models once had 1,536, since the summer of 2026 more than large ones."""
NEWEST_FACTOR = 1.2
"""Tokens per patch since gpt-5.6; gpt-5.4 and 5.5 charge a little less."""

_FACTORS = ((re.compile(r"nano"), 2.46), (re.compile(r"mini"), 1.72))
_SMALL_MODELS = re.compile(r"nano|mini|gpt-5\.[123]")
_TILES = (
    (re.compile(r"gpt-4o-mini"), 2833, 5667),
    (re.compile(r"gpt-4o|gpt-4\.[15](?!-mini|-nano)|o1|o3(?!-mini)|gpt-5(?!\.|-mini|-nano)"), 85, 170),
)
"""(models, tokens per image, tokens per tile)."""


def max_usage(model: str, request: VisionRequest) -> Usage:
    """The most that a request may use, its answer included."""
    text = request.system + "".join(_text(part) for part in request.parts)
    if request.schema is not None:
        text += str(request.schema.model_json_schema())
    images = sum(_image_tokens(model, part, request.detail) for part in request.parts if isinstance(part, ImagePart))
    return Usage(
        input_tokens=text_tokens(text) + images + OVERHEAD_TOKENS * (1 + len(request.parts)),
        output_tokens=max_output_tokens(model, request),
        requests=1,
    )


def text_tokens(text: str) -> int:
    """Tokens of a text, rather too many than too few."""
    wide = sum(letter >= chr(WIDE_SCRIPTS) for letter in text)
    return math.ceil((len(text) - wide) / CHARACTERS_PER_TOKEN) + 2 * wide


def is_reasoning(model: str) -> bool:
    """Whether the model spends part of its output tokens on reasoning."""
    return bool(re.match(r"(?:o\d|gpt-(?:[5-9]|\d\d))", model)) and not re.search(r"chat|pro", model)


def max_output_tokens(model: str, request: VisionRequest) -> int:
    return request.max_tokens + (REASONING_TOKENS if is_reasoning(model) else 0)


def image_tokens(model: str, width: int, height: int, detail: Detail) -> int:
    """Tokens of an image; `width` and `height` in pixels."""
    for names, base, tile in _TILES:
        if names.match(model):
            return base if detail == "low" else base + tile * _tiles(width, height)
    factor = next((factor for names, factor in _FACTORS if names.search(model)), NEWEST_FACTOR)
    return math.ceil(factor * _patches(model, width, height, detail))


def _patches(model: str, width: int, height: int, detail: Detail) -> int:
    if detail == "auto":  # the newest models do not scale down
        return min(_cover(width, height), MAX_PATCHES)
    if detail == "low":
        side, limit = LOW_SIDE, (LOW_SIDE // PATCH) ** 2
    else:
        side, limit = HIGH_SIDE, SMALL_MODEL_PATCHES if _SMALL_MODELS.search(model) else HIGH_PATCHES
    scale = min(1.0, side / max(width, height))
    return min(_cover(math.ceil(width * scale), math.ceil(height * scale)), limit)


def _cover(width: int, height: int) -> int:
    return math.ceil(width / PATCH) * math.ceil(height / PATCH)


def _tiles(width: int, height: int) -> int:
    """Tiles of 512 pixels after fitting into 2048 x 2048 and scaling the shorter side down to 768."""
    scale = min(1.0, 2048 / max(width, height))
    scale *= min(1.0, 768 / (min(width, height) * scale))
    return math.ceil(width * scale / 512) * math.ceil(height * scale / 512)


def _text(part: TextPart | ImagePart | CitableText) -> str:
    match part:
        case TextPart(text):
            return text
        case CitableText(id, title, text):
            return id + title + text
    return ""


def _image_tokens(model: str, part: ImagePart, detail: Detail) -> int:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(part.data)) as image:
            return image_tokens(model, image.width, image.height, detail)
    except (OSError, ValueError, Image.DecompressionBombError):
        return image_tokens(model, HIGH_SIDE, HIGH_SIDE, detail)  # the largest size that is sent
