"""Captions are requested once, recorded at once, and failures leave other pictures alone."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pydantic import BaseModel

from diptych.captioners.caption import ModelCaption
from diptych.captioners.captioner import MAX_FAILURES, Captioner
from diptych.captioners.prompt import Prompt, words_around
from diptych.errors import BudgetReached, ModelError, ProviderError
from diptych.models.ledger import Ledger, LedgerCaption, OpenBatch, ledger_key
from diptych.models.meter import Meter
from diptych.models.vision import ImagePart, Reply
from diptych.prices import Price, Usage
from extractors.types import Extraction, Problem
from tests.support.ledgers import ledger_captions
from tests.support.scripted_vision import ScriptedVision, answer, chart, extraction, picture, stored, words


def captioner(model: ScriptedVision, folder: Path, **options: object) -> Captioner:
    meter = Meter({"scripted:seer": Price(input=1.0, output=10.0)})
    return Captioner(model, Ledger(folder), meter, **options)  # type: ignore[arg-type]


def charts(folder: Path, count: int, first: int = 0) -> Extraction:
    return extraction(*(picture(stored(chart(first + n), folder), n + 1) for n in range(count)))


def missing(one: Captioner, document: Extraction, folder: Path) -> list[int]:
    """Indices of the pictures that need a request."""
    return [index for index, caption in enumerate(one.known_captions(document, folder)) if caption is None]


def failing(*numbers: int, error: Exception) -> ScriptedVision:
    """A model that raises `error` for the requests with these numbers."""

    def script(number: int) -> Reply | None:
        if number in numbers:
            raise error
        return None

    return ScriptedVision(script)


def test_each_picture_gets_its_own_answer(tmp_path: Path) -> None:
    model = ScriptedVision()
    result = captioner(model, tmp_path, at_once=1).caption(charts(tmp_path, 3), tmp_path)
    assert result.captions == tuple(ModelCaption(f"Picture {n}.", "scripted:seer") for n in (1, 2, 3))
    assert result.problems == ()


def test_second_run_sends_no_request(tmp_path: Path) -> None:
    document = charts(tmp_path, 3)
    first = captioner(ScriptedVision(), tmp_path).caption(document, tmp_path)
    model = ScriptedVision()
    assert captioner(model, tmp_path).caption(document, tmp_path) == first
    assert model.asked == []


def test_changed_picture_needs_one_request(tmp_path: Path) -> None:
    document = charts(tmp_path, 3)
    captioner(ScriptedVision(), tmp_path).caption(document, tmp_path)
    model = ScriptedVision()
    changed = replace(document.pictures[1], image=stored(chart(77), tmp_path))
    other = replace(document, pictures=(document.pictures[0], changed, document.pictures[2]))
    assert missing(captioner(model, tmp_path), other, tmp_path) == [1]
    captioner(model, tmp_path).caption(other, tmp_path)
    assert len(model.asked) == 1


def test_same_pixels_in_a_file_with_other_bytes_need_no_request(tmp_path: Path) -> None:
    document = charts(tmp_path, 2)
    captioner(ScriptedVision(), tmp_path).caption(document, tmp_path)
    again = tuple(
        replace(one, image=stored(chart(number), tmp_path, compress_level=1))
        for number, one in enumerate(document.pictures)
    )
    assert {one.image.sha256 for one in again}.isdisjoint(one.image.sha256 for one in document.pictures)
    model = ScriptedVision()
    captioner(model, tmp_path).caption(replace(document, pictures=again), tmp_path)
    assert model.asked == []


def test_caption_that_an_earlier_version_recorded_by_the_bytes_of_the_file_is_found(tmp_path: Path) -> None:
    document, one = charts(tmp_path, 1), captioner(ScriptedVision(), tmp_path)
    (figure,) = document.pictures
    key = ledger_key(figure.image.sha256, one.fingerprint, words_around(figure, document))
    Ledger(tmp_path).add_caption(key, LedgerCaption("scripted:seer", "Two pumps."))
    assert one.known_captions(document, tmp_path) == [ModelCaption("Two pumps.", "scripted:seer")]


def test_request_in_a_batch_of_an_earlier_version_keeps_its_key(tmp_path: Path) -> None:
    document, one = charts(tmp_path, 2), captioner(ScriptedVision(), tmp_path)
    first, _ = document.pictures
    earlier = ledger_key(first.image.sha256, one.fingerprint, words_around(first, document))
    Ledger(tmp_path).add_batch(OpenBatch("batch-1", "scripted:seer", "captions", {"item": [earlier]}))
    keys = [key for key, _ in one.pending_requests(document, tmp_path)]
    assert earlier in keys
    assert len(keys) == 2


def test_same_picture_and_words_in_another_document_need_no_request(tmp_path: Path) -> None:
    captioner(ScriptedVision(), tmp_path).caption(charts(tmp_path, 2), tmp_path)
    model = ScriptedVision()
    copy = replace(charts(tmp_path, 2), source=replace(charts(tmp_path, 1).source, name="copy.pdf", sha256="2"))
    captioner(model, tmp_path).caption(copy, tmp_path)
    assert model.asked == []


class Other(BaseModel):
    """Another schema."""

    shows: str
    colour: str


@pytest.mark.parametrize(
    "options",
    [{"prompt": Prompt("Say what you see.")}, {"prompt": Prompt(schema=Other)}, {"detail": "low"}],
    ids=["instruction", "schema", "detail"],
)
def test_another_prompt_or_detail_requests_every_caption_again(tmp_path: Path, options: dict[str, object]) -> None:
    document = charts(tmp_path, 3)
    before = captioner(ScriptedVision(), tmp_path)
    before.caption(document, tmp_path)
    after = captioner(ScriptedVision(), tmp_path, **options)
    assert missing(after, document, tmp_path) == [0, 1, 2]
    assert after.fingerprint != before.fingerprint


def test_another_model_requests_every_caption_again(tmp_path: Path) -> None:
    document = charts(tmp_path, 2)
    captioner(ScriptedVision(), tmp_path).caption(document, tmp_path)
    other = ScriptedVision()
    other.name = "scripted:oracle"
    captioner(other, tmp_path).caption(document, tmp_path)
    assert len(other.asked) == 2


def test_other_words_around_a_picture_need_a_new_caption_but_another_page_does_not(tmp_path: Path) -> None:
    one = picture(stored(chart(1), tmp_path), caption="Figure 1: flow")
    captioner(ScriptedVision(), tmp_path).caption(extraction(one), tmp_path)
    again = captioner(ScriptedVision(), tmp_path)
    assert missing(again, extraction(replace(one, page=5, box=(1.0, 1.0, 99.0, 99.0))), tmp_path) == []
    assert missing(again, extraction(replace(one, caption="Figure 1: pressure")), tmp_path) == [0]
    assert missing(again, extraction(replace(one, context=("Figure 1 shows it.",))), tmp_path) == [0]


def test_equal_pictures_of_a_document_need_one_request(tmp_path: Path) -> None:
    image = stored(chart(1), tmp_path)
    model = ScriptedVision()
    result = captioner(model, tmp_path).caption(extraction(picture(image, 1), picture(image, 2)), tmp_path)
    assert len(model.asked) == 1
    assert result.captions[1] == ModelCaption("Picture 1.", "scripted:seer", "duplicate")


def test_concurrent_documents_pay_for_an_equal_picture_once(tmp_path: Path) -> None:
    gate = threading.Event()

    def slowly(number: int) -> Reply | None:
        gate.wait(0.3)  # gives the other threads time to arrive
        return None

    model, document = ScriptedVision(slowly), charts(tmp_path, 1)
    one = captioner(model, tmp_path)
    texts: list[str] = []
    threads = [
        threading.Thread(target=lambda: texts.append(one.caption(document, tmp_path).captions[0].text))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(model.asked) == 1
    assert texts == ["Picture 1."] * 4


def test_different_pictures_are_requested_concurrently(tmp_path: Path) -> None:
    together = threading.Barrier(3, timeout=120)

    def script(number: int) -> Reply | None:
        together.wait()  # passes only when three requests are in flight
        return None

    result = captioner(ScriptedVision(script), tmp_path, at_once=3).caption(charts(tmp_path, 3), tmp_path)
    assert all(caption.text for caption in result.captions)


def test_ledger_records_usage_and_price_of_each_answer(tmp_path: Path) -> None:
    captioner(ScriptedVision(), tmp_path).caption(charts(tmp_path, 2), tmp_path)
    recorded = ledger_captions(tmp_path)
    assert [(caption.model, caption.usage) for caption in recorded] == [("scripted:seer", Usage(100, 0, 20, 1))] * 2
    assert [caption.price for caption in recorded] == [pytest.approx((100 * 1.0 + 20 * 10.0) / 1e6)] * 2


def test_ledger_records_an_unknown_price_as_unknown(tmp_path: Path) -> None:
    Captioner(ScriptedVision(), Ledger(tmp_path), Meter()).caption(charts(tmp_path, 1), tmp_path)
    assert [caption.price for caption in ledger_captions(tmp_path)] == [None]


def test_refusal_is_recorded_and_not_requested_again(tmp_path: Path) -> None:
    model = ScriptedVision(lambda number: Reply("", None, Usage(90, 0, 1, 1), "I will\x00 not\ndescribe this"))
    result = captioner(model, tmp_path).caption(charts(tmp_path, 1), tmp_path)
    assert result.captions == (ModelCaption("", "scripted:seer", "refused: I will not describe this"),)
    assert result.problems == ()
    again = captioner(ScriptedVision(), tmp_path)
    assert missing(again, charts(tmp_path, 1), tmp_path) == []
    assert again.caption(charts(tmp_path, 1), tmp_path) == result


def test_refused_pictures_are_counted_with_the_reason(tmp_path: Path) -> None:
    model = ScriptedVision(lambda number: Reply("", None, Usage(90, 0, 1, 1), "refused: no") if number < 3 else None)
    result = captioner(model, tmp_path, at_once=1).caption(charts(tmp_path, 3), tmp_path)
    assert (result.refused, result.unusable) == ("2 of 3 pictures have no caption: refused: no", "")


def test_malformed_answer_is_asked_for_again_by_a_retry(tmp_path: Path) -> None:
    malformed = Reply("{", None, Usage(90, 0, 1, 1), "the answer does not match the schema", malformed=True)
    document = charts(tmp_path, 1)
    result = captioner(ScriptedVision(lambda number: malformed), tmp_path).caption(document, tmp_path)
    assert result.captions[0].skipped == "unusable: the answer does not match the schema"
    assert (result.problems, result.refused) == ((), "")
    assert result.unusable == (
        "1 of 1 picture has no caption: the answer does not match the schema; `diptych retry --all` asks again"
    )
    again = captioner(ScriptedVision(), tmp_path).caption(document, tmp_path)
    assert (again.captions[0].text, again.unusable) == ("Picture 1.", "")


def test_empty_answer_counts_as_refusal(tmp_path: Path) -> None:
    model = ScriptedVision()
    model.script = lambda number: answer(model.asked[-1], kind="chart", shows=" \n")
    result = captioner(model, tmp_path).caption(charts(tmp_path, 1), tmp_path)
    assert result.captions[0].skipped == "refused: the answer says nothing"


def test_transient_failure_becomes_a_problem_with_its_page_and_spares_other_pictures(tmp_path: Path) -> None:
    model = failing(2, error=ProviderError("overloaded for 300 s", transient=True))
    document = charts(tmp_path, 3)
    result = captioner(model, tmp_path, at_once=1).caption(document, tmp_path)
    assert [caption.text for caption in result.captions] == ["Picture 1.", "", "Picture 3."]
    assert result.captions[1].skipped == "no answer"
    assert result.problems == (Problem("no caption: overloaded for 300 s; run again to retry", 2),)
    again = ScriptedVision()
    assert captioner(again, tmp_path).caption(document, tmp_path).problems == ()
    assert len(again.asked) == 1


def test_unavailable_provider_is_tried_once_per_document(tmp_path: Path) -> None:
    def down(number: int) -> Reply | None:
        raise ProviderError("no connection", transient=True)

    model = ScriptedVision(down)
    one = captioner(model, tmp_path, at_once=1)
    result = one.caption(charts(tmp_path, MAX_FAILURES + 3), tmp_path)
    assert len(model.asked) == MAX_FAILURES
    assert len(result.problems) == MAX_FAILURES + 3
    one.caption(charts(tmp_path, 4, first=50), tmp_path)
    assert len(model.asked) == MAX_FAILURES + 1
    model.script = lambda number: None
    assert one.caption(charts(tmp_path, 4, first=50), tmp_path).problems == ()


def test_picture_rejected_after_others_were_accepted_is_not_requested_again(tmp_path: Path) -> None:
    model = failing(2, error=ProviderError("400 picture is broken"))
    result = captioner(model, tmp_path, at_once=1).caption(charts(tmp_path, 3), tmp_path)
    assert result.captions[1].skipped == "refused: not accepted: 400 picture is broken"
    assert missing(captioner(ScriptedVision(), tmp_path), charts(tmp_path, 3), tmp_path) == []


def test_rejections_are_not_recorded_while_no_picture_was_accepted(tmp_path: Path) -> None:
    model = failing(1, 2, error=ProviderError("400 unknown parameter"))
    result = captioner(model, tmp_path).caption(charts(tmp_path, 2), tmp_path)
    assert [problem.page for problem in result.problems] == [1, 2]
    assert missing(captioner(ScriptedVision(), tmp_path), charts(tmp_path, 2), tmp_path) == [0, 1]


@pytest.mark.parametrize(
    "error",
    [BudgetReached("the budget is reached"), ModelError("no key"), ProviderError("no such model", about="account")],
    ids=["budget", "key", "model"],
)
def test_error_of_every_picture_is_raised_and_earlier_answers_are_kept(tmp_path: Path, error: Exception) -> None:
    model = failing(3, error=error)
    document = charts(tmp_path, 6)
    with pytest.raises(type(error), match=str(error)):
        captioner(model, tmp_path, at_once=1).caption(document, tmp_path)
    assert len(model.asked) == 3  # no request was started after it
    assert missing(captioner(ScriptedVision(), tmp_path), document, tmp_path) == [2, 3, 4, 5]


def test_missing_image_file_is_a_problem(tmp_path: Path) -> None:
    document = charts(tmp_path, 2)
    next(tmp_path.glob(f"*/{document.pictures[0].image.sha256}.png")).unlink()
    result = captioner(ScriptedVision(), tmp_path).caption(document, tmp_path)
    assert result.captions[0].skipped == "unreadable"
    assert [problem.page for problem in result.problems] == [1]
    assert result.captions[1].text == "Picture 1."


def test_batch_replies_become_the_captions_of_their_pictures(tmp_path: Path) -> None:
    document = charts(tmp_path, 2)
    one = captioner(ScriptedVision(), tmp_path)
    asks = dict(one.pending_requests(document, tmp_path))
    assert all(re.fullmatch("[0-9a-f]{64}", key) for key in asks)
    for number, (key, ask) in enumerate(asks.items()):
        reply = answer(ask, shows=f"From a batch, {number}.")
        one.record_reply(key, replace(reply, usage=Usage(100, 0, 20, 1, batched=True)))
    model = ScriptedVision()
    result = captioner(model, tmp_path).caption(document, tmp_path)
    assert [caption.text for caption in result.captions] == ["From a batch, 0.", "From a batch, 1."]
    assert model.asked == []
    assert sum(caption.price or 0 for caption in ledger_captions(tmp_path)) == pytest.approx(2 * 300 / 1e6 / 2)


def test_sent_image_is_scaled_down_and_has_no_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    image = stored(chart(1, (3000, 2250)), tmp_path, "JPEG", exif=exif, comment=b"SecretComment")
    model = ScriptedVision()
    captioner(model, tmp_path).caption(extraction(picture(image)), tmp_path)
    (pixels,) = [part for part in model.asked[0].parts if isinstance(part, ImagePart)]
    with Image.open(BytesIO(pixels.data)) as sent:
        assert sent.size == (1536, 1152)
        assert f"image/{str(sent.format).lower()}" == pixels.media_type
    assert b"Secret" not in pixels.data


def test_image_is_scaled_to_the_largest_side_of_the_model(tmp_path: Path) -> None:
    model = ScriptedVision()
    model.max_side = 100
    captioner(model, tmp_path).caption(charts(tmp_path, 1), tmp_path)
    (pixels,) = [part for part in model.asked[0].parts if isinstance(part, ImagePart)]
    with Image.open(BytesIO(pixels.data)) as sent:
        assert sent.size == (100, 75)


def test_words_around_the_picture_are_sent_with_it(tmp_path: Path) -> None:
    model = ScriptedVision()
    one = picture(
        stored(chart(1), tmp_path), caption="Figure 1: flow", heading=("Pumps", "Flow"), context=("See Figure 1.",)
    )
    captioner(model, tmp_path).caption(extraction(one, title="Handbook"), tmp_path)
    sent = words(model.asked[0])
    for text in ("Handbook", "Pumps > Flow", "Figure 1: flow", "See Figure 1."):
        assert text in sent
    assert "library" not in sent  # part of the file's path
