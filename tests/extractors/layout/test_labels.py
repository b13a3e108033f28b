"""References to figures and tables in running text."""

from __future__ import annotations

import pytest

from extractors.layout.labels import mentioned_labels


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("as Fig. 3 shows", ("figure 3",)),
        ("see Figs. 3 and 4", ("figure 3", "figure 4")),
        ("Figure 3a-c differ", ("figure 3a", "figure 3b", "figure 3c")),
        ("(Figure 3A, B)", ("figure 3a", "figure 3b")),
        ("Figures 3(a) and 5", ("figure 3a", "figure 5")),
        ("in Tables 1–3 and in Figure 2", ("table 1", "table 2", "table 3", "figure 2")),
        ("siehe Abb. 4 und Tabelle 2", ("figure 4", "table 2")),
        ("如图5所示", ("figure 5",)),
        ("Table 2.1 and again Table 2.1", ("table 2.1",)),
        ("Figure 3 a study", ("figure 3",)),
        ("we figure out 3 tables", ()),
        ("stable 4 configurations", ()),
        ("TABLES: prices, MAPS", ()),
        ("TABLE S: prices", ("table s",)),
    ],
)
def test_labels_mentioned_in_running_text(text: str, labels: tuple[str, ...]) -> None:
    assert mentioned_labels(text) == labels
