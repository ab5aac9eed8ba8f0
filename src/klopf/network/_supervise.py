"""Supervise a prepared network: start a process a participant, keep the clock going, start again what dies."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray

from klopf import files, ledger, peers
from klopf.errors import KlopfError, PeersError, Unanswered
from klopf.network._folder import Member, Run
from klopf.network._troubles import gained, troubles

__all__ = ["Progress", "Supervisor", "interrupt_on_sigterm"]

T = TypeVar("T")

MODULE = {"neuron": "klopf.peers", "requester": "klopf.peers", "auditor": "klopf.audit"}
POLL = 0.1
GATHER_SECONDS = 300.0
RESTARTS = 5
OUTAGE_SECONDS = 600.0
"""For which the ledger's node may be away."""
LONGEST_WAIT = 5.0
"""Seconds between two looks whether it is back, at most."""
LATE = 4
"""Epochs back that are settled again where a run goes on."""
SETTLING_SECONDS = 60.0
"""Within which the last disputes must have ended when their time is over."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands, for whoever shows it."""

    epoch: int
    epochs: int
    """How many there are to be."""
    phase: str
    arrived: int
    expected: int
    participants: dict[int, ledger.Participant]
    measure: str
    """What a score is called: accuracy, or variance explained."""
    scores: dict[int, float]
    """Of each neuron by itself and, under 0, of the network, on the test set in the last epoch known."""
    happened: tuple[str, ...]


@dataclass
class _Process:
    members: tuple[Member, ...]
    """Who lives in it."""
    process: subprocess.Popen[bytes]
    restarts: int = 0

    @property
    def name(self) -> str:
        """For a line about it."""
        first, *more = self.members
        return first.name + (f" and {len(more)} others in its process" if more else "")


