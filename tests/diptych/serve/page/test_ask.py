"""The form for questions, as scripts send it; `test_in_browser.py` fills it in."""

from __future__ import annotations

from starlette.testclient import TestClient

from tests.support.openai_server import OpenAIRoutes
from tests.support.papers import png_bytes


def test_filters_and_the_image_of_the_form_are_part_of_the_question(client: TestClient, answers: OpenAIRoutes) -> None:
    image = client.post("/images", files={"file": ("valve.png", png_bytes(90, 60), "image/png")}).json()["image"]
    answers.asked.clear()
    found = client.post("/ask", data={"q": "which colour has the valve", "document": "leaflet.pdf", "image": image})
    assert found.headers["content-type"].startswith("text/event-stream")
    assert "event: answer" in found.text
    (asked, *_) = answers.asked
    assert asked.images
    assert "leaflet.pdf" in " ".join(asked.texts)
    assert "products.csv" not in " ".join(asked.texts)


def test_a_link_to_a_question_asks_nothing(client: TestClient, answers: OpenAIRoutes) -> None:
    answers.asked.clear()
    page = client.get("/ask?q=which+colour&where=page+%3C+9")
    assert "Ask this question?" in page.text
    assert "Remove the filter page &lt; 9" in page.text
    assert not answers.asked


def test_mistakes_are_sentences(client: TestClient) -> None:
    assert client.post("/ask", data={"q": " "}).status_code == 422
    wrong = client.post("/ask", data={"q": "pump", "where": "page <"})
    assert wrong.status_code == 422
    assert "filter" in wrong.json()["detail"]
    gone = client.post("/ask", data={"q": "pump", "image": "0" * 64 + ".png"})
    assert gone.json()["detail"] == "the image to search with is no longer kept; choose it again"
    assert "filter" in client.get("/ask?q=pump&where=page+%3C").text
