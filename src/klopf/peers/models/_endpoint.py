"""Asking a model that is behind an URL: everything is bounded, nothing is followed elsewhere, no key is ever told."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import os
import re
import socket
import ssl
import threading
import time
from typing import Any
from urllib.parse import quote, urlsplit

from klopf.errors import PeersError
from klopf.nested import from_json

__all__ = ["Endpoint", "on_this_link", "text_of_url"]

LARGEST = 2**24
"""Bytes of one answer."""
PAUSES = (0.5, 1.0, 2.0)
"""Seconds before it is asked again."""
CONNECT = 5.0
"""Seconds to be connected."""
IDLE = 20.0
"""Seconds for which a connection is kept that nothing is asked on: servers often end one after a minute or less."""
PRINTED = "/%:@!$&'()*+,;=~?"
"""What stands in a query as it is."""
AGAIN = (408, 429, 500, 502, 503, 504)
"""States that may be over in a moment."""


def text_of_url(url: str) -> str:
    """Where ``url`` leads, as messages may say it: without query. PeersError where it is no URL to ask."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise PeersError("the URL of an endpoint cannot be read: write it as http://host:port/path") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise PeersError("an endpoint is named by its URL, such as http://127.0.0.1:8000/answer")
    if "@" in parts.netloc:
        raise PeersError("leave user and password out of an endpoint's URL: put a key into an environment variable")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{parts.path}"


