"""Looking after one's money when an epoch is over (dispute window): accuse, answer, end, collect.

A speaker holds receipts that its listeners signed; a listener has posted one root. Where the two do not agree, the
speaker may open a dispute until the epoch's window ends, and the listener may answer it with the receipt's proof.
Nothing else can be disputed: a claim is checked when it is made.

What has to be done is read from the ledger and from the receipts on disk each time anew. So whoever was killed goes on
where it was, and does nothing twice: what was opened, answered or ended is on the ledger. The one thing kept in a file
(``disputes.json``) is where to begin to read; without it, reading begins with the oldest receipt.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from klopf import files, ledger
from klopf.errors import KlopfError, Reverted
from klopf.ledger import events
from klopf.peers._conduct import Conduct

__all__ = ["Disputes", "keep_given", "receipts_held"]

MOST_OPENED = 32
"""Disputes that a participant opens about one epoch, the greatest weights first: its work is bounded by this, too."""
MOST_AT_ONCE = 4
"""Transactions in one look, and epochs whose receipts are looked through: nothing else waits long for the ledger."""
MOST_EPOCHS = 100
"""Epochs newly over that are taken up in one look: who was away for long catches up in several."""
GRACE = 3.0
"""Seconds after which others do what nobody has done whose business it was; later by half a second an id."""
SHORTEST = 0.25
"""Seconds between two looks, at least."""
REORGANISED = 20
"""Blocks whose events are read again where the chain is not our own file."""
NOTHING_POSTED = bytes(32)


@dataclass
class _Epoch:
    """An epoch whose pay is not final yet."""

    until: int
    """End of its window, in the chain's seconds."""
    length: int
    complaints: list[tuple[ledger.SignedReceipt, str]] | None = None
    """Receipts still to be disputed, and why; None before the first look."""
    looked_again: bool = False
    """In the second half of the window everything is looked at once more: a reorganisation may have lost something."""
    ready: int = 0
    """When its money was first seen to be due and not paid; 0 for not yet."""


