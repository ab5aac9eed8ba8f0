"""Jobs whose price is locked first, and their payment by contribution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from klopf.errors import LedgerError
from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._replay import ZERO, Replay
from klopf.ledger.core.token import Token
from klopf.ledger.keys import checksum

__all__ = [
    "DisputeEnded",
    "Disputed",
    "Drafted",
    "Jobs",
    "JobsReplay",
    "Lapsed",
    "Opened",
    "Reported",
    "Returned",
    "WorkerPaid",
]

_BOND_BPS, _PATIENCE = 500, 14 * 24 * 3600  # of a dispute: of the price in 1/10,000, and seconds
_LEAST_WINDOW = 3600  # seconds in which it can be objected
_OPEN, _MISSED = 1, 5  # of the contract's states
_PAGE = 150  # workers in a transaction
_T = TypeVar("_T")


def _pages(rows: Sequence[_T]) -> list[list[_T]]:
    return [list(rows[at : at + _PAGE]) for at in range(0, len(rows), _PAGE)]


@dataclass(frozen=True)
class Opened(Event):
    id: int
    payer: str
    verifier: str
    price: int
    report_by: int
    terms: bytes


@dataclass(frozen=True)
class Reported(Event):
    id: int
    by: str
    workers: tuple[str, ...]
    amounts: tuple[int, ...]
    final_at: int


@dataclass(frozen=True)
class Drafted(Event):
    """A page of a report that is to come."""

    id: int
    round: int
    by: str
    workers: tuple[str, ...]
    amounts: tuple[int, ...]


@dataclass(frozen=True)
class Disputed(Event):
    """Somebody objects to a report, or a worker, with no ``bond``, that there is none."""

    id: int
    by: str
    bond: int
    until: int


@dataclass(frozen=True)
class DisputeEnded(Event):
    """Where the report ``stands`` the bond is burnt; else it has gone back to the disputer."""

    id: int
    disputer: str
    bond: int
    stands: bool


@dataclass(frozen=True)
class Lapsed(Event):
    """Nobody reported in time: what was noted counts; where a worker had objected the price is ``split`` by it."""

    id: int
    due: int
    split: bool


@dataclass(frozen=True)
class WorkerPaid(Event):
    id: int
    worker: str
    amount: int


@dataclass(frozen=True)
class Returned(Event):
    id: int
    payer: str
    amount: int


@dataclass
class _Job:
    payer: str
    verifier: str
    price: int
    report_by: int
    left: int
    """Not paid out yet, the bond of a dispute included."""
    due: Counter[str] = field(default_factory=Counter)
    """What counts of the reports, or of what is noted of the first."""
    state: str = "open"
    final_at: int = 0
    told: dict[int, list[tuple[str, int]]] = field(default_factory=lambda: {1: []})
    """What each report said, in its order, pages that were noted before it included."""
    counts: int = 1
    """Which of them does: a page of the second that was noted, and never reported, does not."""
    disputer: str = ""
    bond: int = 0
    split: bool = False

    def round_of(self, by: str) -> int:
        """Of the report that is due now from ``by``."""
        return 1 if self.state == "open" or (self.state == "missed" and by == self.verifier) else 2

    def count(self, round: int) -> None:
        self.due = Counter()
        for worker, amount in self.told[round]:
            self.due[worker] += amount

    def pay(self, worker: str) -> int:
        """What a worker is paid: of a price that is split its part of what is left, rounded down."""
        due = self.due[worker]
        return self.left * due // self.due.total() if self.split and due else due


class JobsReplay(Replay):
    """What each job holds and whom it owes."""

    holds_tokens = True

    def begin(self) -> None:
        self.jobs: dict[int, _Job] = {}

    def on_Opened(self, e: Opened) -> None:
        self.differ(f"id of {self.where(e)}", len(self.jobs) + 1, e.id)
        self.differ(f"payer that verifies {self.where(e)}", False, e.payer == e.verifier)
        self.jobs[e.id] = _Job(e.payer, e.verifier, e.price, e.report_by, e.price)
        self.move(e.payer, self.address, e.price)

    def on_Drafted(self, e: Drafted) -> None:
        job = self.jobs[e.id]
        self.differ(f"round of {self.where(e)}", job.round_of(e.by), e.round)
        self.note(job, e.round, e)
        if e.round == 1:
            job.count(1)

    def note(self, job: _Job, round: int, e: Drafted | Reported) -> None:
        """A page of the report that is due, with those before it."""
        due = job.state in ("open", "disputed", "missed")
        self.differ(f"a report due at {self.where(e)}", True, due)
        told = job.told.setdefault(round, [])
        told += zip(e.workers, e.amounts, strict=True)
        within = sum(amount for _, amount in told) <= job.price
        self.differ(f"sum of {self.where(e)} within the price", True, within)

    def on_Reported(self, e: Reported) -> None:
        job = self.jobs[e.id]
        round, was = job.round_of(e.by), job.state
        self.note(job, round, e)
        job.count(round)
        job.counts = round
        job.state, job.final_at = "final" if round == 2 else "reported", e.final_at
        if was == "disputed":
            self.expect("Jobs.DisputeEnded", e.id, job.disputer, job.bond, job.told[2] == job.told[1])

    def on_Disputed(self, e: Disputed) -> None:
        job, now = self.jobs[e.id], self.time_of(e.block)
        missed = job.state == "open"
        if missed:
            late = now > job.report_by
            self.differ(f"a noted worker that is late at {self.where(e)}", (True, True), (job.due[e.by] > 0, late))
        else:
            self.differ(f"state before {self.where(e)}", "reported", job.state)
        bond = 0 if missed else -(-job.price * _BOND_BPS // 10_000)
        self.differ(f"bond of {self.where(e)}", bond, e.bond)
        self.differ(f"end of {self.where(e)}", now + _PATIENCE, e.until)
        job.state, job.final_at = "missed" if missed else "disputed", e.until
        job.disputer, job.bond = e.by, e.bond
        job.left += e.bond
        if e.bond:
            self.move(e.by, self.address, e.bond)

    def on_DisputeEnded(self, e: DisputeEnded) -> None:
        job = self.jobs[e.id]
        if not self.met(e, e.id, e.disputer, e.bond, e.stands):  # nobody decided, and its time is over
            over = job.state == "disputed" and self.time_of(e.block) >= job.final_at
            self.differ(f"time of {self.where(e)} over", True, over)
            self.differ(self.where(e), (job.disputer, job.bond, True), (e.disputer, e.bond, e.stands))
            job.state = "final"
        job.left -= job.bond
        self.move(self.address, ZERO if e.stands else e.disputer, job.bond)
        job.bond = 0

    def on_Lapsed(self, e: Lapsed) -> None:
        job = self.jobs[e.id]
        split, noted = job.state == "missed", job.due.total()
        since = job.final_at if split else job.report_by + (_LEAST_WINDOW if noted else 1)
        over = job.state in ("open", "missed") and self.time_of(e.block) >= since
        self.differ(f"time of {self.where(e)} over", True, over)
        self.differ(self.where(e), (noted, split), (e.due, e.split))
        job.state, job.split = "final", split

    def on_WorkerPaid(self, e: WorkerPaid) -> None:
        job = self.jobs[e.id]
        self.is_final(job, e)
        self.differ(f"amount of {self.where(e)}", job.pay(e.worker), e.amount)
        job.left -= e.amount
        job.due[e.worker] = 0
        self.move(self.address, e.worker, e.amount)

    def on_Returned(self, e: Returned) -> None:
        job = self.jobs[e.id]
        self.is_final(job, e)
        rest = 0 if job.split else job.left - job.due.total()
        self.differ(self.where(e), (job.payer, rest), (e.payer, e.amount))
        job.left -= e.amount
        self.move(self.address, e.payer, e.amount)

    def is_final(self, job: _Job, e: WorkerPaid | Returned) -> None:
        over = job.state == "final" or (job.state == "reported" and self.time_of(e.block) >= job.final_at)
        self.differ(f"report or end before {self.where(e)}", True, over)

    def owed(self) -> int:
        return sum(job.left for job in self.jobs.values())

    def compare(self) -> None:
        jobs, the = self.client(Jobs), "the contract's"
        for id, job in self.jobs.items():
            self.differ(f"{the} money left in job {id}", job.left, jobs.left(id))
            for worker in job.due:
                self.differ(f"{the} dues of {worker} in job {id}", job.pay(worker), jobs.due(id, worker))
        self.differ(f"{the} money in jobs", self.owed(), jobs.held())


class Jobs(Contract):
    """Jobs whose price is locked first."""

    name = "Jobs"
    events = (Opened, Drafted, Reported, Disputed, DisputeEnded, Lapsed, WorkerPaid, Returned)
    replay = JobsReplay

    def open(self, verifier: str, price: int, report_by: int, dispute_seconds: int, terms: bytes) -> int:
        """Lock a price; approves by itself. Returns the job's id. The verifier is another address than the payer's, and
        whoever objects has an hour at least."""
        self._ledger.client(Token).ensure_allowance(self.address, price)
        sent = self._write("open", verifier, price, report_by, dispute_seconds, terms)
        return self._made(sent, "Opened")

    def note(self, id: int, contributions: Mapping[str, int]) -> list[Sent]:
        """Note what workers are due whatever comes, beside what was noted for them before: 150 in a transaction. Who is
        noted can object where no report comes, and if nobody decides then, all of the price is theirs."""
        return [self._page("draft", id, page) for page in _pages(list(contributions.items()))]

    def report(self, id: int, contributions: Mapping[str, int]) -> Sent:
        """Say who contributed what in all, however many they are: 150 in a transaction, and the last one counts.

        What the verifier has noted by then is left out of what is sent. LedgerError where more was noted for somebody
        than is given here, since that stands.
        """
        rows, job = list(contributions.items()), self._read("jobs", id)
        first = int(job[7]) in (_OPEN, _MISSED) and checksum(job[1]) == self._ledger.me.address
        if first and int(self._read("drafts", id, 1)[0]):
            noted = {worker: self.due(id, worker) for worker in contributions}
            if short := [worker for worker, amount in rows if noted[worker] > amount]:
                raise LedgerError(
                    f"{noted[short[0]]} units are noted for {short[0]} in job {id}, which stand: report no less for it"
                )
            rows = [(worker, amount - noted[worker]) for worker, amount in rows if amount > noted[worker]]
        *before, last = _pages(rows) or [[]]
        for page in before:
            self._page("draft", id, page)
        return self._page("report", id, last)

    def _page(self, function: str, id: int, rows: list[tuple[str, int]]) -> Sent:
        return self._write(function, id, [worker for worker, _ in rows], [amount for _, amount in rows])

    def dispute(self, id: int) -> Sent:
        """Object: to a report, before its window ends, for a bond of a twentieth of the price, which comes back where
        the decision differs from the report (approves by itself); or that none was made in time, for nothing, as a
        worker that is noted."""
        if int(self._read("jobs", id)[7]) != _OPEN:
            self._ledger.client(Token).ensure_allowance(self.address, self.bond(id))
        return self._write("dispute", id)

    def bond(self, id: int) -> int:
        """What it costs to object to the report on a job."""
        return int(self._read("bondOf", self._read("jobs", id)[2]))

    def bonded(self, id: int) -> tuple[str, int]:
        """Who objected to the report on a job, and the bond that is still held for it; 0 where it is decided."""
        words = self._words(id)
        return checksum("0x" + words[11][12:].hex()), int.from_bytes(words[10])

    def is_missed(self, id: int) -> bool:
        """Whether a worker objects that nobody reported on a job, and nobody has answered."""
        return int.from_bytes(self._words(id)[7]) == _MISSED

    def pay_all(self, id: int, workers: Sequence[str]) -> list[Sent]:
        """Pay many workers what a final report says, 150 in a transaction; who is due nothing is passed over."""
        return [self._write("payMany", id, page) for page in _pages(workers)]

    def pay(self, id: int, worker: str) -> Sent:
        """Pay a worker what a final report says."""
        return self._write("pay", id, worker)

    def give_back(self, id: int) -> Sent:
        """Return what no worker is due."""
        return self._write("giveBack", id)

    def due(self, id: int, worker: str) -> int:
        """What a worker has not been paid yet; of a job that nobody has reported on, what is noted for it."""
        return int(self._read("dueTo", id, worker))

    def left(self, id: int) -> int:
        """What a job still holds."""
        return int.from_bytes(self._words(id)[3])

    def _words(self, id: int) -> list[bytes]:
        """A job as it stands; earlier versions of the contract, from which networks move, have fewer words."""
        data = self._ledger.rpc.call(self.address, self._functions["jobs"].call_data((id,)))
        return [data[at : at + 32] for at in range(0, len(data), 32)]

    def held(self) -> int:
        """What all jobs hold."""
        return int(self._read("held"))
