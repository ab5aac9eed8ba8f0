"""The page's own files, read once: a first look asks for some fifteen of them at the same moment."""

from __future__ import annotations

import json
import mimetypes
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

__all__ = ["catalogue", "own_files", "page_file"]

STATIC = Path(__file__).with_name("static")


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    """What each holds and is, by its path; nothing else is ever given out."""
    return {
        file.relative_to(STATIC).as_posix(): (file.read_bytes(), _kind(file))
        for file in sorted(STATIC.rglob("*"))
        if file.is_file()
    }


def _kind(file: Path) -> str:
    # not as this machine may have it otherwise: a browser runs no module of another kind
    known = {".js": "text/javascript", ".json": "application/json", ".svg": "image/svg+xml"}
    return known.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "text/plain"


def page_file(name: str) -> Response:
    """The file of that name; not found where there is none."""
    held, kind = _files().get(name, (b"", ""))
    return Response(held, media_type=kind) if kind else PlainTextResponse("there is no such file", 404)


def catalogue(language: str) -> dict[str, str]:
    """What a language says for English; nothing for English itself, and for one that is not there."""
    held, _ = _files().get(f"languages/{language}.json", (b"{}", ""))
    words: dict[str, str] = json.loads(held)
    return words


async def _file(request: Request) -> Response:
    return page_file(request.path_params["name"])


def own_files() -> Route:
    """Where the page asks for them."""
    return Route("/static/{name:path}", _file)
