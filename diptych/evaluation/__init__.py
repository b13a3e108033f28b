"""Measures which kind of retrieval works on a user's own documents."""
