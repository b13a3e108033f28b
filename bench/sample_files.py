"""Paths of the sample documents."""

from pathlib import Path

DATA = Path(__file__).parents[1] / "data"
MANUAL = DATA / "manual.pdf"
CATALOGUE = DATA / "catalogue" / "products.csv"
QUESTIONS = DATA / "questions.jsonl"
