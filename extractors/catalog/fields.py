"""The fields of a catalogue's row as words."""

from __future__ import annotations

from extractors.types import FieldValue, Source

URL = ("http://", "https://")
"""How addresses begin, in small letters."""


def words(source: Source) -> str:
    """The fields as words ("colour: red. price: 129.99."), so that a search finds them; addresses are none."""
    title = bare(source.title)
    return " ".join(
        sentence(name, value)
        for name, value in source.fields.items()
        if bare(str(value)) != title and not str(value).lower().startswith(URL)
    )


def sentence(name: str, value: FieldValue) -> str:
    """A field as a row's text has it: `colour: red.`; what ends as a sentence does gets no second full stop."""
    told = f"{name}: {value}"
    return told if told.endswith((".", "!", "?", "…", "。")) else f"{told}."


def bare(text: str) -> str:
    """Without what makes no other name of it: case, blanks, a full stop at its end."""
    return " ".join(text.casefold().split()).rstrip(".")
