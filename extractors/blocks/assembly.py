"""From blocks to an extraction: heading paths, passages, and pictures with their captions and referring sentences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from extractors.blocks.images import ImageReader
from extractors.blocks.types import BlockDocument, Code, Content, Heading, Image, Table, Text
from extractors.errors import ExtractionError
from extractors.layout.captions import begins_caption
from extractors.layout.labels import LABEL, label_kind, normalise_label
from extractors.ocr.recognition import choose_engine
from extractors.table_grid import SpannedText, grid_from_rows
from extractors.text.cleaning import bare_letters, clean_alternative_text, clean_text
from extractors.text.headings import MAX_PATH_DEPTH, MAX_PATH_ENTRY_LENGTH, HeadedParagraph, HeadingPath
from extractors.text.paragraphs import Paragraph
from extractors.text.passages import PassageLimit, build_passages, table_passages
from extractors.text.references import add_referring_sentences
from extractors.text.titles import MAX_TITLE_LENGTH, is_placeholder
from extractors.timing import StageTimer
from extractors.types import Extraction, Options, Passage, Picture, Report, Source

MAX_CAPTION_LENGTH = 1500
"""Characters; a longer paragraph that begins with "Figure 3" is text."""
NOMINAL_SIZE = 10.0
"""Font size in points: the headings of these files are known."""


@dataclass(frozen=True, slots=True)
class MatchedCaptions:
    by_index: Mapping[int, str]
    """Index of an image or table -> its caption."""
    used: frozenset[int]
    """Indices of the paragraphs that are captions of something, and no longer text."""
    unmatched: tuple[str, ...]
    """Captions with a label that nothing belongs to."""


def caption_label(caption: str) -> str:
    """Return the normalised label that begins a caption, such as `figure 3`, or ""."""
    match = LABEL.match(caption)
    return normalise_label(match) if match else ""


def match_captions(blocks: Sequence[Content]) -> MatchedCaptions:
    """Match every caption with the image or table next to it that has none: those of tables with the one below first.

    A caption of several images in a row is that of all of them.
    """
    matched = {i: block.caption for i, block in enumerate(blocks) if isinstance(block, Image | Table) and block.caption}
    used: set[int] = set()
    unmatched: list[str] = []
    for index, block in enumerate(blocks):
        if not isinstance(block, Text) or not _is_caption(block):
            continue
        if owners := _owners(index, block.text, blocks, matched):
            matched |= dict.fromkeys(owners, block.text)
            used.add(index)
        elif LABEL.match(block.text):
            unmatched.append(block.text)
    return MatchedCaptions(matched, frozenset(used), tuple(unmatched))


def _is_caption(block: Text) -> bool:
    if block.kind != "text" or block.marker or len(block.text) > MAX_CAPTION_LENGTH:
        return False
    return block.is_caption or begins_caption(block.text)


def _owners(index: int, caption: str, blocks: Sequence[Content], taken: Mapping[int, str]) -> list[int]:
    """Indices of what the caption at `index` belongs to; empty when all beside it have captions."""
    label = LABEL.match(caption)
    is_table = label is not None and label_kind(label) == "table"
    # A table may be an image, and what is called a chart may be a table.
    kinds = (Table, Image) if is_table else (Image, Table)
    for kind in kinds:
        for step in (1, -1) if is_table else (-1, 1):
            owners: list[int] = []
            at = index + step
            while 0 <= at < len(blocks) and isinstance(blocks[at], kind) and at not in taken:
                owners.append(at)
                at += step
                if kind is Table:
                    break
            if owners:
                return owners
    return []


@dataclass(frozen=True, slots=True)
class _Placed:
    """A block with its place."""

    index: int
    block: Content
    path: HeadingPath


def extract_blocks(
    source: Source, document: BlockDocument, options: Options, pictures: Path, timer: StageTimer | None = None
) -> Extraction:
    """Return the passages and pictures of a document that has been read into blocks, in reading order.

    Images go to the picture store `pictures`. Raises `ExtractionError` for a file without a single byte.
    """
    timer = timer or StageTimer()
    blocks, title = _split_off_title([one for one in map(_cleaned, document.blocks) if one], document)
    placed = list(_place(blocks))
    with timer.stage("pictures"):
        reader = ImageReader(blocks, options, pictures)
        found, captions = _pictures(placed, reader)
    with timer.stage("passages"):
        passages = _passages(placed, captions, PassageLimit.of(options))
    if not passages and not found and not source.path.stat().st_size:
        raise ExtractionError(f"{source.name}: is empty; copy or download it again")
    missing = choose_engine(options)[1]
    problems = (*document.problems, *reader.problems)
    report = Report(
        pages=document.pages,
        captions_matched=len(captions.used),
        captions_unmatched=captions.unmatched,
        problems=tuple(one if document.pages else replace(one, page=None) for one in problems),
        notes=(
            *document.notes,
            *(f"{count} image{'s' * (count != 1)} left out: {reason}" for reason, count in reader.notes.items()),
            *((missing,) if missing and found and options.ocr != "off" else ()),
        ),
        seconds=timer.seconds,
    )
    linked = tuple(add_referring_sentences(passages, found))
    return Extraction(source, tuple(passages), linked, report, title, paged=document.pages > 0)


def _cleaned(block: Content) -> Content | None:
    """The block with its white space normalised; None when it is empty."""
    if isinstance(block, Heading | Text):
        text = clean_text(block.text, typeset=False)
        return replace(block, text=text) if text else None
    if isinstance(block, Table):
        rows = [[SpannedText(one) if isinstance(one, str) else one for one in row] for row in block.rows]
        rows = [[one._replace(text=clean_text(one.text, typeset=False)) for one in row] for row in rows]
        is_empty = not any(one.text for row in rows for one in row)
        return None if is_empty else replace(block, rows=rows, caption=clean_text(block.caption, typeset=False))
    if isinstance(block, Code):
        return block if block.text.strip() else None
    return replace(block, caption=clean_text(block.caption, typeset=False), alt=clean_alternative_text(block.alt))


def _split_off_title(blocks: Sequence[Content], document: BlockDocument) -> tuple[list[Content], str]:
    """The blocks with the document's title as text, and the title.

    It is the one that the author states; else a heading of level 0; else the first heading if no other is as high; else
    that of the metadata.
    """
    headings = [block for block in blocks if isinstance(block, Heading)]
    own = clean_text(document.title, typeset=False)
    own = "" if is_placeholder(own) else own
    stated = own if document.states_title else ""
    printed = next((one for one in headings if one.level == 0), None)
    if printed is None and headings:
        highest = min(one.level for one in headings)
        is_alone = [one.level for one in headings].count(highest) == 1 and headings[0].level == highest
        named = own and bare_letters(headings[0].text) in bare_letters(own)
        is_title = is_alone and (highest == 1 or len(headings) > 1) and not stated
        printed = headings[0] if named or is_title else None
    title = stated or (printed.text if printed else own)
    texts: list[Content] = []
    for one in blocks:
        texts.append(
            Text(one.text, page=one.page) if isinstance(one, Heading) and (one is printed or not one.level) else one
        )
    return texts, title[:MAX_TITLE_LENGTH]


def _place(blocks: Sequence[Content]) -> Iterator[_Placed]:
    """Every block with its heading path; that of a heading ends with itself."""
    stack: list[Heading] = []
    for index, block in enumerate(blocks):
        if isinstance(block, Heading):
            while stack and stack[-1].level >= block.level:
                stack.pop()
            stack.append(block)
        yield _Placed(index, block, tuple(one.text[:MAX_PATH_ENTRY_LENGTH] for one in stack[-MAX_PATH_DEPTH:]))


def _pictures(placed: list[_Placed], reader: ImageReader) -> tuple[list[Picture], MatchedCaptions]:
    """The pictures, and the captions of those that are kept: that of an image left out becomes text in `placed`."""
    captions = match_captions([one.block for one in placed])
    found: list[Picture] = []
    lost = set()
    for one in placed:
        if isinstance(one.block, Image):
            caption = captions.by_index.get(one.index, "")
            picture = reader.read(one.index, one.block, captioned=bool(caption or one.block.alt))
            if picture is None:
                lost.add(caption)
                if one.block.caption:
                    placed[one.index] = replace(one, block=Text(one.block.caption, page=one.block.page))
                continue
            caption = caption or one.block.alt
            found.append(replace(picture, caption=caption, label=caption_label(caption), heading=one.path))
    lost -= {picture.caption for picture in found}
    still_text = {i for i in captions.used if isinstance(block := placed[i].block, Text) and block.text in lost}
    unmatched = tuple(dict.fromkeys(filter(caption_label, lost)))
    return found, replace(captions, used=captions.used - still_text, unmatched=captions.unmatched + unmatched)


def _passages(placed: Sequence[_Placed], captions: MatchedCaptions, limit: PassageLimit) -> list[Passage]:
    """The passages in reading order. Until the end, the top of a passage's box is the index of its first block."""
    content = [(one.block.page, one.path) for one in placed if not isinstance(one.block, Heading | Image)]
    text = [item for one in placed if one.index not in captions.used for item in _headed(one, kind="text")]
    passages = build_passages(text, limit, tables=content)
    for one in placed:
        if isinstance(one.block, Table):
            passages += _table_passages(one, captions.by_index, limit)
        passages += [replace(part, kind="notes") for part in build_passages(_headed(one, kind="notes"), limit)]
    passages.sort(key=lambda passage: passage.box[1] if passage.box else 0)
    return [replace(passage, box=None) for passage in passages]


