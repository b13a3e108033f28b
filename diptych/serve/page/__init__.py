"""The page: HTML for people, made on the server."""

from diptych.serve.page import login, search

ROUTERS = (login.router, search.router)
