"""Addresses of documents: URIs, and the paths that stand for them.

A document in another place, such as a bucket, has no path on this machine before it is fetched. Its path until then is
`/s3:/bucket/reports/manual.pdf` for `s3://bucket/reports/manual.pdf`: where nothing is, and with the right suffix.
"""

import re
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

PLACES = ("s3", "gs", "az", "abfs", "sftp", "https", "http")
"""URI schemes of places that are not folders of this machine."""
KEPT = "/~!$&'()*+,;=:@"
"""What is not percent-encoded in the path of a URI; the rules of RFC 3986."""
_FOREIGN_BYTES = re.compile("[\udc80-\udcff]")


def is_elsewhere(uri: str) -> bool:
    """Return True for the address of a document that must be fetched before it is opened."""
    return uri.partition("://")[0] in PLACES


def place_path(uri: str) -> Path:
    """Return the path that stands for a URI; for a `file:` URI, the path of the file. Without the fragment."""
    if not is_elsewhere(uri):
        return Path(_decode(urlsplit(uri).path))
    scheme, _, rest = uri.partition("#")[0].partition("://")
    return Path(f"/{scheme}:/{_decode(rest)}")


def place_uri(path: Path) -> str:
    """Return the URI that a path stands for; the inverse of `place_path`."""
    scheme, found, rest = path.as_posix().removeprefix("/").partition(":/")
    if found and scheme in PLACES:
        return f"{scheme}://{quote(rest, safe=KEPT, errors='surrogateescape')}"
    return path.absolute().as_uri()


def given_path(uri: str) -> str:
    """Return the path of a `file:` URI with its fragment; the address of a file elsewhere as people write it."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return _decode(uri) if is_elsewhere(uri) and not uri.startswith("http") else uri
    return _decode(parts.path) + (f"#{_decode(parts.fragment)}" if parts.fragment else "")


@lru_cache(maxsize=16_384)
def local_path(uri: str) -> str:
    """Return `given_path` as text: bytes that are not UTF-8 are escaped (`caf\\xe8.txt`), so names stay distinct."""
    return escape_bytes(given_path(uri))


def escape_bytes(text: str) -> str:
    """Escape the bytes of a file name that are not UTF-8, which Python keeps as lone surrogates, as in `\\xe8`."""
    return _FOREIGN_BYTES.sub(lambda match: f"\\x{ord(match[0]) - 0xDC00:02x}", text)


def _decode(text: str) -> str:
    return unquote(text, errors="surrogateescape")
