"""Models that answer as they are told to, for tests of what becomes of their answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from diptych.costs import Usage
from diptych.dialogue import Form, Quote, Said
from diptych.errors import DiptychError
from diptych.providers import Ask, Batches, Cited, Evidence, Pixels, Reply, Words

Answer = Reply | DiptychError
USAGE = Usage(100, 0, 20, 1)


class ScriptedModel:
    """A `VisionModel` that gives its answers in order, and keeps what it was asked."""

    name = "openai:scripted"
    pixels = 64
    batches: Batches | None = None

    def __init__(self, *answers: Answer, cites: bool = False) -> None:
        self.answers, self.cites = list(answers), cites
        self.asks: list[Ask] = []

    def ask(self, ask: Ask, on_text: Callable[[str], None] | None = None) -> Reply:
        self.asks.append(ask)
        answer = self.answers.pop(0)
        if isinstance(answer, DiptychError):
            raise answer
        if on_text:
            on_text(answer.text)
        return answer

    def most(self, ask: Ask) -> Usage:
        return USAGE


def form(*sentences: tuple[str, Sequence[tuple[str, str]]], answered: bool = True) -> Reply:
    """A structured answer: sentences, each with (id, quote)."""
    said = [Said(text=text, citations=[Quote(id=i, quote=q) for i, q in quotes]) for text, quotes in sentences]
    data = Form(answered=answered, sentences=said)
    return Reply(data.model_dump_json(), data, USAGE)


def free(*stretches: tuple[str, Sequence[tuple[str, str]]]) -> Reply:
    """A free answer with the provider's own citations."""
    cited = tuple(Cited(text, tuple(quotes)) for text, quotes in stretches)
    return Reply("".join(one.text for one in cited), None, USAGE, "", cited)


def refusal(why: str) -> Reply:
    return Reply("", None, USAGE, why)


def words(ask: Ask) -> str:
    """All texts that the model was shown, evidence included."""
    return "\n".join(
        part.text if isinstance(part, Words) else f"{part.id}: {part.title}\n{part.text}"
        for part in ask.parts
        if not isinstance(part, Pixels)
    )


def evidence(ask: Ask) -> list[Evidence]:
    return [part for part in ask.parts if isinstance(part, Evidence)]


def pictures(ask: Ask) -> list[Pixels]:
    return [part for part in ask.parts if isinstance(part, Pixels)]
