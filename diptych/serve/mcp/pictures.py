"""Pictures for models: scaled down until a result stays small enough for MCP clients."""

from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path

from diptych.errors import ExtractionError
from diptych.models.image_input import prepare_image
from diptych.models.vision import ImagePart
from extractors.pictures.decode import open_image

MAX_SIDE, MIN_SIDE = 1568, 256
"""Pixels of a picture's longer side. Models see no more than the first; text is illegible below the second."""
HIT_SIDE = 768
"""The same in a list of hits: enough to choose the picture that the tool `figure` shows in full."""
MAX_RESULT_BYTES = 700_000
"""Characters of all pictures of one result in base64. Some clients refuse results of more than a megabyte."""
TOLERANCE = 0.9
"""Share of the remaining space that a picture is scaled down to: its size is not quite proportional to its area."""


@dataclass(slots=True)
class Pictures:
    """The pictures of one result."""

    side: int = MAX_SIDE
    left: int = field(default_factory=lambda: MAX_RESULT_BYTES)
    """Characters that further pictures may have."""
    left_out: list[str] = field(default_factory=list)
    """What messages call the pictures that did not fit or cannot be read."""

    def fit(self, path: Path, name: str) -> tuple[str, str] | None:
        """(base64, media type) of a picture, or None if it is left out. Decodes it, which takes milliseconds."""
        try:
            with open_image(path, name, stored=True) as opened:
                side = min(self.side, max(opened.size))
            image: ImagePart | None = prepare_image(path, name, side)
            if image and (size := _encoded_size(image)) > self.left:
                side = int(side * sqrt(TOLERANCE * self.left / size))
                image = prepare_image(path, name, side) if side >= MIN_SIDE else None
        except (ExtractionError, OSError):
            image = None
        if image is None or _encoded_size(image) > self.left:
            self.left_out.append(name)
            return None
        self.left -= _encoded_size(image)
        return image.base64, image.media_type

    @property
    def notes(self) -> list[str]:
        """What the result says about pictures that are missing from it."""
        if not self.left_out:
            return []
        return [
            f"not shown, because the pictures of one result are limited to {MAX_RESULT_BYTES // 1000} kB: "
            f"{', '.join(self.left_out)}; the tool `figure` shows one"
        ]


def _encoded_size(image: ImagePart) -> int:
    """Characters in base64."""
    return -(-len(image.data) // 3) * 4
