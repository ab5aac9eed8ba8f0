"""Packs: contracts that belong together, with their clients, events and replays; and where each pack comes from.

A deployment is a directory of packs. ``core`` (token, members, stake, rules, clock) is always there; the others may be
missing, and one can be added to a living network by whoever owns its rules (:func:`klopf.ledger.add_pack`).
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from klopf.errors import LedgerError
from klopf.extensions import Point
from klopf.ledger._abi import Artifact, FunctionABI, artifact, packaged

if TYPE_CHECKING:
    from klopf.ledger._client import Ledger
    from klopf.ledger._types import Sent

__all__ = ["PACKS", "Contract", "Deploying", "Event", "Pack", "Replay"]

PACKS = Point(
    "klopf.packs",
    "contract pack",
    "klopf.ledger._pack:Pack",
    {
        "core": "klopf.ledger.core:Core",
        "market": "klopf.ledger.market:Market",
        "audit": "klopf.ledger.audit:Audit",
        "fleet": "klopf.ledger.fleet:Fleet",
        "dao": "klopf.ledger.dao:Dao",
        "move": "klopf.ledger.move:Move",
    },
)
"""Every pack that can be had, by its name."""


@dataclass(frozen=True)
class Event:
    """Where an event stands: ``contract`` is the contract's name, ``transaction`` its hash.

    A subclass adds the event's own fields, in the order of the contract's: a value each, as :mod:`eth_abi` reads it
    (addresses with their checksum). Events are known by contract and name, so two contracts may use one name.
    """

    block: int
    log_index: int
    transaction: str
    contract: str

    said: ClassVar[str] = ""
    """The event's name in the contract; by default that of the class."""


class Replay:
    """A second implementation of what one contract does, which ``verify`` leads through the history.

    A subclass has a method ``on_<Event class>`` for each of its contract's events.
    """


@dataclass(frozen=True)
class Deploying:
    """What a contract's constructor may be told."""

    directory: str
    """Address of the network's directory; a contract that takes it finds all others by their names."""
    sender: str
    """Who deploys."""
    addresses: Mapping[str, str]
    """Where every contract of the network is or will be, by name."""
    owner: str = ""
    """Who owns the rules."""
    treasury: str = ""
    """Where slashed stake goes."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What the caller of ``deploy`` or ``add_pack`` gave: ``parameters``, ``economy``, ``constitution``..."""


class Contract:
    """The client of one contract: each method one call (:meth:`_read`) or one transaction (:meth:`_write`)."""

    name: ClassVar[str] = ""
    """The contract's name in the directory, by which its artifact and its events are known too."""
    file: ClassVar[str] = ""
    """``package:path`` of the artifact, as ``contracts/build.mjs`` or solc writes it; empty for what Klopf ships."""
    events: ClassVar[tuple[type[Event], ...]] = ()
    """What it says. An event that is not here is a difference for ``verify``."""
    silent: ClassVar[tuple[str, ...]] = ()
    """Events that say nothing about Klopf and are passed over, by their names in the contract."""
    Replay: ClassVar[type[Replay] | None] = None
    """What ``verify`` checks its events with."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.address = ledger.deployment.addresses[self.name]
        self._functions: dict[str, FunctionABI] = self.artifact().functions

    @classmethod
    def artifact(cls) -> Artifact:
        """The compiled contract."""
        return packaged(cls.file) if cls.file else artifact(cls.name)

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        """What its constructor takes."""
        return (deploying.directory,)

    def _read(self, function: str, *arguments: Any, at: str = "latest") -> Any:
        abi = self._functions[function]
        return abi.answer(self._ledger.rpc.call(self.address, abi.call_data(arguments), block=at))

    def _write(self, function: str, *arguments: Any) -> Sent:
        return self._ledger.send(self.address, self._functions[function].call_data(arguments))

    def _made(self, sent: Sent, event: str) -> int:
        """The id in the first topic of an event that this contract emitted in a transaction."""
        topic = next(t for t, e in self.artifact().events.items() if e.name == event)
        for log in sent.logs:
            if log["topics"] and bytes.fromhex(log["topics"][0][2:]) == topic:
                return int(log["topics"][1], 16)
        raise LedgerError(f"{self.name} confirmed no {event}; check that the deployment file is its own")


class Pack(ABC):
    """Contracts that belong together. A recipe for one of your own:

    1. Write the contract. Its constructor takes the directory's address (and plain values, if it needs any), reads from
       it the addresses that it needs, and keeps them as immutables::

           constructor(IDirectory directory) { registry = IRegistry(directory.addressOf("Registry")); }

    2. Build it: ``node build.mjs FOLDER ARTIFACTS`` in Klopf's ``contracts/``, or solc. Ship the artifact as package
       data.
    3. Write its client, its events and its replay, and name them in a pack::

           @dataclass(frozen=True)
           class Joined(Event):
               round: int
               member: int

           class Rounds(Contract):
               name, file, events = "Rounds", "my_package:artifacts/Rounds.json", (Joined,)

               def join(self, round: int) -> Sent:
                   return self._write("join", round)

           class MyPack(Pack):
               name, contracts = "rounds", (Rounds,)

    4. Name the pack in your package's ``pyproject.toml``::

           [project.entry-points."klopf.packs"]
           rounds = "my_package:MyPack"

    5. ``klopf ledger add-pack rounds`` deploys it to a network, whose owner enters it in the directory.
    """

    name: ClassVar[str]
    """Its name: lower-case letters, as in the entry point and in the directory."""
    contracts: ClassVar[tuple[type[Contract], ...]]
    """In the order of creation."""
    requires: ClassVar[tuple[str, ...]] = ("core",)
    """Packs that a network must have for this one."""
