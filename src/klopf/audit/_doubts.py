"""Auditors watch each other: each doubts one question an epoch, drawn by lot, shows whatever is doubted of its own, and
is paid for what stood.

It pays. Who cannot show a question loses twice what an outlier does, and half of that is whoever's who doubted; the
deposit, which an honest auditor gets for showing one, is a hundredth of the stake in ``klopf run``. Everybody doubts
and is doubted as often, so among the honest the deposits go round. Once nobody may doubt an epoch any more, each
collects its pay for it, for which it shows one more question, drawn by the next epoch's seed.

What has to be done is read from the ledger and from the openings on disk each time anew: whoever was killed goes on
where it was.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from klopf import ledger
from klopf.audit._evidence import forget, opening
from klopf.errors import Reverted
from klopf.ledger import events
from klopf.ledger.evidence import AuditPay, Challenges, Place

__all__ = ["Doubts"]

MOST_AT_ONCE = 4
"""Questions shown in one look: nothing else waits long for the ledger."""
SHORTEST = 0.25
GRACE = 3.0
"""Seconds after which others end a doubt that whoever had it did not end; later by half a second an id."""
REORGANISED = 20
"""Blocks whose events are read again where the chain is not our own file."""


@dataclass
class Doubts:
    """One auditor's doubts. :meth:`look` does whatever is to be done now; call it from one thread at a time."""

    book: ledger.Ledger
    id: int
    folder: Path
    log: Callable[[str], None]
    _read: int = -1
    """Events before this block have been read."""
    _reveals: dict[tuple[int, int], tuple[events.audits.Revealed, int]] = field(default_factory=dict)
    """By epoch and auditor what can be doubted still, and until when, in the chain's seconds."""
    _unpaid: dict[int, tuple[events.audits.Revealed, int]] = field(default_factory=dict)
    """By epoch what this auditor revealed and was not paid for yet, and from when on it may be, in seconds."""
    _tried: set[int] = field(default_factory=set)
    """Epochs for which it was paid, or refused."""
    _open: dict[bytes, events.challenges.Doubted] = field(default_factory=dict)
    _done: set[int] = field(default_factory=set)
    """Epochs in which this auditor has doubted, or found nothing to doubt."""
    _far: dict[tuple[int, int], tuple[set[int], int]] = field(default_factory=dict)
    """By epoch and neuron the auditors who are marked, and from when on they may be punished, in seconds."""
    _helpless: set[bytes] = field(default_factory=set)

    def look(self) -> float | None:
        """Do what is to be done now. Returns the seconds until the next look is due, None for not in this epoch.

        Raises:
            KlopfError: the ledger cannot be reached; look again later, nothing is lost by it.
        """
        (running, _), time = self.book.clock.turn(), self.book.clock.now().time
        self._read_events(time)
        self._reveals = {which: kept for which, kept in self._reveals.items() if time < kept[1]}
        for epoch in sorted({epoch for epoch, _ in self._reveals if epoch < running} - self._done):
            self._doubt(epoch)
        more = self._show()
        self._uphold(time)
        self._punish(time)
        self._collect(time, running)
        needed = {epoch for epoch, _ in (*self._reveals, *self._far)} | set(self._unpaid)
        needed |= {d.place.epoch for d in self._open.values()}
        forget(self.folder, min(needed, default=running))
        self._done = {epoch for epoch in self._done if epoch >= min(needed, default=running)}
        if not needed:
            return None
        length = self.challenges.window(min(needed))
        return 0.0 if more else min(15.0, max(SHORTEST, length / 20))

    @property
    def challenges(self) -> Challenges:
        """The contract."""
        return self.book.client(Challenges)

    def _read_events(self, time: int) -> None:
        height = self.book.rpc.height()
        if self._read < 0:
            self._read = self.book.deployment.block
        for event in self.challenges.said(self._read, height):
            if isinstance(event, events.challenges.Doubted):
                self._open[event.id] = event
                if event.by == self.book.me.address:
                    self._done.add(event.place.epoch)
            else:
                self._open.pop(event.id, None)
        for shown in self.book.audits.reveals(self._read, height):
            which = (shown.epoch, shown.auditor)
            if which not in self._reveals:
                until = self.book.audits.revealed_at(*which) + self.challenges.window(shown.epoch)
                if time < until:
                    self._reveals[which] = (shown, until)
                mine = shown.auditor == self.id and shown.epoch not in self._tried and shown.results
                if mine and "AuditPay" in self.book.deployment.addresses:
                    self._unpaid[shown.epoch] = (shown, until + self.challenges.window(shown.epoch))
        for far in self.book.audits.outliers(self._read, height):
            about = (far.epoch, far.neuron)
            if self.book.audits.marked(*about, far.auditor):
                marked, due = self._far.get(about) or (set(), self.book.audits.punishable_from(*about))
                self._far[about] = marked | {far.auditor}, due
        again = 0 if self.book.rpc.chain is not None else REORGANISED
        self._read = max(self._read, height + 1 - again)

    def _doubt(self, epoch: int) -> None:
        """Ask for one question, of one that others revealed in an epoch whose reveals are over: by lot, so that nobody
        knows which."""
        self._done.add(epoch)
        others = [(event, r) for (e, k), (event, _) in self._reveals.items() if e == epoch and k != self.id
                  for r in event.results]  # fmt: skip
        auditors = sorted({event.auditor for event, _ in others})
        if not auditors:
            return
        auditor = secrets.choice(auditors)
        event, result = secrets.choice([(event, r) for event, r in others if event.auditor == auditor])
        task = secrets.choice(sorted(result.counts))
        place = Place(epoch, auditor, result.neuron, task, secrets.randbelow(result.counts[task].asked))
        key = self._key(event)
        said = f"epoch {epoch}: doubts question {place.place} of {auditor} about {place.neuron} in {task}"
        self._do(said, partial(self.challenges.doubt, place, event, key))

    def _key(self, event: events.audits.Revealed) -> str:
        """The key to which an auditor's commitment was bound, which may have been replaced since."""
        return self.book.audits.committed_with(event.epoch, event.auditor)

    def _show(self) -> bool:
        """Show what is doubted of one's own. Returns whether there is more to show."""
        mine = [d for d in self._open.values() if d.place.auditor == self.id and d.id not in self._helpless]
        for doubted in mine[:MOST_AT_ONCE]:
            place = doubted.place
            found = opening(self.folder, place)
            said = f"epoch {place.epoch}: showed question {place.place} about {place.neuron} in {place.task}"
            if found is not None and self._do(said, partial(self.challenges.show, place, found)):
                self._open.pop(doubted.id, None)
                continue
            self._helpless.add(doubted.id)
            self.log(f"epoch {place.epoch}: cannot show question {place.place} about {place.neuron} in {place.task}")
        return len(mine) > MOST_AT_ONCE

    def _uphold(self, time: int) -> None:
        """End what was not shown in time: one's own doubts at once, others' when nobody else has."""
        for doubted in list(self._open.values()):
            wait = 0.0 if doubted.by == self.book.me.address else GRACE + 0.5 * self.id
            if time >= doubted.answer_by + wait:
                said = f"epoch {doubted.place.epoch}: {doubted.place.auditor} did not show a question that was doubted"
                if self._do(said, partial(self.challenges.uphold, doubted.place)):
                    self._open.pop(doubted.id, None)

    def _punish(self, time: int) -> None:
        """Have those pay who are far from the others, when nobody can show any more that the neuron contradicted
        itself; one after the other tries, as with what was not shown."""
        for (epoch, neuron), (marked, due) in list(self._far.items()):
            if time < due + GRACE + 0.5 * self.id:
                continue
            del self._far[epoch, neuron]
            if any(self.book.audits.marked(epoch, neuron, auditor) for auditor in marked):
                who = ", ".join(str(auditor) for auditor in sorted(marked))
                said = f"epoch {epoch}: {who} pays for what it said of {neuron}"
                self._do(said, partial(self.book.audits.punish, epoch, [neuron]))

    def _collect(self, time: int, running: int) -> None:
        """Have oneself paid for what can be doubted no more. It is tried once: what is refused then stays so, but for a
        market whose part of the day is spent."""
        pay = self.book.client(AuditPay) if self._unpaid else None
        doubted = {d.place.epoch for d in self._open.values() if d.place.auditor == self.id}
        for epoch, (revealed, due) in list(self._unpaid.items()):
            if pay is None or time < due or epoch >= running or epoch in doubted:
                continue
            del self._unpaid[epoch]
            self._tried.add(epoch)
            key, said = self._key(revealed), f"epoch {epoch}: is paid for its audits"
            if pay.paid(epoch, self.id) or not pay.price(epoch):
                continue
            place = pay.lot(epoch, self.id, revealed.results)
            found = opening(self.folder, place) if place else None
            if found is None:
                self.log(f"epoch {epoch}: cannot show the question by which its audits are paid")
                continue
            open_ = [r.neuron for r in revealed.results if not self.book.audits.concluded(epoch, r.neuron)]
            if open_:
                self._do(
                    f"epoch {epoch}: concluded {len(open_)} audits", partial(self.book.audits.conclude, epoch, open_)
                )
            self._do(said, partial(pay.collect, revealed, key, found))

    def _do(self, said: str, send: Callable[[], object]) -> bool:
        """Send a transaction and say so. Whether it is done now, by this one or by somebody who was faster."""
        try:
            send()
        except Reverted as error:
            if error.name in ("NotOpen", "AlreadyDoubted", "AlreadyPaid"):
                return True
            self.log(f"{said}: refused: {error}")
            return False
        self.log(said)
        return True
