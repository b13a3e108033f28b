"""`python -m bench [NAME...] [--json]`: run all benchmarks, or those named."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TextIO, cast

from bench.measurement import CACHE, DOCUMENTS, POINTS, BenchOptions, Result
from bench.peers import PEERS
from diptych.errors import DiptychError

BENCHMARKS = {
    "precisions": "encoding:precisions",
    "startup": "startup:startup",
    "whole": "whole_ingest:whole",
    "text": "extraction:text",
    "extraction": "extraction:extraction",
    "queries": "store:queries",
    "changes": "incremental:changes",
    "catalogue": "product_search:catalogue",
    "pictures": "picture_queries:pictures",
    "ablation": "ablation:ablation",
    "pages": "page_costs:pages",
    "scale": "scale:scale",
    "workers": "work_pool:workers",
    "simulation": "work_pool:simulation",
    "large": "large_file:large",
    "backfill": "backfill:backfill",
    "server": "server_settings:server",
    "serve": "serving:serving",
}
"""Name -> the module and function that run it. Add a benchmark by adding a line."""
WITH_OWN_FILES = ("catalogue", "pictures", "ablation", "text", "extraction", "whole")
"""Benchmarks that can be run on the user's own files."""
WITH_FOLDER = ("extraction", "whole")
"""Those that read all PDFs of a folder."""
ON_REQUEST = ("large", "scale", "backfill", "workers", "simulation", "server")
"""Benchmarks of minutes to an hour, which run only if they are named. Theirs is the store to fill, if they need one."""


def main(arguments: list[str] | None = None) -> int:
    chosen = _parse(arguments)
    options = BenchOptions(
        chosen.on, chosen.store, chosen.points, chosen.documents, against=chosen.against, peers=chosen.peer or ()
    )
    try:
        names = chosen.names or [name for name in BENCHMARKS if name not in ON_REQUEST]
        with _record_file(CACHE) as records:
            for line in _lines(names, options, records, as_json=chosen.json):
                print(line, flush=True)
        print(f"stored in {records.name}", file=sys.stderr)
    except DiptychError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure the speed and quality of Diptych next to baselines."
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join(BENCHMARKS)}; by default all but {' and '.join(ON_REQUEST)}",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per result")
    parser.add_argument(
        "--on",
        type=Path,
        metavar="FILE",
        help="your own catalogue, questions, PDF (for text) or folder of PDFs (for all benchmarks that read one)",
    )
    parser.add_argument(
        "--against", type=Path, metavar="DIR", help="an earlier checkout to compare with (for text, extraction)"
    )
    parser.add_argument(
        "--peer", action="append", choices=PEERS, help="compare only with this one (for whole; may be repeated)"
    )
    parser.add_argument("--store", default="", help="the store to put your questions to, or to fill")
    parser.add_argument("--points", type=int, default=POINTS, help="size of the synthetic store (default: %(default)s)")
    parser.add_argument(
        "--documents", type=int, default=DOCUMENTS, help="for scale, workers and simulation (default: %(default)s)"
    )
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]}; there are {', '.join(BENCHMARKS)}")
    for option, given, allowed in (
        ("--on", chosen.on, WITH_OWN_FILES),
        ("--store", chosen.store, WITH_OWN_FILES + ON_REQUEST),
        ("--against", chosen.against, ("text", "extraction")),
        ("--peer", chosen.peer, ("whole",)),
    ):
        everything = isinstance(given, Path) and option == "--on" and not chosen.names and given.is_dir()
        if given and not everything and not (len(chosen.names) == 1 and chosen.names[0] in allowed):
            more = ", or none and a folder of PDFs" if option == "--on" else ""
            parser.error(f"{option} needs exactly one benchmark of {', '.join(allowed)}{more}")
    return chosen


def _record_file(folder: Path) -> TextIO:
    """A new file for the results, which begins with what they depend on."""
    folder.mkdir(parents=True, exist_ok=True)
    moment = datetime.now().astimezone()
    records = (folder / f"results-{moment:%Y%m%d-%H%M%S}.jsonl").open("w")
    machine = {"machine": platform.platform(), "cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
    print(json.dumps({"command": sys.argv, "date": moment.isoformat(timespec="seconds"), **machine}), file=records)
    return records


def _lines(names: list[str], options: BenchOptions, records: TextIO, *, as_json: bool) -> Iterator[str]:
    """JSON lines, or table rows with a header wherever the kind of result changes; all of them go to `records`."""
    header = ""
    for name in names:
        print(f"measuring {name} …", file=sys.stderr)
        for result in _run(name, options):
            record = json.dumps(result.record())
            print(record, file=records, flush=True)
            if as_json:
                yield record
                continue
            if header != result.HEADER:
                header = result.HEADER
                yield header
            yield result.row()


def _run(name: str, options: BenchOptions) -> Iterator[Result]:
    module, _, function = BENCHMARKS[name].partition(":")
    benchmark = getattr(import_module(f"bench.{module}"), function)
    if options.on and options.on.is_dir() and name not in WITH_FOLDER:
        options = replace(options, on=None)
    return cast(Callable[[BenchOptions], Iterator[Result]], benchmark)(options)


if __name__ == "__main__":
    sys.exit(main())
