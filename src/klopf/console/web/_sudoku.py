"""The page of the classroom's Sudoku: a covered grid, somebody who asks, and what is uncovered of it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from threading import Lock
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from klopf.console.web._panel import serve_panel
from klopf.errors import NotProven
from klopf.proof import sudoku as room

__all__ = ["SudokuPage", "serve_sudoku"]

AGAINST = ("prover", "cheat", "other")
LINES = 18
"""Rows and columns: all that the classroom asks for."""
ROUNDS, LONGEST = 1_000, 200
"""At once, at most; and letters of what is asked."""


class SudokuPage:
    """One game: whoever has the page open plays the verifier. Each opening is checked as any verifier does."""

    def __init__(self, puzzle: room.Puzzle, rng: random.Random | None = None) -> None:
        self.puzzle, self.rng = puzzle, rng or random.SystemRandom()
        self.routes = [
            Route("/api/sudoku", self.begin, methods=["POST"]),
            Route("/api/sudoku/ask", self.ask, methods=["POST"]),
        ]
        self._lock = Lock()
        self._solution = puzzle.solution()
        self._deal("prover", False)

    def _deal(self, against: str, classroom: bool) -> None:
        """A prover who has the solution, a cheat who exchanged two cells, or one with another Sudoku's."""
        grid = self._solution
        if classroom and against != "prover":
            grid = room.latin(self.rng)
        elif against != "prover":
            grid = room.nearly(self.puzzle, grid, self.rng) if against == "cheat" else room.another(self.rng)
        self._grid, self._drawn = grid, tuple(range(LINES)) if classroom else room.DRAWN
        self.against, self.classroom, self.rounds, self.caught = against, classroom, 0, ""
        self._cover()

    def _cover(self) -> None:
        """Rename the numbers anew, and cover them all."""
        self._prover = room.Prover(self.puzzle, self._grid, self.rng.randbytes(32))

    def _said(self) -> dict[str, Any]:
        passes = 1.0 if self.classroom else float(1 - room.CAUGHT) ** self.rounds
        return {
            "puzzle": list(self.puzzle.cells), "against": self.against, "classroom": self.classroom,
            "rounds": self.rounds, "caught": self.caught, "root": self._prover.root.hex(), "passes": passes,
            "asks": [[one, room.named(one)] for one in dict.fromkeys(self._drawn)],
        }  # fmt: skip

    async def begin(self, request: Request) -> Response:
        """Another game, against whom is named; without that, the one that goes on as it stands."""
        asked = await _asked(request)
        against, classroom = asked.get("against"), asked.get("classroom", False)
        if against is not None and (against not in AGAINST or type(classroom) is not bool):
            return JSONResponse({"error": f"against is one of {', '.join(AGAINST)}"}, 400)
        with self._lock:
            if against is not None:
                self._deal(against, classroom)
            return JSONResponse(self._said())

    async def ask(self, request: Request) -> Response:
        """Have something uncovered, which ends a round; or many rounds, each asked at random, until one is caught."""
        asked = await _asked(request)
        challenge, rounds = asked.get("challenge"), asked.get("rounds", 1)
        if (
            type(rounds) is not int
            or not 1 <= rounds <= ROUNDS
            or (challenge is not None and type(challenge) is not int)
        ):
            return JSONResponse({"error": f"ask for one thing, or for 1 to {ROUNDS} rounds at random"}, 400)
        with self._lock:
            if challenge is not None and challenge not in self._drawn:
                return JSONResponse({"error": "this cannot be asked for here"}, 400)
            for _ in range(rounds):
                which = self.rng.choice(self._drawn) if challenge is None else challenge
                shown = self._round(which)
                if self.caught:
                    break
            return JSONResponse({**self._said(), **shown})

    def _round(self, challenge: int) -> dict[str, Any]:
        root, opening = self._prover.root, self._prover.open(challenge)
        self.rounds += 1
        cells = self.puzzle.of(challenge)
        colours: tuple[int, ...] = ()
        try:
            colours = room.check(self.puzzle, root, challenge, opening)
        except NotProven as error:
            self.caught = f"{room.named(challenge)}: {error}"
        self._cover()  # a covered grid is opened once: two parts of one would tell more than nothing
        shown = {str(cell): "ABCDEFGHI"[colour - 1] for cell, colour in zip(cells, colours, strict=False)}
        return {"asked": room.named(challenge), "shown": shown, "of": list(cells), "opened": root.hex()}


async def _asked(request: Request) -> dict[str, Any]:
    """What the page asks, as JSON; nothing where it is none."""
    body = await request.body()
    try:
        said = json.loads(body) if 0 < len(body) <= LONGEST else {}
    except ValueError:
        said = {}
    return said if isinstance(said, dict) else {}


def serve_sudoku(puzzle: str, port: int, opened: Callable[[str], None]) -> None:
    """Show the game of a ``puzzle``, as :func:`klopf.console.web._panel.serve_panel` does.

    Raises:
        ProofError: it is none.
    """
    serve_panel("sudoku.html", SudokuPage(room.Puzzle.parse(puzzle)).routes, port, opened)
