"""Where figures, tables and captions are, and which caption is whose: pure geometry over a page's plain data."""
