"""Captions: asked once, kept at once, and what becomes of pictures that get none."""

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
from diptych.captioners.captioner import HOPELESS, Captioner
from diptych.captioners.prompt import Prompt
from diptych.errors import BudgetReached, ModelError, ProviderError
from diptych.models.ledger import Ledger
from diptych.models.meter import Meter
from diptych.models.vision import ImagePart, Reply
from diptych.prices import Price, Usage
from extractors.types import Extraction, Problem
from tests.support.scripted_vision import ScriptedVision, answer, chart, extraction, picture, stored, words


def captioner(model: ScriptedVision, folder: Path, **options: object) -> Captioner:
    meter = Meter({"scripted:seer": Price(input=1.0, output=10.0)})
    return Captioner(model, Ledger(folder), meter, **options)  # type: ignore[arg-type]


def charts(folder: Path, count: int, first: int = 0) -> Extraction:
    return extraction(*(picture(stored(chart(first + n), folder), n + 1) for n in range(count)))


def failing(*numbers: int, error: Exception) -> ScriptedVision:
    """Fails at these asks."""

    def script(number: int) -> Reply | None:
        if number in numbers:
            raise error
        return None

    return ScriptedVision(script)


def test_every_picture_gets_the_answer_to_its_own_ask(tmp_path: Path) -> None:
    model = ScriptedVision()
    told = captioner(model, tmp_path, at_once=1).caption(charts(tmp_path, 3), tmp_path)
    assert told.captions == tuple(ModelCaption(f"Picture {n}.", "scripted:seer") for n in (1, 2, 3))
    assert told.problems == ()


def test_nothing_is_asked_twice_by_another_run(tmp_path: Path) -> None:
    document = charts(tmp_path, 3)
    first = captioner(ScriptedVision(), tmp_path).caption(document, tmp_path)
    model = ScriptedVision()
    assert captioner(model, tmp_path).caption(document, tmp_path) == first
    assert model.asked == []


def test_one_changed_picture_is_one_ask(tmp_path: Path) -> None:
    document = charts(tmp_path, 3)
    captioner(ScriptedVision(), tmp_path).caption(document, tmp_path)
    model = ScriptedVision()
    changed = replace(document.pictures[1], image=stored(chart(77), tmp_path))
    other = replace(document, pictures=(document.pictures[0], changed, document.pictures[2]))
    assert captioner(model, tmp_path).missing(other, tmp_path) == [1]
    captioner(model, tmp_path).caption(other, tmp_path)
    assert len(model.asked) == 1


def test_the_same_picture_in_another_document_of_the_same_words_is_not_asked(tmp_path: Path) -> None:
    captioner(ScriptedVision(), tmp_path).caption(charts(tmp_path, 2), tmp_path)
    model = ScriptedVision()
    copy = replace(charts(tmp_path, 2), source=replace(charts(tmp_path, 1).source, name="copy.pdf", sha256="2"))
    captioner(model, tmp_path).caption(copy, tmp_path)
    assert model.asked == []


class Other(BaseModel):
    """Another form."""

    shows: str
    colour: str


@pytest.mark.parametrize(
    "options",
    [{"prompt": Prompt("Say what you see.")}, {"prompt": Prompt(schema=Other)}, {"detail": "low"}],
    ids=["instruction", "form", "detail"],
)
def test_another_prompt_or_detail_asks_about_every_picture(tmp_path: Path, options: dict[str, object]) -> None:
    document = charts(tmp_path, 3)
    before = captioner(ScriptedVision(), tmp_path)
    before.caption(document, tmp_path)
    after = captioner(ScriptedVision(), tmp_path, **options)
    assert after.missing(document, tmp_path) == [0, 1, 2]
    assert after.fingerprint != before.fingerprint


def test_another_model_asks_about_every_picture(tmp_path: Path) -> None:
    document = charts(tmp_path, 2)
    captioner(ScriptedVision(), tmp_path).caption(document, tmp_path)
    other = ScriptedVision()
    other.name = "scripted:oracle"
    captioner(other, tmp_path).caption(document, tmp_path)
    assert len(other.asked) == 2


def test_other_words_around_a_picture_ask_again_and_other_pages_do_not(tmp_path: Path) -> None:
    one = picture(stored(chart(1), tmp_path), caption="Figure 1: flow")
    captioner(ScriptedVision(), tmp_path).caption(extraction(one), tmp_path)
    again = captioner(ScriptedVision(), tmp_path)
    assert again.missing(extraction(replace(one, page=5, box=(1.0, 1.0, 99.0, 99.0))), tmp_path) == []
    assert again.missing(extraction(replace(one, caption="Figure 1: pressure")), tmp_path) == [0]
    assert again.missing(extraction(replace(one, context=("Figure 1 shows it.",))), tmp_path) == [0]


