"""A table as the Markdown that passages are made of."""

from extractors.table_grid import body_rows, markdown_header, markdown_row
from extractors.types import TableGrid


def table_markdown(grid: TableGrid) -> str:
    return "\n".join([*markdown_header(grid), *map(markdown_row, body_rows(grid).values())])
