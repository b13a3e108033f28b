"""Extraction of PDF files, page by page."""
