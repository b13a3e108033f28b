"""Catalogues: CSV and JSON Lines files of which every row is a document."""
