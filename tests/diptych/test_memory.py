"""The memory of a container counts if it is less than that of the machine."""

from pathlib import Path

import pytest

from diptych import memory
from diptych.memory import usable_memory


@pytest.mark.parametrize(("limit", "used"), [("1048576\n", 1 << 20), ("max\n", None), ("9" * 18, None)])
def test_memory_is_that_of_the_container_if_it_has_less(
    limit: str, used: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_CONTAINER", tmp_path / "memory.max")
    machine = usable_memory()
    (tmp_path / "memory.max").write_text(limit)
    assert usable_memory() == (used or machine)
    assert machine > 1 << 28
