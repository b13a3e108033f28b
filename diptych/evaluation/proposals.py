"""Proposes questions from what is stored, each with the place that answers it, spread over the documents.

Offline they are made from captions, catalogue rows and headings; with a vision model, it sees a part and writes the
question. Either way the question is derived from its answer. Such questions share more words with the page than
people's questions do, so they favour search by words and score too high. Use them to compare settings of one store, or
as drafts for a person to edit, but not to judge how good search is.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from diptych.errors import BudgetReached, ProviderError
from diptych.evaluation.offline_questions import FORMS, make_question, strip_label
from diptych.evaluation.questions import Box, Question
from diptych.search.query.query import Query
from diptych.search.search import SearchContext
from diptych.store.languages import detect_query_language
from diptych.store.terms import analyse
from diptych.store.types import PAGE_WORDS, Payload, Store
from diptych.store.visible_points import visible_points
from extractors.catalog.extractor import field_sentence
from extractors.formats import is_row, split_name
from extractors.pictures.store import image_path
from extractors.types import ImageFile

MAX_TEXT = 600
"""Characters of a part that a question is made from."""
MAX_PAGES = 3
"""Pages that may contain all words of a question."""
_MADE = re.compile(r"made-(\d{1,9})")
MIN_HEADING = 12
"""Characters of a heading that is specific enough for a question."""


@dataclass(frozen=True, slots=True)
class QuestionCandidate:
    """A part that a question could be about."""

    kind: str
    """One of `offline_questions.FORMS`."""
    document: str
    page: int | None
    text: str
    """Caption, description or heading."""
    box: Box | None = None
    label: str = ""
    picture: Path | None = None
    context: str = ""
    """Words in the picture, or below the heading."""


@dataclass(frozen=True, slots=True)
class Proposals:
    questions: tuple[Question, ...]
    stopped: str = ""
    """Why proposing ended early: the budget, or an error that affects every request."""


def propose_questions(
    context: SearchContext,
    count: int,
    seed: int = 0,
    ask: Callable[[QuestionCandidate], str] | None = None,
    known: Sequence[Question] = (),
) -> Proposals:
    """At most `count` questions about places that no `known` question is about; the same for the same store and seed.

    A question of which all words are on more than `MAX_PAGES` pages is not proposed: others could answer it as well.
    `ask` writes a question (see `QuestionWriter`); where it returns none, the question is made offline. Proposing ends
    when the budget is reached, or when `ask` fails in a way that affects every request, which is raised if there is no
    question yet.
    """
    random = Random(seed)
    proposed: list[Question] = []
    taken = {question.query.text.casefold() for question in known} | set(map(_place, known))
    pages, languages = _pages_by_stem(context.store), context.languages
    number = max((int(match[1]) for one in known if (match := _MADE.fullmatch(one.id))), default=0)
    for candidate in _spread(find_candidates(context.store, context.pictures), random):
        text = make_question(candidate.text, candidate.kind, random)
        question = _make_entry(candidate, text, number + len(proposed) + 1)
        if not text or _place(question) in taken or not _is_specific(text, pages, languages):
            continue
        if ask:
            try:
                text = ask(candidate) or text
            except BudgetReached as error:
                return Proposals(tuple(proposed), str(error))
            except ProviderError as error:
                if error.about == "account":
                    if not proposed:
                        raise
                    return Proposals(tuple(proposed), str(error))
        if text.casefold() not in taken:
            taken |= {text.casefold(), _place(question)}
            proposed.append(replace(question, query=Query(text)))
        if len(proposed) == count:
            break
    return Proposals(tuple(proposed))


def _place(question: Question) -> Hashable:
    """What a question is about. An edited question is still about the same place."""
    return question.document, question.pages, question.boxes, question.label, question.types


def _pages_by_stem(store: Store) -> dict[str, set[Hashable]]:
    """Stem -> pages and rows on which it is."""
    pages: dict[str, set[Hashable]] = defaultdict(set)
    for payload in (point.payload for point in visible_points(store, [store.text])):
        for stem in set(payload.get(PAGE_WORDS, "").split()):
            pages[stem].add((payload["document_id"], payload["page"]))
    return pages


def _is_specific(question: str, pages: Mapping[str, set[Hashable]], languages: Sequence[str]) -> bool:
    """Whether few pages contain all words of a question made offline, without those of its form."""
    language = detect_query_language(question, languages)
    form = set(analyse(" ".join(form for forms in FORMS.values() for form in forms), language).split())
    found = [pages[stem] for stem in set(analyse(question, language).split()) - form if stem in pages]
    return bool(found) and len(set.intersection(*found)) <= MAX_PAGES


def find_candidates(store: Store, pictures: Path) -> list[QuestionCandidate]:
    """Every part with words that occur in one place only, ordered by document and page."""
    found = [*_from_pictures(store, pictures), *_from_passages(store)]
    by_words: dict[str, list[QuestionCandidate]] = defaultdict(list)
    for candidate in found:
        by_words[strip_label(candidate.text).casefold()].append(candidate)
    distinct = {
        (same[0].document, same[0].page or 0, words): same[0]
        for words, same in by_words.items()
        if len({(one.document, one.page) for one in same}) == 1
    }
    return [distinct[key] for key in sorted(distinct)]


def _from_pictures(store: Store, pictures: Path) -> Iterator[QuestionCandidate]:
    """Figures and tables with a caption."""
    for payload in (point.payload for point in visible_points(store, [store.images])):
        if is_row(payload["document"]) or payload["kind"] not in ("figure", "table") or not payload["caption"]:
            continue
        yield QuestionCandidate(
            kind=payload["kind"],
            document=payload["document"],
            page=payload["page"],
            text=payload["caption"][:MAX_TEXT],
            box=_box(payload),
            label=payload["label"],
            picture=image_path(ImageFile(**payload["image"]), pictures),
            context=payload["words"][:MAX_TEXT],
        )


def _from_passages(store: Store) -> Iterator[QuestionCandidate]:
    """Rows by their description, tables with a caption, and the first passage below each heading."""
    first: dict[tuple[str, str], Payload] = {}
    for payload in (point.payload for point in visible_points(store, [store.text])):
        if PAGE_WORDS in payload:
            continue
        document, page = payload["document"], payload["page"]
        if is_row(document):
            yield QuestionCandidate("product", document, None, _description(payload)[:MAX_TEXT])
            continue
        if payload["kind"] == "table" and payload["caption"]:
            text = payload["text"][:MAX_TEXT].removeprefix(payload["title"])
            yield QuestionCandidate(
                "table", document, page, payload["caption"], _box(payload), payload["label"], None, text
            )
        heading = payload["heading"][-1] if payload["heading"] else ""
        place = document, heading
        if len(heading) >= MIN_HEADING and (place not in first or page < first[place]["page"]):
            first[place] = payload
    for (document, heading), payload in first.items():
        yield QuestionCandidate("text", document, payload["page"], heading, context=payload["text"][:MAX_TEXT])


def _description(payload: Payload) -> str:
    """The description of a row and the words in its fields, without column names, numbers and ids."""
    text: str = payload["text"].removeprefix(payload["title"])
    for name, value in payload["fields"].items():
        is_number = not isinstance(value, str) or any(character.isdigit() for character in value)
        # The name of a row is its id. A field that repeats the title adds nothing.
        is_repeated = value in (payload["title"], split_name(payload["document"])[1])
        words = "" if is_number or is_repeated else field_sentence(name, value).removeprefix(f"{name}: ")
        text = text.replace(field_sentence(name, value), words)
    return text


def _box(payload: Payload) -> Box | None:
    return Box(payload["page"], tuple(payload["bbox"])) if payload["bbox"] else None


def _spread(found: Sequence[QuestionCandidate], random: Random) -> Iterator[QuestionCandidate]:
    """One of each document in turn, with a catalogue as one document; kinds take turns within a document."""
    groups: dict[str, dict[str, list[QuestionCandidate]]] = defaultdict(lambda: defaultdict(list))
    for candidate in found:
        groups[split_name(candidate.document)[0]][candidate.kind].append(candidate)
    queues = []
    for name in sorted(groups):
        kinds = [groups[name][kind] for kind in sorted(groups[name])]
        for kind in kinds:
            random.shuffle(kind)
        queues.append(list(_take_turns(kinds)))
    yield from _take_turns(queues)


def _take_turns(queues: Sequence[Sequence[QuestionCandidate]]) -> Iterator[QuestionCandidate]:
    for turn in range(max(map(len, queues), default=0)):
        for queue in queues:
            yield from queue[turn : turn + 1]


def _make_entry(candidate: QuestionCandidate, text: str, number: int) -> Question:
    return Question(
        id=f"made-{number}",
        query=Query(text),
        document=candidate.document,
        pages=(candidate.page,) if candidate.page else (),
        boxes=(candidate.box,) if candidate.box else (),
        label=candidate.label,
        types=(candidate.kind,),
    )
