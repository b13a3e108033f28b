"""Questions proposed from what is stored, each with the place that answers it, spread over the documents.

Offline they are made from captions, catalogue rows and headings; with a model, it is shown a part and asks in its own
words. Either way the question comes from the answer, not from somebody in need of it: such questions share more words
with the page than people's do, so they favour search by words, and scores on them are too high. They are for comparing
two settings of one store, and for a person to mend; not for telling how good search is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from diptych.errors import BudgetReached, ProviderError
from diptych.evaluation.questions import Box, Question
from diptych.evaluation.rephrasing import bare, question
from diptych.search.query import Query
from diptych.search.search import SearchContext
from diptych.store.register import is_visible, load_records
from diptych.store.types import PAGE_WORDS, Payload
from extractors.catalog.extractor import field_sentence
from extractors.formats import is_row
from extractors.pictures.store import image_path
from extractors.types import ImageFile

FROM_TEXT = 600
"""Characters of a part that a question is made from."""
LEAST_HEADING = 12
"""Characters of a heading that says something."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A part that a question could be about."""

    kind: str
    """One of `phrasing.FORMS`."""
    document: str
    page: int | None
    text: str
    """Caption, description or heading."""
    box: Box | None = None
    label: str = ""
    picture: Path | None = None
    context: str = ""
    """Words in a picture, or those under a heading."""


@dataclass(frozen=True, slots=True)
class Proposals:
    """What came of proposing."""

    questions: tuple[Question, ...]
    stopped: str = ""
    """Why there are fewer than could be: the budget, or what kept the model from answering at all."""


def propose_questions(
    context: SearchContext, count: int, seed: int = 0, ask: Callable[[Candidate], str] | None = None
) -> Proposals:
    """At most `count` questions, the same ones for the same store and seed; by `ask` (an `Asking`) where it answers.

    They end where the budget does, or where the model fails for a reason that concerns every request. Raises what
    `ask` raises when it fails for such a reason at once.
    """
    random = Random(seed)
    made: list[Question] = []
    said: set[str] = set()
    for one in _spread(candidates(context), random):
        offline = question(one.text, one.kind, random)
        if not offline:
            continue
        text = offline
        if ask:
            try:
                text = ask(one) or offline
            except BudgetReached as error:
                return Proposals(tuple(made), str(error))
            except ProviderError as error:
                if error.about == "account":
                    if not made:
                        raise
                    return Proposals(tuple(made), str(error))
        if text.casefold() in said:
            continue
        said.add(text.casefold())
        made.append(_asked(one, text, len(made) + 1))
        if len(made) == count:
            break
    return Proposals(tuple(made))


def candidates(context: SearchContext) -> list[Candidate]:
    """Every part that tells itself apart by its words, in the order of documents and pages."""
    found = [*_pictures(context), *_passages(context)]
    # A caption or heading that stands in two places cannot be asked for by its words.
    places: dict[str, set[tuple[str, int | None]]] = defaultdict(set)
    for one in found:
        places[bare(one.text).casefold()].add((one.document, one.page))
    kept: dict[tuple[str, int | None, str], Candidate] = {}
    for one in found:
        if len(places[bare(one.text).casefold()]) == 1:
            kept.setdefault((one.document, one.page, bare(one.text).casefold()), one)
    return [kept[key] for key in sorted(kept, key=lambda key: (key[0], key[1] or 0, key[2]))]


def _pictures(context: SearchContext) -> Iterator[Candidate]:
    for payload in _live(context, "images"):
        kind = payload["kind"]
        if is_row(payload["document"]) or kind not in ("figure", "table") or not payload["caption"]:
            continue
        yield Candidate(
            kind=kind,
            document=payload["document"],
            page=payload["page"],
            text=payload["caption"][:FROM_TEXT],
            box=_box(payload),
            label=payload["label"],
            picture=image_path(ImageFile(**payload["image"]), context.pictures),
            context=payload["words"][:FROM_TEXT],
        )


def _passages(context: SearchContext) -> Iterator[Candidate]:
    """Tables with a caption, rows by their description, and the last heading above a passage."""
    headings: Counter[tuple[str, str]] = Counter()
    passages = [payload for payload in _live(context, "text") if PAGE_WORDS not in payload]
    first: dict[tuple[str, str], Payload] = {}
    for payload in passages:
        heading = payload["heading"][-1] if payload["heading"] else ""
        headings[payload["document"], heading] += 1
        key = payload["document"], heading
        if key not in first or payload["page"] < first[key]["page"]:
            first[key] = payload
    for payload in passages:
        document, text = payload["document"], payload["text"][:FROM_TEXT].removeprefix(payload["title"])
        if is_row(payload["document"]):
            yield Candidate("product", document, None, _described(payload)[:FROM_TEXT])
        elif payload["kind"] == "table" and payload["caption"]:
            yield Candidate(
                "table", document, payload["page"], payload["caption"], _box(payload), payload["label"], None, text
            )
    for (document, heading), payload in first.items():
        if len(heading) >= LEAST_HEADING and not is_row(payload["document"]):
            yield Candidate("text", document, payload["page"], heading, context=payload["text"][:FROM_TEXT])


def _described(payload: Payload) -> str:
    """What somebody could ask a row for: its description and the words in its fields; no column, number or id."""
    text: str = payload["text"].removeprefix(payload["title"])
    for name, value in payload["fields"].items():
        number = not isinstance(value, str) or any(character.isdigit() for character in value)
        # The row's own name is its id; a column that repeats the title says nothing more.
        repeated = value in (payload["title"], payload["document"].rpartition("#")[2])
        told = "" if number or repeated else field_sentence(name, value).removeprefix(f"{name}: ")
        text = text.replace(field_sentence(name, value), told)
    return text


def _live(context: SearchContext, panel: str) -> list[Payload]:
    points = list((context.index.text if panel == "text" else context.index.images).scroll())
    live = load_records(context.index, {point.payload["document_id"] for point in points})
    kept = [point for point in points if is_visible(point.payload, point.id, live)]
    return [point.payload for point in sorted(kept, key=lambda point: point.id)]


def _box(payload: Payload) -> Box | None:
    corners = payload["bbox"]
    return Box(payload["page"], (corners[0], corners[1], corners[2], corners[3])) if corners else None


def _spread(found: Sequence[Candidate], random: Random) -> Iterator[Candidate]:
    """One of each document in turn, all rows of a catalogue counting as one; kinds take turns within a document."""
    groups: dict[str, dict[str, list[Candidate]]] = defaultdict(lambda: defaultdict(list))
    for one in found:
        groups[one.document.partition("#")[0]][one.kind].append(one)
    queues = []
    for name in sorted(groups):
        kinds = [groups[name][kind] for kind in sorted(groups[name])]
        for kind in kinds:
            random.shuffle(kind)
        queues.append([one for turn in range(max(map(len, kinds))) for kind in kinds for one in kind[turn : turn + 1]])
    for turn in range(max(map(len, queues), default=0)):
        for queue in queues:
            yield from queue[turn : turn + 1]


def _asked(one: Candidate, text: str, number: int) -> Question:
    return Question(
        id=f"made-{number}",
        query=Query(text),
        document=one.document,
        pages=(one.page,) if one.page else (),
        boxes=(one.box,) if one.box else (),
        label=one.label,
        types=(one.kind,),
    )
