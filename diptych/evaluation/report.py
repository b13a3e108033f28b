"""The report of an evaluation: one HTML file to open from disk or send by mail, without scripts or network access.

Names, captions and questions come from users' documents. The template escapes all of them, and a content security
policy in the file allows only its own styles and images.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diptych.evaluation.arms import DEPTH, FUSED, ArmRun
from diptych.evaluation.comparison import Evaluation, Measured
from diptych.evaluation.metrics import LEVELS, METRICS, NDCG, Level
from diptych.evaluation.questions import Question
from diptych.evaluation.statistics import Interval
from diptych.printable import one_line
from diptych.search.hits import Hit
from diptych.search.search import SearchContext, search
from diptych.where import all_of, where_from_fields
from extractors.errors import DiptychError
from extractors.formats import is_row

MAX_SIDE = 280
"""Longest side of an image in pixels."""
MAX_IMAGE_BYTES = 6_000_000
"""For all images together; the remaining hits are shown by their words."""
MAX_TYPES = 12
"""Types of questions in the plot."""
PLOTTED_ARMS = (FUSED, "bm25", "dense")
"""Arms in the plot by type, if they were run. The template has three colours."""
MAX_QUESTIONS, MAX_HITS = 15, 4
"""Worst questions that are listed, and hits of each."""


@dataclass(frozen=True, slots=True)
class Plot:
    """Means with their intervals, one row per group."""

    title: str
    groups: Sequence[str]
    series: Mapping[str, Sequence[Interval | None]]
    """Name -> one interval per group; at most three series."""


@dataclass(frozen=True, slots=True)
class WorstQuestion:
    """A question that the search answers badly, with the wanted place and what was found instead."""

    question: Question
    asked: str
    """Its text in the file."""
    level: Level
    score: float
    """nDCG@10."""
    first_rank: int | None
    """Rank of the first wanted page or document; None if it is not among `DEPTH` hits."""
    hits: tuple[Hit, ...]
    """The first hits on different pages, or in different documents."""
    wanted: Hit | None = None
    """The best hit when searching only at the wanted place; None if the store has nothing there."""


def write_report(evaluation: Evaluation, context: SearchContext, out: Path) -> None:
    """Write the report to `out` and create its folder if necessary."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["short"] = one_line
    text = environment.get_template("report.html").render(
        evaluation=evaluation,
        fused=evaluation.arm(FUSED),
        worst=find_worst(evaluation, context),
        levels=[level for level in LEVELS if evaluation.counts[level]],
        type_level=_type_level(evaluation),
        metrics=METRICS,
        depth=DEPTH,
        plots=_plots(evaluation),
        embed=_ImageEmbedder(),
        is_row=is_row,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8", errors="replace")


def find_worst(evaluation: Evaluation, context: SearchContext) -> list[WorstQuestion]:
    """The worst questions that are not answered perfectly, worst first; empty if `fused` was not run."""
    if not evaluation.fused:
        return []
    found = [_judge(index, evaluation, evaluation.fused) for index in range(len(evaluation.questions))]
    imperfect = sorted((one for one in found if one.score < 1), key=lambda one: (one.score, one.question.id))
    return [replace(one, wanted=_wanted_hit(one.question, context)) for one in imperfect[:MAX_QUESTIONS]]


def _judge(index: int, evaluation: Evaluation, run: ArmRun) -> WorstQuestion:
    question = evaluation.questions[index]
    level: Level = "page" if question.pages else "document"
    scores = run.scores[level][index] or {"mrr": 0.0, NDCG: 0.0}
    units: dict[Hashable, Hit] = {}
    for hit in run.hits[index]:
        units.setdefault((hit.document, hit.page) if level == "page" else hit.document, hit)
    first_rank = round(1 / scores["mrr"]) if scores["mrr"] else None
    hits = tuple(units.values())[:MAX_HITS]
    return WorstQuestion(question, evaluation.asked[index], level, scores[NDCG], first_rank, hits)


def _wanted_hit(question: Question, context: SearchContext) -> Hit | None:
    page = {"page": question.pages[0]} if question.pages else {}
    where = all_of(question.query.filter, where_from_fields({"document": question.document, **page}))
    found = search([replace(question.query, where=where)], context, DEPTH)[0]
    modality = "image" if question.about_a_figure else "text"
    return next((hit for hit in found if hit.modality == modality), found[0] if found else None)


def _plots(evaluation: Evaluation) -> list[Plot]:
    """recall@10 by arm, and by type of question if there are several types."""
    arms = evaluation.arms
    by_level: dict[str, list[Interval | None]] = {
        level: [_recall(arm.measured, level) for arm in arms] for level in LEVELS if evaluation.counts[level]
    }
    plots = [Plot("recall@10 by arm, with 95 % intervals", [arm.name for arm in arms], by_level)]
    level = _type_level(evaluation)
    types = sorted(sorted(evaluation.types, key=lambda name: -evaluation.types[name])[:MAX_TYPES])
    if types:
        chosen = [arm for arm in arms if arm.name in PLOTTED_ARMS] or arms[:3]
        by_arm = {arm.name: [_recall(arm.by_type[name], level) for name in types] for arm in chosen}
        plots.append(Plot(f"recall@10 by type of question, {level} level", types, by_arm))
    return plots


def _type_level(evaluation: Evaluation) -> Level:
    return "page" if evaluation.counts["page"] else "document"


def _recall(measured: Measured, level: Level) -> Interval | None:
    return measured.get(level, {}).get("recall@10")


class _ImageEmbedder:
    """Image files as data URIs, until `MAX_IMAGE_BYTES` are used up; empty for an image that cannot be shown."""

    def __init__(self) -> None:
        self._remaining = MAX_IMAGE_BYTES

    def __call__(self, path: str | Path | None) -> str:
        from diptych.models.image_input import prepare_image

        if not path or not Path(path).is_file() or self._remaining <= 0:
            return ""
        try:
            image = prepare_image(Path(path), "an image", MAX_SIDE)
        except DiptychError:
            return ""  # the words of the hit are shown
        self._remaining -= len(image.data)
        return image.data_address
