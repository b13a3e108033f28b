"""The OpenAPI description of the server, from which programs generate clients."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from diptych.serve.options import TOKEN_VARIABLE
from diptych.serve.problems import ProblemModel

BINARY = {"type": "string", "format": "binary"}
"""Bytes. Generators of clients do not know `contentMediaType`, which FastAPI writes instead."""


def operation_id(route: APIRoute) -> str:
    """The name of a function in clients: `search` rather than `search_api_v1_search_get`."""
    return route.name


def describe(app: FastAPI, *, token: bool) -> Callable[[], dict[str, Any]]:
    """A function for `app.openapi`, which adds what FastAPI cannot say; `token`: whether the server requires one."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        described = generate()
        problem = {"schema": {"$ref": f"#/components/schemas/{ProblemModel.__name__}"}}
        for operations in described["paths"].values():
            for operation in operations.values():
                for status in ("4XX", "5XX"):
                    operation["responses"][status]["content"] = {"application/problem+json": problem}
        if token:
            scheme = {"type": "http", "scheme": "bearer", "description": f"The value of {TOKEN_VARIABLE}."}
            described["components"]["securitySchemes"] = {"token": scheme}
            described["security"] = [{"token": []}]
        return described

    return openapi
