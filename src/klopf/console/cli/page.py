"""``klopf page``: a network in the browser, while it lives and after."""

from __future__ import annotations

import contextlib
import os
import webbrowser
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from klopf.console.cli.access import load_key
from klopf.console.cli.command import Command
from klopf.errors import PeersError

__all__ = ["Page"]

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
            A run folder, of a run that goes on or has ended.
        rpc
            Instead of a folder, a node's URL.
        network
            With --rpc: the address of the network there.
        port
            Port to listen at; by default the one that the run's page had before, or any.
        browser
            Open the browser, where there is one; never with --key, whose link others of this machine could see then.
        key
            Key file to act with: to stake, vote, answer a dispute, approve a job. Each transaction is shown in full
            before it is signed. KLOPF_PASSPHRASE, or a terminal, unlocks it.
        receipts
            With --key: file or folder of a listener's receipts, to answer disputes with; of a run, by default its own.
        """
        from klopf.console import web

        if (folder is None) == (rpc is None) or (rpc is None) != (network is None):
            raise PeersError("name a run folder, or a network on a chain: klopf page --rpc URL --network ADDRESS")
        if receipts is not None and key is None:
            raise PeersError("--receipts are for answering disputes: name the key that answers with --key")
        source = web.of_run(folder) if folder else web.of_remote(rpc or "", network or "")
        desk = web.Desk(source, load_key(key), receipts) if key is not None else None

        def opened(link: str) -> None:
            print(link, flush=True)
            screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.name == "nt"
            if browser and desk is None and screen:
                with contextlib.suppress(webbrowser.Error):
                    webbrowser.open(link)

        web.serve(source, port, opened, desk)
