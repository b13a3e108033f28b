"""`diptych ask`: answer a question, with checked citations."""

import sys
from pathlib import Path

import click

from diptych.search.query.query_options import make_question
from flows.cli import options
from flows.output.terminal import ExitCode, print_json, print_message, print_output
from flows.runs.local_prefect import image_parameter, recorded_runs, run_recorded
from flows.runs.questions import Answered, find_answer


@click.command()
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
@options.prefect
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
    prefect: bool | None,
    as_json: bool,
    store: str | None,
) -> ExitCode:
    """Answer a question from the store with a vision model, citing document, page and picture for every claim.

    Every quote, page, figure and number is compared with what the model was shown. Claims that do not hold are
    returned to the model once, then dropped and listed. Claims that only a picture shows are listed apart; --verify
    sends each such picture again, alone, and drops what it does not show. If nothing is found, the model is not asked.
    The exit code is 1 if the model refused, or its answer was empty, malformed or cut off.
    """
    if not text.strip() and image is None:
        raise click.UsageError("give a question: TEXT, --image or both")

    from flows.output.answer_text import answer_settings

    settings, codes = answer_settings(options.load(store), model, verify), [ExitCode.COMPLETE]

    def show(answered: Answered) -> None:
        _print_answer(answered, as_json=as_json)
        codes.append(ExitCode.ERROR if answered.answer.failed else ExitCode.COMPLETE)

    question = make_question(text, image, where, limit, passages=passages, pictures=pictures)
    if options.is_recorded(prefect, settings):
        with recorded_runs(show), image_parameter(image) as image_place:
            from flows.answer import answer

            run_recorded(
                answer,
                text=text, image=image_place, where=where, limit=limit, model=model, store=settings.store,
                budget=budget, verify=verify, passages=passages or None, pictures=pictures or None,
            )  # fmt: skip
        return codes[-1]
    from diptych import Diptych

    with Diptych.open(settings, budget=budget) as diptych:
        show(find_answer(diptych, question, _print_draft if not as_json and sys.stderr.isatty() else None))
    return codes[-1]


def _print_answer(answered: Answered, *, as_json: bool) -> None:
    from flows.output.answer_text import answer_lines, checks_summary

    print_message(answered.filters)
    print_message(answered.nothing)
    if as_json:
        print_json(answered.answer.as_dict())
        return
    print_output(*answer_lines(answered.answer))
    for line in (checks_summary(answered.answer), *answered.usage):
        print_message(line)


def _print_draft(sentence: str) -> None:
    print_message(f"not checked yet: {sentence}")
