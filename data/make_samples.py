"""Generate the sample documents in this folder: `python data/make_samples.py [--out DIR]`.

Everything in it is our own: text, drawings, and pictures that are painted pixel by pixel. The same run gives the same
files. The committed files are what the demo and the tests use; this script is where to change them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from samples import catalogue, deck, manual, questions, scan


def make(target: Path) -> None:
    """Write all sample documents to the folder `target`."""
    target.mkdir(parents=True, exist_ok=True)
    record = manual.make(target / "manual.pdf")
    scan.make(target / "scan.pdf")
    deck.make(target / "deck.pptx")
    catalogue.make(target / "catalogue")
    questions.make(target / "questions.jsonl", target / "manual.pdf", record)


def main() -> None:
    """Parse the command line and generate."""
    parser = argparse.ArgumentParser(description="Make the sample corpus anew.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to")
    make(parser.parse_args().out)


if __name__ == "__main__":
    main()
