"""The page in Chromium, on documents that plant scripts in every text field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, ViewportSize, expect

from diptych import Diptych, Settings
from extractors.formats import is_row
from tests.support.browser import NEEDS_CHROMIUM, served_page
from tests.support.browser import browser as browser
from tests.support.http_server import served
from tests.support.openai_requests import Asked
from tests.support.openai_server import OpenAIRoutes
from tests.support.papers import png_bytes
from tests.support.planted import IMAGE, SCRIPT, write_planted

pytestmark = NEEDS_CHROMIUM
expect.set_options(timeout=20_000)
KEY = "sk-secret-of-the-tests"
LARGE, PHONE = ViewportSize(width=1200, height=900), ViewportSize(width=390, height=844)


class Site(NamedTuple):
    """A served store and the addresses of its views."""

    url: str
    hit: str
    document: str
    product: str

    @property
    def views(self) -> list[str]:
        return [
            "/",
            "/?q=pump&why=1",
            "/?q=pump&where=price+%3C",
            "/?q=qxzw+kjvb",
            f"/hits/{self.hit}",
            f"/documents/{self.document}",
            "/documents",
            "/catalogue?max.price=150",
            f"/ask?q={quote(IMAGE)}",
            "/hits/00000000-0000-0000-0000-000000000000",
        ]

    @property
    def more_views(self) -> list[str]:
        """The same views with other contents."""
        return [
            f"/?q={quote(SCRIPT)}&where={quote('price < 500')}",
            f"/?like={self.hit}",
            f"/documents/{self.document}/pages/2",
            f"/documents/{self.product}",
            "/documents?q=nothing",
            "/catalogue",
            "/catalogue?q=jacket",
        ]


def answer(asked: Asked) -> dict[str, Any]:
    """One sentence that is true, one that is not in its source; both hostile."""
    shown = next(text for text in asked.texts if "reads zero" in text)
    (name,) = re.findall(r"id=(\w+)>", shown)[:1]
    true = {
        "text": f"Wait until the gauge reads zero. {IMAGE}",
        "citations": [{"id": name, "quote": "gauge reads zero"}],
    }
    false = {"text": f"The gauge is blue. {SCRIPT}", "citations": [{"id": name, "quote": "the gauge is blue"}]}
    return {"answered": True, "sentences": [true, false]}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = write_planted(tmp_path_factory.mktemp("planted") / "documents")
    with pytest.MonkeyPatch.context() as patch, served(OpenAIRoutes(answer=answer, key=KEY)) as vendor:
        patch.setenv("OPENAI_API_KEY", KEY)
        patch.setenv("DIPTYCH_OPENAI__BASE_URL", f"{vendor.url}/v1")
        yield from serve_documents(folder)


def serve_documents(folder: Path) -> Iterator[Site]:
    settings = Settings(
        store=str(folder.parent / "store"), root=folder, ocr="off", workers=1, answerer="openai:gpt-6-luna"
    )
    with Diptych.open(settings) as library, served_page(library) as url:
        library.ingest([folder])
        records = {record.name: record.id for record in library.documents()}
        manual = next(id_ for name, id_ in records.items() if name.startswith("manual"))
        figure = next(part for part in library.parts([manual]) if part.kind == "figure")
        yield Site(url, figure.id, manual, next(id_ for name, id_ in records.items() if is_row(name)))


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport=LARGE, reduced_motion="reduce")
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def test_journey_from_a_query_to_a_page_and_back(site: Site, page: Page, tmp_path: Path) -> None:
    page.goto(site.url)
    page.keyboard.type("valve of the pump under $150")
    page.keyboard.press("Enter")
    chip = page.get_by_role("link", name="Remove the filter price < 150")
    expect(chip).to_contain_text("under $150")
    chip.click()
    expect(page).to_have_url(f"{site.url}/?q=valve+of+the+pump")
    expect(page.locator(".hit.passage").first).to_be_visible()
    numbers = page.locator(".hits .tick").all_inner_texts()
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    assert page.locator(".links-of-hinge path").count() == len(numbers)
    page.get_by_role("link", name="Why?").click()
    expect(page.locator(".hit .why").first).to_contain_text("meaning")

    figure = page.locator(f"#hit-{site.hit}")
    figure.get_by_role("link", name="manual").first.click()
    expect(page).to_have_url(f"{site.url}/hits/{site.hit}")
    box = page.locator(".leaf a[aria-current] rect")
    expect(box).to_be_visible()
    drawn, leaf = box.bounding_box(), page.locator(".leaf svg").bounding_box()
    assert drawn
    assert leaf
    assert drawn["y"] - leaf["y"] == pytest.approx(leaf["height"] * 260 / 595, abs=8)
    expect(page.locator(".parts > li.chosen")).to_contain_text("Mentioned on page 2")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".turn")).to_contain_text("page 2 of 3")
    page.get_by_role("link", name="Figure 1 on page 1").click()
    expect(page.locator(".turn")).to_contain_text("page 1 of 3")
    for _ in range(3):
        page.go_back()
    expect(page).to_have_url(f"{site.url}/?q=valve+of+the+pump&why=1")
    expect(page.locator(".hit .why").first).to_be_visible()
    page.reload()
    expect(page.locator(".hit .why").first).to_be_visible()

    figure.get_by_role("link", name="More like").click()
    expect(page.locator(".by-image")).to_contain_text("More like Figure 1")
    (tmp_path / "red.png").write_bytes(png_bytes(60, 60))
    page.locator("input[type=file]").set_input_files(tmp_path / "red.png")
    expect(page.get_by_alt_text("The image to search with")).to_be_visible()


def drop(page: Page, name: str, media_type: str, content: str) -> bool:
    """Drop a file on the page; returns whether the page keeps the browser from opening it."""
    kept: bool = page.evaluate(
        """([name, type, content]) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([content], name, { type }));
            return !document.body.dispatchEvent(
                new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
        }""",
        [name, media_type, content],
    )
    return kept


def test_a_file_that_is_not_an_image_is_refused_in_one_sentence(site: Site, page: Page, tmp_path: Path) -> None:
    posted: list[Request] = []
    page.on("request", lambda sent: posted.append(sent) if sent.method == "POST" else None)
    page.goto(site.url)
    (tmp_path / "manual.html").write_text("<p>a manual</p>")
    page.locator("input[type=file]").set_input_files(tmp_path / "manual.html")
    alert = page.get_by_role("alert")
    expect(alert).to_have_text("manual.html is not an image; choose a PNG, JPEG or WebP file.")
    assert drop(page, "report.pdf", "application/pdf", "%PDF-1.7")
    expect(alert).to_have_text("report.pdf is not an image; choose a PNG, JPEG or WebP file.")
    assert posted == []
    assert drop(page, "photo.heic", "", "no image at all")
    expect(alert).to_contain_text("the image of the query")
    assert len(posted) == 1


def test_an_image_that_is_too_large_is_refused_in_one_sentence(site: Site, page: Page, tmp_path: Path) -> None:
    page.goto(site.url)
    (tmp_path / "large.png").write_bytes(bytes(40 << 20))
    page.locator("input[type=file]").set_input_files(tmp_path / "large.png")
    expect(page.get_by_role("alert")).to_contain_text("the request is larger than 32 MiB; send a smaller image")


def test_documents_and_products(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/documents")
    broken = page.locator("tr", has_text="broken")
    expect(broken).to_contain_text("failed")
    assert broken.locator(".reason").inner_text().startswith("cannot be opened")  # without the name once more
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Catalogue").click()
    expect(page.locator(".product")).to_have_count(4)
    page.get_by_text("Filters", exact=True).click()
    page.get_by_role("checkbox", name="shoes").check()
    page.get_by_role("group", name="price").get_by_label("at most").fill("100")
    page.get_by_role("group", name="made").get_by_label("at least").fill("2023-01-16")
    page.get_by_role("button", name="Apply filters").click()
    expect(page.locator(".product")).to_have_count(1)
    expect(page.locator(".chip")).to_have_count(3)
    page.locator(".product a").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("وحدة تنقية المياه")
    expect(page.locator(".crumbs a")).to_have_text("Catalogue")


def test_pictures_have_their_place_before_they_arrive(site: Site, page: Page) -> None:
    page.route("**/api/v1/pictures/**", lambda route: None)  # they never do
    page.goto(f"{site.url}/?q=pump", wait_until="commit")
    picture = page.locator(".hit.picture .plate img").first
    picture.wait_for(state="attached")
    size = picture.evaluate("one => [one.offsetWidth, one.offsetHeight]")
    assert size == [int(picture.get_attribute(name) or 0) for name in ("width", "height")]
    assert size[1] > 20


def test_an_answer_lights_up_its_evidence(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/ask?q=when+is+the+filter+cleaned")
    expect(page.get_by_role("heading", name="Ask this question?")).to_be_visible()
    page.get_by_role("button", name="Ask", exact=True).click()
    sentence = page.locator(".statements li", has_text="gauge reads zero")
    source = page.locator(".evidence li")
    expect(source).to_contain_text("“gauge reads zero”")
    expect(page.locator(".dropped")).to_contain_text("The gauge is blue. <script>window.ran=1</script>")
    expect(page.locator(".dropped .reason")).not_to_be_empty()
    sentence.focus()
    expect(source).to_have_class("lit")
    assert page.evaluate("[window.ran, document.querySelectorAll('main script, [onerror]').length]") == [None, 0]
    assert [one["id"] for one in Axe().run(page).response["violations"]] == []
    source.get_by_role("link").click()
    expect(page.locator(".parts > li.chosen")).to_be_visible()
    page.go_back()
    expect(sentence).to_be_visible()
    page.reload()
    expect(sentence).to_be_visible()


def test_sentences_that_were_never_checked_do_not_stay(site: Site, page: Page) -> None:
    events = ("draft", {"text": "Never checked."}), ("problem", {"detail": "the answer stopped in the middle"})
    body = "".join(f"event: {kind}\ndata: {json.dumps(data)}\n\n" for kind, data in events)

    def break_off(route: Route) -> None:
        if route.request.method == "POST":
            route.fulfill(body=body, content_type="text/event-stream")
        else:
            route.continue_()

    page.route("**/ask*", break_off)
    page.goto(f"{site.url}/ask?q=when+is+the+filter+cleaned")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#progress")).to_have_text("the answer stopped in the middle")
    expect(page.locator(".statements li")).to_have_count(0)


def test_a_question_has_filters_and_an_image(site: Site, page: Page, tmp_path: Path) -> None:
    posted: list[str] = []
    page.on("request", lambda sent: posted.append(sent.post_data or "") if sent.method == "POST" else None)
    page.goto(f"{site.url}/ask")
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Expression").fill("page < 9")
    page.get_by_role("button", name="Apply filters").click()
    expect(page.get_by_role("link", name="Remove the filter page < 9")).to_be_visible()
    Image.new("RGB", (90, 60), "teal").save(tmp_path / "valve.png")
    page.locator("input[type=file]").set_input_files(tmp_path / "valve.png")
    expect(page.get_by_alt_text("The image to ask about")).to_be_visible()
    assert len(posted) == 1
    page.get_by_label("Question").fill("when is the filter cleaned")
    page.keyboard.press("Enter")
    expect(page.locator(".evidence li")).to_contain_text("“gauge reads zero”")
    names = re.findall(r'name="(\w+)"', posted[-1])
    assert sorted(names) == ["image", "q", "where"]
    expect(page.get_by_role("link", name="Remove the filter page < 9")).to_be_visible()


def test_nothing_in_documents_runs_or_leaves_or_overflows_a_phone(site: Site, browser: Browser) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True)
    page = context.new_page()
    requests: list[Request] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for view in site.views + site.more_views:
        page.goto(site.url + view)
        planted = page.evaluate(
            "[window.ran, document.querySelectorAll('[onload], [onerror], main script, [src=x]').length]"
        )
        assert planted == [None, 0], view
        assert page.evaluate("[...document.links].filter(a => /^javascript/.test(a.getAttribute('href'))).length") == 0
        assert page.evaluate("/[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\u202e]/.test(document.body.textContent)") is False
        assert "49" not in page.locator("main").inner_text().split()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], view
        expect(page.locator("footer")).to_be_hidden()  # which explains keys
    assert not [text for text in complaints if "404" not in text and "422" not in text]
    assert {request.url.split("/", 3)[2] for request in requests} == {site.url.split("/")[2]}
    context.close()


def test_accessibility(site: Site, page: Page) -> None:
    """axe finds nothing at all; in dark mode, only the contrast can differ."""
    found = []
    for view in site.views:
        page.emulate_media(color_scheme="light")
        page.goto(site.url + view)
        violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        page.emulate_media(color_scheme="dark")
        violations += page.evaluate("axe.run({runOnly: ['color-contrast'], resultTypes: ['violations']})")["violations"]
        found += [(view, one["id"], one["impact"], one["nodes"][0]["html"][:200]) for one in violations]
    assert found == []


def test_the_keyboard_is_enough(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/?q=pump")
    page.locator("#q").blur()
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    second = page.locator(".hit .place a").nth(1)
    expect(second).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page.locator(".leaf")).to_be_visible()
    page.keyboard.press("/")
    expect(page).to_have_url(f"{site.url}/")
    expect(page.locator("#q")).to_be_focused()
    page.go_back()
    page.locator("main").focus()
    page.keyboard.press("Escape")
    expect(page.locator(".hits")).to_be_visible()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("Delete")
    page.keyboard.type("/valve")
    expect(page.locator("#q")).to_have_value("valve")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Dark").press("Enter")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.reload()
    expect(page.get_by_role("button", name="Light")).to_be_visible()


def test_searching_works_without_scripts(site: Site, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, viewport=LARGE)
    page = context.new_page()
    page.goto(site.url)
    page.locator("#q").fill("pump")
    page.get_by_role("button", name="Search", exact=True).click()
    tops = [page.locator(".hit").nth(at).bounding_box() for at in range(4)]
    assert sorted(box["y"] for box in tops if box) == [box["y"] for box in tops if box]
    page.locator(".hit .place a").first.click()
    expect(page.locator(".leaf")).to_be_visible()
    context.close()
