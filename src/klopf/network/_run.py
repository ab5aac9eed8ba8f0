"""A run from beginning to end: prepare, supervise, summarise, write ``summary.json`` and ``report.html``; and one that
was stopped, from there to its end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import files, ledger, peers
from klopf.errors import PeersError
from klopf.network._anchor import drop_anchor
from klopf.network._check import understood
from klopf.network._data import Shares, share_out
from klopf.network._folder import Run, read_run
from klopf.network._prepare import prepare
from klopf.network._receipts import gather_receipts
from klopf.network._report import render
from klopf.network._settings import NetworkSettings
from klopf.network._summarise import summarise
from klopf.network._summary import Summary, to_json
from klopf.network._supervise import Progress, Supervisor, interrupt_on_sigterm

__all__ = ["resume", "run"]


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
    for line in understood(shares):
        begun(line)
    return _to_the_end(prepared, shares, passphrase, since, begun, progress)


def resume(
    folder: Path,
    passphrase: str,
    more: int | None = None,
    *,
    begun: Callable[[str], None] = lambda _: None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Summary:
    """Go on with the run in ``folder``, which was stopped or killed at any moment, or has ended.

    Everybody comes back with the key, the money and what it had learned. An epoch whose time was over meanwhile is let
    pass. ``more`` is how many epochs are still to be lived through, from the first that can be; by default those that
    are left.

    Raises:
        KlopfError: it is no run folder, its data has changed, somebody of it still runs; nothing was changed then.
    """
    since = time.monotonic()
    interrupt_on_sigterm()
    stopped = read_run(folder)
    key = ledger.keys.load(folder / "operator.json", passphrase)
    for member in stopped.members:
        peers.ParticipantSettings.read(folder / member.folder)
        if peers.lived_in(folder / member.folder):
            raise PeersError(f"{member.name} of {folder} still runs: stop it, or wait until it has ended")
    begun("reading the data")
    shares = share_out(stopped.settings)
    if not np.array_equal(shares.test.targets, _targets(folder)):
        raise PeersError(f"the data of {folder} has changed since it began: put back the file that its run.json names")
    now = _pass_over(stopped, key)
    if more is not None:
        first = now.epoch + (now.epoch == 0 or now.phase is not ledger.Phase.LISTEN)
        stopped = _until(stopped, first + more - 1)
    return _to_the_end(stopped, shares, passphrase, since - _seconds(folder), begun, progress)


def _to_the_end(
    run: Run, shares: Shares, passphrase: str, since: float,
    begun: Callable[[str], None], progress: Callable[[Progress], None],
) -> Summary:  # fmt: skip
    begun(f"starting {len(run.members)} processes")
    with Supervisor(run, passphrase, progress) as supervisor:
        supervisor.supervise()
        notes = supervisor.notes
    gather_receipts(run)
    summary = summarise(run, shares, time.monotonic() - since, notes)
    files.replace(run.folder / "summary.json", to_json(summary.as_dict()) + "\n")
    files.replace(run.folder / "report.html", render(summary))
    drop_anchor(run, summary)
    return summary


def _pass_over(run: Run, key: ledger.keys.Key) -> ledger.Now:
    """Where the clock stands after the phases whose time is over have ended."""
    with run.connect(key) as book:
        now = book.clock.now()
        while now.epoch and now.time >= now.deadline and book.clock.advance():
            now = book.clock.now()
    return now


def _until(run: Run, epochs: int) -> Run:
    """The same run with another last epoch, written down for everybody; again, where that was cut short."""
    for member in run.members:
        home = run.folder / member.folder
        replace(peers.ParticipantSettings.read(home), epochs=epochs).write(home)
    longer = replace(run, settings=run.settings.model_copy(update={"epochs": epochs}))
    longer.write()
    return longer


def _targets(folder: Path) -> NDArray[Any]:
    try:
        targets: NDArray[Any] = files.arrays(folder / "test.npz")["targets"]
    except (OSError, ValueError, KeyError) as error:
        raise PeersError(f"{folder / 'test.npz'} cannot be read ({error}): restore it from a backup") from None
    return targets


def _seconds(folder: Path) -> float:
    """How long a run went on before it was told to go on."""
    try:
        return float(json.loads((folder / "summary.json").read_text())["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0