@dataclass
class Disputes:
    """One participant's disputes. :meth:`look` does whatever is to be done now; call it from one thread at a time.

    Args:
        book: the ledger, connected with the participant's key.
        id: the participant.
        folder: its folder: ``receipts/`` (given to it), ``given/`` (by it) and ``disputes.json``.
        log: gets one line for everything done.
        conduct: what it disputes, and whether it clears whom it disputed.
    """

    book: ledger.Ledger
    id: int
    folder: Path
    log: Callable[[str], None]
    conduct: Conduct
    _epochs: dict[int, _Epoch] = field(default_factory=dict)
    _open: dict[tuple[int, int, int], events.disputes.Disputed] = field(default_factory=dict)
    _helpless: set[tuple[int, int, int]] = field(default_factory=set)
    _heights: dict[int, int] = field(default_factory=dict)
    """By epoch, a block that came before its end."""
    _next: int = -1
    """The first epoch that has not been seen to be over; -1 before the first look."""
    _final: int = 0
    """Up to this epoch nothing is left to do."""
    _read: int = 0
    """Events before this block have been read."""
    _sent: int = 0
    _searched: int = 0
    """Transactions sent, and epochs looked through, in this look."""

    @property
    def pending(self) -> bool:
        """Whether there are epochs whose pay is not final yet, as of the last look."""
        return bool(self._epochs)

    def look(self) -> float | None:
        """Do what is to be done now. Returns the seconds until the next look is due, None for not in this epoch.

        Raises:
            KlopfError: the ledger cannot be reached; look again later, nothing is lost by it.
        """
        height = self.book.rpc.height()
        (running, _), now = self.book.clock.turn(), self.book.clock.now()
        self._heights.setdefault(running, height)  # read before the clock: so it came before this epoch's end
        if self._next < 0:
            self._resume(running, height)
        for epoch in range(self._next, min(running, self._next + MOST_EPOCHS)):
            until, length = self.book.clock.window(epoch)
            if until:
                self._epochs[epoch] = _Epoch(until, length)
            self._next = epoch + 1
        self._sent = self._searched = 0
        if self._epochs:
            self._read_events(self.book.rpc.height())
            self._answer()
            self._accuse(now.time)
            if self._sent:  # one's own may be answered by oneself
                self._read_events(self.book.rpc.height())
                self._answer()
            self._end(now.time)
            self._close(now.time)
        self._remember()
        if self._next < running or max(self._sent, self._searched) >= MOST_AT_ONCE:
            return 0.0
        if running < now.epoch:  # the block that ends the epoch is on its way
            return SHORTEST
        return min(15.0, max(SHORTEST, min(e.length for e in self._epochs.values()) / 20)) if self._epochs else None

    # ---- what is open

    def _read_events(self, height: int) -> None:
        for event in self.book.disputes.history(self._read, height):
            which = (event.epoch, event.listener, event.speaker)
            if not isinstance(event, events.disputes.Disputed):
                self._open.pop(which, None)
            elif event.epoch > self._final:
                self._open[which] = event
        # Where blocks can be reorganised the last ones are read again; what is read twice changes nothing.
        again = 0 if self.book.rpc.chain is not None else REORGANISED
        self._read = max(self._read, height + 1 - again)

    # ---- accuse

    def _accuse(self, time: int) -> None:
        """Open what can be won, while the window is open."""
        for epoch, state in self._epochs.items():
            if time >= state.until:
                state.complaints = []
            elif self._searched < MOST_AT_ONCE and not state.complaints:
                second = time >= state.until - state.length / 2
                if state.complaints is None or (second and not state.looked_again):
                    state.complaints, state.looked_again = self._complaints(epoch), second
            while state.complaints and self._may_send():
                signed, why = state.complaints[0]
                r = signed.receipt
                if self.book.disputes.get(r.epoch, r.listener, r.speaker) is None:
                    self._do(
                        f"epoch {epoch}: disputes the receipt of listener {r.listener}: {why}",
                        partial(self.book.disputes.open, signed, self._before(epoch)),
                    )
                state.complaints.pop(0)

    def _complaints(self, epoch: int) -> list[tuple[ledger.SignedReceipt, str]]:
        """The receipts of an epoch that were signed and did not count, and whose listener has something to lose; the
        greatest weights first."""
        held = receipts_held(self.folder, epoch)
        if not held:
            return []
        self._searched += 1
        heard = set(self.book.settlement.heard(epoch, self.id, self._before(epoch)))
        found = []
        for listener, versions in sorted(held.items()):
            if listener in heard or listener == self.id:
                continue
            settlement = self.book.settlement
            root = settlement.posted(epoch, listener)
            signed = next((s for s in versions if s.root == root), max(versions, key=lambda s: s.receipt.weight))
            why = self.conduct.grievance(_grievance(signed, root, settlement.column(epoch, listener)))
            if why:
                found.append((signed, why))
        found.sort(key=lambda complaint: -complaint[0].receipt.weight)
        if len(found) > MOST_OPENED:
            self.log(f"epoch {epoch}: {len(found) - MOST_OPENED} receipts with the least weights are not disputed")
        return found[:MOST_OPENED]

    # ---- answer

    def _answer(self) -> None:
        """Show the proofs of disputed receipts that this participant gave."""
        for which, dispute in list(self._open.items()):
            epoch, listener, speaker = which
            if which in self._helpless or listener != self.id or not self._may_send():
                continue
            proof = self._proof(dispute)
            if proof is not None:
                said = f"epoch {epoch}: answered the dispute of speaker {speaker} with listener {listener}"
                if self._do(said, partial(self.book.disputes.answer, epoch, listener, speaker, proof)):
                    self._open.pop(which, None)
                    continue
            self._helpless.add(which)
            self.log(f"epoch {epoch}: cannot answer speaker {speaker}: the receipt is not under the posted root")

    def _proof(self, dispute: events.disputes.Disputed) -> tuple[bytes, ...] | None:
        root, given = self.book.settlement.posted(dispute.epoch, self.id), _given(self.folder, dispute.epoch)
        return next((s.proof for s in given if s.receipt.leaf == dispute.leaf and s.root == root), None)

    # ---- end, collect

    def _end(self, time: int) -> None:
        """End what was not answered in time: one's own disputes at once, others' when nobody else has."""
        for which, dispute in list(self._open.items()):
            epoch, listener, speaker = which
            wait = 0.0 if speaker == self.id else self._grace
            if time >= dispute.answer_by + wait and self._may_send():
                said = f"epoch {epoch}: ended the dispute of speaker {speaker} with listener {listener}, not answered"
                if self._do(said, partial(self.book.disputes.uphold, epoch, listener, speaker)):
                    self._open.pop(which, None)

    def _close(self, time: int) -> None:
        """Let go of epochs that are paid; where nobody has paid them, do it."""
        for epoch, state in sorted(self._epochs.items()):
            if time < state.until or any(e == epoch for e, _, _ in self._open):
                continue
            paid = self.book.settlement.column(epoch, self.id).collected
            if not paid and state.ready == 0:
                state.ready = time
            if not paid and time >= state.ready + self._grace and self._may_send():
                self._do(f"epoch {epoch}: paid what was due", partial(self.book.settle, epoch))
                paid = True
            if paid:
                del self._epochs[epoch]

    @property
    def _grace(self) -> float:
        return GRACE + 0.5 * self.id

    def _may_send(self) -> bool:
        return self._sent < MOST_AT_ONCE

    def _do(self, said: str, send: Callable[[], object]) -> bool:
        """Send a transaction and say so. Whether it is done now, by this one or by somebody who was faster."""
        self._sent += 1
        try:
            send()
        except Reverted as error:
            if error.name in ("NotOpen", "AlreadyDisputed"):
                return True
            self.log(f"{said}: refused: {error}")
            return False
        self.log(said)
        return True

    # ---- where to begin to read

    def _before(self, epoch: int) -> int:
        """A block that came before ``epoch`` began."""
        known = [e for e in self._heights if e < epoch]
        return self._heights[max(known)] if known else self.book.deployment.block

    @property
    def _file(self) -> Path:
        return self.folder / "disputes.json"

    def _resume(self, epoch: int, height: int) -> None:
        """Begin with the epoch after those that are final; without a file, with the oldest receipt there is."""
        try:
            kept = json.loads(self._file.read_text())
            self._final, self._read = int(kept["final"]), int(kept["block"])
        except (OSError, ValueError, KeyError, TypeError):
            known = _epochs_in(self.folder / "receipts") | _epochs_in(self.folder / "given")
            self._final = min(known, default=max(1, epoch)) - 1
            self._read = self.book.deployment.block if known else height
        self._heights[self._final] = self._read
        self._next = self._final + 1

    def _remember(self) -> None:
        final = min(self._epochs, default=max(self._next, 1)) - 1
        if final == self._final and self._file.exists():
            return
        self._final = final
        before = max(e for e in self._heights if e <= max(final, min(self._heights)))
        self._heights = {e: block for e, block in self._heights.items() if e >= before}
        self._helpless = {which for which in self._helpless if which[0] > final}
        files.replace(self._file, json.dumps({"final": final, "block": self._heights[before]}))


