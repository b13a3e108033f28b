"""Captions written by a vision model, so that pictures are found by what they show. Each picture is paid for once."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from diptych.captioners.caption import Captions, ModelCaption
from diptych.captioners.prompt import MAX_ANSWER_TOKENS, Prompt, caption_text, plain_line, shorten, words_around
from diptych.captioners.selection import Selection, select_pictures
from diptych.endpoints import Endpoint
from diptych.errors import ProviderError
from diptych.models.image_input import prepare_image
from diptych.models.ledger import Ledger, LedgerCaption, ledger_key
from diptych.models.meter import Meter
from diptych.models.request_queue import run_concurrently
from diptych.models.vision import Detail, Reply, TextPart, VisionModel, VisionRequest, load_vision_model
from diptych.prices import Usage
from diptych.settings import Settings
from extractors.errors import ExtractionError
from extractors.pictures.store import image_path
from extractors.types import Extraction, Picture, Problem

MAX_SIDE: dict[Detail, int] = {"low": 512, "high": 1536, "auto": 1536}
"""Pixels of the longer side: labels in printed figures are legible at 1536, and models gain little from more."""
MAX_FAILURES = 8
"""Failures in a row after which only the first picture of each document is tried, so that nobody waits for a provider
that is down."""
MAX_REASON_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class _Unusable:
    """An answer that is malformed. It is not kept, so that a retry asks again."""

    reason: str


_Result = LedgerCaption | Problem | _Unusable


class Captioner:
    """Captions the pictures of documents. Thread-safe.

    Two threads or processes that meet the same picture pay for it once.
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
        """`at_once` is the number of concurrent requests for one document."""
        self.model, self.prompt = model, prompt or Prompt()
        self._ledger, self._meter, self._detail, self._at_once = ledger, meter, detail, at_once
        self._max_side = min(model.max_side, MAX_SIDE[detail])
        self.fingerprint = ledger_key(model.name, self.prompt.fingerprint, detail, str(self._max_side))[:16]
        """Changes with everything that a caption depends on: model, prompt, detail, size."""
        self._state_lock = threading.Lock()
        self._failures_in_a_row = 0
        self._any_accepted = False

    def caption(self, extraction: Extraction, pictures: Path) -> Captions:
        """Captions for all selected pictures of a document; `pictures` is the folder of the picture store.

        Raises `BudgetReached`, and `ModelError` for failures that affect every picture (missing key, unknown model);
        the ledger then has all answers received so far.
        """
        selections = select_pictures(extraction, pictures)
        keys = self._keys(extraction, selections)
        results = self._known_results(keys)
        from_batch = [key for key, result in results.items() if isinstance(result, _Unusable)]
        missing = _missing_keys(keys, results)
        first = next(iter(missing), "")

        def caption_picture(key: str) -> _Result:
            picture = extraction.pictures[missing[key]]
            return self._caption_picture(key, picture, extraction, pictures, probe=key == first)

        answers = run_concurrently(list(missing), caption_picture, self._at_once, "diptych-caption")
        results |= dict(zip(missing, answers, strict=True))
        if from_batch:
            self._ledger.forget_unusable(from_batch)
        problems = [
            Problem(selection.problem, picture.page)
            for selection, picture in zip(selections, extraction.pictures, strict=True)
            if selection.problem
        ]
        problems += [result for key in missing if isinstance(result := results[key], Problem)]
        captions = _merge_captions(selections, keys, results)
        asked = [results[key] for key in keys.values()]
        unusable = _count_missing([one.reason if isinstance(one, _Unusable) else "" for one in asked])
        return Captions(
            tuple(caption for caption in captions if caption),
            tuple(problems),
            f"{unusable}; `diptych retry --all` asks again" if unusable else "",
            _count_missing([one.refusal if isinstance(one, LedgerCaption) else "" for one in asked]),
        )

    def known_captions(self, extraction: Extraction, pictures: Path) -> list[ModelCaption | None]:
        """The captions that need no request, one for each picture; None where `caption` would send one."""
        selections = select_pictures(extraction, pictures)
        keys = self._keys(extraction, selections)
        return _merge_captions(selections, keys, self._known_results(keys))

    def pending_requests(self, extraction: Extraction, pictures: Path) -> Iterator[tuple[str, VisionRequest]]:
        """The requests that `caption` would send now, each with its ledger key.

        Keys are 64 hexadecimal digits, so they can name the items of a batch.
        """
        batches = self._ledger.open_batches(self.model.name)
        batched = {key for batch in batches for keys in batch.items.values() for key in keys}
        keys = self._keys(extraction, select_pictures(extraction, pictures), batched)
        for key, index in _missing_keys(keys, self._known_results(keys)).items():
            try:
                request = self._build_request(extraction.pictures[index], extraction, pictures)
            except ExtractionError:
                continue  # `caption` reports it
            yield key, request

    def record_unusable(self, key: str, reply: Reply) -> None:
        """Keep the reason of a malformed reply of a batch for the next call of `caption`, which reports it."""
        self._ledger.add_unusable(key, _reason(reply.refusal))

    def record_reply(self, key: str, reply: Reply) -> LedgerCaption:
        """Add a reply, which may be a refusal but not malformed, to the ledger under its key."""
        text = caption_text(reply.data) if reply.data and not reply.refusal else ""
        reason = _reason(reply.refusal) or "the answer says nothing"
        price = self._meter.price(self.model.name)
        dollars = price.cost(reply.usage) if price else None
        caption = LedgerCaption(self.model.name, text, "" if text else reason, reply.usage, dollars)
        self._ledger.add_caption(key, caption)
        return caption

    def _known_results(self, keys: Mapping[int, str]) -> dict[str, _Result]:
        """Ledger key -> its caption, or an answer of a batch that was malformed."""
        found: dict[str, _Result] = dict(self._ledger.captions(list(keys.values())))
        missing = [key for key in keys.values() if key not in found]
        return found | {key: _Unusable(reason) for key, reason in self._ledger.unusable(missing).items()}

    def _keys(
        self, extraction: Extraction, selections: Sequence[Selection], batched: Set[str] = frozenset()
    ) -> dict[int, str]:
        """Index of each selected picture -> its ledger key.

        The key names the pixels where it can: the bytes of a file change with the library that writes it. Earlier
        versions named the bytes; what they recorded keeps that key, and so does what is in open batches (`batched`).
        """
        chosen = [index for index, selection in enumerate(selections) if not selection.skipped]

        def key(index: int, content: str) -> str:
            return ledger_key(content, self.fingerprint, words_around(extraction.pictures[index], extraction))

        keys = {index: key(index, extraction.pictures[index].image.sha256) for index in chosen}
        earlier = self._ledger.captions(list(keys.values())).keys() | batched
        pixels = {index: selections[index].pixels for index in chosen if keys[index] not in earlier}
        return keys | {index: key(index, content) for index, content in pixels.items() if content}

    def _build_request(self, picture: Picture, extraction: Extraction, pictures: Path) -> VisionRequest:
        name = f"the picture on page {picture.page}"
        image = prepare_image(image_path(picture.image, pictures), name, self._max_side)
        parts = (image, TextPart(words_around(picture, extraction)))
        return VisionRequest(self.prompt.instruction, parts, self.prompt.schema, MAX_ANSWER_TOKENS, self._detail)

    def _caption_picture(
        self, key: str, picture: Picture, extraction: Extraction, pictures: Path, *, probe: bool
    ) -> _Result:
        """`probe`: send the request even after many failures."""
        while True:
            with self._ledger.claims.claimed([key]) as claimed:
                if known := self._ledger.captions([key]):  # another thread or process was faster
                    return known[key]
                if claimed:
                    return self._request_caption(key, picture, extraction, pictures, probe)
            self._ledger.claims.wait()

    def _request_caption(
        self, key: str, picture: Picture, extraction: Extraction, pictures: Path, probe: bool
    ) -> _Result:
        if self._failures_in_a_row >= MAX_FAILURES and not probe:
            return Problem("no caption: the model failed for the previous pictures; run again later", picture.page)
        try:
            reply = self.model.ask(self._build_request(picture, extraction, pictures))
        except ExtractionError as error:
            return Problem(f"no caption: {error}", picture.page)
        except ProviderError as error:
            return self._handle_failure(key, picture.page, error)
        with self._state_lock:
            self._failures_in_a_row, self._any_accepted = 0, True
        return _Unusable(_reason(reply.refusal)) if reply.malformed else self.record_reply(key, reply)

    def _handle_failure(self, key: str, page: int, error: ProviderError) -> LedgerCaption | Problem:
        """Report a transient failure, record a permanent one, or raise one that affects every picture."""
        if error.about == "account" and not error.transient:
            raise error
        with self._state_lock:
            self._failures_in_a_row += 1
        reason = _reason(str(error))
        if error.transient or not self._any_accepted:
            # If no picture was ever accepted, the settings may be at fault rather than this picture.
            return Problem(f"no caption: {reason}; run again to retry", page)
        caption = LedgerCaption(self.model.name, "", f"not accepted: {reason}", Usage(), 0.0)
        self._ledger.add_caption(key, caption)
        return caption


