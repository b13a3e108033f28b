"""Fuzz all formats for as long as asked: `python -m tests.fuzz --seconds 14400`.

Findings are written to a folder, as the document and a line in `findings.tsv`; the exit code is 1 if there are any.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import time
from pathlib import Path

import psutil

from extractors.sandbox.fork_server import SERVER
from extractors.sandbox.sandbox import Sandbox
from tests.fuzz.rounds import Fuzzer, Outcome
from tests.support.samples import SUFFIXES, pdf, sample


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600, help="of wall-clock time")
    parser.add_argument("--cpu-seconds", type=float, default=float("inf"), help="of CPU time, workers included")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--suffixes", nargs="*", default=SUFFIXES, help="formats to fuzz; default: all")
    parser.add_argument("--more", type=Path, help="folder of further documents to begin with")
    parser.add_argument("--programs", action="store_true", help="with LibreOffice and poppler, which are slow to start")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    arguments = parser.parse_args()
    if not arguments.programs:
        os.environ["PATH"] = ""  # so that workers find none
    seeds = {suffix: [sample(suffix)] for suffix in arguments.suffixes}
    if ".pdf" in seeds:
        seeds[".pdf"] += [pdf(deflate=1, use_objstms=1), pdf(clean=1)]
    for file in sorted(arguments.more.rglob("*")) if arguments.more else ():
        if file.suffix.lower() in seeds and file.stat().st_size < 1 << 18:
            seeds[file.suffix.lower()].append(file.read_bytes())
    return fuzz(seeds, arguments)


def fuzz(seeds: dict[str, list[bytes]], arguments: argparse.Namespace) -> int:
    arguments.findings.mkdir(exist_ok=True)
    known: dict[str, int] = {}

    def report(suffix: str, data: bytes, outcome: Outcome) -> None:
        key = f"{suffix}: {outcome.message}"
        known[key] = known.get(key, 0) + 1
        if known[key] > 1:
            return
        name = f"{hashlib.sha256(data).hexdigest()[:12]}{suffix}"
        (arguments.findings / name).write_bytes(data)
        with (arguments.findings / "findings.tsv").open("a") as lines:
            lines.write(f"{name}\t{outcome.seconds:.1f}\t{outcome.message}\n")

    deadline, said = time.monotonic() + arguments.seconds, 0.0
    with tempfile.TemporaryDirectory() as folder, Sandbox(1, 60, 2048, 30) as sandbox:
        fuzzer = Fuzzer(seeds, arguments.seed, Path(folder), sandbox)
        while time.monotonic() < deadline and (used := cpu_seconds(sandbox)) < arguments.cpu_seconds:
            fuzzer.run(len(seeds), report)
            if time.monotonic() > said + 60:
                said = time.monotonic()
                print(
                    f"{fuzzer.rounds} rounds, {used:.0f} CPU s, {len(fuzzer.outcomes)} outcomes, {len(known)} findings"
                )
                sys.stdout.flush()
    for finding, count in sorted(known.items()):
        print(count, finding)
    return bool(known)


def cpu_seconds(sandbox: Sandbox) -> float:
    """Of this process, of the workers that ended, and of those that wait for work."""
    waiting = [worker.pid for worker in sandbox._idle]
    server = [SERVER._process.pid] if hasattr(SERVER, "_process") else []
    return sum(sum(psutil.Process(pid).cpu_times()[:4]) for pid in (os.getpid(), *server, *waiting))


if __name__ == "__main__":
    sys.exit(main())
