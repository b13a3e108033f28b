"""Tesseract's library, called in this process.

Starting the program and loading its data takes .2 to .3 s of processor time for every picture, as long as reading it.
The library is the one that the program itself uses, so both read the same words.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
from collections.abc import Mapping
from ctypes import CDLL, c_char_p, c_int, c_void_p, string_at
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from extractors.errors import ExtractionError

if TYPE_CHECKING:
    from PIL import Image

_NAME = re.compile(rb"[\w./@+-]*libtesseract[\w.+-]*\.(?:so|dylib)[\w.]*")
"""As the program's file names it: a file name on Linux, a path on macOS."""
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "TessBaseAPICreate": (c_void_p, ()),
    "TessBaseAPIDelete": (None, (c_void_p,)),
    "TessBaseAPIInit3": (c_int, (c_void_p, c_char_p, c_char_p)),
    "TessBaseAPISetVariable": (c_int, (c_void_p, c_char_p, c_char_p)),
    "TessBaseAPISetPageSegMode": (None, (c_void_p, c_int)),
    "TessBaseAPISetImage": (None, (c_void_p, c_char_p, c_int, c_int, c_int, c_int)),
    "TessBaseAPIRecognize": (c_int, (c_void_p, c_void_p)),
    "TessBaseAPIGetTsvText": (c_void_p, (c_void_p, c_int)),
    "TessBaseAPIClear": (None, (c_void_p,)),
    "TessDeleteText": (None, (c_void_p,)),
    "TessMonitorCreate": (c_void_p, ()),
    "TessMonitorDelete": (None, (c_void_p,)),
    "TessMonitorSetDeadlineMSecs": (None, (c_void_p, c_int)),
}
"""Name -> the types of its result and arguments, from Tesseract's capi.h."""


class TesseractLibrary:
    """Tesseract with the data of some languages. One image at a time; other threads wait."""

    def __init__(self, library: CDLL, languages: str) -> None:
        """Load the data. Raises `OSError` if that fails."""
        self._library, self._lock = library, Lock()
        self._handle = library.TessBaseAPICreate()
        atexit.register(library.TessBaseAPIDelete, self._handle)
        library.TessBaseAPISetVariable(self._handle, b"debug_file", os.devnull.encode())  # not to our standard error
        if library.TessBaseAPIInit3(self._handle, None, languages.encode()):
            raise OSError(f"Tesseract cannot load the languages {languages}")

    def read(self, image: Image.Image, mode: int, variables: Mapping[str, str], seconds: float) -> str:
        """Return the words of a grey image as Tesseract's TSV without its header.

        `mode` is the page segmentation mode. Raises `ExtractionError` after so many `seconds`.
        """
        library, handle = self._library, self._handle
        with self._lock:
            for name, value in variables.items():
                library.TessBaseAPISetVariable(handle, name.encode(), value.encode())
            library.TessBaseAPISetPageSegMode(handle, mode)
            library.TessBaseAPISetImage(handle, image.tobytes(), *image.size, 1, image.width)
            monitor = library.TessMonitorCreate()
            try:
                library.TessMonitorSetDeadlineMSecs(monitor, round(1000 * seconds))
                if library.TessBaseAPIRecognize(handle, monitor):
                    raise ExtractionError(f"Tesseract took more than {seconds} s for an image", transient=True)
                text = library.TessBaseAPIGetTsvText(handle, 0)
                try:
                    return string_at(text).decode(errors="replace")
                finally:
                    library.TessDeleteText(text)
            finally:
                library.TessMonitorDelete(monitor)
                library.TessBaseAPIClear(handle)


def open_library(languages: str) -> TesseractLibrary | None:
    """Return the library of the program on the path; None where it has none that can be loaded."""
    program = shutil.which("tesseract")
    return _open_library(program, languages, os.environ.get("TESSDATA_PREFIX", "")) if program else None


@cache
def _open_library(program: str, languages: str, tessdata: str) -> TesseractLibrary | None:
    """`tessdata` is read by Tesseract itself; here it is a part of the key."""
    try:
        library = _load(program)
        return TesseractLibrary(library, languages) if library else None
    except (OSError, AttributeError):  # another architecture, a version without a function, broken data
        return None


@cache
def _load(program: str) -> CDLL | None:
    name = _NAME.search(Path(program).read_bytes())
    if not name:
        return None  # a script, or a program that contains the library
    os.environ["OMP_THREAD_LIMIT"] = "1"  # read when the library is loaded
    library = CDLL(name[0].decode())
    for function, (result, arguments) in _FUNCTIONS.items():
        getattr(library, function).restype = result
        getattr(library, function).argtypes = arguments
    return library