@dataclass
class Supervisor:
    """Owns the processes of a run. Use as a context manager: leaving it ends them all, by their process ids."""

    run: Run
    passphrase: str
    progress: Callable[[Progress], None] = lambda _: None
    notes: list[str] = field(default_factory=list)
    _processes: dict[int, _Process] = field(default_factory=dict)
    _unpaid: dict[int, int] = field(default_factory=dict)
    """By epoch that is not paid to everybody yet: when its dispute window ends; 0 for not known yet."""
    _looked: float = 0.0
    _settled: int = 0
    """The last epoch that was settled."""
    _lifeline: tuple[int, int] = (-1, -1)
    """A pipe whose other end every process holds: it ends when this one does, however this one ends."""

    def __enter__(self) -> Supervisor:
        key = ledger.keys.load(self.run.folder / "operator.json", self.passphrase)
        self._book = self.run.connect(key)
        self._targets = files.arrays(self.run.folder / "test.npz")["targets"]
        interrupt_on_sigterm()  # so that the processes are ended then, too
        self._lifeline = os.pipe()
        return self

    def __exit__(self, *_: object) -> None:
        alive = [p.process for p in self._processes.values() if p.process.poll() is None]
        for process in alive:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 5.0
        for process in alive:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for end in self._lifeline:
            os.close(end)
        self._book.close()

    def supervise(self) -> None:
        """Start everybody, see every epoch through, settle it, and wait until everybody has gone.

        Raises:
            PeersError: a participant could not even begin; the line it said.
        """
        for members in self._shared_out():
            self._start(members)
        if self._outlast(self._book.clock.now).epoch == 0:
            self._gather()
            self._book.clock.start()
        while self._outlast(self._turn):
            pass
        self._outlast(self._see_out)
        self._await_departure()
        self.notes += [*troubles(self.run), *gained(self.run)]
        self._outlast(lambda: self._report(self._book.clock.now()))

    def _turn(self) -> bool:
        """See to what is due now. False when the last epoch is over."""
        now = self._book.clock.now()
        for epoch in range(max(self._settled, now.epoch - LATE) + 1, now.epoch):
            self._settled = self._settle(epoch)
        if now.epoch > self.run.settings.epochs:
            return False
        self._revive()
        self._pay(now)
        if not self._book.clock.advance():
            time.sleep(POLL)
        self._report(now)
        return True

    def _outlast(self, act: Callable[[], T]) -> T:
        """Do ``act``; where the ledger's node is away meanwhile, once more from the start, until it is back.

        Raises:
            Unanswered: it is not back in ten minutes.
        """
        wait, since = 0.5, time.monotonic()
        while True:
            try:
                return act()
            except Unanswered as error:
                if time.monotonic() > since + OUTAGE_SECONDS:
                    raise
                if wait == 0.5:
                    self._note(f"waiting for the ledger: {error}")
                time.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)

    def _shared_out(self) -> list[tuple[Member, ...]]:
        """Who lives in one process: so many neurons as the settings say, and everybody else alone."""
        together = self.run.settings.wire.together
        neurons = [member for member in self.run.members if member.role == "neuron"]
        groups = [tuple(neurons[i : i + together]) for i in range(0, len(neurons), together)]
        return groups + [(member,) for member in self.run.members if member.role != "neuron"]

    def _start(self, members: tuple[Member, ...], restarts: int = 0) -> None:
        member, folders = members[0], [self.run.folder / one.folder for one in members]
        folder = folders[0]
        environment = os.environ | {peers.PASSPHRASE: self.passphrase, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        environment[peers.LIFELINE] = str(self._lifeline[0])
        with open(folder / "log.txt", "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", MODULE[member.role], *map(str, folders)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment,
                pass_fds=(self._lifeline[0],),
            )  # fmt: skip
        for one in folders:
            (one / "process").write_text(str(process.pid))
        self._processes[member.id] = _Process(members, process, restarts)

    def _gather(self) -> None:
        """Wait until everybody has arrived in epoch 0."""
        deadline = time.monotonic() + GATHER_SECONDS
        while (now := self._outlast(self._book.clock.now)).arrived < len(self.run.members):
            for entry in self._processes.values():
                if entry.process.poll() is not None:
                    raise PeersError(
                        f"{entry.name} could not begin: {_last_line(self.run.folder / entry.members[0].folder)}"
                    )
            if time.monotonic() > deadline:
                raise PeersError(
                    f"only {now.arrived} of {len(self.run.members)} participants came in {GATHER_SECONDS:.0f} s: "
                    f"look at the log.txt files in {self.run.folder}"
                )
            self._outlast(partial(self._report, now))
            time.sleep(POLL)

    def _settle(self, epoch: int) -> int:
        """Pay and conclude ``epoch`` for everybody."""
        try:
            self._book.settle(epoch)
            totals = self._book.settlement.epoch(epoch)
            if totals.rank > 0 and totals.pool == 0:
                self._note(
                    f"epoch {epoch} paid fees only: this day's reward for listening is spent; lower rules.emission"
                )
        except Unanswered:
            raise
        except KlopfError as error:
            self._note(f"epoch {epoch} could not be settled: {error}")
        if self.run.settings.ledger.dispute_seconds:
            self._unpaid[epoch] = 0
        return epoch

    def _pay(self, now: ledger.Now) -> None:
        """Settle again the epochs whose dispute window is over, until everybody has been paid; once a second."""
        if not self._unpaid or time.monotonic() - self._looked < 1.0:
            return
        self._looked = time.monotonic()
        with contextlib.suppress(KlopfError):  # it is tried again in a second
            for epoch, until in list(self._unpaid.items()):
                if until == 0:
                    until, _ = self._book.clock.window(epoch)
                    self._unpaid[epoch] = until
                if until == 0 or now.time < until:
                    continue
                settlement, ids = self._book.settlement, [member.id for member in self.run.members]
                unpaid = [id for id in ids if not settlement.column(epoch, id).collected]
                if any(settlement.contested(epoch, id) == 0 for id in unpaid):
                    self._book.settle(epoch)
                elif not unpaid:
                    del self._unpaid[epoch]

    def _see_out(self) -> None:
        """After the last epoch: wait until the dispute windows are over, disputes have ended and all are paid.

        Participants answer and end their disputes themselves; where nobody does, their money stays where it is.
        """
        last = self._book.clock.now().time + 2 * self.run.settings.ledger.dispute_seconds + SETTLING_SECONDS
        while self._unpaid:
            now = self._book.clock.now()
            if now.time > last:
                epochs = ", ".join(map(str, self._unpaid))
                self._note(f"epochs {epochs} still wait for disputes: `klopf ledger settle` pays them later")
                return
            self._revive()
            self._pay(now)
            self._report(now)
            time.sleep(POLL)

    def _revive(self) -> None:
        for entry in list(self._processes.values()):
            status = entry.process.poll()
            if status in (None, 0):
                continue
            if self.run.settings.restart and entry.restarts < RESTARTS:
                self._note(f"{entry.name} died ({_how(status or 0)}) and was started again")
                self._start(entry.members, entry.restarts + 1)
            else:
                self._note(f"{entry.name} died ({_how(status or 0)}) and stays away")
                del self._processes[entry.members[0].id]

    def _await_departure(self) -> None:
        """Auditors stay while anything can be doubted or must be shown: whoever dies then is started again, too."""
        deadline = time.monotonic() + 20.0 + 2 * self.run.settings.audit.challenge_seconds
        while any(e.process.poll() is None for e in self._processes.values()) and time.monotonic() < deadline:
            if self.run.settings.audit.challenge_seconds:
                self._revive()
            time.sleep(POLL)
        for entry in self._processes.values():
            if entry.process.poll() is None:
                self._note(f"{entry.name} did not leave by itself")

    def _note(self, line: str) -> None:
        self.notes.append(line)

    def _report(self, now: ledger.Now) -> None:
        participants = {p.id: p for p in self._book.everybody()}
        scores: dict[int, float] = {}
        for epoch in range(now.epoch, 0, -1):
            result = read_results(self.run, epoch, self._targets)
            if result is not None:
                scores = result
                break
        over = now.epoch > self.run.settings.epochs and self._unpaid
        phase = "gathering" if now.epoch == 0 else "disputes" if over else now.phase.name.lower()
        measure, notes = self.run.task.measure, tuple(self.notes)
        epochs, here = self.run.settings.epochs, (phase, now.arrived, now.expected)
        self.progress(Progress(now.epoch, epochs, *here, participants, measure, scores, notes))


def interrupt_on_sigterm() -> None:
    """From now on SIGTERM ends this program as Ctrl-C does: all that it holds is let go of in order."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def read_results(run: Run, epoch: int, targets: NDArray[Any]) -> dict[int, float] | None:
    """The score in ``epoch`` on the test set: of the network under 0, of each neuron by itself under its id."""
    requester = next(m for m in run.members if m.role == "requester")
    file = run.folder / requester.folder / "results" / f"{epoch}.npz"
    if not file.exists():
        return None
    try:
        result = files.arrays(file)
        scores = {0: run.task.score(result["network"], targets) if len(result["network"]) else 0.0}
        for id, said in zip(result["ids"], result["alone"], strict=True):
            scores[int(id)] = run.task.score(said, targets)
    except (OSError, ValueError, KeyError) as error:
        raise PeersError(f"{file} cannot be read ({error}): restore it from a backup") from None
    return scores


def _how(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def _last_line(folder: Path) -> str:
    lines = (folder / "log.txt").read_text(errors="replace").splitlines()
    return lines[-1].removeprefix("klopf: ") if lines else "it said nothing"
