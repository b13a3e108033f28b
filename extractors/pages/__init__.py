"""One PDF page: read to plain data, made legible, taken apart, kept for when it comes again."""
