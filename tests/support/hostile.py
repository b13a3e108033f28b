"""Files that attack their readers, each small enough to be made in milliseconds."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib

from tests.support.samples import sample, zip_of

SENTENCE = "The pump stands beside the northern gate."
LAUGHS = (
    '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)
"""Entities that unpack to a gigabyte."""
OUTSIDE = '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


def pdf(*objects: str | bytes, streams: dict[int, tuple[str, bytes]] | None = None) -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalog. No cross-reference table: it is repaired."""
    parts = [b"%PDF-1.7\n"]
    for number, content in enumerate(objects, 1):
        data = content.encode() if isinstance(content, str) else content
        parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, data))
    for number, (entries, data) in (streams or {}).items():
        head = f"<<{entries}/Length {len(data)}>>".encode()
        parts.append(b"%d 0 obj\n%s\nstream\n%s\nendstream\nendobj\n" % (number, head, data))
    return b"".join((*parts, b"trailer <</Root 1 0 R>>\n%%EOF\n"))


def page_pdf(
    content: bytes, entries: str = "", size: str = "0 0 300 300", images: dict[int, tuple[str, bytes]] | None = None
) -> bytes:
    """A PDF of one page with this content, packed, and with images, numbered from 6, that it may draw."""
    names = " ".join(f"/I{number} {number} 0 R" for number in images or {})
    return pdf(
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[{size}]/Contents 5 0 R"
        f"/Resources<</Font<</F 4 0 R>>/XObject<<{names}>>>>{entries}>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        streams={
            5: (
                "/Filter/FlateDecode",
                zlib.compress(b"BT /F 12 Tf 20 200 Td (" + SENTENCE.encode() + b") Tj ET " + content),
            )
        }
        | {number: (f"/Type/XObject/Subtype/Image{head}", data) for number, (head, data) in (images or {}).items()},
    )


def font_pdf() -> bytes:
    """A PDF whose font has glyphs with names of its own, and nothing that says which characters they are."""
    glyphs = "/FirstChar 97/LastChar 98/Widths[9 9]/Encoding<</Differences[97/g1/g2]>>/CharProcs<</g1 6 0 R/g2 6 0 R>>"
    return pdf(
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 5 0 R/Resources<</Font<</F 4 0 R>>>>>>",
        f"<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[.1 0 0 .1 0 0]{glyphs}>>",
        streams={5: ("", b"BT /F 12 Tf 20 200 Td (ab ba abba) Tj ET"), 6: ("", b"9 0 0 0 9 9 d1 0 0 7 9 re f")},
    )


def packed_twice_pdf(size: int) -> bytes:
    """A PDF of a few hundred bytes whose page unpacks to a stream, and that to `size` bytes."""
    return pdf(
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R>>",
        streams={4: ("/Filter[/FlateDecode/FlateDecode]", zlib.compress(zeros(size)))},
    )


def page_tree(levels: int) -> bytes:
    """A PDF whose page tree names each node ten times: ten to the power of `levels` pages."""
    nodes = [
        f"<</Type/Pages/Kids[{f'{number + 1} 0 R ' * 10}]/Count {10 ** (levels - number + 2)}>>"
        for number in range(2, levels + 2)
    ]
    return pdf("<</Type/Catalog/Pages 2 0 R>>", *nodes, "<</Type/Page/MediaBox[0 0 99 99]>>")


def claims_size(data: bytes, size: int = 0xFFFFFFF0) -> bytes:
    """A ZIP file whose first entry claims to unpack to `size` bytes."""
    at = data.index(b"PK\x01\x02")
    return data[:at] + data[at : at + 24] + struct.pack("<I", size) + data[at + 28 :]


def with_entries(data: bytes, **content: str | bytes) -> bytes:
    """A ZIP file with entries added or replaced; `__` in a name stands for `/` and `_dot_` for `.`."""
    new = {name.replace("__", "/").replace("_dot_", "."): one for name, one in content.items()}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return zip_of({name: archive.read(name) for name in archive.namelist() if name not in new} | new)


def entry(data: bytes, name: str) -> bytes:
    """An entry of a ZIP file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name)


def jpeg_claims(width: int, height: int) -> bytes:
    data = sample(".jpg")
    found = re.search(rb"\xff[\xc0\xc2]\x00\x11\x08", data)
    assert found
    return data[: found.end()] + struct.pack(">HH", height, width) + data[found.end() + 4 :]


def jpx_claims(width: int, height: int) -> bytes:
    data = sample(".jp2")
    at = data.index(b"\xff\x51") + 6
    data = data[:at] + struct.pack(">II", width, height) + data[at + 8 :]
    header = data.index(b"ihdr") + 4
    return data[:header] + struct.pack(">II", height, width) + data[header + 8 :]


def jbig2_claims(width: int, height: int) -> bytes:
    """The page of a JBIG2 image, and a region as large."""
    page = struct.pack(">IBBI", 0, 48, 1, 19) + struct.pack(">IIIIBH", width, height, 0, 0, 0, 0)
    region = struct.pack(">IIIIB", width, height, 0, 0, 0) + b"\x00\x03\xff\xfd\xff\x02\xfe\xfe\xfe" + b"\0" * 20
    return page + struct.pack(">IBBI", 1, 38, 1, len(region)) + region


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_with(*chunks: tuple[bytes, bytes], width: int = 8, height: int = 8) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 9 * 8)
    body = ((b"IHDR", header), *chunks, (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, data) for kind, data in body)


def zeros(size: int) -> bytes:
    return zlib.compress(b"\0" * size, 1)
