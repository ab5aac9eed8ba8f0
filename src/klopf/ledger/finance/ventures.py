"""Money that can only be spent on data and compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from klopf.errors import LedgerError
from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._replay import Replay
from klopf.ledger.core.clock import Clock
from klopf.ledger.core.token import Token
from klopf.ledger.keys import checksum
from klopf.ledger.market.jobs import JobsReplay

__all__ = [
    "Agreed", "Collected", "Funded", "Lot", "Released", "Spent", "TakenBack", "Use", "Venture", "VentureOpened",
    "VentureTerms", "Ventures", "VenturesReplay",
]  # fmt: skip

_MOST_PARTS, _MOST_LOTS, _MOST_JOBS, _LEAST_WINDOW = 12, 100, 32, 3 * 24 * 3600


class Use(IntEnum):
    """What money is spent on."""

    DATA = 0
    COMPUTE = 1
    AUDIT = 2
    STORAGE = 3


@dataclass(frozen=True)
class VentureTerms:
    """What holds for a venture for ever. Times are in seconds since 1970."""

    goal: int
    """The sum, in 1e-18 KLP."""
    fill_by: int
    ends_at: int
    """Nothing is spent after it."""
    verifier: str
    """Who says what was contributed to its jobs; not the founder."""
    founder_bps: int = 5000
    """The founder's part of the model's shares, in 1/10,000."""
    plan: bytes = bytes(32)
    """Hash of what it is for."""

    def as_tuple(self) -> tuple[int, int, int, str, int, bytes]:
        """In the contract's order."""
        return self.goal, self.fill_by, self.ends_at, self.verifier, self.founder_bps, self.plan

    @classmethod
    def from_tuple(cls, values: Sequence[Any]) -> VentureTerms:
        """Back from :meth:`as_tuple`."""
        goal, fill_by, ends_at, verifier, founder_bps, plan = values
        return cls(goal, fill_by, ends_at, checksum(verifier), founder_bps, bytes(plan))


@dataclass(frozen=True)
class VentureOpened(Event):
    id: int
    founder: str
    terms: tuple[Any, ...]
    parts: tuple[int, ...]


@dataclass(frozen=True)
class Funded(Event):
    id: int
    lot: int
    owner: str
    amount: int


@dataclass(frozen=True)
class Released(Event):
    id: int
    milestone: int
    amount: int


@dataclass(frozen=True)
class Spent(Event):
    id: int
    job: int
    use: int
    price: int


@dataclass(frozen=True)
class Collected(Event):
    id: int
    job: int
    amount: int


@dataclass(frozen=True)
class Agreed(Event):
    id: int
    lot: int
    milestone: int


@dataclass(frozen=True)
class TakenBack(Event):
    id: int
    lot: int
    owner: str
    amount: int


@dataclass
class Lot:
    """A part of a venture's sum, which lies on it from ``start`` to ``start + amount``."""

    owner: str
    start: int
    amount: int
    taken: bool = False
    """What was left of it has gone back."""

    def part(self, of: int, all: int) -> int:
        """This lot's part of ``of``, whatever lots there are: their parts sum to exactly that.

        >>> [Lot("", start, 1).part(10, 3) for start in range(3)]
        [3, 3, 4]
        """
        return of * (self.start + self.amount) // all - of * self.start // all


@dataclass
class Venture:
    """A founder's undertaking, as it stands. Amounts are in 1e-18 KLP."""

    founder: str
    terms: VentureTerms
    lots: int = 0
    milestone: int = 0
    """Parts of the sum that are released; 0 until it is filled."""
    open_jobs: int = 0
    raised: int = 0
    released: int = 0
    spent: int = 0
    returned: int = 0
    """Of what was spent, by jobs that cost less."""

    @property
    def free(self) -> int:
        """What may be spent now."""
        return self.released + self.returned - self.spent

    @property
    def left(self) -> int:
        """What is in the account."""
        return self.raised + self.returned - self.spent


@dataclass
class _Book:
    venture: Venture
    parts: tuple[int, ...]
    lots: list[Lot] = field(default_factory=list)
    jobs: dict[int, int] = field(default_factory=dict)
    """Open ones, and their prices."""
    agreed: set[tuple[int, int]] = field(default_factory=set)
    taken: int = 0


