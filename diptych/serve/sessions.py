"""The token of a server: from programs in a header, from browsers in a cookie that is made from it."""

import hashlib
import hmac
import time
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers
from starlette.responses import Response

from diptych.serve.prefix import address

COOKIE = "diptych"
SESSION_SECONDS = 30 * 86_400


class Sessions:
    """Checks tokens and cookies. Without a token, everybody may read."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._key = hashlib.sha256(b"diptych session " + token.encode()).digest()

    @property
    def required(self) -> bool:
        return bool(self._token)

    def is_token(self, given: str) -> bool:
        """Takes as long for a wrong token as for the right one."""
        return hmac.compare_digest(given.encode(), self._token.encode())

    def allows(self, headers: Headers) -> bool:
        """Whether a request has the token or a valid cookie, if one is required."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if not self.required or (scheme.lower() == "bearer" and self.is_token(given.strip())):
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return bool(cookie and self._is_valid(cookie.value))

    def open(self, response: Response, *, secure: bool) -> None:
        """Add the cookie to a response; `secure`: browsers only send it over HTTPS."""
        end = str(int(time.time()) + SESSION_SECONDS)
        value = f"{end}.{self._signature(end)}"
        path = address("") or "/"  # other servers of this host do not get it
        response.set_cookie(COOKIE, value, SESSION_SECONDS, path=path, httponly=True, samesite="strict", secure=secure)

    def _is_valid(self, value: str) -> bool:
        end, _, signature = value.partition(".")
        matches = hmac.compare_digest(signature.encode(), self._signature(end).encode())
        return matches and int(end) > time.time()

    def _signature(self, end: str) -> str:
        return hmac.new(self._key, end.encode(), hashlib.sha256).hexdigest()
