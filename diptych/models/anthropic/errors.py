"""What Anthropic's SDK, and the cloud libraries under it, raise in their own ways."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from diptych.errors import ModelError, ProviderError
from diptych.models.failures import UNPAID, Failure, Server, provider_errors, response_message, status_failure

if TYPE_CHECKING:
    import anthropic

_STREAM_ERRORS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
    # Bedrock's
    "validationException": 400,
    "throttlingException": 429,
    "modelTimeoutException": 504,
    "serviceUnavailableException": 503,
}
"""Type of an error inside a stream, which follows the status 200 -> the status it would have had."""


def anthropic_errors(server: Server) -> AbstractContextManager[None]:
    """Raise the SDK's failures as `ProviderError`, and missing credentials as `ModelError`."""
    import anthropic

    return provider_errors(anthropic, server, _status_meaning, lambda error: _other_error(error, server))


def _status_meaning(error: anthropic.APIStatusError) -> tuple[int, Failure]:
    status = error.status_code if error.status_code >= 400 else _STREAM_ERRORS.get(str(error.type), 500)
    code = error.error_code or ""
    if code.endswith("spend_limit_reached") or code == "organization_on_hold":
        return status, UNPAID  # some of these arrive as 400 or 429, but waiting does not help
    return status, UNPAID if "credit balance" in response_message(error.body) else status_failure(status)


def _other_error(error: Exception, server: Server) -> ModelError | None:
    import anthropic

    reason = server.clean(error) or type(error).__name__
    if isinstance(error, anthropic.AnthropicError):
        return ProviderError(f"{server.name}: {reason}", about="account")
    if not _is_credentials_error(error):
        return None
    if getattr(error, "retryable", False):  # from Google's library when its token server does not answer
        return ProviderError(f"{server.name}: the credentials cannot be renewed ({reason})", transient=True)
    return ModelError(f"{server.name}: no working credentials ({reason})")


def _is_credentials_error(error: Exception) -> bool:
    """Whether the SDK, or a cloud's library under it, found nothing to sign requests with."""
    if type(error).__module__.partition(".")[0] in ("google", "botocore", "boto3"):
        return True
    phrases = ("authentication method", "could not resolve")  # of the SDK, for direct access and for both clouds
    return isinstance(error, (TypeError, ValueError, RuntimeError)) and any(
        phrase in str(error).lower() for phrase in phrases
    )
