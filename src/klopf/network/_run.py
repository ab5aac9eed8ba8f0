"""A run from beginning to end: prepare, supervise, summarise, write ``summary.json`` and ``report.html``."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from klopf import files
from klopf.network._anchor import drop_anchor
from klopf.network._prepare import prepare
from klopf.network._receipts import gather_receipts
from klopf.network._report import render
from klopf.network._settings import NetworkSettings
from klopf.network._summarise import summarise
from klopf.network._summary import Summary, to_json
from klopf.network._supervise import Progress, Supervisor, interrupt_on_sigterm

__all__ = ["run"]


def run(
    settings: NetworkSettings,
    folder: Path,
    passphrase: str,
    *,
    begun: Callable[[str], None] = lambda _: None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Summary:
    """Run the network that ``settings`` describe in the new folder ``folder``, and summarise it there.

    ``passphrase`` locks the participants' keys. While it goes on, ``begun`` gets a line for each thing begun and
    ``progress`` gets where the run stands, several times a second; both are called in this thread.

    Raises:
        KlopfError: the settings cannot be carried out; nothing is left behind if the network never began.
    """
    since = time.monotonic()
    interrupt_on_sigterm()
    prepared, shares = prepare(settings, folder, passphrase, begun)
    begun(f"starting {len(prepared.members)} processes")
    with Supervisor(prepared, passphrase, progress) as supervisor:
        supervisor.supervise()
        notes = supervisor.notes
    gather_receipts(prepared)
    summary = summarise(prepared, shares, time.monotonic() - since, notes)
    files.replace(folder / "summary.json", to_json(summary.as_dict()) + "\n")
    files.replace(folder / "report.html", render(summary))
    drop_anchor(prepared, summary)
    return summary
