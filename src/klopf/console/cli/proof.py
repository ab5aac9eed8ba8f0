"""``klopf proof``: answers that can be checked without being shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cyclopts import App

from klopf.console.cli import cases, declaring, proving, stepping, sudoku
from klopf.console.cli.command import Command, CommandGroup

__all__ = ["Proof"]


class _Sudoku(CommandGroup):
    help = "That one has the solution of a Sudoku, without showing it: the teaching example."

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {"prove": sudoku.prove, "verify": sudoku.verify, "play": sudoku.play}


class _Model(CommandGroup):
    help = "That an answer came from a committed network, without showing the network."

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {"setup": proving.setup, "hide": proving.hide, "prove": proving.prove, "verify": proving.verify,
                "contract": proving.contract}  # fmt: skip


class _Step(CommandGroup):
    help = "That a training step came from a committed batch, without showing the batch."

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {"commit": stepping.commit, "prove": stepping.prove, "verify": stepping.verify}


class _Records(CommandGroup):
    help = "That a record is, or is not, in a set that was declared: in the data of a training, say."

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {"commit": declaring.commit, "prove": declaring.prove, "verify": declaring.verify}


class _Case(CommandGroup):
    help = "Answers that were drawn and must be shown, on the ledger: who cannot loses stake."
    extra = "network"

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {"list": cases.list_, "pledge": cases.pledge, "answer": cases.answer, "judge": cases.judge,
                "close": cases.close, "collect": cases.collect}  # fmt: skip


class Proof(Command):
    help = "Prove without showing: that one has a Sudoku's solution, that an answer came from a committed network."

    def run(self) -> int | None:
        """Without a word beneath it, show what there is.

        Example: klopf proof sudoku play
        """
        self.app("proof").help_print([])
        return None

    def app(self, name: str) -> App:
        app = App(name=name, help=self.help)
        app.command(_Sudoku().app("sudoku"))
        app.command(_Model().app("model"))
        app.command(_Step().app("step"))
        app.command(_Records().app("records"))
        app.command(_Case().app("case"))
        return app
