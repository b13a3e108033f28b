"""The images of a document, as pictures: without icons, rules, spacers and what repeats."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from extractors.blocks.types import Content, Image
from extractors.errors import ExtractionError, error_summary
from extractors.photos.extractor import extract_picture
from extractors.types import Options, Picture, Problem

MIN_SIDE = 48
"""Pixels of the shorter side; smaller images without a caption are icons, bullets and rules."""
MIN_SHOWN_SIDE = 24
"""Points of the shorter side at which an image is shown: a third of an inch."""
MAX_ASPECT = 20
"""Longer side over shorter side; more is a rule or a banner."""
MAX_REPEATS = 3
"""Places in which an image without a caption may be; in more, it is a logo or an icon."""


class ImageReader:
    """Reads the images of one document into the picture store `folder`, and keeps what its report should say."""

    def __init__(self, blocks: Sequence[Content], options: Options, folder: Path) -> None:
        self.problems: list[Problem] = []
        self.notes: Counter[str] = Counter()
        """Why images are left out of a file that is read as a whole -> their number."""
        self._options, self._folder = options, folder
        # Hashes only: all the images of a book would not fit into memory.
        self._digests = {i: sha256(data).digest() for i, one in enumerate(blocks) if (data := self._read_bytes(one))}
        self._places = Counter(self._digests.values())
        self._known: dict[bytes, Picture | None] = {}

    def read(self, index: int, block: Image, *, captioned: bool) -> Picture | None:
        """Return an image as a picture without caption and heading; None when it cannot be read or shows nothing.

        `index` is that of the block in the document.
        """
        digest = self._digests.get(index)
        if digest is None or (not captioned and self._places[digest] > MAX_REPEATS):
            return None
        if digest not in self._known:
            self._known[digest] = self._extract(block)
        picture = self._known[digest]
        if picture is None or not (captioned or _shows_something(picture, block)):
            return None
        words, ocr = (block.words, False) if block.words else (picture.words, picture.ocr)
        return replace(picture, kind="figure", page=block.page, box=block.box, words=words, ocr=ocr)

    def _extract(self, block: Image) -> Picture | None:
        try:
            options = replace(self._options, ocr="off") if block.words else self._options
            data = block.read_bytes()
            found, problems = extract_picture(data, "an image", block.page, options, self._folder, reads_photos=False)
        except ExtractionError as error:
            self.problems.append(Problem(f"left out: {error}", block.page))
            return None
        self.problems += problems
        return found

    def _read_bytes(self, block: Content) -> bytes | None:
        if not isinstance(block, Image):
            return None
        try:
            return block.read_bytes()
        except ExtractionError as error:
            self.notes[str(error)] += 1
        except Exception as error:  # what libraries raise for a part that is missing
            self.notes[f"not in the file ({error_summary(error)})"] += 1
        return None


def _shows_something(picture: Picture, block: Image) -> bool:
    shorter, longer = sorted((picture.image.width, picture.image.height))
    if block.size and min(block.size) < MIN_SHOWN_SIDE:
        return False
    return shorter >= MIN_SIDE and longer <= MAX_ASPECT * shorter
