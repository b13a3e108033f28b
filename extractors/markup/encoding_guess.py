"""Guess the encoding of text that is not Unicode, by the letters that its possible languages use.

Short texts have few letters to judge by, and several encodings can read any bytes; so what counts is whether all the
letters found belong to one language.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator

MAX_SAMPLE = 50_000
"""Bytes that are looked at, from the first that is not ASCII."""
MAX_BROKEN_SHARE = 0.2
"""Of the characters beyond ASCII in UTF-8 that was cut or joined with something else."""
MIN_SCORE = 0.8
"""Share of the letters that must belong to the language."""
MIN_KANA, MIN_SCRIPT = 0.2, 0.9
"""Shares of the letters: of kana in Japanese text, of the own script in Korean and Chinese text."""

_WESTERN = (
    "äöüßé", "àâæçéèêëîïôœùûü", "áéíñóúü", "àáâãçéêíóôõúü", "åäöé", "æøåéòó", "àèéìíîòóù", "áéèëïíöóüê",
)  # fmt: skip
_CENTRAL = ("áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "ąćęłńóśźż", "áéíóöőúüű", "čćđšž", "ăâîşţ")
_CYRILLIC = ("абвгдеёжзийклмнопрстухчыьэюя", "абвгдежзийклмнопрстухцчьюяіїє")
_SINGLE_BYTE = (
    ("cp1252", _WESTERN),
    ("cp1250", _CENTRAL),
    ("cp1254", ("çğıöşüâ",)),
    ("cp1252", ("áéíóúýþæöð",)),
    ("cp1251", _CYRILLIC),
    ("cp1253", ("αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊ",)),
    ("cp1255", ("אבגדהוחטיכלמנעפקרשתםן",)),
    ("cp1256", ("ابتجحدرسعفقكلمنهويىةأ",)),
    ("cp1257", ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž")),
    ("iso8859_2", _CENTRAL),
    ("koi8_r", _CYRILLIC[:1]),
    ("cp866", _CYRILLIC[:1]),
    ("cp850", _WESTERN),
    ("mac_roman", _WESTERN),
)
"""Encodings, and the common letters beyond ASCII of their languages. Of equals, the first is chosen."""
_DOUBLE_BYTE = (
    ("shift_jis", "[\u3041-\u30fe]", MIN_KANA),
    ("euc_jp", "[\u3041-\u30fe]", MIN_KANA),
    ("euc_kr", "[\uac00-\ud7a3]", MIN_SCRIPT),
    ("gb2312", "[\u4e00-\u9fff]", MIN_SCRIPT),
    ("big5", "[\u4e00-\u9fff]", MIN_SCRIPT),
)
_SYMBOLS = frozenset("\u00a0\u00ad–—‘’‚“”„«»‹›…€£¥§©®™°±²³´·•µ¼½¾×÷¿¡ºª†‡‰№،؛؟ـ")
_INSIDE_WORDS = frozenset("’´\u00ad–—")


def guess_encoding(data: bytes, prefer: Collection[str] = ()) -> str:
    """Return the most likely encoding, or "" when the letters fit none; of equals, one of `prefer`."""
    start = next(re.finditer(rb"[\x80-\xff]", data), None)
    at = max(start.start() - 1, 0) if start else 0  # with the letter before it
    sample = data[at : at + MAX_SAMPLE]
    unicode = re.findall(r"[^\x00-\x7f]", sample.decode(errors="replace"))
    if unicode.count("\ufffd") <= MAX_BROKEN_SHARE * len(unicode):
        return "utf-8"
    best, found = MIN_SCORE, ""
    for encoding, languages in sorted(_SINGLE_BYTE, key=lambda one: one[0] not in prefer):
        score = max(_scores(sample.decode(encoding, errors="replace"), languages))
        if score > best:
            best, found = score, encoding
    return found or next(filter(None, (_double_byte(sample, *one) for one in _DOUBLE_BYTE)), "")


def _scores(text: str, languages: tuple[str, ...]) -> Iterator[float]:
    """The share of the text's letters beyond ASCII that each language has, less what no text has."""
    letters, strange = Counter[str](), 0
    for match in re.finditer(r"[^\x00-\x7f]", text):
        at, one = match.start(), match[0]
        before, after = text[at - 1 : at], text[at + 1 : at + 2]
        if one in _SYMBOLS:
            is_joined = before.isalpha() and (after.isalpha() or not after.isascii())
            strange += is_joined and one not in _INSIDE_WORDS
        elif one.isalpha():
            letters[one.lower()] += 1
            strange += one.isupper() and before.islower()
        else:
            strange += 1
    total = letters.total() + strange
    for alphabet in languages:
        known = sum(letters[one] for one in alphabet)
        yield (known - strange) / total if total else 1.0


def _double_byte(sample: bytes, encoding: str, script: str, share: float) -> str:
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 2:
            return ""  # else the last character was cut off
        text = sample[: error.start].decode(encoding)
    letters = [one for one in text if not one.isascii() and one.isalpha()]
    return encoding if len(re.findall(script, text)) > share * len(letters) else ""
