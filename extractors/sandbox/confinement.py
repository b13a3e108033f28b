"""What the kernel keeps a worker and the programs it starts from: other files, the network, other processes.

Landlock restricts files, TCP and signals; a seccomp filter restricts sockets and what leads around both. They need no
privileges, hold for everything that is started later, and cannot be lifted. Linux only; `missing_protection` says what
a machine lacks. See https://docs.kernel.org/userspace-api/landlock.html and seccomp(2).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import shutil
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from extractors.formats import formats

MAX_OPEN_FILES = 512
"""Of a process; LibreOffice opens about 150."""
MAX_FILE_BYTES = 2 << 30
"""Of a file that a worker writes: twice the largest member that is unpacked."""
SPARE_MEMORY = 1 << 30
"""Bytes that a process may reserve beyond twice its memory limit, above which it is stopped; fonts, models and threads
reserve more than they use."""

_SYSTEM = (
    "/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/opt", "/nix/store", "/snap", "/app",
    "/sys/devices/system/cpu", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys", "/proc/version",
    "/etc/alternatives", "/etc/fonts", "/etc/group", "/etc/ld.so.cache", "/etc/libreoffice", "/etc/locale.alias",
    "/etc/localtime", "/etc/mime.types", "/etc/nsswitch.conf", "/etc/papersize", "/etc/passwd", "/etc/timezone",
    "/var/cache/fontconfig", "/var/lib/libreoffice", "/var/spool/libreoffice", "/dev/random", "/dev/urandom",
    "/dev/zero",
)  # fmt: skip
"""What programs and libraries need. Not the rest of /proc, where the environment of other processes is."""
_FONTS = (".fonts", ".local/share/fonts", ".config/fontconfig", ".cache/fontconfig")
_PROGRAMS = ("soffice", "libreoffice", "tesseract", "pdftoppm", "fc-match")

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on all architectures
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _SUBREAPER, _PARENT_DEATH_SIGNAL = 38, 22, 36, 1  # of prctl
_READ, _FILE_RIGHTS = 0b1101, 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15  # execute, read files and folders
_SPECIAL_FILES = 1 << 6 | 1 << 10 | 1 << 11 | 1 << 12
"""Make devices, pipes and links: others open the results, and would wait for a pipe, or follow a link to a secret."""

_SYSTEM_CALLS = {  # machine: (architecture of the audit, socket, connect, bind and listen, those that are refused)
    "x86_64": (
        0xC000003E,
        41,
        42,
        (49, 50),
        (101, 310, 311, 321, 298, 248, 249, 250, 323, 165, 308, 304, 246, 175, 313),
    ),
    "aarch64": (
        0xC00000B7,
        198,
        203,
        (200, 201),
        (117, 270, 271, 280, 241, 217, 218, 219, 282, 40, 268, 265, 104, 105, 273),
    ),
}
"""Refused: ptrace, process_vm_readv, process_vm_writev, bpf, perf_event_open, add_key, request_key, keyctl,
userfaultfd, mount, setns, open_by_handle_at, kexec_load, init_module, finit_module."""
_SINCE_2019 = (425, 428, 438, 440)
"""io_uring_setup, which opens sockets past the filter; open_tree, pidfd_getfd, process_madvise. Everywhere the same."""


@dataclass(frozen=True, slots=True)
class Access:
    """The files and folders of one or several documents that a worker may use, as absolute paths without links."""

    read: frozenset[str] = frozenset()
    write: frozenset[str] = frozenset()

    def covers(self, other: Access) -> bool:
        """Whether everything that `other` allows is allowed here."""
        return _below(other.read, self.read | self.write) and _below(other.write, self.write)

    def identities(self) -> set[tuple[str, int, int]]:
        """The files and folders that are there now: rules do not hold for others that take their places."""
        found = set()
        for path in self.read | self.write:
            with suppress(OSError):
                status = os.stat(path)  # noqa: PTH116 - before every document
                found.add((path, status.st_dev, status.st_ino))
        return found


def access_to(documents: Iterable[Path], results: Iterable[Path], tokenizer: Path | None = None) -> Access:
    """Access to documents with all that is beside and below them, and to folders for results, which are created."""
    results = tuple(results)
    read = {*_extractor_packages(), *([os.path.realpath(tokenizer)] if tokenizer else [])}
    for folder in results:
        with suppress(OSError):  # the worker reports what it cannot write
            folder.mkdir(parents=True, exist_ok=True)
    read.update(*map(_beside, documents))
    return Access(frozenset(read), frozenset(os.path.realpath(folder) for folder in results))


@cache
def _extractor_packages() -> frozenset[str]:
    """Folders of the packages with extractors; those in development may be found by other ways than `sys.path`."""
    names = {row.module.partition(".")[0] for row in formats()}
    specs = [spec for name in names if (spec := find_spec(name))]
    return frozenset(os.path.realpath(one) for spec in specs for one in spec.submodule_search_locations or ())


def _beside(file: Path) -> set[str]:
    """The folder of a file, where a web page has its images; of a home folder, only what is visible in it."""
    real, folder, home = os.path.realpath(file), os.path.realpath(file.parent), os.path.realpath(Path.home())
    found = {folder}
    if _below([home], [folder]):
        with suppress(OSError):
            entries = [entry.path for entry in os.scandir(folder) if not entry.name.startswith(".")]
            found = {one for one in entries if not _below([home], [one])} if folder == home else set()
    return found if _below([real], found) else found | {real}


def _below(paths: Iterable[str], folders: Iterable[str]) -> bool:
    """Whether every path is one of the folders, or in one."""
    return all(any(f"{path}/".startswith(f"{folder.rstrip('/')}/") for folder in folders) for path in paths)


def die_with_parent() -> None:
    """Get SIGKILL when the process that forked this one ends, and keep orphans of its programs below this one."""
    if sys.platform == "linux":
        _libc().prctl(_PARENT_DEATH_SIGNAL, 9, 0, 0, 0)
        adopt_orphans()


def adopt_orphans() -> None:
    """Become the parent of all processes below this one whose own parent ends."""
    if sys.platform == "linux":
        _libc().prctl(_SUBREAPER, 1, 0, 0, 0)


def confine(access: Access | None, memory_mb: int) -> None:
    """Restrict this process and everything it starts, as far as the kernel can, without a way back.

    `access` None: only how much it may open, write and reserve.
    """
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: MAX_OPEN_FILES,
        resource.RLIMIT_FSIZE: MAX_FILE_BYTES,
        resource.RLIMIT_DATA: (memory_mb << 21) + SPARE_MEMORY,
    }
    for limit, value in limits.items():
        with suppress(ValueError, OSError):  # the user has set a lower one
            resource.setrlimit(limit, (value, value))
    if access and sys.platform == "linux":
        _libc().prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        if landlock_version():
            _restrict_files(access)
        if platform.machine() in _SYSTEM_CALLS:
            _restrict_system_calls()


def missing_protection() -> list[str]:
    """One clause for each kind of protection that workers on this machine do not have."""
    version = landlock_version()
    missing = [] if version else ["workers can read and write all files that you can (no Landlock)"]
    if version and version < 6:
        missing.append(f"workers can send signals to your other processes (Landlock {version})")
    if not has_seccomp():
        missing.append("workers can use the network (no seccomp)")
    return missing


@cache
def landlock_version() -> int:
    """Version of the kernel's interface; 0: it has none, or it is switched off."""
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, 0, 1))) if sys.platform == "linux" else 0


