"""`python -m bench [NAME...] [--json]`: all figures, or those named."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib import import_module
from typing import cast

from bench.measure import Measure

FIGURES = {
    "encode": "encoding:passages",
    "captions": "encoding:short_texts",
    "question": "encoding:question",
    "figures": "extraction:figures",
    "store": "store:store",
    "changes": "changes:changes",
}
"""Name -> the module and function here that measure it; another figure is another line."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="How fast Diptych is, beside floors and peers."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FIGURES)}; all when none is given")
    parser.add_argument("--json", action="store_true", help="one JSON object a figure")
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.names if name not in FIGURES]
    if unknown:
        parser.error(f"no figure is called {unknown[0]}; there are {', '.join(FIGURES)}")
    if not chosen.json:
        print(f"{'figure':<32}{'here':>20}{'floor or peer':>20}{'ratio':>8}  floor or peer is")
    for name in chosen.names or FIGURES:
        print(f"measuring {name} …", file=sys.stderr)
        for measure in _measures(name):
            print(_json(measure) if chosen.json else _row(measure), flush=True)
    return 0


def _measures(name: str) -> Iterator[Measure]:
    module, _, function = FIGURES[name].partition(":")
    return cast(Callable[[], Iterator[Measure]], getattr(import_module(f"bench.{module}"), function))()


def _row(measure: Measure) -> str:
    values = [f"{value:,.4g} {measure.unit}" for value in (measure.value, measure.peer_value)]
    return f"{measure.name:<32}{values[0]:>20}{values[1]:>20}{measure.ratio:>8.2f}  {measure.peer}"


def _json(measure: Measure) -> str:
    return json.dumps({**asdict(measure), "ratio": round(measure.ratio, 4)})


if __name__ == "__main__":
    sys.exit(main())
