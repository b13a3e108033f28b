import pytest

from extractors.text.list_numbers import format_number


@pytest.mark.parametrize(
    ("number", "style", "printed"),
    [
        (2, "decimal", "2"),
        (2, "decimalZero", "02"),
        (2, "lowerLetter", "b"),
        (28, "upperLetter", "BB"),
        (780, "lowerLetter", "z" * 30),
        (1994, "upperRoman", "MCMXCIV"),
        (4, "lowerRoman", "iv"),
    ],
)
def test_numbers_are_printed_as_word_does(number: int, style: str, printed: str) -> None:
    assert format_number(number, style) == printed


@pytest.mark.parametrize("style", ["lowerLetter", "upperRoman"])
@pytest.mark.parametrize("number", [0, -1, 10**12])
def test_numbers_that_letters_do_not_have_stay_numbers(number: int, style: str) -> None:
    assert format_number(number, style) == str(number)