@cache
def has_seccomp() -> bool:
    """Whether the kernel accepts filters, and their numbers of system calls are known here."""
    return platform.machine() in _SYSTEM_CALLS and Path("/proc/sys/kernel/seccomp/actions_avail").exists()


def _restrict_files(access: Access) -> None:
    version = landlock_version()
    # Files, folders, links, sockets; since version 2 moving between folders, 3 truncating, 5 ioctl on devices.
    handled = (1 << 13) - 1 | (version > 1) << 13 | (version > 2) << 14 | (version > 4) << 15
    ports = 0b11 if version > 3 else 0  # neither binding nor connecting TCP sockets
    others = 0b11 if version > 5 else 0  # neither abstract sockets nor signals, except below this process
    attributes = struct.pack("=QQQ", handled, ports, others)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = _libc().syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "Landlock accepts no rules")
    try:
        for path in _programs_and_libraries() | access.read:
            _allow(ruleset, path, _READ & handled)
        for path in access.write | {"/dev/null"}:
            _allow(ruleset, path, handled & ~_SPECIAL_FILES)
        if not has_seccomp():  # else see `_restrict_system_calls`
            _allow(ruleset, "/tmp", 1 << 9)  # make sockets
        if _libc().syscall(_RESTRICT_SELF, ruleset, 0):
            raise OSError(ctypes.get_errno(), "Landlock does not restrict this process")
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Allow `rights` for a file, or for a folder with all below it. Skips what does not exist."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            is_folder = os.path.isdir(path)  # noqa: PTH112 - faster, for thirty paths of every worker
            rule = struct.pack("=Qi", rights if is_folder else rights & _FILE_RIGHTS, descriptor)
            _libc().syscall(_ADD_RULE, ruleset, 1, rule, 0)
        finally:
            os.close(descriptor)


