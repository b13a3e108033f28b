"""Pages of hits: the match in bold, small pictures, and no markup from documents."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from flows.output.hit_pages import MAX_THUMBNAILS, bold_words, hits_markdown, thumbnail
from flows.output.wording import escape_markdown
from tests.support.papers import write_photo


def hit(rank: int, text: str = "the pump", **fields: Any) -> dict[str, Any]:
    unset = dict.fromkeys(
        ("id", "image", "page", "folio", "named_page", "faces", "title", "caption", "model_caption", "place"), ""
    )
    common = {"rank": rank, "modality": "text", "kind": "text", "document": "a.pdf", "text": text, "ranks": {"bm25": 2}}
    return {**unset, **common, **fields}


@pytest.mark.parametrize(
    "hostile",
    [
        "[l](http://e.com)",
        "![i](http://e.com/x.png)",
        "<img src=x>",
        "https://e.com",
        "www.e.com",
        "me@e.com",
        "a|b",
        "`c`",
    ],
)
def test_text_of_documents_is_inert(hostile: str) -> None:
    for escaped in (escape_markdown(hostile), bold_words(hostile, "nothing")):
        assert re.sub(r"</?p>|\n", "", MarkdownIt().render(escaped)) == escape(hostile)
        # What UIs make a link without being asked, and what would end the cell of a table.
        assert not re.search(r"://|www\.|@|(?<!\\)\|", escaped)


def test_words_of_the_query_are_bold_in_any_form() -> None:
    assert bold_words("Heat-losses of two pumps*", "a pump") == r"Heat\-losses of two **pumps**\*"


def test_long_text_begins_near_the_match() -> None:
    shown = bold_words("word " * 500 + "the valve opens " + "word " * 500, "valve")
    assert shown.startswith("…")
    assert "**valve**" in shown
    assert len(shown) < 400


def test_page_has_few_small_pictures_and_the_ranks_last(tmp_path: Path) -> None:
    write_photo(tmp_path / "p.png", "STEAM")
    hits = [hit(rank, image=str(tmp_path / "p.png"), place="page 3") for rank in range(1, MAX_THUMBNAILS + 3)]
    page = hits_markdown([*hits, hit(99, image=str(tmp_path / "gone.png"))], "pump")
    first = page.split("\n\n---\n\n")[1].split("\n\n")
    assert page.count("data:image/") == MAX_THUMBNAILS
    assert first[0] == "1\\. **a.pdf**, page 3 (text)"
    assert first[1].startswith("![](data:image/")
    assert first[2:] == ["the **pump**", "*bm25 2*"]
    assert "**[a.pdf](http://page/hits/" in hits_markdown(hits, "pump", search_page="http://page")
    assert len(page) < MAX_THUMBNAILS * 10_000


def test_picture_that_cannot_be_shown_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    assert thumbnail(str(tmp_path / "broken.png"), 100) == ""
