"""Marked-up text: HTML and MHTML, Markdown, reStructuredText, plain text and EPUB."""
