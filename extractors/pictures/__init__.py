"""Image files: decoding them, and the store that keeps each of them once."""
