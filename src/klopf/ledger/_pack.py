"""Packs: contracts that belong together, with their clients, events and replays; and where each pack comes from.

A deployment is a directory of packs. ``core`` (token, members, stake, rules, clock) is always there; the others may be
missing, and one can be added to a living network by whoever owns its rules (:func:`klopf.ledger.add_pack`).
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, TypeVar, cast

from klopf.errors import ExtensionError
from klopf.extensions import Point
from klopf.ledger._abi import EventABI
from klopf.ledger._client import Client
from klopf.ledger._event import Event
from klopf.ledger._replay import Replay

__all__ = ["PACKS", "Contract", "Deploying", "Pack", "contracts"]

E = TypeVar("E", bound=Event)

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


class Contract(Client):
    """One contract of a pack: its client, its events, and the replay that ``verify`` checks them with."""

    events: ClassVar[tuple[type[Event], ...]] = ()
    """Everything that it says: a class for each event in its ABI, called as there, with its fields in their order."""
    needs_none: ClassVar[tuple[type[Event], ...]] = ()
    """Those of its events that have no consequence to keep book of."""
    participants: ClassVar[tuple[str, ...]] = ()
    """The fields of its events that hold a participant's id, so that a participant's history can be shown."""
    behind_proxy: ClassVar[bool] = False
    """Whether its code may be replaced by the timelock: then it is created as ``NAMECode``, and a proxy as ``NAME``."""
    replay: ClassVar[type[Replay]] = Replay
    """What ``verify`` plays the others with. An event that neither it nor ``needs_none`` knows is a difference."""

    _by_topic: ClassVar[dict[str, tuple[type[Event], EventABI]]]

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        """What its constructor takes."""
        return (deploying.directory,)

    def _said(
        self, kinds: Sequence[type[E]], since: int, until: int, *topics: str | None, step: int = 5_000
    ) -> Iterator[E]:
        """Its events of these kinds from block ``since`` to block ``until``, in order; ``topics`` are those that must
        follow the first (None for any), ``step`` blocks are asked for at a time, which public nodes limit."""
        named = {topic: found for topic, found in self.by_topic().items() if found[0] in kinds}
        for first in range(since, until + 1, step):
            query = {
                "address": self.address,
                "topics": [list(named), *topics],
                "fromBlock": hex(first),
                "toBlock": hex(min(first + step - 1, until)),
            }
            for log in self._ledger.rpc.request("eth_getLogs", query):
                kind, abi = named[log["topics"][0]]
                yield cast("type[E]", kind).from_log(abi, self.name, log)

    @classmethod
    def by_topic(cls) -> dict[str, tuple[type[Event], EventABI]]:
        """For each of its events, by the first topic of its logs (0x and 64 digits): the class, and how to read it."""
        if "_by_topic" not in vars(cls):
            kinds = {kind.__name__: kind for kind in cls.events}
            cls._by_topic = {
                "0x" + topic.hex(): (kinds[abi.name], abi)
                for topic, abi in cls.artifact().events.items()
                if abi.name in kinds
            }
        return cls._by_topic


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

           class RoundsReplay(Replay):
               def begin(self) -> None:
                   self.joined: set[tuple[int, int]] = set()

               def on_Joined(self, e: Joined) -> None:
                   self.differ(f"joined before {self.where(e)}", False, (e.round, e.member) in self.joined)
                   self.joined.add((e.round, e.member))

           class Rounds(Contract):
               name, file = "Rounds", "my_package:artifacts/Rounds.json"
               events, replay = (Joined,), RoundsReplay

               def join(self, round: int) -> Sent:
                   return self._write("join", round)

           class MyPack(Pack):
               name, contracts = "rounds", (Rounds,)

    4. Name the pack in your package's ``pyproject.toml``::

           [project.entry-points."klopf.packs"]
           rounds = "my_package:MyPack"

    5. ``klopf ledger add-pack rounds`` deploys it to a network, whose owner enters it in the directory. From then on
       ``ledger.connect(...).client(Rounds)`` is its client, and ``verify`` plays its replay.

    ``klopf.checks.check_pack(MyPack)`` says what is missing.
    """

    name: ClassVar[str]
    """Its name: lower-case letters, as in the entry point and in the directory."""
    contracts: ClassVar[tuple[type[Contract], ...]]
    """In the order of creation."""
    requires: ClassVar[tuple[str, ...]] = ("core",)
    """Packs that a network must have for this one."""


@cache
def contracts() -> dict[str, type[Contract]]:
    """The contracts of all packs that are installed, by name, those that others need first. A package from outside that
    cannot be imported is passed over: ``verify`` names what its contracts say."""
    found: dict[str, type[Contract]] = {}
    for name in PACKS:
        try:
            pack: type[Pack] = PACKS.load(name)
        except ExtensionError:
            if PACKS.origin(name) == "klopf":
                raise
            continue
        for contract in pack.contracts:
            found.setdefault(contract.name, contract)
    return found
