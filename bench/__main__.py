"""`python -m bench [NAME...] [--json]`: all figures, or those named."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import cast

from bench.measure import POINTS, Given, Told
from diptych.errors import DiptychError

FIGURES = {
    "encode": "encoding:passages",
    "captions": "encoding:short_texts",
    "question": "encoding:question",
    "figures": "extraction:figures",
    "queries": "store:queries",
    "unchanged": "store:unchanged",
    "changes": "changes:changes",
    "catalogue": "catalogue:catalogue",
    "ablation": "ablation:ablation",
}
"""Name -> the module and function here that measure it; another figure is another line."""
OWN = ("catalogue", "ablation")
"""Those that can be taken on files of one's own."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="How fast and how good Diptych is, beside floors and peers."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FIGURES)}; all when none is given")
    parser.add_argument("--json", action="store_true", help="one JSON object a figure")
    parser.add_argument("--on", type=Path, metavar="FILE", help="one's own catalogue, or questions (for ablation)")
    parser.add_argument("--store", default="", help="the store that those questions are put to")
    parser.add_argument("--points", type=int, default=POINTS, help="of the made store (default: %(default)s)")
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.names if name not in FIGURES]
    if unknown:
        parser.error(f"no figure is called {unknown[0]}; there are {', '.join(FIGURES)}")
    if (chosen.on or chosen.store) and not (len(chosen.names) == 1 and chosen.names[0] in OWN):
        parser.error(f"--on and --store go with one of {' and '.join(OWN)}")
    given = Given(chosen.on, chosen.store, chosen.points)
    try:
        for row in _rows(chosen.names or list(FIGURES), given, as_json=chosen.json):
            print(row, flush=True)
    except DiptychError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


def _rows(names: list[str], given: Given, *, as_json: bool) -> Iterator[str]:
    """Of a table for every kind of figure, its head where it begins."""
    head = ""
    for name in names:
        print(f"measuring {name} …", file=sys.stderr)
        for told in _measured(name, given):
            if as_json:
                yield json.dumps(told.record())
                continue
            if head != told.HEAD:
                head = told.HEAD
                yield head
            yield told.row()


def _measured(name: str, given: Given) -> Iterator[Told]:
    module, _, function = FIGURES[name].partition(":")
    return cast(Callable[[Given], Iterator[Told]], getattr(import_module(f"bench.{module}"), function))(given)


if __name__ == "__main__":
    sys.exit(main())
