"""Workbooks and delimited text: sheets become tables, notes, pictures and charts."""
