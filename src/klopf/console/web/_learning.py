"""Learning curves in the browser, while something learns: of a folder of lives, or of a benchmark."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from klopf.console import curves
from klopf.console.cells import cell
from klopf.console.web._panel import serve_panel
from klopf.console.web._static import catalogue
from klopf.console.web._text import clean

__all__ = ["Learning", "serve_curves"]


class Learning:
    """What the page of one file of curves asks for."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.routes = [Route("/api/curves", self.since), Route("/api/curves.csv", self.table)]

    async def since(self, request: Request) -> Response:
        """What is new behind a place in the file; ``again`` where that is another file by now."""
        text = request.query_params.get("since", "")
        place = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
        try:
            size = self.file.stat().st_size
            points, after = await asyncio.to_thread(curves.read, self.file, place)
        except OSError as error:
            return JSONResponse({"error": f"cannot read the curves: {error.strerror}"}, 404)
        said = {"name": clean(self._name()), "points": clean_points(points), "next": after, "again": place > size}
        return JSONResponse(said)

    async def table(self, request: Request) -> Response:
        """All points, a row each."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        words = catalogue(request.query_params.get("lang", ""))
        writer.writerow([words.get(title, title) for title in ("series", "step", "value")])
        place = 0
        try:
            while True:
                points, after = await asyncio.to_thread(curves.read, self.file, place)
                writer.writerows([cell(clean(series)), step, value] for series, step, value in points)
                if after == place:
                    break
                place = after
        except OSError as error:
            return JSONResponse({"error": f"cannot read the curves: {error.strerror}"}, 404)
        headers = {"content-disposition": 'attachment; filename="curves.csv"'}
        return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)

    def _name(self) -> str:
        return self.file.parent.name if self.file.name == curves.NAME else self.file.name


def clean_points(points: list[tuple[str, int, float]]) -> list[tuple[str, int, float]]:
    """Points with what their series are called made fit to be shown."""
    return [(str(clean(series)), step, value) for series, step, value in points]


def serve_curves(file: Path, port: int, opened: Callable[[str], None]) -> None:
    """Show the curves in ``file``, as :func:`klopf.console.web._panel.serve_panel` does."""
    serve_panel("curves.html", Learning(file).routes, port, opened)
