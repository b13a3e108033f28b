"""Pure: what a file is by its first bytes, where its suffix says otherwise."""

from __future__ import annotations

HEAD = 1024
"""Bytes that are looked at; a PDF may begin anywhere in them."""
_MARKS = (
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"GIF8", ".gif"),
    (b"PK\x03\x04", ".zip"),
    (b"\xd0\xcf\x11\xe0", ".ppt"),
)
_PAGES = (b"<!doctype html", b"<html")
_READ_AS = {"pdf": {".pdf"}, "slides": {".zip", ".ppt"}, "photos": {".png", ".jpg", ".gif", ".webp"}}
"""Module -> what it reads; .zip is what PPTX and ODP are inside. A module that is not here reads any bytes."""


def mismatch(module: str, head: bytes) -> str:
    """Why the extractor `module` should not open a file with this `head`, and the way out; empty when it may."""
    if module not in _READ_AS:
        return ""
    if not head:
        return "is empty; copy or download it again"
    kind = _kind(head)
    if not kind or kind in _READ_AS[module]:
        return ""
    if kind == ".html":
        return "is a web page, as failed downloads often are; download it again"
    if kind == ".zip":
        return "is an office or ZIP file inside, whatever its suffix says; rename or unpack it"
    return f"is a {kind} file inside, whatever its suffix says; rename it to end in {kind}"


def _kind(head: bytes) -> str:
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return ".webp"
    if kind := next((kind for mark, kind in _MARKS if head.startswith(mark)), ""):
        return kind
    if b"%PDF-" in head:
        return ".pdf"
    return ".html" if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGES) else ""
