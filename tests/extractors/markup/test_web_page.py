"""Web pages: their content without navigation, tables with spans, figures, images beside the file and in archives."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from extractors.errors import ExtractionError
from tests.support.blocks import extract_file, png

PAGE = """<!doctype html><html><head><title>Pumps - The shop</title><style>p {}</style></head><body>
<header><a href="/">Shop</a></header>
<nav><ul><li><a href="/a">All products</a></li><li><a href="/b">Basket</a></li></ul></nav>
<main><h1>Pumps</h1>
<p>As <a href="#f">Fig. 1</a> shows, pumps <b>wear</b>.<br>Clean them.</p>
<p hidden>Hidden text</p><p style="display: none">Invisible text</p><script>var text = "Script text";</script>
<h2 id="care">Care<a class="headerlink" href="#care">¶</a></h2>
<ul><li>Rinse</li><li><p>Dry:</p><ol start="3"><li>in the sun</li></ol></li></ul>
<pre>pump --clean
  --dry</pre>
<figure><img src="wear.png" alt="A chart"><figcaption>Figure 1: Wear of pumps.</figcaption></figure>
<img src="https://example.com/remote.png"><img src="../secret.png"><img src="missing.png">
<table><caption>Table 1: Prices</caption>
<thead><tr><th rowspan="2">Part</th><th colspan="2">Price</th></tr><tr><th>new</th><th>used</th></tr></thead>
<tr><td>Hose</td><td>5</td><td>3</td></tr></table></main>
<aside>Related: kettles</aside><footer>Imprint</footer></body></html>"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(png())
    (folder / "wear.png").write_bytes(png())
    (folder / "page.html").write_text(PAGE, encoding="utf-8")
    return folder / "page.html"


def test_content_has_headings_lists_and_code_but_no_navigation(page: Path) -> None:
    found = extract_file(page)
    text, care, table = found.passages
    assert (found.title, found.paged, text.heading) == ("Pumps", False, ())
    assert text.text == "Pumps\nAs Fig. 1 shows, pumps wear. Clean them."
    assert care.heading == ("Care",)
    assert care.text == "• Rinse\n• Dry:\n3. in the sun\npump --clean\n  --dry"
    assert (table.kind, table.caption, table.label) == ("table", "Table 1: Prices", "table 1")
    assert table.text.splitlines()[-1] == "| Hose | 5 | 3 |"
    assert table.table is not None
    assert table.table.header_rows == 2


def test_figure_has_caption_and_context_and_other_images_are_counted(page: Path) -> None:
    found = extract_file(page)
    (figure,) = found.pictures
    assert (figure.caption, figure.label, figure.heading) == ("Figure 1: Wear of pumps.", "figure 1", ("Care",))
    assert figure.context == ("As Fig. 1 shows, pumps wear.",)
    assert sorted(found.report.notes) == [
        "1 image left out: not beside the file; copy the images of the page with it",
        "1 image left out: not fetched from the web; save the page with its images",
        "1 image left out: outside of the folder of the file, where images are not read",
    ]
    assert found.report.problems == ()


def test_page_without_semantic_elements_loses_its_menus(tmp_path: Path) -> None:
    menu = "".join(f'<li><a href="/{n}">Section {n}</a></li>' for n in range(8))
    body = f'<div id="sidebar">Log in</div><div><ul>{menu}</ul></div><div><p>{"The pump is old. " * 9}</p></div>'
    (tmp_path / "old.html").write_text(f"<body>{body}</body>")
    (passage,) = extract_file(tmp_path / "old.html").passages
    assert passage.text == "The pump is old. " * 8 + "The pump is old."


def test_table_that_arranges_the_page_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<table><tr><td><h2>Care</h2><p>Rinse it.</p><td><table><tr><td>x</table></table>")
    found = extract_file(tmp_path / "a.html")
    assert [one.kind for one in found.passages] == ["text"]


