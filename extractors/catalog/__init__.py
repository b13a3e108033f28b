"""Catalogues: CSV and JSONL files whose rows are documents."""
