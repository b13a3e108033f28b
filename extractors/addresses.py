"""Addresses of documents: URIs, and the paths that stand for them.

A document in another place, such as a bucket, has no path on this machine before it is fetched. Its path until then is
`/s3:/bucket/reports/manual.pdf` for `s3://bucket/reports/manual.pdf`: where nothing is, and with the right suffix.
"""

from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

PLACES = ("s3", "gs", "az", "abfs", "sftp", "https", "http")
"""URI schemes of places that are not folders of this machine."""
KEPT = "/~!$&'()*+,;=:@"
"""What is not percent-encoded in the path of a URI; the rules of RFC 3986."""


def is_elsewhere(uri: str) -> bool:
    """Return True for the address of a document that must be fetched before it is opened."""
    return uri.partition("://")[0] in PLACES


def place_path(uri: str) -> Path:
    """Return the path that stands for a URI; for a `file:` URI, the path of the file. Without the fragment."""
    if not is_elsewhere(uri):
        return Path(unquote(urlsplit(uri).path))
    scheme, _, rest = uri.partition("#")[0].partition("://")
    return Path(f"/{scheme}:/{unquote(rest)}")


def place_uri(path: Path) -> str:
    """Return the URI that a path stands for; the inverse of `place_path`."""
    scheme, found, rest = path.as_posix().removeprefix("/").partition(":/")
    if found and scheme in PLACES:
        return f"{scheme}://{quote(rest, safe=KEPT)}"
    return path.absolute().as_uri()
