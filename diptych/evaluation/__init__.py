"""Measures which kind of retrieval works on one's own documents."""