def _grievance(signed: ledger.SignedReceipt, root: bytes, listener: ledger.Column) -> str:
    """Why a receipt that the claim did not count is worth a dispute; empty where there is nothing to win.

    ``root`` is what the listener posted, ``listener`` how it was heard itself: it has a reward to lose only if it was.
    """
    if root == NOTHING_POSTED or signed.root == root or listener.rank == 0 or listener.voided:
        return ""
    return "another root was posted"


def receipts_held(folder: Path, epoch: int) -> dict[int, list[ledger.SignedReceipt]]:
    """The receipts in which a neuron was listened to, by listener: all versions, the last given first. A line that a
    crash cut off is left out."""
    held: dict[int, list[ledger.SignedReceipt]] = {}
    for signed in _read(folder / "receipts" / f"{epoch}.jsonl"):
        held.setdefault(signed.receipt.listener, []).insert(0, signed)
    return held


def keep_given(folder: Path, receipts: Iterable[ledger.SignedReceipt]) -> None:
    """Keep what a listener is about to give, with the proofs: its evidence, in ``given/``, a file an epoch."""
    given = list(receipts)
    if given:
        (folder / "given").mkdir(exist_ok=True)
        ledger.save_receipts(folder / "given" / f"{given[0].receipt.epoch}.jsonl", given)


def _given(folder: Path, epoch: int) -> list[ledger.SignedReceipt]:
    return _read(folder / "given" / f"{epoch}.jsonl")


def _read(file: Path) -> list[ledger.SignedReceipt]:
    found = []
    for line in file.read_text().splitlines() if file.exists() else []:
        with contextlib.suppress(ValueError, KlopfError):
            found.append(ledger.SignedReceipt.from_json(json.loads(line)))
    return found


def _epochs_in(folder: Path) -> set[int]:
    return {int(file.stem) for file in folder.glob("*.jsonl") if file.stem.isdigit()}
