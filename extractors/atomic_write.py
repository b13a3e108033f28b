"""Write files atomically: readers never see half a file, and killed processes never leave one."""

import os
import tempfile
from pathlib import Path

DRAFT_PREFIX = ".draft-"


def write_file(file: Path, content: bytes) -> None:
    """Create or replace a file and the folders above it. Raises `OSError`, and then leaves no draft."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=DRAFT_PREFIX)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(draft).replace(file)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
