"""``klopf page``: a network in the browser, while it lives and after."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from klopf.console import curves
from klopf.console.cli.access import load_key
from klopf.console.cli.command import Command
from klopf.console.cli.sudoku import EXAMPLE
from klopf.errors import PeersError

__all__ = ["Page"]

CELLS, _SUDOKU = 81, 256
"""Of a Sudoku; and letters that a file of one has at most."""
Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65_535))]


class Page(Command):
    help = "Show a network in the browser, while it lives and after: who is heard, judged and paid, and why."
    extra = "page"

    def run(
        self, folder: Path | None = None, *, rpc: str | None = None, network: str | None = None, port: Port = 0,
        browser: bool = True, key: Path | None = None, receipts: Path | None = None,
    ) -> None:  # fmt: skip
        """Reads and never writes, unless a key is unlocked for it; only this machine's browser can open it, by the link
        that is printed. Runs until it is stopped.

        Example: klopf page RUN

        Parameters
        ----------
        folder
            A run folder, of a run that goes on or has ended; what `klopf learn --save` keeps, or the file of curves
            that a benchmark with --resume keeps, whose learning curves are shown; a world of `klopf twin`; the word
            sudoku, or a file with one, to play its verifier.
        rpc
            Instead of a folder, a node's URL.
        network
            With --rpc: the address of the network there.
        port
            Port to listen at; by default the one that the run's page had before, or any.
        browser
            Open the browser, where there is one; never with --key: what lets a page act is for you to hand on.
        key
            Key file to act with: to stake, vote, answer a dispute, approve a job. Each transaction is shown in full
            before it is signed. KLOPF_PASSPHRASE, or a terminal, unlocks it.
        receipts
            With --key: file or folder of a listener's receipts, to answer disputes with; of a run, by default its own.
        """
        from klopf.console import web

        if (folder is None) == (rpc is None) or (rpc is None) != (network is None):
            raise PeersError("name a run folder, or a network on a chain: klopf page --rpc URL --network ADDRESS")
        show = _alone(folder) if folder is not None else None
        if show is not None:
            if key is not None:
                raise PeersError(f"{folder} is no network, and no key acts on it: leave --key out")
            show(port, partial(_opened, browser=browser))
            return
        if receipts is not None and key is None:
            raise PeersError("--receipts are for answering disputes: name the key that answers with --key")
        source = web.of_run(folder) if folder else web.of_remote(rpc or "", network or "")
        desk = web.Desk(source, load_key(key), receipts) if key is not None else None

        web.serve(source, port, partial(_opened, browser=browser and desk is None), desk)


def _alone(folder: Path) -> Callable[[int, Callable[[str], None]], None] | None:
    """What shows something that is no network; None where it is a run."""
    from klopf.console import web

    if (folder / "run.json").exists():
        return None
    file = folder / curves.NAME if folder.is_dir() else folder
    if not file.is_file():
        return partial(web.serve_sudoku, EXAMPLE) if str(folder) == "sudoku" else None
    with file.open("rb") as read:
        begin = read.read(_SUDOKU)
    if begin.startswith(b"PK"):
        return partial(web.serve_twin, file)
    if len(begin) < _SUDOKU and len(b"".join(begin.split())) == CELLS:
        return partial(web.serve_sudoku, begin.decode("ascii", "replace"))
    return partial(web.serve_curves, file)


def _opened(link: str, browser: bool) -> None:
    from klopf.console.web._opening import open_browser

    print(link, flush=True)
    if browser:
        open_browser(link)
