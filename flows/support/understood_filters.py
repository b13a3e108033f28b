"""What of a question was understood as a filter, told to whoever asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.support.terminal import one_line, say

if TYPE_CHECKING:
    from diptych.search.plain_filters import FilteredText


def sentence(understood: FilteredText) -> str:
    """`understood: price < 200, from "under $200"; quotes switch this off`; empty when nothing was."""
    taken = ", and ".join(f'{shown}, from "{one_line(phrase)}"' for phrase, shown in understood.phrases)
    return f"understood: {taken}; quotes switch this off" if taken else ""


def tell(understood: FilteredText, before: str = "") -> None:
    """The same on stderr."""
    if told := sentence(understood):
        say(before + told)