class VenturesReplay(Replay):
    """Every venture and lot; a job is paid for by the replay of ``Jobs``, which must have it as it is said here."""

    holds_tokens = True

    def begin(self) -> None:
        self.books: dict[int, _Book] = {}
        self.jobs = self.of(JobsReplay)

    def on_VentureOpened(self, e: VentureOpened) -> None:
        terms, now = VentureTerms.from_tuple(e.terms), self.time_of(e.block)
        self.differ(f"id of {self.where(e)}", len(self.books) + 1, e.id)
        self.differ(f"times of {self.where(e)}", True, now < terms.fill_by < terms.ends_at)
        self.differ(f"founder that verifies {self.where(e)}", False, terms.verifier == e.founder)
        self.differ(f"sum of the parts of {self.where(e)}", terms.goal, sum(e.parts))
        self.differ(f"parts of {self.where(e)} few enough", True, 0 < len(e.parts) <= _MOST_PARTS)
        self.books[e.id] = _Book(Venture(e.founder, terms), tuple(e.parts))

    def on_Funded(self, e: Funded) -> None:
        book, now = self.books[e.id], self.time_of(e.block)
        venture = book.venture
        left = venture.terms.goal - venture.raised
        enough = e.amount == left or -(-venture.terms.goal // _MOST_LOTS) <= e.amount < left
        self.differ(f"amount of {self.where(e)} allowed", True, left > 0 and enough)
        self.differ(f"time of {self.where(e)}", True, now <= venture.terms.fill_by)
        self.differ(f"number of {self.where(e)}", len(book.lots), e.lot)
        book.lots.append(Lot(e.owner, venture.raised, e.amount))
        venture.lots, venture.raised = venture.lots + 1, venture.raised + e.amount
        self.move(e.owner, self.address, e.amount)
        if e.amount == left:
            self._release(e.id)

    def _release(self, id: int) -> None:
        """The next part: it must be said."""
        book = self.books[id]
        amount = book.parts[book.venture.milestone]
        book.venture.milestone += 1
        book.venture.released += amount
        self.expect("Ventures.Released", id, book.venture.milestone, amount)

    def on_Released(self, e: Released) -> None:
        self.must(e, e.id, e.milestone, e.amount)

    def on_Spent(self, e: Spent) -> None:
        book, job = self.books[e.id], self.jobs.jobs[e.job]
        terms = book.venture.terms
        self.differ(f"price of {self.where(e)} released", True, e.price <= book.venture.free)
        said = (self.address, terms.verifier, e.price)
        self.differ(f"the job of {self.where(e)}", said, (job.payer, job.verifier, job.price))
        self.differ(f"deadline of {self.where(e)} within the time", True, job.report_by <= terms.ends_at)
        book.venture.spent += e.price
        book.venture.open_jobs += 1
        book.jobs[e.job] = e.price
        self.differ(f"jobs that are open after {self.where(e)} few enough", True, len(book.jobs) <= _MOST_JOBS)

    def on_Collected(self, e: Collected) -> None:
        book, job = self.books[e.id], self.jobs.jobs[e.job]
        price = book.jobs.pop(e.job)
        told = sum(amount for _, amount in job.told[job.counts])
        over = job.state == "final" or (job.state == "reported" and self.time_of(e.block) >= job.final_at)
        self.differ(f"job of {self.where(e)} over", True, over)
        self.differ(f"amount of {self.where(e)}", 0 if job.split else price - told, e.amount)
        book.venture.returned += e.amount
        book.venture.open_jobs -= 1

    def on_Agreed(self, e: Agreed) -> None:
        book = self.books[e.id]
        self.differ(f"milestone of {self.where(e)}", book.venture.milestone, e.milestone)
        self.differ(f"lot of {self.where(e)} agreed before", False, (e.milestone, e.lot) in book.agreed)
        book.agreed.add((e.milestone, e.lot))
        agreed = sum(book.lots[lot].amount for at, lot in book.agreed if at == e.milestone)
        if 3 * agreed >= 2 * book.venture.terms.goal:
            self._release(e.id)

    def on_TakenBack(self, e: TakenBack) -> None:
        book = self.books[e.id]
        venture, lot = book.venture, book.lots[e.lot]
        filled = venture.raised == venture.terms.goal
        since = venture.terms.ends_at if filled else venture.terms.fill_by
        self.differ(f"time of {self.where(e)} over", True, self.time_of(e.block) > since and not book.jobs)
        amount = lot.part(venture.left, venture.raised) if filled else lot.amount
        self.differ(self.where(e), (lot.owner, amount, False), (e.owner, e.amount, lot.taken))
        lot.taken = True
        book.taken += e.amount
        self.move(self.address, e.owner, e.amount)

    def owed(self) -> int:
        back = sum(job.price - sum(a for _, a in job.told[job.counts])
                   for book in self.books.values() for job in map(self.jobs.jobs.__getitem__, book.jobs)
                   if job.payer == self.address and self._has_returned(job))  # fmt: skip
        return back + sum(book.venture.left - book.taken for book in self.books.values())

    @staticmethod
    def _has_returned(job: Any) -> bool:
        """Whether somebody made a job return what nobody is due before it was collected here."""
        return job.state == "final" and not job.split and job.left == job.due.total() and job.bond == 0

    def compare(self) -> None:
        ventures, the = self.client(Ventures), "the contract's"
        self.differ(f"{the} ventures", len(self.books), ventures.count())
        for id, book in self.books.items():
            self.differ(f"{the} venture {id}", book.venture, ventures.venture(id))
            for number, lot in enumerate(book.lots):
                self.differ(f"{the} lot {number} of venture {id}", lot, ventures.lot(id, number))


class Ventures(Contract):
    """Money that can only be spent on data and compute."""

    name = "Ventures"
    events = (VentureOpened, Funded, Released, Spent, Collected, Agreed, TakenBack)
    replay = VenturesReplay

    def open(self, terms: VentureTerms, parts: Sequence[int] | None = None) -> int:
        """Ask for money, released in ``parts`` (all at once by default); the venture's number."""
        return self._made(self._write("open", terms.as_tuple(), list(parts or [terms.goal])), "VentureOpened")

    def fund(self, id: int, amount: int) -> Sent:
        """Bring a part of the sum: a hundredth of it at least, or what is left. Approves by itself."""
        self._ledger.client(Token).ensure_allowance(self.address, amount)
        return self._write("fund", id, amount)

    def spend(self, id: int, price: int, report_by: int, terms: bytes, *, use: Use = Use.COMPUTE,
              window: int = _LEAST_WINDOW) -> int:  # fmt: skip
        """Lock the price of a job, whose verifier is the venture's; the founder only. The job's number."""
        sent = self._write("spend", id, int(use), price, report_by, window, terms)
        (job,) = (e.job for e in self._said((Spent,), sent.block, sent.block) if e.transaction == sent.hash)
        return job

    def collect(self, job: int) -> Sent:
        """Count what a job that is over has returned."""
        return self._write("collect", job)

    def agree(self, id: int, lot: int) -> Sent:
        """Agree that the next part is released; the lot's owner only."""
        return self._write("agree", id, lot)

    def take_back(self, id: int, lot: int) -> Sent:
        """Have a lot's part of what was not spent, to its owner."""
        return self._write("takeBack", id, lot)

    def count(self) -> int:
        """How many ventures there are."""
        return int(self._read("count"))

    def venture(self, id: int) -> Venture:
        """A venture as it stands. LedgerError where there is none."""
        founder, lots, milestone, jobs, raised, released, spent, returned, terms = self._read("ventureOf", id)
        if not int(founder, 16):
            raise LedgerError(f"there is no venture {id}; `klopf invest list` shows those that there are")
        return Venture(checksum(founder), VentureTerms.from_tuple(terms), lots, milestone, jobs, raised, released,
                       spent, returned)  # fmt: skip

    def parts(self, id: int) -> list[int]:
        """In which parts a sum is released."""
        return [int(part) for part in self._read("partsOf", id)]

    def lot(self, id: int, number: int) -> Lot:
        """A lot."""
        owner, taken, start, amount = self._read("lotOf", id, number)
        return Lot(checksum(owner), start, amount, taken)

    def lots(self, id: int) -> list[Lot]:
        """All lots of a venture."""
        return [self.lot(id, number) for number in range(self.venture(id).lots)]

    def agreed(self, id: int) -> int:
        """Sum of the lots that agree to the next part."""
        return int(self._read("agreedTo", id, self.venture(id).milestone))

    def jobs(self, id: int) -> list[Spent]:
        """All that was spent."""
        first, last = self._ledger.deployment.block, self._ledger.rpc.height()
        return [e for e in self._said((Spent,), first, last) if e.id == id]

    def is_open(self, job: int) -> bool:
        """Whether a job is a venture's and not collected."""
        return int(self._read("ventureOfJob", job)) != 0

    def is_over(self, id: int) -> bool:
        """Whether what was not spent goes back to the lots now."""
        venture, now = self.venture(id), self._ledger.client(Clock).now().time
        filled = venture.raised == venture.terms.goal
        return now > (venture.terms.ends_at if filled else venture.terms.fill_by) and not venture.open_jobs