def _headed(one: _Placed, kind: str) -> list[HeadedParagraph]:
    """A block as a paragraph, if it is text of this kind."""
    block = one.block
    if isinstance(block, Table | Image) or kind != (block.kind if isinstance(block, Text) else "text"):
        return []
    lines = tuple(block.text.rstrip().splitlines()) if isinstance(block, Code) else (block.text,)
    if isinstance(block, Text) and block.marker:
        lines = (f"{block.marker} {block.text}",)
    box = (0.0, float(one.index), 1.0, one.index + 1.0)
    paragraph = Paragraph(lines, block.page, box, NOMINAL_SIZE, verbatim=isinstance(block, Code))
    is_in_path = isinstance(block, Heading) and len(block.text) <= MAX_PATH_ENTRY_LENGTH
    return [HeadedParagraph(paragraph, one.path, is_in_path)]


def _table_passages(one: _Placed, captions: Mapping[int, str], limit: PassageLimit) -> list[Passage]:
    assert isinstance(one.block, Table)
    caption = captions.get(one.index, "")
    box = (0.0, float(one.index), 1.0, one.index + 1.0)
    empty = Passage("", one.block.page, box, one.path, "table", label=caption_label(caption), caption=caption)
    return table_passages(grid_from_rows(one.block.rows, one.block.header_rows), empty, limit)
