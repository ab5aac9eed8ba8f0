"""Serve a page from this machine to its own browser."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from klopf import files
from klopf.console.web._acting import Desk
from klopf.console.web._border import new_token
from klopf.console.web._server import Page
from klopf.console.web._source import Source
from klopf.errors import PeersError

__all__ = ["HERE", "Server", "listen", "serve"]

HERE = "127.0.0.1"


def serve(source: Source, port: int, opened: Callable[[str], None], desk: Desk | None = None) -> None:
    """Show ``source`` at a port of this machine's own address (0: the one that it had before, or any that is free)
    until it is stopped; ``opened`` is told the link, once the page can be read there. Whoever has the link acts
    with the key of the ``desk``, where there is one.

    Raises:
        PeersError: the port is taken.
    """
    kept = _kept(source.folder)
    listening = listen(port or kept.get("port", 0), again=not port)
    port = listening.getsockname()[1]
    token = str(kept.get("token") or new_token())
    if source.folder is not None:
        _keep(source.folder, port, token)
    page = Page(source, token, port, desk=desk)
    server = Server(page)
    opened(f"http://{HERE}:{port}/?token={token}" + (f"#/?unlock={desk.secret}" if desk else ""))
    server.run(sockets=[listening])


class Server(uvicorn.Server):
    """Serves a page, and stops without waiting for those who have it open."""

    def __init__(self, page: Page) -> None:
        super().__init__(
            uvicorn.Config(
                page.app,
                log_level="warning",
                access_log=False,
                ws="none",
                timeout_graceful_shutdown=5,
                proxy_headers=False,
                server_header=False,
            )
        )
        self._page = page

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._page.end()
        await super().shutdown(sockets)


def listen(port: int, again: bool = False) -> socket.socket:
    """A socket of this machine's own address; where the port is taken and it may try ``again``, at any other."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((HERE, port))
    except OSError as error:
        made.close()
        if again and port:
            return listen(0)
        raise PeersError(f"port {port} cannot be had ({error.strerror}): name another with --port") from None
    made.listen(64)
    return made


def _kept(folder: Path | None) -> dict[str, Any]:
    """The port and the token of a run's page the last time: so that its links stay good."""
    try:
        if folder is None or not _own(folder / "page.json"):
            return {}
        said = json.loads((folder / "page.json").read_text())
        port, token = said["port"], said["token"]
        whole = type(port) is int and 0 < port < 2**16 and re.fullmatch("[A-Za-z0-9_-]{32,64}", token, re.ASCII)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {"port": port, "token": token} if whole else {}


def _own(file: Path) -> bool:
    """Whether nobody else can have read or made it: of a folder that was passed on, others know the token."""
    found = file.lstat()
    private = os.name == "nt" or (found.st_uid == os.getuid() and not stat.S_IMODE(found.st_mode) & 0o077)
    return stat.S_ISREG(found.st_mode) and found.st_size < 1_000 and private


def _keep(folder: Path, port: int, token: str) -> None:
    """Remember them for the owner alone. A folder that cannot be written is no reason not to show it."""
    try:
        files.replace(folder / "page.json", json.dumps({"port": port, "token": token}), private=True)
    except OSError:
        return
