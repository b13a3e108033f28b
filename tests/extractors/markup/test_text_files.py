"""Markdown, reStructuredText and plain text."""

from __future__ import annotations

from pathlib import Path

import pytest

from extractors.types import Extraction
from tests.support.blocks import extract_file, png

MARKDOWN = """---
title: Pump manual
tags: [pumps, care]
price: 12.5
released: 2024-03-01
nested: {a: 1}
---

# Care

Rinse with `water`, see Figure 1.[^1]

![A pump](pump.png)

Figure 1: The pump.

| Part | Price |
|------|------:|
| Hose |     5 |

## Storage

```python
def store():
    return "dry"
```

[^1]: Cold water.

# Parts

Ask your dealer, for <span>$5 and $6</span>.
"""

RST = """
Pump manual
===========

.. note:: Rinse with :ref:`cold water <water>`, see :py:class:`~pumps.Pump`.

.. code-block:: python
   :emphasize-lines: 1

   def store():
       pass

.. versionadded:: 3.2
   Drying.

.. include:: secret.txt

.. raw:: html
   :file: secret.txt

.. figure:: pump.png

   Figure 1: The pump.

Prices
------

=====  =====
Part   Price
=====  =====
Hose   5
=====  =====
"""


def extract(folder: Path, name: str, text: str) -> Extraction:
    (folder / "pump.png").write_bytes(png())
    (folder / "secret.txt").write_text("SECRET")
    (folder / name).write_text(text, encoding="utf-8")
    return extract_file(folder / name)


def test_markdown_has_headings_tables_images_and_fields(tmp_path: Path) -> None:
    found = extract(tmp_path, "a.md", MARKDOWN)
    care, table, storage, parts = found.passages
    assert found.title == "Pump manual"
    assert found.source.fields == {"tags": ["pumps", "care"], "price": 12.5, "released": "2024-03-01"}
    assert (care.heading, care.text) == (("Care",), "Rinse with water, see Figure 1.[1]")
    assert (table.heading, table.text.splitlines()[-1]) == (("Care",), "| Hose | 5 |")
    assert (storage.heading, storage.text) == (("Care", "Storage"), 'def store():\n    return "dry"')
    assert (parts.heading, parts.text) == (("Parts",), "Ask your dealer, for $5 and $6.\n1. Cold water.")
    (picture,) = found.pictures
    assert (picture.caption, picture.context) == ("Figure 1: The pump.", ("Rinse with water, see Figure 1.[1]",))


@pytest.mark.parametrize(
    ("heading", "title", "path"),
    [
        ("Roses", "Garden notes", ("Roses",)),
        ("GARDEN NOTES", "Garden notes", ()),  # the heading prints the title
    ],
)
def test_the_title_in_the_front_matter_is_preferred_to_the_only_heading(
    tmp_path: Path, heading: str, title: str, path: tuple[str, ...]
) -> None:
    found = extract(tmp_path, "a.md", f"---\ntitle: Garden notes\n---\n# {heading}\n\nThey need water.")
    assert (found.title, found.passages[-1].heading) == (title, path)


def test_a_placeholder_in_the_front_matter_is_no_title(tmp_path: Path) -> None:
    assert extract(tmp_path, "a.md", "---\ntitle: Untitled\n---\n# Roses\n\nThey need water.").title == "Roses"


def test_broken_front_matter_becomes_a_note(tmp_path: Path) -> None:
    found = extract(tmp_path, "a.md", "---\na: [1\n---\nText.")
    assert found.passages[0].text == "Text."
    assert "front matter is no YAML" in found.report.notes[0]


def test_rst_keeps_unknown_markup_and_includes_nothing(tmp_path: Path) -> None:
    found = extract(tmp_path, "a.rst", RST)
    text, table = found.passages
    assert found.title == "Pump manual"
    assert text.text.splitlines()[1:] == [
        "Note", "Rinse with cold water, see Pump.", "def store():", "    pass", "3.2 Drying."
    ]  # fmt: skip
    assert (table.heading, table.text.splitlines()[-1]) == (("Prices",), "| Hose | 5 |")
    assert found.pictures[0].label == "figure 1"


def test_plain_text_joins_wrapped_lines_and_keeps_others(tmp_path: Path) -> None:
    wrapped = (
        "The pump must be rinsed with cold water every week, be-\ncause lime settles in its hoses and blocks them."
    )
    (passage,) = extract(tmp_path, "a.txt", f"{wrapped}\n\nACME Pumps\nMain Street 1\n\n- one\n- two\n").passages
    assert passage.text.splitlines() == [
        "The pump must be rinsed with cold water every week, because lime settles in its hoses and blocks them.",
        "ACME Pumps",
        "Main Street 1",
        "- one",
        "- two",
    ]


def test_plain_text_has_underlined_headings_and_pages(tmp_path: Path) -> None:
    found = extract(tmp_path, "a.text", "Care\n====\n\nRinse it.\n\fStorage\n-------\nKeep it dry.")
    assert [(one.heading, one.text, one.page) for one in found.passages] == [
        ((), "Care\nRinse it.", 1), (("Storage",), "Keep it dry.", 2)
    ]  # fmt: skip
    assert found.paged


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "cp1252", "latin-1"])
def test_encoding_of_plain_text_is_found(tmp_path: Path, encoding: str) -> None:
    text = "Größere Behälter müssen öfter gespült werden, weil sich Kalk an den Wänden ablagert. " * 3
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    assert extract_file(tmp_path / "a.txt").passages[0].text.startswith("Größere Behälter müssen öfter gespült")
