"""Captions for pictures, written by a vision model and paid for once."""
