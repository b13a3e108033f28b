"""Rerankers order the best pages of a search anew, as its last step."""
