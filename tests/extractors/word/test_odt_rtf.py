"""ODT and RTF without LibreOffice."""

from __future__ import annotations

import io
import zipfile
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from extractors.errors import ExtractionError
from tests.support.blocks import extract_file, png

SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{space}:1.0"'
    for name, space in (
        ("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"), ("svg", "svg-compatible"),
        ("style", "style"),
    )
)  # fmt: skip
BODY = """
<text:p text:style-name="Title">Pump manual</text:p>
<text:h text:outline-level="1">Care</text:h>
<text:p>Rinse it<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>With water.</text:p>
</text:note-body></text:note> weekly,<text:s text:c="2"/>see <text:span>Figure 1</text:span>.</text:p>
<text:list><text:list-item><text:p>hose</text:p><text:list><text:list-item><text:p>inside</text:p></text:list-item>
</text:list></text:list-item></text:list>
<text:p><draw:frame svg:width="5cm" svg:height="3cm"><draw:image xlink:href="Pictures/a.png"/>
<svg:desc>A hose</svg:desc></draw:frame></text:p>
<text:p text:style-name="Illustration">Figure 1: The hose</text:p>
<text:h text:outline-level="1">Prices</text:h>
<table:table><table:table-header-rows><table:table-row><table:table-cell><text:p>Part</text:p></table:table-cell>
<table:table-cell table:number-columns-spanned="2"><text:p>Price</text:p></table:table-cell>
<table:covered-table-cell/></table:table-row></table:table-header-rows><table:table-row><table:table-cell><text:p>Hose</text:p></table:table-cell>
<table:table-cell table:number-columns-repeated="2"><text:p>5</text:p></table:table-cell></table:table-row>
</table:table>
"""


@pytest.fixture(autouse=True)
def _without_libreoffice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extractors.slides.libreoffice.find_libreoffice", lambda: None)


def write_odt(path: Path, manifest: str = "", *, body: str = BODY, styles: str = "", **objects: str) -> Path:
    content = (
        f'<office:document-content {SPACES} xmlns:xlink="http://www.w3.org/1999/xlink"><office:automatic-styles>{styles}'
        f"</office:automatic-styles><office:body><office:text>{body}</office:text></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/manifest.xml", f"<manifest>{manifest}</manifest>")
        for name, xml in objects.items():
            archive.writestr(f"{name}/content.xml", xml)
        archive.writestr("content.xml", content)
        archive.writestr("Pictures/a.png", png())
    return path


def test_odt_has_headings_lists_tables_figures_and_notes(tmp_path: Path) -> None:
    found = extract_file(write_odt(tmp_path / "a.odt"))
    title, care, table = found.passages
    assert (found.title, title.text, found.paged) == ("Pump manual", "Pump manual", False)
    assert care.heading == ("Care",)
    assert care.text == "Rinse it[1] weekly, see Figure 1.\n• hose\n– inside\n[1] With water."
    assert (table.heading, table.text.splitlines()[-1]) == (("Prices",), "| Hose | 5 | 5 |")
    (figure,) = found.pictures
    assert (figure.caption, figure.label, figure.heading) == ("Figure 1: The hose", "figure 1", ("Care",))
    assert figure.context == ("Rinse it[1] weekly, see Figure 1.",)


def test_lists_are_numbered_as_printed(tmp_path: Path) -> None:
    levels = "".join(
        f'<text:list-level-style-number text:level="{level}" style:num-format="{code}" {more}/>'
        for level, code, more in (
            (1, "1", 'style:num-suffix="."'),
            (2, "a", 'text:display-levels="2" text:start-value="3"'),
        )
    )
    inner = "<text:list><text:list-item><text:p>hose</text:p></text:list-item></text:list>"
    body = f"""<text:list text:style-name="L"><text:list-item><text:p>Open</text:p></text:list-item>
    <text:list-item><text:p>Rinse</text:p>{inner}</text:list-item><text:list-item>{inner}</text:list-item></text:list>
    <text:list text:style-name="L" text:continue-numbering="true"><text:list-item><text:p>Dry</text:p></text:list-item>
    </text:list><text:list text:style-name="L"><text:list-item><text:p>Again</text:p></text:list-item></text:list>"""
    styles = f'<text:list-style style:name="L">{levels}</text:list-style>'
    (passage,) = extract_file(write_odt(tmp_path / "a.odt", body=body, styles=styles)).passages
    assert passage.text.splitlines() == ["1. Open", "2. Rinse", "2.c hose", "2.c hose", "3. Dry", "1. Again"]


def test_absurd_first_number_of_a_list_is_ignored(tmp_path: Path) -> None:
    level = f'<text:list-level-style-number text:level="1" style:num-format="a" text:start-value="{"9" * 5000}"/>'
    styles = f'<text:list-style style:name="L">{level}</text:list-style>'
    body = '<text:list text:style-name="L"><text:list-item><text:p>Open</text:p></text:list-item></text:list>'
    (passage,) = extract_file(write_odt(tmp_path / "a.odt", body=body, styles=styles)).passages
    assert passage.text == "a Open"


def test_formulas_and_charts_are_read(tmp_path: Path) -> None:
    body = "".join(
        f'<text:p><draw:frame><draw:object xlink:href="./{name}"/></draw:frame></text:p>'
        for name in ("Formula", "Chart")
    )
    math = "<math><semantics><mi>E</mi><annotation>E = m cdot c^2</annotation></semantics></math>"
    rows = "".join(
        f"<table:table-row>{cells}</table:table-row>"
        for cells in (
            "<table:table-cell/><table:table-cell><text:p>Sales</text:p></table:table-cell>",
            "<table:table-cell><text:p>Q1</text:p></table:table-cell><table:table-cell><text:p>7</text:p></table:table-cell>",
        )
    )
    title = "<c:title><text:p>Pumps sold</text:p></c:title>"
    chart = (
        f'<x {SPACES} xmlns:c="urn:oasis:names:tc:opendocument:xmlns:chart:1.0"><c:chart>{title}{rows}</c:chart></x>'
    )
    math = math.replace("<math>", '<math xmlns="http://www.w3.org/1998/Math/MathML">')
    formula, table = extract_file(write_odt(tmp_path / "a.odt", body=body, Formula=math, Chart=chart)).passages
    assert formula.text.splitlines()[0] == "E = m cdot c^2"
    assert (table.caption, table.text.splitlines()[-1]) == ("Pumps sold", "| Q1 | 7 |")


def test_encrypted_odt_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExtractionError, match=r"^a\.odt: is encrypted; save it without a password$"):
        extract_file(write_odt(tmp_path / "a.odt", "<manifest:encryption-data/>"))


def test_encrypted_doc_is_refused_before_libreoffice_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import olefile

    head = io.BytesIO(bytes.fromhex("eca5c100716009040000f013"))
    monkeypatch.setattr(olefile, "OleFileIO", lambda _: nullcontext(SimpleNamespace(openstream=lambda _: head)))
    (tmp_path / "a.doc").write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(ExtractionError, match=r"^a\.doc: is encrypted; save it without a password$"):
        extract_file(tmp_path / "a.doc")


def test_rtf_yields_its_text_and_says_what_is_lost(tmp_path: Path) -> None:
    text = r"{\rtf1\ansi{\fonttbl{\f0 Arial;}}{\b Care}\par Rinse gr\'fcndlich.\par {\*\hidden x}}"
    (tmp_path / "a.rtf").write_text(text)
    found = extract_file(tmp_path / "a.rtf")
    assert found.passages[0].text == "Care\nRinse gründlich."
    assert "only its text was read" in found.report.notes[0]
