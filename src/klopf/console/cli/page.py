"""``klopf page``: a network in the browser, while it lives and after."""

from __future__ import annotations

import contextlib
import os
import webbrowser
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from klopf.console.cli.command import Command
from klopf.errors import PeersError

__all__ = ["Page"]

Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65_535))]


class Page(Command):
    help = "Show a network in the browser, while it lives and after: who is heard, judged and paid, and why."
    extra = "page"

    def run(
        self, folder: Path | None = None, *, rpc: str | None = None, network: str | None = None, port: Port = 0,
        browser: bool = True,
    ) -> None:  # fmt: skip
        """Reads and never writes; only this machine's browser can open it, by the link that is printed.
        Runs until it is stopped.

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
            Open the browser, where there is one.
        """
        from klopf.console import web

        if (folder is None) == (rpc is None) or (rpc is None) != (network is None):
            raise PeersError("name a run folder, or a network on a chain: klopf page --rpc URL --network ADDRESS")
        source = web.of_run(folder) if folder else web.of_remote(rpc or "", network or "")

        def opened(link: str) -> None:
            print(link, flush=True)
            if browser and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.name == "nt"):
                with contextlib.suppress(webbrowser.Error):
                    webbrowser.open(link)

        web.serve(source, port, opened)
