"""Pure geometry: figures, tables, captions and page furniture on one page."""
