"""Accounting terms and the phrases that documents print instead.

Documents seldom print a ratio; they print the figures it is computed from. A query with one of the terms in
thesaurus.toml is searched for the phrases beside it as well.
"""

import re
import tomllib
from pathlib import Path

_TABLE = tomllib.loads(Path(__file__).with_name("thesaurus.toml").read_text(encoding="utf-8"))
_PHRASES = [
    (re.compile(rf"(?<![^\W_])(?:{term})(?![^\W_])", re.IGNORECASE), phrases.format(**_TABLE["phrases"]).split("; "))
    for term, phrases in _TABLE["terms"].items()
]


def related_phrases(text: str) -> list[str]:
    """Distinct phrases for the terms in `text`, in the order of the table."""
    plain = " ".join(text.replace("_", " ").split())
    return list(dict.fromkeys(phrase for term, phrases in _PHRASES if term.search(plain) for phrase in phrases))
