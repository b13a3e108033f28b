"""Retrievers for other libraries: one file each, and one extra each."""
