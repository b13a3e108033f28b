"""PDF files: reading, rendering and taking apart one page at a time."""
