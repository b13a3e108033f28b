"""The OpenAPI description holds for whatever is sent: schemathesis makes requests from it and checks the responses."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from diptych import Diptych
from diptych.serve.app import create_app
from diptych.serve.options import ServeOptions

EXAMPLES = 3
"""Valid requests for each operation, and as many malformed ones."""


# Threads that earlier tests left draw random numbers, which Hypothesis takes for a strategy that does.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
def test_nothing_is_found(served_diptych: Diptych) -> None:
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.core.result import Ok
    from schemathesis.specs.openapi import checks

    conforms = (
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
    )
    app = create_app(served_diptych, ServeOptions(rate=1e6, allowed_hosts=("testserver",)))
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):

            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=found.ok().as_strategy(generation_mode=mode))
            def check(case: Any) -> None:
                case.call_and_validate(checks=list(conforms))

            with suppress(Unsatisfiable):  # an operation without parameters cannot get malformed ones
                check()


def test_clients_can_be_generated(served_diptych: Diptych) -> None:
    """Generators know binary fields by their format, and errors by the type of their content."""
    app = create_app(served_diptych, ServeOptions(token="0123456789abcdef"))
    described = app.openapi()
    assert described["security"] == [{"token": []}]
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for form in ("SearchForm", "AskForm"):
        image = described["components"]["schemas"][form]["properties"]["image"]
        assert (image["type"], image["format"]) == ("string", "binary")
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    assert {"search", "search_with_image", "ask", "picture"} <= {operation["operationId"] for operation in operations}
    for operation in operations:
        for status in ("4XX", "5XX"):
            (media_type,) = operation["responses"][status]["content"]
            assert media_type == "application/problem+json"
    metrics = described["paths"]["/api/v1/metrics"]["get"]["responses"]["200"]["content"]
    assert metrics == {"text/plain": {"schema": {"type": "string"}}}
    assert "security" not in create_app(served_diptych).openapi()
