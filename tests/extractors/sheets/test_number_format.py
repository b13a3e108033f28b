"""Values as a spreadsheet displays them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest

from extractors.sheets.number_format import display_value


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (1234.5, "General", "1234.5"),
        (8.199999999999999, "General", "8.2"),
        (3.0, "General", "3"),
        (0.256, "0.0%", "25.6%"),
        (1234.5, "#,##0.00", "1,234.50"),
        (1234567, "#,##0,", "1,235"),
        (-12, "#,##0;(#,##0)", "(12)"),
        (0, '0;-0;"none"', "0"),
        (900, "[$€-407] #,##0", "€ 900"),
        (12.5, '0.0 "kWh"', "12.5 kWh"),
        (12, "_-* #,##0 _€", "12"),
        (7, "000", "007"),
        (1.5, "0.0##", "1.5"),
        (12345, "0.00E+00", "1.23E+04"),
        (0.5, "# ?/?", "0.5"),
        (True, "General", "TRUE"),
        (datetime(2026, 1, 5), "d mmm yy", "2026-01-05"),
        (datetime(2026, 1, 5, 10, 30), "d mmm yy h:mm", "2026-01-05 10:30"),
        (date(2026, 1, 5), "d mmm yy", "2026-01-05"),
        (time(7, 5), "h:mm", "07:05"),
        (timedelta(hours=30, minutes=5), "[h]:mm", "30:05:00"),
        (None, "General", ""),
    ],
)
def test_value_is_displayed(value: object, number_format: str, text: str) -> None:
    assert display_value(value, number_format) == text
