"""A node's URL as a web3 provider whose answers end: in bytes and in time, however slowly a node drips them."""

from __future__ import annotations

import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from web3 import HTTPProvider

from klopf.nested import limited

__all__ = ["provider"]

limited()

LARGEST = 2**28
"""Bytes of an answer; 5,000 full blocks of logs are less."""
LONGEST = 120.0
"""Seconds that an answer's body may take to arrive."""
SILENCE = 30.0
"""Seconds without a byte after which a node is taken to be away."""


class _Bounded(HTTPAdapter):
    """Reads a body itself, in place of ``requests``, which reads until the end."""

    def send(self, request: requests.PreparedRequest, *arguments: Any, **named: Any) -> requests.Response:
        response = super().send(request, *arguments, **named | {"stream": True})
        until, pieces, size = time.monotonic() + LONGEST, [], 0
        try:
            while piece := response.raw.read1(2**16, decode_content=True):
                pieces.append(piece)
                size += len(piece)
                if size > LARGEST or time.monotonic() > until:
                    raise requests.ConnectionError(f"an answer of more than {LARGEST:,} bytes or {LONGEST:g} seconds")
        except BaseException:
            response.close()
            raise
        response.raw.release_conn()
        response._content = b"".join(pieces)
        return response


def provider(url: str) -> HTTPProvider:
    """The node at ``url``. It repeats nothing: two layers of patience would multiply."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Bounded())
    kwargs = {"timeout": SILENCE}
    return HTTPProvider(url, request_kwargs=kwargs, session=session, exception_retry_configuration=None)
