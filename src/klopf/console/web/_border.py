"""Who may read the page: whoever was given its link, from this machine, by the page itself."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Border", "new_token"]

# force-graph writes two style sheets into the page; a browser takes those, by their hashes, and no others
_STYLES = (
    "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "sha256-jtRRMYY2VbEXuBKbHvqM1/fPT8vazFrEooXdvwUK4y8=",
    "sha256-9xjtvxMT1ApHlgn9ohbh2FNfvK5Tqtzy94BjfXBeMSY=",
)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' {styles}; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
).format(styles=" ".join(f"'{style}'" for style in _STYLES))
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def new_token() -> str:
    """Something that nobody guesses."""
    return secrets.token_urlsafe(24)


_WANTED = "this page wants its token: open the link that klopf page printed"
_ON = '<!doctype html><title>Klopf</title><meta http-equiv="refresh" content="0;url=/"><a href="/">Klopf</a>'

_AGAIN = f'<!doctype html><title>Klopf</title><p>{_WANTED}</p><script src="/static/again.js"></script>'


def _plain(request: Request) -> bool:
    """Whether somebody typed or pasted the link. Where one was followed from elsewhere, a browser keeps the cookie to
    itself on that way; so it is sent on by a page of this place."""
    return request.headers.get("sec-fetch-site", "none") in ("none", "same-origin")


class Border:
    """Lets a request through that names this machine, comes from no other page, and knows the token: in the link, which
    becomes a cookie, in the cookie, or as a bearer's."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self.app, self.token = app, token
        self.cookie = f"klopf-{port}"
        self.hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        request = Request(scope)
        answer = self._refused(request)
        await (answer or self.app)(scope, receive, guarded)

    def _refused(self, request: Request) -> Response | None:
        if request.headers.get("host", "") not in self.hosts:
            return PlainTextResponse("this page is for this machine only: open the link that klopf page printed", 403)
        origin = request.headers.get("origin")
        if origin is not None and origin.removeprefix("http://") not in self.hosts:
            return PlainTextResponse("another page may not ask here", 403)
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and request.url.path != "/":
            return PlainTextResponse("another page may not ask here", 403)
        given = request.query_params.get("token", "")
        if given and request.url.path == "/" and self._known([given]):
            answer: Response = RedirectResponse("/", 303) if _plain(request) else HTMLResponse(_ON)
            answer.set_cookie(self.cookie, self.token, httponly=True, samesite="strict", max_age=30 * 86_400)
            return answer
        named = request.headers.get("authorization", "").removeprefix("Bearer ")  # by a program, which has no cookies
        if self._known([request.cookies.get(self.cookie, ""), named]):
            return None
        if request.url.path == "/" and not _plain(request):
            return HTMLResponse(_AGAIN, 401)
        return PlainTextResponse(_WANTED, 401)

    def _known(self, given: Iterable[str]) -> bool:
        return any(hmac.compare_digest(one.encode(), self.token.encode()) for one in given)
