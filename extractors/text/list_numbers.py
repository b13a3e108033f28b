"""The numbers of list items, as letters and Roman numerals."""

STYLES = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
"""The styles of `format_number` by the first number that HTML and ODT call them."""


MAX_LETTERED = 780
"""Items that Word numbers with letters, the last with 30 of them; a file may state any number."""


def format_number(number: int, style: str) -> str:
    """Return a number as Word prints it in a list: `style` is the name of its format, such as `lowerRoman`."""
    if style.endswith("Letter") and 0 < number <= MAX_LETTERED:
        letter = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letter.upper() if style.startswith("upper") else letter
    if style.endswith("Roman") and 0 < number < 4000:
        text = ""
        for amount, letters in _ROMAN:
            text += letters * (number // amount)
            number %= amount
        return text if style.startswith("upper") else text.lower()
    return f"{number:02d}" if style == "decimalZero" else str(number)


_ROMAN = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"),
    (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip
