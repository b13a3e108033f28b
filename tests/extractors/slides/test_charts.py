"""The values that charts cache: dates are days since an epoch."""

from __future__ import annotations

import pytest
from lxml import etree

from extractors.slides.charts import read_chart_space

C = "http://schemas.openxmlformats.org/drawingml/2006/chart"


@pytest.mark.parametrize(
    ("code", "epoch", "shown"),
    [
        ("m/d/yyyy", "0", "2002-01-01"),
        ("mmm\\-yy", "1", "2006-01-02"),
        ("General", "0", "37257"),
        ('0.0" days"', "0", "37257"),
        ("[Red]0", "0", "37257"),
    ],
)
def test_dates_of_a_category_axis_are_dates(code: str, epoch: str, shown: str) -> None:
    def cache(kind: str, value: str, code: str) -> str:
        points = f'<c:formatCode>{code}</c:formatCode><c:pt idx="0"><c:v>{value}</c:v></c:pt>'
        return f"<c:{kind}><c:numRef><c:numCache>{points}</c:numCache></c:numRef></c:{kind}>"

    series = cache("cat", "37257", code) + cache("val", "8.199999999999999", "General")
    body = f"<c:date1904 val='{epoch}'/><c:chart><c:ser>{series}</c:ser></c:chart>"
    _, rows = read_chart_space(etree.fromstring(f"<c:chartSpace xmlns:c='{C}'>{body}</c:chartSpace>"))
    assert rows == [["", "series 1"], [shown, "8.2"]]