class Endpoint:
    """One URL that JSON is posted to.

    Args:
        url: http or https.
        seconds: for one question, with all tries.
        variable: the environment variable that holds the key, which is sent as a bearer token; "": there is none.
    """

    def __init__(self, url: str, seconds: float, variable: str = "") -> None:
        self.shown = text_of_url(url)
        self._url, self._seconds = url, seconds
        if not 0.1 <= seconds <= 600:
            raise PeersError("an endpoint's seconds are from 0.1 to 600")
        if variable and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", variable):
            raise PeersError("an endpoint's key is the name of an environment variable that holds it, not the key")
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        self._kept: list[tuple[http.client.HTTPConnection, float]] = []
        """At most one connection, and when it was last used: of several threads one has it, others open their own."""
        key = os.environ.get(variable, "") if variable else ""
        if variable and not key:
            shown = variable if variable.isupper() else "that an endpoint's setting key names"  # else it may be a key
            raise PeersError(f"the environment variable {shown} is not set: set it to the endpoint's key")
        if key:
            if not re.fullmatch(r"[\x21-\x7e]{1,4096}", key):
                raise PeersError("the key of the endpoint has characters that no header can hold: set it anew")
            self._is_private()
            self._headers["Authorization"] = f"Bearer {key}"

    def _is_private(self) -> None:
        parts = urlsplit(self._url)
        if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise PeersError(f"a key sent to {self.shown} could be read on the way: name it by https")

    def post(self, body: Any) -> Any:
        """What it answers to ``body``, both JSON; tried again where it may help.

        Raises:
            PeersError: it has no answer in time; one line, in which nothing stands that it said.
        """
        until, sent = time.monotonic() + self._seconds, json.dumps(body).encode()
        for pause in (*PAUSES, None):
            try:
                return self._once(sent, until)
            except _Passing as error:
                left = until - time.monotonic()
                wait = pause if pause is None else max(pause, error.after)
                if wait is None or wait >= left:
                    raise PeersError(f"{self.shown} {error}: see that it runs") from None
                time.sleep(wait)
        raise AssertionError  # the last try has raised

    def _once(self, sent: bytes, until: float) -> Any:
        try:
            kept, used = self._kept.pop()
        except IndexError:
            pass
        else:
            if time.monotonic() < used + IDLE:
                with contextlib.suppress(_Closed):  # by the server meanwhile: it is asked on another
                    return self._on(kept, sent, until)
            kept.close()
        return self._on(None, sent, until)

    def _on(self, kept: http.client.HTTPConnection | None, sent: bytes, until: float) -> Any:
        """Ask on the connection that was ``kept`` or on a new one, and keep it where it can be used again."""
        left, over = max(0.05, until - time.monotonic()), threading.Event()
        connection = kept or self._connection(min(CONNECT, left))
        try:
            if kept is None:
                connection.connect()
                self._is_where_it_says(connection)
            watch = threading.Timer(left, _end, (connection.sock, over))
            watch.daemon = True
            watch.start()
            whole = False
            try:
                connection.sock.settimeout(left)
                connection.request("POST", self._target, sent, self._headers)
                if hasattr(socket, "TCP_QUICKACK"):  # a server that sends head and body apart waits 40 ms otherwise
                    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                response = connection.getresponse()
                content = self._read(response)
                whole = not response.will_close
            finally:
                watch.cancel()
                if not whole:
                    connection.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            if over.is_set() or isinstance(error, TimeoutError):
                raise _Passing("does not answer in time") from None
            if kept is not None and isinstance(error, ConnectionError):
                raise _Closed from None
            if isinstance(error, http.client.RemoteDisconnected):
                raise _Passing("ended the connection without an answer") from None
            raise _Passing(f"cannot be reached ({type(error).__name__})") from None
        if over.is_set():  # what came is not all
            connection.close()
            raise _Passing("does not answer in time")
        if whole and not self._kept:
            self._kept.append((connection, time.monotonic()))
        try:
            return from_json(content)
        except ValueError:
            raise PeersError(f"{self.shown} answers with what is no JSON") from None

    def _is_where_it_says(self, connection: http.client.HTTPConnection) -> None:
        """A name that leads to an address of the link alone is a machine's own services, where their keys are had: what
        is meant there is named by its address."""
        there, named = connection.sock.getpeername()[0], urlsplit(self._url).hostname or ""
        if on_this_link(there) and not on_this_link(named):
            connection.close()
            raise PeersError(f"{self.shown} leads to {there}, an address of this link alone, and is not asked")

    @property
    def _target(self) -> str:
        """What is asked there."""
        parts = urlsplit(self._url)
        query = f"?{quote(parts.query, PRINTED)}" if parts.query else ""
        return quote(parts.path or "/", "/%:@!$&'()*+,;=~") + query

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        """To where the URL leads, through no proxy."""
        parts = urlsplit(self._url)
        if parts.scheme == "http":
            return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=seconds, context=context)

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        """All that it says where its status is 200."""
        status = response.status
        if status in AGAIN:
            raise _Passing(f"says that it cannot now (status {status})", _after(response))
        if 300 <= status < 400:
            raise PeersError(f"{self.shown} sends on to elsewhere, where nobody is asked: name that place")
        if status != 200:
            why = {401: "its key is refused", 403: "its key is refused", 404: "there is nothing"}
            raise PeersError(f"{self.shown} answers with status {status}: {why.get(status, 'it refuses')}")
        pieces, size = [], 0
        while piece := response.read1(2**16):
            pieces.append(piece)
            size += len(piece)
            if size > LARGEST:
                raise PeersError(f"{self.shown} answers with more than {LARGEST:,} bytes")
        response.close()  # the connection is free for the next question
        return b"".join(pieces)


def on_this_link(host: str) -> bool:
    """Whether ``host`` is written as an address of one link alone, where clouds tell a machine its keys."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_link_local


def _end(sock: socket.socket, over: threading.Event) -> None:
    """Nothing more comes: also where a server drips its answer, or its headers, byte by byte, which no timeout ends."""
    over.set()
    with contextlib.suppress(OSError, ValueError):
        sock.shutdown(socket.SHUT_RDWR)


class _Closed(Exception):
    """A connection that was kept had been ended."""


class _Passing(Exception):
    """What may be over in a moment, and how many seconds it asks to wait."""

    def __init__(self, line: str, after: float = 0.0) -> None:
        super().__init__(line)
        self.after = after


def _after(response: http.client.HTTPResponse) -> float:
    """Seconds of a Retry-After that is a number."""
    said = response.getheader("Retry-After") or ""
    return float(said) if re.fullmatch(r"[0-9]{1,4}", said) else 0.0
