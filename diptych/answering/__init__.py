"""Answers from search hits, with every citation checked."""
