"""`diptych ask`: a question in, an answer out whose citations were checked."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from flows.cli import options
from flows.support.no_hits import found_nothing
from flows.support.terminal import json_line, put, say, show
from flows.support.understood_filters import tell

file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(short_help="Answer a question; every citation is checked.")
@click.argument("text", default="")
@click.option("--image", type=file, help="A picture that belongs to the question.")
@click.option("--where", metavar="EXPR", help='Only these are evidence: document = "manual.pdf" and page < 20.')
@click.option(
    "--limit", type=click.IntRange(1, 100), default=12, show_default=True, help="Most hits shown to the model."
)
@click.option("--model", metavar="PROVIDER:MODEL", help="Who answers; by default the setting `answerer`.")
@options.budget
@options.as_json
@options.store
def ask(
    text: str,
    image: Path | None,
    where: str | None,
    limit: int,
    model: str | None,
    budget: float | None,
    as_json: bool,
    store: str | None,
) -> None:
    """Answer a question from the store by a vision model, with the document, page and picture of every claim.

    \b
    Every quote, page, figure and number of the answer is compared with what the model was shown. What does not hold
    goes back to it once, then is dropped, and that is said. Nothing found: no request, nothing paid.
    """
    if not text.strip() and not image:
        raise click.UsageError("give a question: TEXT, --image or both")

    from diptych import Diptych, Query
    from diptych.models.meter import format_usage
    from diptych.settings import load_settings
    from diptych.where import parse_where
    from flows.support import answer_text as answers

    settings = load_settings(store)
    settings = settings.model_copy(update={"answerer": model}) if model else settings
    condition = parse_where(where) if where else None
    with Diptych.open(settings, budget=budget) as diptych:
        watched = _draft if not as_json and sys.stderr.isatty() else None
        question = Query(text, image, condition)
        tell(diptych.interpret(question))
        answer = diptych.ask(question, limit, watched)
        if not answer.evidence:
            say(found_nothing(diptych, condition))
    if as_json:
        put(json_line(answers.record(answer, diptych.meter)))
        return
    show(*answers.lines(answer))
    for line in (answers.checked(answer), *format_usage(diptych.meter)):
        say(line)


def _draft(sentence: str) -> None:
    """A sentence of an answer that is still coming, as what it is."""
    say(f"not checked yet: {sentence}")
