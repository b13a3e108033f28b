"""What route functions get from the application."""

from typing import Annotated

from fastapi import Depends, Request

from diptych.serve.served_library import ServedLibrary


async def _served_library(request: Request) -> ServedLibrary:  # FastAPI would call a plain function in a thread
    library: ServedLibrary = request.app.state.library
    return library


Library = Annotated[ServedLibrary, Depends(_served_library)]
"""The store that the application serves."""
