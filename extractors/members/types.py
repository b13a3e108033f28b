"""What is found in a container, and how much of it is unpacked."""

from dataclasses import dataclass

MAX_MEMBERS = 10_000
"""Documents of one container: as many as a large mailbox or share has in a folder that people pack."""
MAX_MEMBER_BYTES = 1 << 30
"""Of one member: no document that an extractor reads is larger."""
MAX_TOTAL_BYTES = 8 << 30
"""Of all members with those of inner containers: what a disk has to spare for a while."""
MAX_RATIO = 200
"""Unpacked size over packed size of a member larger than `MIN_RATIO_BYTES`: text is packed twenty times smaller, blank
bitmaps a hundred times, and bombs a thousand times."""
MIN_RATIO_BYTES = 10 << 20
MAX_DEPTH = 3
"""Containers within containers: a mail with an archive with a mail with an attachment."""
MAX_NAME_LENGTH = 500
"""Characters of a member's path; longer ones cannot be unpacked on most disks either."""


@dataclass(frozen=True, slots=True)
class Member:
    """A document in a container."""

    name: str
    """Its path in the container, with `#` between those of inner containers: `mails/a.eml#report.pdf`."""
    file: str
    """The unpacked file, relative to the folder of all members."""
    sha256: str
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Members:
    """All that is in a container."""

    found: tuple[Member, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    """Name of a member, or "" for the rest of the container, and why it is not read."""
