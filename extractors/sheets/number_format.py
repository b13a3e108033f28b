"""Values as a spreadsheet displays them: the common part of Excel's number formats."""

import re
from datetime import date, datetime, time, timedelta

GENERAL_DIGITS = 10
"""Significant digits of a number without a format; spreadsheets show at most 11 characters."""

# A quoted or escaped text, the symbol of a currency ([$€-407]), and what is not displayed: padding and conditions.
_LITERAL = re.compile(r'"([^"]*)"|\\(.)|\[\$([^\]-]*)[^\]]*\]')
_INVISIBLE = re.compile(r"[_*].|\[[^\]]*\]")
_DIGITS = re.compile(r"[0#?][0#?,]*(?:\.[0#?]*)?(?:E[+-]?[0#?]+)?,*|\.[0#?]+", re.IGNORECASE)


def display_value(value: object, number_format: str = "General") -> str:
    """Return a cell's value as text: dates in ISO form, numbers with their digits, per cent sign, currency and unit."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return _display_number(float(value), number_format)
    if isinstance(value, datetime):
        if value.time() == time():
            return value.date().isoformat()
        return value.replace(microsecond=0).isoformat(" ", "seconds" if value.second else "minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.replace(microsecond=0).isoformat("seconds" if value.second else "minutes")
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return "" if value is None else str(value).strip()


def plain_number(value: float) -> str:
    """Return a number without a format, and without the noise of binary fractions."""
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.{GENERAL_DIGITS}g}"


def _display_number(value: float, number_format: str) -> str:
    if value != value or abs(value) == float("inf"):
        return str(value)
    sections = number_format.split(";")
    at = 1 if value < 0 and len(sections) > 1 else 2 if value == 0 and len(sections) > 2 else 0
    literals: list[str] = []

    def keep(match: re.Match[str]) -> str:
        literals.append(next(filter(None, match.groups()), ""))
        return chr(0xE000 + len(literals) - 1)  # a private character, in which no digit is found

    code = _INVISIBLE.sub("", _LITERAL.sub(keep, sections[at]))
    digits = _DIGITS.search(code)
    if digits is None or "/" in code or "general" in code.lower():
        return plain_number(value)
    shown = abs(value) if at == 1 else value
    number = _digits(shown * 100 ** code.count("%"), digits[0])
    text = code[: digits.start()] + number + code[digits.end() :]
    return "".join(
        literals[ord(one) - 0xE000] if 0xE000 <= ord(one) < 0xE000 + len(literals) else one for one in text
    ).strip()


def _digits(value: float, code: str) -> str:
    whole, _, decimals = code.rstrip(",").partition(".")
    value /= 1000 ** (len(code) - len(code.rstrip(",")))
    if "e" in code.lower():
        return f"{value:.{len(re.split('[Ee]', decimals)[0])}E}"
    required, optional = decimals.count("0"), len(decimals)
    text = f"{value:{',' if ',' in whole else ''}.{optional}f}"
    if optional > required:
        fixed, _, rest = text.partition(".")
        rest = rest[:required] + rest[required:].rstrip("0")
        text = f"{fixed}.{rest}" if rest else fixed
    sign, body = ("-", text[1:]) if text.startswith("-") else ("", text)
    return sign + body.rjust(whole.replace(",", "").count("0"), "0")
