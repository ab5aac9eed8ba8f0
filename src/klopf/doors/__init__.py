"""Doors for agents: a neuron, or a network as one, sells answers over HTTP, MCP and A2A, paid by x402 in KLP.

from klopf import doors

doors.serve(Path("ADA"), doors.Opening(price=10**15, port=8402), passphrase="...", opened=print)
"""

from collections.abc import Callable as _Callable
from pathlib import Path as _Path

from klopf.doors._desk import Desk, Question
from klopf.doors._door import DOORS, Door
from klopf.doors._opening import Opened, Opening, sales_of
from klopf.doors._sales import Payment, Sale
from klopf.extras import require as _require

__all__ = ["DOORS", "Desk", "Door", "Opened", "Opening", "Payment", "Question", "Sale", "sales_of", "serve"]


def serve(
    folder: _Path, how: Opening, passphrase: str, opened: _Callable[[Opened], None] = lambda _: None
) -> None:  # fmt: skip
    """Sell what ``folder`` answers until this process is told to stop (SIGTERM, Ctrl-C); ``opened`` is told once that
    it does. It takes the extra ``agents``.

    Raises:
        KlopfError: the folder, its key or its ledger cannot be used, or nobody could listen there; one line.
    """
    _require("agents", "a door")
    from klopf.doors import _serve

    _serve.serve(folder, how, passphrase, opened)