@pytest.mark.parametrize(
    "data",
    [
        "Grüße, 温度".encode("utf-16"),
        b"\xef\xbb\xbf" + "Grüße, 温度".encode(),
        b'<meta charset="gb18030">' + "Grüße, 温度".encode("gb18030"),
        "<?xml version='1.0' encoding='utf-8'?><p>Grüße, 温度</p>".encode(),
    ],
)
def test_encoding_is_found_by_mark_or_declaration(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.html").write_bytes(data)
    assert extract_file(tmp_path / "a.html").passages[0].text == "Grüße, 温度"


def test_data_address_is_an_image(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(f'<img src="data:image/png;base64,{base64.b64encode(png()).decode()}">')
    assert len(extract_file(tmp_path / "a.html").pictures) == 1


@pytest.mark.parametrize("hostile", ["<div>" * 5000 + "deep", "<children>x</children><list>y</list>", "<p>\x01a</p>"])
def test_hostile_markup_is_read_as_text(tmp_path: Path, hostile: str) -> None:
    (tmp_path / "a.html").write_text(f"<p>Fine.</p>{hostile}")
    assert extract_file(tmp_path / "a.html").passages[0].text.startswith("Fine.")


def test_entities_of_a_file_are_not_resolved(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("SECRET")
    entity = f'<!DOCTYPE html [<!ENTITY x SYSTEM "{tmp_path / "secret"}">]>'
    (tmp_path / "a.xhtml").write_text(f"{entity}<html><body><p>Text &x; &nbsp; here</p></body></html>")
    assert "SECRET" not in extract_file(tmp_path / "a.xhtml").passages[0].text


def test_binary_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(b"\x7fELF\x00\x01\x02\x00\x00")
    with pytest.raises(ExtractionError, match=r"a\.html: is not text"):
        extract_file(tmp_path / "a.html")


def test_archive_has_its_page_and_images(tmp_path: Path) -> None:
    image = base64.b64encode(png()).decode()
    html = '<h1>Pumps</h1><p>Gr=C3=BC=C3=9Fe.</p><img src=3D"img/a.png"><img src=3D"cid:b">'
    (tmp_path / "a.mhtml").write_text(
        "MIME-Version: 1.0\nContent-Type: multipart/related; boundary=B\n\n"
        "--B\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n"
        f"Content-Location: https://example.com/shop/page.html\n\n{html}\n"
        "--B\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n"
        f"Content-Location: https://example.com/shop/img/a.png\n\n{image}\n"
        f"--B\nContent-Type: image/png\nContent-Transfer-Encoding: base64\nContent-ID: <b>\n\n{image}\n--B--\n"
    )
    found = extract_file(tmp_path / "a.mhtml")
    assert found.passages[0].text == "Pumps\nGrüße."
    assert len(found.pictures) == 2


def test_caption_of_an_image_on_the_web_is_text(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<figure><img src="https://example.com/a.png"><figcaption>Wear of pumps.</figcaption></figure>'
    )
    assert extract_file(tmp_path / "a.html").passages[0].text == "Wear of pumps."


def test_text_between_line_breaks_of_an_old_page_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(f"<table><tr><td><font>{'The pump is old. ' * 50}<br><br>Rinse it.</font></table>")
    assert extract_file(tmp_path / "a.html").passages[-1].text.endswith("Rinse it.")


def test_single_highest_heading_above_the_content_is_the_title(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        f"<title>Microsoft</title><h1>Microsoft <i>Corp</i></h1><div><p>{'It sells pumps. ' * 60}</p></div>"
    )
    assert extract_file(tmp_path / "a.html").title == "Microsoft Corp"


def test_page_without_navigation_is_content_from_end_to_end(tmp_path: Path) -> None:
    details = f"<div><h2>Details</h2>{'<p>The pump ran for eleven days before it was handed over.</p>' * 30}</div>"
    (tmp_path / "a.html").write_text(f"<h3>Report</h3><p>All {'pumps ran. ' * 9}</p>{details}<p>Call us.</p>")
    passages = extract_file(tmp_path / "a.html").passages
    assert (passages[0].heading, passages[0].text[:14]) == (("Report",), "All pumps ran.")
    assert passages[-1].text.endswith("Call us.")


@pytest.mark.parametrize(("alternative", "text"), [("formula", "m c 2"), ("mc^{2}", "mc^{2}")])
def test_formula_is_its_content_unless_the_alternative_is_tex(tmp_path: Path, alternative: str, text: str) -> None:
    math = "<mi>m</mi>\n <msup><mi>c</mi> <mn>2</mn></msup>"
    (tmp_path / "a.html").write_text(f'<p>Energy is <math alttext="{alternative}">{math}</math> here.</p>')
    assert extract_file(tmp_path / "a.html").passages[0].text == f"Energy is {text} here."


def test_lists_are_numbered_as_a_browser_does(tmp_path: Path) -> None:
    inner = '<ol type="a"><li>hose</li><li>valve</li></ol><ol type="I" start="4"><li>pump</li></ol>'
    (tmp_path / "a.html").write_text(f'<ol><li>Open</li><li value="9">Rinse{inner}</li><li>Dry</li></ol>')
    lines = extract_file(tmp_path / "a.html").passages[0].text.splitlines()
    assert lines == ["1. Open", "9. Rinse", "a. hose", "b. valve", "IV. pump", "10. Dry"]


@pytest.mark.parametrize("tag", ["main", "article", "section", "div"])
def test_page_without_tags_of_head_and_body_is_read(tmp_path: Path, tag: str) -> None:
    text = f"<!doctype html><meta charset=utf-8><title>Care</title><{tag}><h1>Pumps</h1><p>Rinse it.</{tag}>"
    (tmp_path / "a.html").write_text(text)
    found = extract_file(tmp_path / "a.html")
    assert (found.title, found.passages[0].text) == ("Pumps", "Pumps\nRinse it.")


def test_table_of_long_links_is_no_menu(tmp_path: Path) -> None:
    entry = "Certificate of the amendment of the articles of the company that makes pumps"
    rows = "".join(f'<tr><td>{n}</td><td><a href="{n}">{entry} {n}</a></td></tr>' for n in range(5))
    (tmp_path / "a.html").write_text(f"<p>{'The pump is old. ' * 60}</p><div><table>{rows}</table></div>")
    assert extract_file(tmp_path / "a.html").passages[-1].kind == "table"
