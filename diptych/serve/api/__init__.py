"""The REST API."""

from diptych.serve.api import ask, documents, jobs, search, state

ROUTERS = (search.router, ask.router, documents.router, jobs.router, state.router)
