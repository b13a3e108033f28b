"""The tables of a page: where they are, their rows and columns, their header, notes and groups."""