def _programs_and_libraries() -> set[str]:
    """What may be read and executed: the system, Python and its modules, and the programs on the path."""
    home = Path.home()
    folders = [sys.prefix, sys.base_prefix, *sys.path, *os.get_exec_path(), os.environ.get("TESSDATA_PREFIX", "")]
    for program in filter(None, map(shutil.which, _PROGRAMS)):
        folders.append(str(Path(os.path.realpath(program)).parent.parent))
    own = {os.path.realpath(folder) for folder in folders if folder}
    return {*_SYSTEM, *(str(home / fonts) for fonts in _FONTS), *(one for one in own if not _below([str(home)], [one]))}


def _restrict_system_calls() -> None:
    """Allow no sockets but pairs, and refuse what would lead around the restrictions.

    LibreOffice does not start without a socket in /tmp, to which later ones connect: it gets one that nobody reaches.
    """
    architecture, socket, connect, serve, refused = _SYSTEM_CALLS[platform.machine()]
    allow, refuse = 0x7FFF0000, 0x00050000 | errno.EPERM
    load, equal, at_least, bits, answer = 0x20, 0x15, 0x35, 0x54, 0x06
    program = [
        (load, 0, 0, 4), (equal, 1, 0, architecture), (answer, 0, 0, refuse),
        (load, 0, 0, 0), (at_least, 0, 1, 0x40000000), (answer, 0, 0, refuse),  # other numbers on the same machine
        (equal, 0, 1, connect), (answer, 0, 0, 0x00050000 | errno.ECONNREFUSED),
    ]  # fmt: skip
    for number in (*refused, *_SINCE_2019):
        program += [(equal, 0, 1, number), (answer, 0, 0, refuse)]
    for number in serve:
        program += [(equal, 0, 1, number), (answer, 0, 0, 0x00050000)]  # without effect, and without error
    program += [
        (equal, 1, 0, socket), (answer, 0, 0, allow),
        (load, 0, 0, 16), (equal, 1, 0, 1), (answer, 0, 0, refuse),  # the family must be AF_UNIX
        (load, 0, 0, 24), (bits, 0, 0, 0xF), (equal, 1, 0, 1), (answer, 0, 0, refuse),  # the type SOCK_STREAM
        (answer, 0, 0, allow),
    ]  # fmt: skip
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    _libc().prctl(_SET_SECCOMP, 2, struct.pack("@HP", len(program), ctypes.addressof(buffer)), 0, 0)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
