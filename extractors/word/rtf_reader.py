"""The text of RTF files without LibreOffice: paragraphs only, as the styles of headings are lost."""

import re
from pathlib import Path

from extractors.blocks.types import Text
from extractors.errors import ExtractionError, error_summary
from extractors.word.types import WordContent


def read_rtf(path: Path, name: str) -> list[WordContent]:
    """Return the paragraphs of a file. Raises `ExtractionError` when it is damaged."""
    from striprtf.striprtf import rtf_to_text

    try:
        text = rtf_to_text(path.read_bytes().decode("cp1252", errors="replace"), errors="ignore")
    except Exception as error:  # striprtf raises what its parser runs into
        raise ExtractionError(f"{name}: cannot be read as RTF ({error_summary(error)}); save it as DOCX") from error
    return [Text(re.sub(r"\s*\|\s*", " | ", line).strip(" |")) for line in text.splitlines() if line.strip(" |")]
