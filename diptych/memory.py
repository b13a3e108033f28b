"""How much memory there is."""

import os
from pathlib import Path

_CONTAINER = Path("/sys/fs/cgroup/memory.max")


def usable_memory() -> int:
    """Bytes of the machine's memory, or of the container's if that is limited to less."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        limit = _CONTAINER.read_text().strip()
    except OSError:  # no container, or no Linux
        return machine
    return min(machine, int(limit)) if limit.isdigit() else machine  # `max`: unlimited
