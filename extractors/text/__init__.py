"""From the lines of a page to paragraphs, headings and passages."""
