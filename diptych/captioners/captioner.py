"""A vision model describes the pictures of a document; the ledger is asked first, and told at once of every answer."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, replace
from pathlib import Path

from diptych.captioners.caption import Captions, ModelCaption
from diptych.captioners.prompt import MAX_ANSWER_TOKENS, Prompt, caption_text, plain_line, shorten, words_around
from diptych.captioners.selection import Verdict, judge
from diptych.errors import ProviderError
from diptych.models.image_input import prepare_image
from diptych.models.ledger import Ledger, LedgerCaption
from diptych.models.meter import Meter
from diptych.models.vision import Detail, Reply, TextPart, VisionModel, VisionRequest, load_vision_model
from diptych.prices import Usage
from diptych.settings import Endpoint, Settings
from extractors.errors import ExtractionError
from extractors.pictures.store import image_path
from extractors.types import Extraction, Picture, Problem

SIDE: dict[Detail, int] = {"low": 512, "high": 1536, "auto": 1536}
"""Longest side in pixels that is sent: figures of print are legible at the larger, and models see little beyond it."""
HOPELESS = 8
"""Failures in a row after which only one picture a document is tried: nobody waits for a provider that is down."""
_REASON = 300


@dataclass(frozen=True, slots=True)
class _Job:
    key: str
    picture: Picture
    extraction: Extraction
    probe: bool
    """Tried even when all before it failed."""


class Captioner:
    """A `Captioner`. Thread-safe: two threads that meet the same picture pay for it once.

    `at_once`: pictures of a document that are asked about at the same time.
    """

    def __init__(
        self,
        model: VisionModel,
        ledger: Ledger,
        meter: Meter,
        detail: Detail = "high",
        at_once: int = 4,
        prompt: Prompt | None = None,
    ) -> None:
        self.model, self.prompt = model, prompt or Prompt()
        self._ledger, self._meter, self._detail, self._at_once = ledger, meter, detail, at_once
        self._side = min(model.max_side, SIDE[detail])
        self.fingerprint = _hash(model.name, self.prompt.fingerprint, detail, str(self._side))[:16]
        self._guard = threading.Lock()
        self._turns: dict[str, tuple[threading.Lock, int]] = {}
        self._failures = 0
        """In a row."""
        self._accepted = False
        """Whether any picture was answered."""

    def caption(self, extraction: Extraction, pictures: Path) -> Captions:
        """See `Captioner`. When it raises, what was answered until then is in the ledger."""
        verdicts = judge(extraction, pictures)
        keys = self._keys(extraction, verdicts)
        said: dict[str, LedgerCaption | Problem] = dict(self._ledger.captions(list(keys.values())))
        unknown = _first_places(keys, said)
        jobs = [
            _Job(key, extraction.pictures[place], extraction, probe=number == 0)
            for number, (key, place) in enumerate(unknown.items())
        ]
        said |= self._answers(jobs, pictures)
        problems = [
            Problem(verdict.problem, picture.page)
            for verdict, picture in zip(verdicts, extraction.pictures, strict=True)
            if verdict.problem
        ]
        problems += [answer for key in unknown if isinstance(answer := said[key], Problem)]
        told = _all_told(verdicts, keys, said)
        return Captions(tuple(one for one in told if one), tuple(problems))

    def known(self, extraction: Extraction, pictures: Path) -> list[ModelCaption | None]:
        """What `caption` would give, one a picture; None where it would ask the model."""
        verdicts = judge(extraction, pictures)
        keys = self._keys(extraction, verdicts)
        return _all_told(verdicts, keys, self._ledger.captions(list(keys.values())))

    def missing(self, extraction: Extraction, pictures: Path) -> Sequence[int]:
        """See `Captioner`; equal pictures count once."""
        return sorted(self._unknown(extraction, pictures).values())

    def asks(self, extraction: Extraction, pictures: Path) -> Iterator[tuple[str, VisionRequest]]:
        """What `caption` would ask now, one by one, each with the key under which `keep` keeps its answer.

        Keys are 64 characters of 0-9 and a-f, so that they can name the items of a batch.
        """
        for key, place in self._unknown(extraction, pictures).items():
            try:
                ask = self._ask(extraction.pictures[place], extraction, pictures)
            except ExtractionError:
                continue  # `caption` will tell
            yield key, ask

    def keep(self, key: str, reply: Reply) -> LedgerCaption:
        """Put an answer into the ledger, a refusal too; its usage says whether it came through a batch."""
        text = caption_text(reply.data) if reply.data and not reply.refusal else ""
        refusal = "" if text else shorten(plain_line(reply.refusal), _REASON) or "the answer says nothing"
        price = self._meter.price(self.model.name)
        kept = LedgerCaption(self.model.name, text, refusal, reply.usage, price.cost(reply.usage) if price else None)
        self._ledger.add_caption(key, kept)
        return kept

    def _unknown(self, extraction: Extraction, pictures: Path) -> dict[str, int]:
        keys = self._keys(extraction, judge(extraction, pictures))
        return _first_places(keys, self._ledger.captions(list(keys.values())))

    def _keys(self, extraction: Extraction, verdicts: Sequence[Verdict]) -> dict[int, str]:
        """Place of a picture that is worth it -> key in the ledger."""
        chosen = [place for place, verdict in enumerate(verdicts) if not verdict.skipped]
        found = [(place, extraction.pictures[place]) for place in chosen]
        return {
            place: _hash(picture.image.sha256, self.fingerprint, words_around(picture, extraction))
            for place, picture in found
        }

    def _ask(self, picture: Picture, extraction: Extraction, pictures: Path) -> VisionRequest:
        name = f"the picture on page {picture.page}"
        pixels = prepare_image(image_path(picture.image, pictures), name, self._side)
        parts = (pixels, TextPart(words_around(picture, extraction)))
        return VisionRequest(self.prompt.instruction, parts, self.prompt.schema, MAX_ANSWER_TOKENS, self._detail)

    def _answers(self, jobs: Sequence[_Job], pictures: Path) -> dict[str, LedgerCaption | Problem]:
        if not jobs:
            return {}
        stopped = threading.Event()

        def work(job: _Job) -> LedgerCaption | Problem:
            if stopped.is_set():
                return Problem("not asked")
            try:
                return self._answer(job, pictures)
            except BaseException:
                stopped.set()  # here, not where it is waited for: this thread would begin the next one meanwhile
                raise

        with ThreadPoolExecutor(min(self._at_once, len(jobs)), thread_name_prefix="diptych-caption") as pool:
            futures = {job.key: pool.submit(copy_context().run, work, job) for job in jobs}  # whose cost it is
            try:
                wait(futures.values(), return_when=FIRST_EXCEPTION)
            finally:
                stopped.set()  # what is under way is paid for anyway: it is waited for and kept
        errors = [error for future in futures.values() if (error := future.exception())]
        if errors:
            raise errors[0]
        return {key: future.result() for key, future in futures.items()}

    def _answer(self, job: _Job, pictures: Path) -> LedgerCaption | Problem:
        page = job.picture.page
        with self._turn(job.key):
            known = self._ledger.captions([job.key])
            if known:  # another thread, or another process, was faster
                return known[job.key]
            if self._failures >= HOPELESS and not job.probe:
                return Problem("no caption: the model did not answer for the pictures before; run again later", page)
            try:
                reply = self.model.ask(self._ask(job.picture, job.extraction, pictures))
            except ExtractionError as error:
                return Problem(f"no caption: {error}", page)
            except ProviderError as error:
                return self._failed(job, error)
            with self._guard:
                self._failures, self._accepted = 0, True
            return self.keep(job.key, reply)

    def _failed(self, job: _Job, error: ProviderError) -> LedgerCaption | Problem:
        """What becomes of a picture that the provider did not answer for. Raises what concerns every picture."""
        if error.about == "account" and not error.transient:
            raise error
        with self._guard:
            self._failures += 1
        reason = shorten(plain_line(str(error)), _REASON)
        if error.transient or not self._accepted:
            # Where none was ever accepted, it may be the settings and not this picture: it is tried again.
            return Problem(f"no caption: {reason}; run again to ask once more", job.picture.page)
        kept = LedgerCaption(self.model.name, "", f"not accepted: {reason}", Usage(), 0.0)
        self._ledger.add_caption(job.key, kept)
        return kept

    @contextmanager
    def _turn(self, key: str) -> Iterator[None]:
        """One thread at a time for one key."""
        with self._guard:
            lock, waiting = self._turns.get(key, (threading.Lock(), 0))
            self._turns[key] = lock, waiting + 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                _, waiting = self._turns.pop(key)
                if waiting > 1:
                    self._turns[key] = lock, waiting - 1


def _first_places(keys: Mapping[int, str], known: Mapping[str, object]) -> dict[str, int]:
    """Key that is not known -> the first place that has it."""
    unknown: dict[str, int] = {}
    for place, key in keys.items():
        if key not in known:
            unknown.setdefault(key, place)
    return unknown


def _all_told(
    verdicts: Sequence[Verdict], keys: Mapping[int, str], said: Mapping[str, LedgerCaption | Problem]
) -> list[ModelCaption | None]:
    """One a picture; None: nothing is said under its key."""
    told: list[ModelCaption | None] = []
    for place, verdict in enumerate(verdicts):
        if verdict.twin is not None:
            twin = told[verdict.twin]
            told.append(twin and replace(twin, skipped=verdict.skipped))
        elif place in keys:
            answer = said.get(keys[place])
            told.append(_told(answer) if answer else None)
        else:
            told.append(ModelCaption(skipped=verdict.skipped))
    return told


def _told(answer: LedgerCaption | Problem) -> ModelCaption:
    if isinstance(answer, Problem):
        return ModelCaption(skipped="no answer")
    skipped = f"refused: {answer.refusal}" if answer.refusal else ""
    return ModelCaption(answer.text, answer.model, skipped)


def _hash(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def load_captioner(settings: Settings, meter: Meter, ledger: Ledger) -> Captioner | None:
    """The captioner that the settings name; None: no pictures are sent anywhere.

    No request is made and no key is asked for before the first picture. Raises `SettingsError` for an unknown name.
    """
    if not settings.captioner:
        return None
    model = load_vision_model(settings.captioner, settings, meter)
    endpoint = getattr(settings, settings.captioner.partition(":")[0])
    assert isinstance(endpoint, Endpoint)
    return Captioner(model, ledger, meter, settings.caption_detail, endpoint.at_once)
