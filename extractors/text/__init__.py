"""Lines of text into paragraphs, headings and passages."""
