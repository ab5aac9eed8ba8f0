"""Jobs whose price is locked first, and their payment by contribution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    "Opened",
    "Reported",
    "Returned",
    "WorkerPaid",
]

_BOND_BPS, _PATIENCE = 500, 14 * 24 * 3600  # of a dispute: of the price in 1/10,000, and seconds
_PAGE = 150  # workers in a transaction


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
    price: int
    left: int
    """Not paid out yet, the bond of a dispute included."""
    due: Counter[str] = field(default_factory=Counter)
    state: str = "open"
    final_at: int = 0
    round: int = 0
    told: dict[int, list[tuple[str, int]]] = field(default_factory=lambda: {0: []})
    """What each report said, in its order, pages that were noted before it included."""
    disputer: str = ""
    bond: int = 0


class JobsReplay(Replay):
    """What each job holds and whom it owes."""

    holds_tokens = True

    def begin(self) -> None:
        self.jobs: dict[int, _Job] = {}

    def on_Opened(self, e: Opened) -> None:
        self.differ(f"id of {self.where(e)}", len(self.jobs) + 1, e.id)
        self.differ(f"payer that verifies {self.where(e)}", False, e.payer == e.verifier)
        self.jobs[e.id] = _Job(e.payer, e.price, e.price)
        self.move(e.payer, self.address, e.price)

    def on_Drafted(self, e: Drafted) -> None:
        job = self.jobs[e.id]
        self.differ(f"a report due at {self.where(e)}", True, job.state in ("open", "disputed"))
        self.differ(f"round of {self.where(e)}", job.round + 1, e.round)
        self.note(job, e)

    def note(self, job: _Job, e: Drafted | Reported) -> list[tuple[str, int]]:
        """A page of the report that is next, with those before it."""
        told = job.told.setdefault(job.round + 1, [])
        told += zip(e.workers, e.amounts, strict=True)
        within = sum(amount for _, amount in told) <= job.price
        self.differ(f"sum of {self.where(e)} within the price", True, within)
        return told

    def on_Reported(self, e: Reported) -> None:
        job = self.jobs[e.id]
        self.differ(f"a report due at {self.where(e)}", True, job.state in ("open", "disputed"))
        told = self.note(job, e)
        stands = told == job.told[job.round]
        job.round += 1
        job.due = Counter()
        for worker, amount in told:
            job.due[worker] += amount
        decided = job.state == "disputed"
        job.state, job.final_at = "final" if decided else "reported", e.final_at
        if decided:
            self.expect("Jobs.DisputeEnded", e.id, job.disputer, job.bond, stands)

    def on_Disputed(self, e: Disputed) -> None:
        job = self.jobs[e.id]
        self.differ(f"state before {self.where(e)}", "reported", job.state)
        self.differ(f"bond of {self.where(e)}", -(-job.price * _BOND_BPS // 10_000), e.bond)
        self.differ(f"end of {self.where(e)}", self.time_of(e.block) + _PATIENCE, e.until)
        job.state, job.disputer, job.bond, job.final_at = "disputed", e.by, e.bond, e.until
        job.left += e.bond
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

    def on_WorkerPaid(self, e: WorkerPaid) -> None:
        job = self.jobs[e.id]
        self.differ(f"amount of {self.where(e)}", job.due[e.worker], e.amount)
        job.left -= e.amount
        job.due[e.worker] = 0
        self.move(self.address, e.worker, e.amount)

    def on_Returned(self, e: Returned) -> None:
        job = self.jobs[e.id]
        self.differ(self.where(e), (job.payer, job.left - job.due.total()), (e.payer, e.amount))
        job.left -= e.amount
        self.move(self.address, e.payer, e.amount)

    def owed(self) -> int:
        return sum(job.left for job in self.jobs.values())

    def compare(self) -> None:
        jobs, the = self.client(Jobs), "the contract's"
        for id, job in self.jobs.items():
            self.differ(f"{the} money left in job {id}", job.left, jobs.left(id))
            for worker, due in job.due.items():
                self.differ(f"{the} dues of {worker} in job {id}", due, jobs.due(id, worker))
        self.differ(f"{the} money in jobs", self.owed(), jobs.held())


class Jobs(Contract):
    """Jobs whose price is locked first."""

    name = "Jobs"
    events = (Opened, Drafted, Reported, Disputed, DisputeEnded, WorkerPaid, Returned)
    replay = JobsReplay

    def open(self, verifier: str, price: int, report_by: int, dispute_seconds: int, terms: bytes) -> int:
        """Lock a price; approves by itself. Returns the job's id. The verifier is another address than the payer's."""
        self._ledger.client(Token).ensure_allowance(self.address, price)
        sent = self._write("open", verifier, price, report_by, dispute_seconds, terms)
        return self._made(sent, "Opened")

    def report(self, id: int, contributions: Mapping[str, int]) -> Sent:
        """Say who contributed what, however many they are: 150 in a transaction, and the last one counts."""
        rows = list(contributions.items())
        while len(rows) > _PAGE:
            page, rows = rows[:_PAGE], rows[_PAGE:]
            self._write("draft", id, [worker for worker, _ in page], [amount for _, amount in page])
        return self._write("report", id, [worker for worker, _ in rows], [amount for _, amount in rows])

    def dispute(self, id: int) -> Sent:
        """Object to a report before its window ends, for a bond of a twentieth of the price; approves by itself. The
        bond comes back where the decision differs from the report."""
        self._ledger.client(Token).ensure_allowance(self.address, self.bond(id))
        return self._write("dispute", id)

    def bond(self, id: int) -> int:
        """What it costs to object to the report on a job."""
        return int(self._read("bondOf", self._read("jobs", id)[2]))

    def bonded(self, id: int) -> tuple[str, int]:
        """Who objected to the report on a job, and the bond that is still held for it; 0 where it is decided."""
        job = self._read("jobs", id)
        return checksum(job[11]), int(job[10])

    def pay_all(self, id: int, workers: Sequence[str]) -> list[Sent]:
        """Pay many workers what a final report says, 150 in a transaction; who is due nothing is passed over."""
        pages = [workers[at : at + _PAGE] for at in range(0, len(workers), _PAGE)]
        return [self._write("payMany", id, list(page)) for page in pages]

    def pay(self, id: int, worker: str) -> Sent:
        """Pay a worker what a final report says."""
        return self._write("pay", id, worker)

    def give_back(self, id: int) -> Sent:
        """Return what no worker is due."""
        return self._write("giveBack", id)

    def due(self, id: int, worker: str) -> int:
        """What a worker has not been paid yet."""
        return int(self._read("dueTo", id, worker))

    def left(self, id: int) -> int:
        """What a job still holds."""
        data = self._ledger.rpc.call(self.address, self._functions["jobs"].call_data((id,)))
        return int.from_bytes(data[96:128])  # as earlier versions of the contract have it too

    def held(self) -> int:
        """What all jobs hold."""
        return int(self._read("held"))
