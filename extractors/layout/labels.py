"""Numbers of figures and tables in the words of many languages: `Fig. 3a`, `Abb. 4`, `图 5`, `TABLE IV`.

A normalised label is a kind and a number: `figure 3a`, `table 2.1`, `chart 4`, `figure s1`. Kinds that documents number
separately (charts, exhibits, schemes …) keep their names; translations become `figure` and `table`.
"""

import re
from itertools import groupby
from operator import itemgetter
from string import ascii_lowercase

_FIGURE = (
    "figures figure figs fig abbildungen abbildung abb bild figuren figur figuras figura figuur afbeelding "
    "рисунок рис obrázek obr rysunek rys şekil kuva hình slika 图 圖 図 그림"
)
_TABLE = (
    "tables table tabellen tabelle tab tableaux tableau tablas tabla tabelas tabela tabella tabell tabel "
    "таблица табл tabulka taulukko bảng 表 표"
)
_OTHER = (
    "charts chart exhibits exhibit schemes scheme plates plate graphs graph diagrams diagram maps map photos photo "
    "images image pictures picture illustrations illustration"
)
_KIND = {
    **dict.fromkeys(_FIGURE.split(), "figure"),
    **dict.fromkeys(_TABLE.split(), "table"),
    **{word: word.removesuffix("s") for word in _OTHER.split()},
}

_WORD = "|".join(
    f"{first}(?:{'|'.join(sorted((word[1:] for word in words), key=len, reverse=True))})"
    for first, words in groupby(sorted(_KIND), key=itemgetter(0))
)
"""By first letters, which takes half as long as trying 80 words."""
_PREFIX = r"(?:(?P<prefix>supplementary|supplemental|suppl|supp|supporting|extended data|online|appendix)\.?\s+)?"
_ROMAN = r"(?=[IVXL])(?:XL|L?X{0,3})(?:IX|IV|V?I{0,3})(?![\w])"
_WORDLIKE = r"[^\W\u2e80-\uffdc]"
"""A letter or digit, except of Chinese and Japanese, which are written without spaces between words."""
_LETTER = rf"(?<!{_WORDLIKE})[A-Z](?=[.:)]|$)"  # not the last of TABLES
_NUMBER = rf"(?:[A-Z]{{1,2}}[.\-–]?)?\d{{1,3}}(?:[.\-–]\d{{1,2}})*|{_ROMAN}|{_LETTER}"
_PANEL = rf"\s?\([a-zA-Z]\)|[a-zA-Z](?!{_WORDLIKE})"

LABEL = re.compile(
    rf"(?<!{_WORDLIKE})(?i:{_PREFIX}(?P<word>{_WORD}))\.?\s*[-–]?\s?(?P<number>{_NUMBER})(?P<panel>{_PANEL})?(?!{_WORDLIKE})"
)
"""A label, at the start of a caption or anywhere in a sentence."""

_MORE = re.compile(
    r"(?P<join>\s*(?:,|;|&|–|-|\bto\b|\bthrough\b|\bbis\b|\band\b|\bund\b|\bet\b|\by\b|\bor\b)\s*)+"
    rf"(?:(?P<letter>\([a-zA-Z]\)|[a-zA-Z])|(?P<number>{_NUMBER})(?P<panel>{_PANEL})?)(?!{_WORDLIKE})"
)
_RANGE = re.compile(r"^\s*(?:–|-|to|through|bis)\s*$")
_MAX_RANGE = 20  # numbers; more is a misread reference


def label_kind(match: re.Match[str]) -> str:
    """The kind of label that `LABEL` matched: `figure`, `table`, `chart` …"""
    return _KIND[match["word"].lower()]


def normalise_label(match: re.Match[str]) -> str:
    """The normalised label that `LABEL` matched: `Fig. 3 (a)` -> `figure 3a`."""
    kind, number = label_kind(match), match["number"].lower().replace("–", "-")
    prefix = (match["prefix"] or "").lower()
    if prefix.startswith("extended"):
        kind = f"extended data {kind}"
    elif prefix.startswith(("supp", "online")) and number[0].isdigit():
        number = f"s{number}"
    elif prefix == "appendix" and number[0].isdigit():
        number = f"a{number}"
    return f"{kind} {number}{_letter(match['panel'])}"


def figure_label(label: str) -> str:
    """The label of the figure that a panel belongs to: `figure 3a` -> `figure 3`; other labels stay as they are."""
    return label[:-1] if "a" <= label[-1:] <= "z" and label[-2:-1].isdecimal() else label


def with_panels(label: str) -> tuple[str, ...]:
    """The label, and those its panels can have: `figure 3` -> `figure 3`, `figure 3a`, … `figure 3z`."""
    return label, *(f"{label}{letter}" for letter in ascii_lowercase if label[-1:].isdecimal())


def mentioned_labels(text: str) -> tuple[str, ...]:
    """Normalised labels of the figures and tables that a text refers to, in order and without duplicates.

    Lists and ranges are spelt out: `Figs. 3a-c and 5` -> `figure 3a`, `figure 3b`, `figure 3c`, `figure 5`.
    """
    found: dict[str, None] = {}
    for match in LABEL.finditer(text):
        label = normalise_label(match)
        kind = label.rsplit(" ", 1)[0]
        ends = re.fullmatch(r"(\d+)[-–](\d+)", match["number"])
        if ends and match["word"].lower().endswith("s"):  # "Tables 1-3", but "Figure 3-1" is one figure
            found.update(dict.fromkeys(f"{kind} {n}" for n in (ends[1], *_numbers_up_to(ends[2], ends[1]))))
            continue
        found[label] = None
        number, letter, end = match["number"], _letter(match["panel"]), match.end()
        while more := _MORE.match(text, end):
            is_range = bool(_RANGE.match(more["join"]))
            if more["letter"]:
                if not letter:  # "Figure 3 a study" continues with a word, "Figure 3a, b" with a panel
                    break
                last = _letter(more["letter"])
                for step in _letters_up_to(last, letter) if is_range else (last,):
                    found[f"{kind} {number.lower()}{step}"] = None
                letter = last
            else:
                last, letter = more["number"], _letter(more["panel"])
                for step in _numbers_up_to(last, number) if is_range else (last,):
                    found[f"{kind} {step.lower()}{letter}"] = None
                number = last
            end = more.end()
    return tuple(found)


def _letter(panel: str | None) -> str:
    return re.sub(r"\W", "", panel or "").lower()


def _letters_up_to(last: str, after: str) -> tuple[str, ...]:
    return tuple(map(chr, range(ord(after) + 1, ord(last) + 1))) if after < last else (last,)


def _numbers_up_to(last: str, after: str) -> tuple[str, ...]:
    """`6` after `3` -> `4`, `5`, `6`; only `last` unless both are plain numbers in a plausible range."""
    if after.isdigit() and last.isdigit() and 0 < int(last) - int(after) <= _MAX_RANGE:
        return tuple(str(n) for n in range(int(after) + 1, int(last) + 1))
    return (last,)
