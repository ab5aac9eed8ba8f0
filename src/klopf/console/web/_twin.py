"""The page of a recorded world: a map, flows, what happened and why, who wins and loses, and a slider through time."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from klopf.console.cells import cell
from klopf.console.web._panel import serve_panel
from klopf.console.web._relived import Relived
from klopf.console.web._static import catalogue
from klopf.console.web._text import clean
from klopf.errors import KlopfError
from klopf.extensions import said

__all__ = ["TwinPage", "serve_twin"]

PIECE, HOUSEHOLDS = 100, 500
"""Frames in one answer, and households in the table."""


class TwinPage:
    """What the page asks for. A world that lived on meanwhile is read again."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.routes = [Route("/api/twin", self.since), Route("/api/twin/{what}.csv", self.table)]
        self._lock = threading.Lock()
        self._life, self._when = 0, 0.0
        self._about: dict[str, Any] = {}
        self._frames: list[dict[str, Any]] = []
        self._gain: list[list[float]] = []
        self._trouble, self._over = "", False

    def _look(self) -> None:
        """Begin to live it once more, where the file is another than the one that was lived."""
        try:
            when = self.file.stat().st_mtime
        except OSError as error:
            self._trouble = f"cannot read {self.file.name}: {error.strerror}"
            return
        with self._lock:
            if when == self._when:
                return
            self._when, self._life = when, self._life + 1
            self._about, self._frames, self._gain, self._trouble, self._over = {}, [], [], "", False
            threading.Thread(target=self._live, args=(self._life,), daemon=True).start()

    def _live(self, life: int) -> None:
        try:
            world = Relived(self.file)
            about = world.about()
            about |= {"scenario": clean(about["scenario"]), "record": [clean(row) for row in about["record"]]}
            for frame in world.frames():
                with self._lock:
                    if life != self._life:
                        return
                    self._about = about
                    self._frames.append(frame)
            gain = world.gain()
            bus = world.recorded.plan.home_bus
            order = sorted(range(len(gain)), key=lambda one: -abs(gain[one]))[:HOUSEHOLDS]
            rows = [[one, int(bus[one]), round(float(gain[one]), 2)] for one in order]
            with self._lock:
                if life == self._life:
                    self._gain, self._over = rows, True
        except Exception as error:  # a sector of another package may raise anything
            why = str(error) if isinstance(error, KlopfError) else f"it cannot be lived once more: {said(error)}"
            with self._lock:
                if life == self._life:
                    self._trouble = str(clean(why))

    async def since(self, request: Request) -> Response:
        """Frames behind a place; what does not change where that place is the first."""
        text = request.query_params.get("since", "")
        place = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
        life = request.query_params.get("life", "")
        self._look()
        with self._lock:
            again = life != str(self._life)
            place = 0 if again else place
            frames = self._frames[place : place + PIECE]
            answer = {
                "name": clean(self.file.name), "life": str(self._life), "again": again, "trouble": self._trouble,
                "frames": frames, "next": place + len(frames), "more": place + len(frames) < len(self._frames),
                "over": self._over, "gain": self._gain if self._over else [],
            }  # fmt: skip
            if place == 0:
                answer["about"] = self._about
        return JSONResponse(answer)

    async def table(self, request: Request) -> Response:
        """What happened, or what each household has more, as a file."""
        words = catalogue(request.query_params.get("lang", ""))
        what = request.path_params["what"]
        with self._lock:
            if what == "record":
                heads, rows = ["number", "step", "when", "sector", "what", "because of"], self._about.get("record", [])
            elif what == "households":
                heads, rows = ["household", "bus", "gain"], self._gain
            else:
                return JSONResponse({"error": "there is no such table"}, 404)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([words.get(head, head) for head in heads])
        writer.writerows([cell(value) for value in row] for row in rows)
        headers = {"content-disposition": f'attachment; filename="{what}.csv"'}
        return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def serve_twin(file: Path, port: int, opened: Callable[[str], None]) -> None:
    """Show the world in ``file``, as :func:`klopf.console.web._panel.serve_panel` does."""
    serve_panel("twin.html", TwinPage(file).routes, port, opened)
