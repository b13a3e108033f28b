"""SVG drawings: what is drawn, which words are read, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from PIL import Image

from extractors.errors import ExtractionError
from extractors.photos.extractor import extract
from extractors.pictures.store import image_path
from extractors.types import Options, Picture, Source

DRAWING = """<?xml version="1.0"?>
<!DOCTYPE svg [<!ENTITY unit "kW">]>
<svg xmlns="http://www.w3.org/2000/svg" width="400" height="200">
  <title>Heat loss</title><desc>Of two pumps.</desc>
  <style>.a {fill: #c00}</style>
  <rect class="a" width="200" height="200"/>
  <text x="220" y="40">Pump <tspan font-weight="bold">A</tspan>7</text>
  <text><tspan x="220" y="80">28 &unit;</tspan><tspan x="220" y="100">at night</tspan></text>
  %s
</svg>"""


def extract_drawing(folder: Path, content: str | bytes, name: str = "a.svg") -> Picture:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    extraction = extract(Source(path, path.as_uri(), name, "0", "x"), Options(ocr="off"), folder)
    return extraction.pictures[0]


def pixels(picture: Picture, folder: Path) -> Image.Image:
    with Image.open(image_path(picture.image, folder)) as image:
        return image.convert("RGB")


@pytest.mark.parametrize("name", ["a.svg", "a.svgz"])
def test_drawing_has_its_text_and_colours(tmp_path: Path, name: str) -> None:
    content = (DRAWING % "").encode()
    picture = extract_drawing(tmp_path, gzip.compress(content) if name == "a.svgz" else content, name)
    assert picture.words == "Pump A7\n28 kW at night"
    assert (picture.caption, picture.image.suffix) == ("Heat loss Of two pumps.", ".png")
    image = pixels(picture, tmp_path)
    assert image.width == 2 * image.height
    assert image.getpixel((10, 10)) == (204, 0, 0)


def test_other_files_are_not_opened(tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), "blue").save(tmp_path / "secret.png")
    nested = f"<svg xmlns='http://www.w3.org/2000/svg'><image href='{tmp_path}/secret.png' width='9' height='9'/></svg>"
    references = f"""<image href="{tmp_path}/secret.png" x="200" width="200" height="200"/>
        <image xmlns:x="http://www.w3.org/1999/xlink" x:href="secret.png" x="200" width="200" height="200"/>
        <image href="data:image/svg+xml,{nested.replace("<", "%3C")}" x="200" width="200" height="200"/>"""
    image = pixels(extract_drawing(tmp_path, DRAWING % references.replace("%", "%%").replace("%%", "%")), tmp_path)
    assert (0, 0, 255) not in {colour for _, colour in image.getcolors(1 << 24) or ()}


def test_labels_in_embedded_html_are_drawn(tmp_path: Path) -> None:
    label = '<foreignObject width="{0}" height="200"><p xmlns="http://www.w3.org/1999/xhtml">Valve</p></foreignObject>'
    picture = extract_drawing(tmp_path, DRAWING % label.format(200))
    assert picture.words.endswith("Valve")
    left = pixels(picture, tmp_path).crop((0, 0, 300, 300))
    assert len(left.getcolors(1 << 24) or ()) > 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<svg xmlns='http://www.w3.org/2000/svg'><rect></svg>", "cannot be drawn as SVG"),
        ("<svg xmlns='http://www.w3.org/2000/svg' width='0' height='0'/>", "cannot be drawn as SVG"),
        ('<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">' + "".join(
            f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True)
        ) + "]><svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><text>&j;</text></svg>", "amplification"),
        ("<svg xmlns='http://www.w3.org/2000/svg'>" + " " * (21 << 20) + "</svg>", "more than 20 MiB of SVG"),
    ],
    ids=["not well-formed", "no size", "entities", "too large"],
)  # fmt: skip
def test_unusable_drawing_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    with pytest.raises(ExtractionError, match=rf"a\.svg: .*{reason}.*; save it as PNG"):
        extract_drawing(tmp_path, content)


def test_long_side_is_limited(tmp_path: Path) -> None:
    picture = extract_drawing(
        tmp_path, "<svg xmlns='http://www.w3.org/2000/svg' width='1e9' height='5e8'><rect width='9'/></svg>"
    )
    assert (picture.image.width, picture.image.height) == (4000, 2000)
