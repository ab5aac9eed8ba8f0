"""The run of a replay: a history is played again, transaction by transaction, by one :class:`Replay` a contract.

A replay is an independent second implementation of its contract's bookkeeping. Each event is checked against what the
replays say must have happened; each transfer of tokens that a contract made must have a cause in the same transaction
and each cause its transfer; each event that must follow another has to. At the end each replay compares its state with
its contract's, value by value. What nobody accounts for is a difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from klopf.errors import ChainError, LedgerError
from klopf.extensions import said
from klopf.ledger._client import Client, Connection
from klopf.ledger._event import Event
from klopf.ledger._receipts import SignedReceipt

__all__ = ["ZERO", "Difference", "Replay", "Verification"]

ZERO = "0x" + "00" * 20

C = TypeVar("C", bound=Client)
R = TypeVar("R", bound="Replay")


@dataclass(frozen=True)
class Difference:
    """Something that is not as it must be. ``str`` is one line."""

    what: str
    expected: object
    found: object

    def __str__(self) -> str:
        return f"{self.what}: must be {_show(self.expected)}, is {_show(self.found)}"


def where(event: Event) -> str:
    """An event by its kind and place."""
    return f"{event.kind} in block {event.block} (event {event.log_index})"


def _show(value: object) -> str:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    try:
        return " ".join(str(value).split())
    except Exception as error:  # a stranger's replay may compare whatever it likes
        return f"a {type(value).__name__} without text ({said(error)})"


def refused(replay: type[Replay], contract: str, error: BaseException) -> str:
    """What a replay cannot account for."""
    package = replay.__module__.partition(".")[0]
    return f"refused by the replay of {contract}, from {package} ({said(error)})"


def broken(replay: type[Replay], contract: str, error: BaseException) -> str:
    """A replay cannot go on."""
    package = replay.__module__.partition(".")[0]
    return f"refused: the replay of {contract}, from {package}, failed ({said(error)})"


def _ends_all(replay: type[Replay], error: BaseException) -> bool:
    """Whether an error in a replay ends the verification: an interrupt does, and a ledger that Klopf's own replay
    cannot read. Whatever a stranger's raises, also by asking its contract, hides nothing of the others."""
    own = replay.__module__.startswith("klopf.")
    return isinstance(error, KeyboardInterrupt) or (own and isinstance(error, LedgerError | ChainError))


class Replay:
    """What one contract must have done, played again from events.

    A subclass has a method ``on_NAME(self, e)`` for each event NAME that needs bookkeeping; the contract lists those
    that need none, and an event that is neither is named by ``verify``. A handler may raise KeyError (the event is
    about something that does not exist), ValueError or ArithmeticError (it cannot be): both are named.
    """

    holds_tokens: ClassVar[bool] = False
    """Whether the contract keeps tokens of others: then each transfer to and from it must have a cause."""

    def __init__(self, run: Verification, contract: str) -> None:
        self.run = run
        self.contract = contract
        self.address = run.ledger.address(contract)
        self.begin()

    def begin(self) -> None:
        """Set the state before the first event. Replays of packs that this one's pack needs exist already."""

    def end_transaction(self, at: str) -> None:
        """Check what must hold when a transaction is over; ``at`` says which."""

    def compare(self) -> None:
        """Compare the state at the end with the contract's."""

    def owed(self) -> int | None:
        """The tokens that the contract must hold by this state; None where this cannot be known."""
        return None

    # what a handler says

    def differ(self, what: str, expected: object, found: object) -> None:
        """Name a difference, if there is one."""
        self.run.differ(what, expected, found)

    def where(self, event: Event) -> str:
        """An event by its kind and place."""
        return where(event)

    def expect(self, kind: str, *values: object) -> None:
        """An event of ``kind`` ("Contract.Event") that says ``values`` must follow in this transaction."""
        self.run.due.append((kind, values))

    def met(self, event: Event, *values: object) -> bool:
        """Tick off an event that had to follow; False where none of its kind had to."""
        due = self.run.due
        if (event.kind, values) in due:
            due.remove((event.kind, values))
            return True
        for other in due:
            if other[0] == event.kind:
                due.remove(other)
                self.differ(self.where(event), other[1], values)
                return True
        return False

    def must(self, event: Event, *values: object) -> None:
        """This event may only be here because another one said that it must follow."""
        if not self.met(event, *values):
            self.differ(self.where(event), "without a cause nothing", values)

    def move(self, sender: str, to: str, amount: int) -> None:
        """``amount`` of the token must move in this transaction."""
        if not (isinstance(sender, str) and isinstance(to, str) and isinstance(amount, int)):
            raise ValueError(f"a move from {sender!r} to {to!r} of {amount!r} is none: say two addresses and an amount")
        self.run.moves[(sender, to, amount)] += 1

    def time_of(self, block: int) -> int:
        """When a block was made, in seconds since 1970."""
        return self.run.time_of(block)

    def of(self, kind: type[R]) -> R:
        """Another contract's replay. LedgerError where this network has no such contract."""
        return self.run.replay(kind)

    def client(self, kind: type[C]) -> C:
        """A contract's client, to compare with."""
        return self.run.ledger.client(kind)


