"""Slide decks: PPTX, PPT and ODP."""
