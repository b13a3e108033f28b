"""`diptych ask`: answer a question, with checked citations."""

import sys
from pathlib import Path

import click

from flows.cli import options
from flows.support.terminal import print_json, print_message, print_output


@click.command(short_help="Answer a question, with checked citations.")
@options.question
@options.image
@click.option("--where", metavar="EXPR", help='A filter on the evidence: document = "manual.pdf" and page < 20.')
@click.option(
    "--limit", type=click.IntRange(1, 100), default=12, show_default=True, help="Maximum hits shown to the model."
)
@options.passages
@options.pictures
@click.option("--model", metavar="PROVIDER:MODEL", help="Answering model; by default the setting `answerer`.")
@click.option("--verify/--no-verify", default=None, help="Ask again about statements that only a picture shows.")
@options.budget
@options.as_json
@options.store
def ask(
    text: str,
    image: Path | str | bytes | None,
    where: str | None,
    limit: int,
    passages: str,
    pictures: str,
    model: str | None,
    verify: bool | None,
    budget: float | None,
    as_json: bool,
    store: str | None,
) -> None:
    """Answer a question from the store with a vision model, citing document, page and picture for every claim.

    \b
    Every quote, page, figure and number is compared with what the model was shown. Claims that do not hold are
    returned to the model once, then dropped and listed. Claims that only a picture shows are listed apart; --verify
    sends each such picture again, alone, and drops what it does not show. If nothing is found, the model is not asked.
    """
    if not text.strip() and image is None:
        raise click.UsageError("give a question: TEXT, --image or both")

    from diptych import Diptych, Query
    from diptych.settings import load_settings
    from flows.support.answer_text import answer_lines, answer_settings, checks_summary
    from flows.support.search_results import describe_filters, explain_no_hits, parse_counts, parse_filter

    least, exact = parse_counts(passages, pictures)
    question = Query(text, image, parse_filter(where), least=least, exact=exact)
    limit = max(limit, sum(least.values()) + sum(exact.values()))
    settings = answer_settings(load_settings(store).require_persistent(), model, verify)
    with Diptych.open(settings, budget=budget) as diptych:
        print_message(describe_filters(diptych, question))
        answer = diptych.ask(question, limit, _print_draft if not as_json and sys.stderr.isatty() else None)
        if not answer.evidence:
            print_message(explain_no_hits(diptych, question.where, resembles=answer.resembles))
    if as_json:
        print_json(answer.as_dict())
        return
    print_output(*answer_lines(answer))
    print_message(checks_summary(answer))
    options.print_usage(diptych)


def _print_draft(sentence: str) -> None:
    print_message(f"not checked yet: {sentence}")