def test_equal_pictures_of_a_document_are_one_ask(tmp_path: Path) -> None:
    image = stored(chart(1), tmp_path)
    model = ScriptedVision()
    told = captioner(model, tmp_path).caption(extraction(picture(image, 1), picture(image, 2)), tmp_path)
    assert len(model.asked) == 1
    assert told.captions[1] == ModelCaption("Picture 1.", "scripted:seer", "duplicate")


def test_two_documents_at_once_pay_an_equal_picture_once(tmp_path: Path) -> None:
    gate = threading.Event()

    def slowly(number: int) -> Reply | None:
        gate.wait(0.3)  # while the other thread comes
        return None

    model, document = ScriptedVision(slowly), charts(tmp_path, 1)
    one = captioner(model, tmp_path)
    told: list[str] = []
    threads = [
        threading.Thread(target=lambda: told.append(one.caption(document, tmp_path).captions[0].text)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(model.asked) == 1
    assert told == ["Picture 1."] * 4


def test_different_pictures_are_asked_at_the_same_time(tmp_path: Path) -> None:
    together = threading.Barrier(3, timeout=20)

    def script(number: int) -> Reply | None:
        together.wait()  # passes only when three are under way
        return None

    told = captioner(ScriptedVision(script), tmp_path, at_once=3).caption(charts(tmp_path, 3), tmp_path)
    assert all(caption.text for caption in told.captions)


def test_usage_and_price_are_kept_with_each_answer(tmp_path: Path) -> None:
    captioner(ScriptedVision(), tmp_path).caption(charts(tmp_path, 2), tmp_path)
    (spent,) = Ledger(tmp_path).spending()
    assert (spent.model, spent.captions, spent.usage) == ("scripted:seer", 2, Usage(200, 0, 40, 2))
    assert spent.price == pytest.approx(2 * (100 * 1.0 + 20 * 10.0) / 1e6)


def test_an_unknown_price_is_kept_as_unknown(tmp_path: Path) -> None:
    Captioner(ScriptedVision(), Ledger(tmp_path), Meter()).caption(charts(tmp_path, 1), tmp_path)
    (spent,) = Ledger(tmp_path).spending()
    assert (spent.price, spent.unpriced) == (0.0, 1)


def test_a_refusal_is_recorded_and_never_asked_again(tmp_path: Path) -> None:
    model = ScriptedVision(lambda number: Reply("", None, Usage(90, 0, 1, 1), "I will\x00 not\ndescribe this"))
    told = captioner(model, tmp_path).caption(charts(tmp_path, 1), tmp_path)
    assert told.captions == (ModelCaption("", "scripted:seer", "refused: I will not describe this"),)
    assert told.problems == ()
    again = captioner(ScriptedVision(), tmp_path)
    assert again.missing(charts(tmp_path, 1), tmp_path) == []
    assert again.caption(charts(tmp_path, 1), tmp_path) == told


def test_an_answer_that_says_nothing_is_a_refusal(tmp_path: Path) -> None:
    model = ScriptedVision()
    model.script = lambda number: answer(model.asked[-1], kind="chart", shows=" \n")
    told = captioner(model, tmp_path).caption(charts(tmp_path, 1), tmp_path)
    assert told.captions[0].skipped == "refused: the answer says nothing"


def test_a_picture_that_fails_for_now_leaves_the_others_and_a_problem_with_its_page(tmp_path: Path) -> None:
    model = failing(2, error=ProviderError("overloaded for 300 s", transient=True))
    document = charts(tmp_path, 3)
    told = captioner(model, tmp_path, at_once=1).caption(document, tmp_path)
    assert [caption.text for caption in told.captions] == ["Picture 1.", "", "Picture 3."]
    assert told.captions[1].skipped == "no answer"
    assert told.problems == (Problem("no caption: overloaded for 300 s; run again to ask once more", 2),)
    again = ScriptedVision()
    assert captioner(again, tmp_path).caption(document, tmp_path).problems == ()
    assert len(again.asked) == 1


def test_a_provider_that_is_down_is_tried_once_a_document(tmp_path: Path) -> None:
    def down(number: int) -> Reply | None:
        raise ProviderError("no connection", transient=True)

    model = ScriptedVision(down)
    one = captioner(model, tmp_path, at_once=1)
    told = one.caption(charts(tmp_path, HOPELESS + 3), tmp_path)
    assert len(model.asked) == HOPELESS
    assert len(told.problems) == HOPELESS + 3
    one.caption(charts(tmp_path, 4, first=50), tmp_path)
    assert len(model.asked) == HOPELESS + 1
    model.script = lambda number: None
    assert one.caption(charts(tmp_path, 4, first=50), tmp_path).problems == ()


def test_a_picture_that_is_not_accepted_where_others_were_is_not_asked_again(tmp_path: Path) -> None:
    model = failing(2, error=ProviderError("400 picture is broken"))
    told = captioner(model, tmp_path, at_once=1).caption(charts(tmp_path, 3), tmp_path)
    assert told.captions[1].skipped == "refused: not accepted: 400 picture is broken"
    assert captioner(ScriptedVision(), tmp_path).missing(charts(tmp_path, 3), tmp_path) == []


def test_where_no_picture_is_accepted_none_is_recorded_as_refused(tmp_path: Path) -> None:
    model = failing(1, 2, error=ProviderError("400 unknown parameter"))
    told = captioner(model, tmp_path).caption(charts(tmp_path, 2), tmp_path)
    assert [problem.page for problem in told.problems] == [1, 2]
    assert captioner(ScriptedVision(), tmp_path).missing(charts(tmp_path, 2), tmp_path) == [0, 1]


@pytest.mark.parametrize(
    "error",
    [BudgetReached("the budget is reached"), ModelError("no key"), ProviderError("no such model", about="account")],
    ids=["budget", "key", "model"],
)
def test_what_concerns_every_picture_is_raised_and_what_was_answered_is_kept(tmp_path: Path, error: Exception) -> None:
    model = failing(3, error=error)
    document = charts(tmp_path, 6)
    with pytest.raises(type(error), match=str(error)):
        captioner(model, tmp_path, at_once=1).caption(document, tmp_path)
    assert len(model.asked) == 3  # nothing was begun after it
    assert captioner(ScriptedVision(), tmp_path).missing(document, tmp_path) == [2, 3, 4, 5]


def test_a_picture_whose_file_is_gone_is_a_problem(tmp_path: Path) -> None:
    document = charts(tmp_path, 2)
    next(tmp_path.glob(f"*/{document.pictures[0].image.sha256}.png")).unlink()
    told = captioner(ScriptedVision(), tmp_path).caption(document, tmp_path)
    assert told.captions[0].skipped == "unreadable"
    assert [problem.page for problem in told.problems] == [1]
    assert told.captions[1].text == "Picture 1."


def test_what_a_batch_would_send_fills_the_same_places(tmp_path: Path) -> None:
    document = charts(tmp_path, 2)
    one = captioner(ScriptedVision(), tmp_path)
    asks = dict(one.asks(document, tmp_path))
    assert all(re.fullmatch("[0-9a-f]{64}", key) for key in asks)
    for number, (key, ask) in enumerate(asks.items()):
        reply = answer(ask, shows=f"From a batch, {number}.")
        one.keep(key, replace(reply, usage=Usage(100, 0, 20, 1, batched=True)))
    model = ScriptedVision()
    told = captioner(model, tmp_path).caption(document, tmp_path)
    assert [caption.text for caption in told.captions] == ["From a batch, 0.", "From a batch, 1."]
    assert model.asked == []
    assert Ledger(tmp_path).spending()[0].price == pytest.approx(2 * 300 / 1e6 / 2)


def test_a_picture_is_sent_no_larger_than_is_of_use_and_without_what_its_file_says(tmp_path: Path) -> None:
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


def test_a_model_that_sees_less_is_sent_less(tmp_path: Path) -> None:
    model = ScriptedVision()
    model.max_side = 100
    captioner(model, tmp_path).caption(charts(tmp_path, 1), tmp_path)
    (pixels,) = [part for part in model.asked[0].parts if isinstance(part, ImagePart)]
    with Image.open(BytesIO(pixels.data)) as sent:
        assert sent.size == (100, 75)


def test_the_words_that_are_sent_are_those_around_the_picture(tmp_path: Path) -> None:
    model = ScriptedVision()
    one = picture(
        stored(chart(1), tmp_path), caption="Figure 1: flow", heading=("Pumps", "Flow"), context=("See Figure 1.",)
    )
    captioner(model, tmp_path).caption(extraction(one, title="Handbook"), tmp_path)
    sent = words(model.asked[0])
    for told in ("Handbook", "Pumps > Flow", "Figure 1: flow", "See Figure 1."):
        assert told in sent
    assert "library" not in sent  # the path of the file