class Verification:
    """The replays of a deployment's contracts, and what they found. ``take`` is called with the events of one
    transaction after another, ``compare`` at the end."""

    def __init__(
        self, ledger: Connection, receipts: Iterable[SignedReceipt], not_used: Callable[[str, str], str]
    ) -> None:
        self.ledger = ledger
        self._not_used = not_used
        """Why a contract of a pack that the network has is not played, by the names of both."""
        self.receipts: dict[bytes, SignedReceipt] = {signed.receipt.leaf: signed for signed in receipts}
        """By leaf."""
        self.differences: list[Difference] = []
        self.replays: dict[str, Replay] = {}
        """By contract."""
        self.due: list[tuple[str, tuple[object, ...]]] = []  # events that must follow in this transaction
        self.moves: Counter[tuple[str, str, int]] = Counter()  # transfers that must happen in it
        self.seen: Counter[tuple[str, str, int]] = Counter()  # transfers that did
        self._needs_none: set[tuple[str, type[Event]]] = set()
        self._times: dict[int, int] = {}

    def add(self, contract: str, kind: type[Replay], events: Iterable[type[Event]]) -> None:
        """Play ``contract`` too, with a replay of class ``kind``; ``events`` are those that need no bookkeeping."""
        try:
            self.replays[contract] = kind(self, contract)
        except BaseException as error:  # whatever a stranger's pack does
            if _ends_all(kind, error):
                raise
            self.differ(f"what {contract} holds", "played", broken(kind, contract, error))
        self._needs_none |= {(contract, event) for event in events}

    def replay(self, kind: type[R]) -> R:
        """The replay of class ``kind``."""
        for replay in self.replays.values():
            if isinstance(replay, kind):
                return replay
        raise LedgerError(f"this network has no contract that {kind.__name__} plays")

    def differ(self, what: str, expected: object, found: object) -> None:
        if expected != found:
            self.differences.append(Difference(what, expected, found))

    def take(self, events: list[Event]) -> None:
        """Play one transaction."""
        for event in events:
            self._play(event)
        at = f"block {events[0].block}"
        for kind, values in self.due:
            self.differ(f"{kind}{values} in {at}", "said by the contract", "missing")
        for move in sorted(set(self.moves) | set(self.seen)):
            if self.moves[move] != self.seen[move]:
                what = f"transfers of {move[2]} from {self.name(move[0])} to {self.name(move[1])} in {at}"
                self.differ(what, self.moves[move], self.seen[move])
        self._each(lambda replay: replay.end_transaction(at))
        self.due, self.moves, self.seen = [], Counter(), Counter()

    def _play(self, event: Event) -> None:
        replay = self.replays.get(event.contract)
        handler = getattr(type(replay), f"on_{type(event).__name__}", None)
        if replay is None or handler is None:
            if (event.contract, type(event)) not in self._needs_none:
                self.differ(where(event), "accounted for", self.unaccounted(event))
            return
        try:
            handler(replay, event)
        except KeyError as missing:
            unknown = said(missing).removeprefix("KeyError: ")
            self.differ(where(event), "about something that exists", f"about the unknown {unknown}")
        except (ValueError, ArithmeticError) as error:
            self.differ(where(event), "possible", refused(type(replay), event.contract, error))
        except BaseException as error:  # whatever the replay of a stranger's pack does
            if _ends_all(type(replay), error):
                raise
            self.differ(where(event), "played", broken(type(replay), event.contract, error))

    def _each(self, step: Callable[[Replay], None]) -> None:
        for replay in self.replays.values():
            try:
                step(replay)
            except BaseException as error:  # as above
                if _ends_all(type(replay), error):
                    raise
                self.differ(f"what {replay.contract} holds", "compared", broken(type(replay), replay.contract, error))

    def unaccounted(self, event: Event) -> str:
        """Why nobody knows what an event means."""
        if event.contract not in self.replays:
            packs = self.ledger.deployment.packs.items()
            pack = next((pack for pack, names in packs if event.contract in names), "")
            return self._not_used(pack, event.contract)
        return f"unknown to the replay of {event.contract}; this contract is not the one that its pack has"

    def compare(self) -> None:
        """Compare all state with the contracts'."""
        self._each(lambda replay: replay.compare())

    def owed(self, replay: Replay) -> int | None:
        """What ``replay`` says that its contract must hold; None where it cannot say."""
        try:
            return replay.owed()
        except BaseException as error:  # as above
            if _ends_all(type(replay), error):
                raise
            self.differ(f"what {replay.contract} owes", "known", broken(type(replay), replay.contract, error))
            return None

    def name(self, address: str) -> str:
        """A contract by its address; the address of anybody else."""
        return next((name for name, a in self.ledger.deployment.addresses.items() if a == address), address)

    def time_of(self, block: int) -> int:
        """When a block was made, in seconds since 1970."""
        if block not in self._times:
            self._times[block] = self.ledger.rpc.time_of(block)
        return self._times[block]
