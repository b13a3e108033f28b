"""What the readers of structured files return: blocks in reading order, as plain data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from extractors.table_grid import SpannedText
from extractors.types import Box, Field, PassageKind, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Common to all blocks."""

    page: int = 1
    """The page on which it begins; 1 in files without pages."""


@dataclass(frozen=True, slots=True)
class Heading(Block):
    text: str
    level: int
    """From 1, the outermost; 0 for the title of the document."""


@dataclass(frozen=True, slots=True)
class Text(Block):
    """A paragraph or list item."""

    text: str
    marker: str = ""
    """What a list prints before it, such as `–` or `2.`."""
    is_caption: bool = False
    """True when the file marks it as the caption of what is before or after it."""
    kind: PassageKind = "text"
    """`notes` for comments."""


@dataclass(frozen=True, slots=True)
class Code(Block):
    """Lines that stay lines, with their indentation: listings, verse."""

    text: str


@dataclass(frozen=True, slots=True)
class Table(Block):
    rows: Sequence[Sequence[str | SpannedText]]
    """Without the places that earlier cells reach into."""
    caption: str = ""
    header_rows: int | None = 1
    """None counts the first rows that consist of headers."""


@dataclass(frozen=True, slots=True)
class Image(Block):
    """An image file in or beside the document."""

    read_bytes: Callable[[], bytes]
    """Returns the image file. Raises `ExtractionError` with the reason when it cannot be had."""
    caption: str = ""
    """Printed beside it, as `figcaption` is."""
    alt: str = ""
    """Alternative text: the caption of an image without a printed one."""
    size: tuple[float, float] | None = None
    """Width and height at which it is shown, in points; None when the file does not say."""
    words: str = ""
    """The words inside, if the file states them; OCR then reads none."""
    box: Box | None = None
    """Where it is on its page, if that is known."""


Content = Heading | Text | Code | Table | Image


@dataclass(frozen=True, slots=True)
class BlockDocument:
    """A file that has been read."""

    blocks: Sequence[Content]
    title: str = ""
    """The title in the file's metadata."""
    pages: int = 0
    """Number of pages; 0 for files without pages, whose parts are found by their heading path."""
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    fields: Mapping[str, Field] = field(default_factory=dict)
    """Typed fields that the file states about itself, as Markdown does in its front matter."""
    states_title: bool = False
    """Whether the author wrote `title`, as in front matter; programs often leave the title of another file."""
