"""The page below a path of a reverse proxy, in Chromium."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from diptych import Diptych
from diptych.serve.options import ServeOptions
from tests.support.browser import NEEDS_CHROMIUM, served_page
from tests.support.browser import browser as browser

pytestmark = NEEDS_CHROMIUM
BELOW = "/team/find"


def test_scripts_and_links_stay_below_the_path(served_diptych: Diptych, browser: Browser) -> None:
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(20_000)
    with served_page(served_diptych, ServeOptions(prefix=BELOW)) as server:
        page, start = context.new_page(), f"{server}{BELOW}/"
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{start}documents")
        page.get_by_role("link", name="leaflet.pdf").click()
        expect(page.get_by_role("heading", name="Page 1")).to_be_visible()
        page.keyboard.press("/")
        expect(page.locator("form.search #q")).to_be_focused()
        page.keyboard.type("pump")
        page.keyboard.press("Enter")
        page.locator(".hits .place a").first.click()
        expect(page.locator(".leaf, .parts").first).to_be_visible()
        page.get_by_role("link", name="Ask").click()
        page.locator("#q").fill("which colour has the valve")
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.locator("#cost")).not_to_be_empty()
        for link in page.locator(".evidence a[href]").all():
            assert str(link.get_attribute("href")).startswith(f"{BELOW}/")
        context.close()
    assert [address for address in asked if not address.startswith(start)] == []
    assert {f"{start}ask", f"{start}?q=pump"} <= set(asked)