def load_captioner(settings: Settings, meter: Meter, ledger: Ledger) -> Captioner | None:
    """The captioner named in the settings, or None if none is: then no picture is sent anywhere.

    Sends no request and needs no key before the first picture. Raises `SettingsError` for an unknown name.
    """
    if not settings.captioner:
        return None
    model = load_vision_model(settings.captioner, settings.for_role("captioner"), meter)
    endpoint = settings.endpoint("captioner") or Endpoint()  # added providers have no section
    return Captioner(model, ledger, meter, settings.caption_detail, endpoint.at_once)


def _missing_keys(keys: Mapping[int, str], known: Mapping[str, object]) -> dict[str, int]:
    """Each key that is not known -> the index of its first picture."""
    missing: dict[str, int] = {}
    for index, key in keys.items():
        if key not in known:
            missing.setdefault(key, index)
    return missing


def _merge_captions(
    selections: Sequence[Selection], keys: Mapping[int, str], results: Mapping[str, _Result]
) -> list[ModelCaption | None]:
    """One caption for each picture; None if the result of its key is unknown."""
    captions: list[ModelCaption | None] = []
    for index, selection in enumerate(selections):
        if selection.twin is not None:
            twin = captions[selection.twin]
            captions.append(twin and replace(twin, skipped=selection.skipped))
        elif index in keys:
            result = results.get(keys[index])
            captions.append(_model_caption(result) if result else None)
        else:
            captions.append(ModelCaption(skipped=selection.skipped))
    return captions


def _model_caption(result: _Result) -> ModelCaption:
    if isinstance(result, Problem):
        return ModelCaption(skipped="no answer")
    if isinstance(result, _Unusable):
        return ModelCaption(skipped=f"unusable: {result.reason}")
    return ModelCaption(result.text, result.model, f"refused: {result.refusal}" if result.refusal else "")


def _reason(text: str) -> str:
    return shorten(plain_line(text), MAX_REASON_CHARACTERS)


def _count_missing(reasons: Sequence[str]) -> str:
    """`3 of 15 pictures have no caption: the most frequent reason`; empty if all reasons are."""
    given = Counter(filter(None, reasons))
    if not given:
        return ""
    count, total = given.total(), len(reasons)
    pictures = "picture has" if count == total == 1 else "pictures have"
    return f"{count} of {total} {pictures} no caption: {given.most_common(1)[0][0]}"
