"""Lines to passages: reading order, paragraphs, headings, sentences, bounded pieces."""
