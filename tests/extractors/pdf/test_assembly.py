"""Sentences that refer to figures, and figures with the sentences about them."""

from __future__ import annotations

from dataclasses import replace

from extractors.pdf.assembly import add_referring_sentences
from extractors.text.headings import HeadedParagraph
from extractors.text.paragraphs import Paragraph
from extractors.text.passages import PassageLimit, build_passages, estimate_tokens
from extractors.types import ImageFile, Picture

TEXT = "Nothing here. Fig. 3a shows the rise. As Figure 3 shows, it fell. See Table 1."


def test_figures_and_panels_have_the_sentences_that_refer_to_them() -> None:
    paragraph = Paragraph((TEXT,), 1, (50, 100, 300, 140), 10)
    passages = build_passages([HeadedParagraph(paragraph, ())], PassageLimit(100, estimate_tokens))
    assert passages[0].mentions == ("figure 3a", "figure 3", "table 1")
    figure = Picture(
        "figure", 1, ImageFile("0" * 64, ".png", 1, 1), label="figure 3", caption="Figure 3: Rise and fall."
    )
    pictures = [figure, replace(figure, label="figure 3a"), replace(figure, label="figure 4")]
    whole, panel, other = add_referring_sentences(passages, pictures)
    assert whole.context == ("As Figure 3 shows, it fell.", "Fig. 3a shows the rise.")
    assert panel.context == ("Fig. 3a shows the rise.", "As Figure 3 shows, it fell.")
    assert other.context == ()
