"""Jobs whose price is locked first, and their payment by contribution."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._replay import Replay
from klopf.ledger.core.token import Token

__all__ = [
    "Disputed",
    "Jobs",
    "JobsReplay",
    "Opened",
    "Reported",
    "Returned",
    "WorkerPaid",
]


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
class Disputed(Event):
    id: int
    by: str


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
    left: int
    due: Counter[str] = field(default_factory=Counter)
    state: str = "open"


class JobsReplay(Replay):
    """What each job holds and whom it owes."""

    holds_tokens = True

    def begin(self) -> None:
        self.jobs: dict[int, _Job] = {}

    def on_Opened(self, e: Opened) -> None:
        self.differ(f"id of {self.where(e)}", len(self.jobs) + 1, e.id)
        self.jobs[e.id] = _Job(e.payer, e.price)
        self.move(e.payer, self.address, e.price)

    def on_Reported(self, e: Reported) -> None:
        job = self.jobs[e.id]
        self.differ(f"a report due at {self.where(e)}", True, job.state in ("open", "disputed"))
        job.state = "reported" if job.state == "open" else "final"
        job.due = Counter()
        for worker, amount in zip(e.workers, e.amounts, strict=True):
            job.due[worker] += amount
        self.differ(f"sum of {self.where(e)} within the price", True, job.due.total() <= job.left)

    def on_Disputed(self, e: Disputed) -> None:
        job = self.jobs[e.id]
        self.differ(f"state before {self.where(e)}", "reported", job.state)
        job.state = "disputed"

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
    events = (Opened, Reported, Disputed, WorkerPaid, Returned)
    replay = JobsReplay

    def open(self, verifier: str, price: int, report_by: int, dispute_seconds: int, terms: bytes) -> int:
        """Lock a price; approves by itself. Returns the job's id."""
        self._ledger.client(Token).ensure_allowance(self.address, price)
        sent = self._write("open", verifier, price, report_by, dispute_seconds, terms)
        return self._made(sent, "Opened")

    def report(self, id: int, contributions: dict[str, int]) -> Sent:
        """Say who contributed what."""
        return self._write("report", id, list(contributions), list(contributions.values()))

    def dispute(self, id: int) -> Sent:
        """Object to a report before its window ends."""
        return self._write("dispute", id)

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
        return int(self._read("jobs", id)[3])

    def held(self) -> int:
        """What all jobs hold."""
        return int(self._read("held"))
