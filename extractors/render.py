"""Pixels of PDF pages: PyMuPDF first, poppler (pdf2image) when MuPDF fails or draws nothing."""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType


@cache
def pymupdf() -> ModuleType:
    """The pymupdf module, imported once, when first needed.

    Its bundled layout model (2-4 s and some 60 MiB at import) is kept out: figures are found by geometry here.
    Single-threaded by design of MuPDF: one process, one thread.
    """
    sys.modules.setdefault("pymupdf.layout", None)  # type: ignore[arg-type]
    import pymupdf as module

    module.TOOLS.mupdf_display_errors(False)
    module.TOOLS.mupdf_display_warnings(False)
    return module  # type: ignore[no-any-return]
