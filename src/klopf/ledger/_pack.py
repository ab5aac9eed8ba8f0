"""Packs: contracts that belong together, with their clients, events and replays; and where each pack comes from.

A deployment is a directory of packs. ``core`` (token, members, stake, rules, clock) is always there; the others may be
missing, and one can be added to a living network by whoever owns its rules (:func:`klopf.ledger.add_pack`).
"""

from __future__ import annotations

import re
from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, TypeVar, cast

from eth_abi.abi import decode

from klopf.errors import ExtensionError
from klopf.extensions import Point, guarded
from klopf.ledger._abi import EventABI
from klopf.ledger._client import Client, Connection
from klopf.ledger._event import Event
from klopf.ledger._parameters import Terms
from klopf.ledger._replay import Replay

__all__ = [
    "PACKS",
    "Contract",
    "Deploying",
    "Pack",
    "belongs",
    "clients",
    "contracts",
    "is_shipped",
    "not_used",
    "owners_terms",
    "pack_called",
]

E = TypeVar("E", bound=Event)

PACKS = Point(
    "klopf.packs",
    "contract pack",
    "klopf.ledger._pack:Pack",
    {
        "core": "klopf.ledger.core:Core",
        "market": "klopf.ledger.market:Market",
        "audit": "klopf.ledger.audit:Audit",
        "evidence": "klopf.ledger.evidence:Evidence",
        "fleet": "klopf.ledger.fleet:Fleet",
        "dao": "klopf.ledger.dao:Dao",
        "agents": "klopf.ledger.agents:Agents",
        "move": "klopf.ledger.move:Move",
        "schema": "klopf.ledger.schema:SchemaPack",
        "finance": "klopf.ledger.finance:Finance",
        "proof": "klopf.ledger.proof:Proof",
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

    def owners_terms(self) -> Terms | None:
        """The numbers that the owner of the rules may change here, as they are now; None where there are none. Whoever
        has some is asked and changed by ``klopf ledger status --rules`` and ``klopf dao propose --set``."""
        return None

    def calls_for(self, terms: Terms) -> list[bytes]:
        """What the owner calls to make ``terms`` this contract's: ``propose`` with all of them."""
        return [self._functions["propose"].call_data((terms.as_tuple(),))]

    def terms_after(self, call: bytes) -> Terms | None:
        """The numbers as they would be after one such call; None where it is none."""
        now, propose = self.owners_terms(), self._functions.get("propose")
        if now is None or propose is None or call[:4] != propose.selector:
            return None
        return now.from_tuple(decode(propose.inputs, call[4:])[0])

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

    2. Build it: ``node contracts/build.mjs FOLDER ARTIFACTS`` in a clone of Klopf, after ``npm ci`` in its
       ``contracts/``; or solc. Ship the artifact as package data.
    3. Write its client, its events and its replay, and name them in a pack. An event's class is called as the event,
       also where another contract has one of that name, and has its fields in their order: whole numbers are ``int``,
       ``bytes32`` and the like ``bytes``, addresses ``str``::

           from dataclasses import dataclass

           from klopf.ledger.packs import Contract, Event, Pack, Replay, Sent

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
               participants = ("member",)               # fields that are a participant's id, for its history

               def join(self, round: int) -> Sent:
                   return self._write("join", round)

               def has(self, round: int, member: int) -> bool:
                   return bool(self._read("joined", round, member))

           class MyPack(Pack):
               name, contracts = "rounds", (Rounds,)

    4. Name the pack in your package's ``pyproject.toml``::

           [project.entry-points."klopf.packs"]
           rounds = "my_package:MyPack"

    5. If it has numbers that the owner of the rules may change, let it take them by ``propose(Terms)``, refuse anybody
       but ``rules.owner()``, and say them: a frozen dataclass with ``as_tuple`` and ``from_tuple`` in the struct's
       order, and in the client ``def owners_terms(self): return MyTerms.from_tuple(self._read("current"))``. Then
       ``klopf dao propose --set Rounds.most=5`` changes them and ``klopf ledger status --rules`` shows them.
    6. ``[ledger] packs = ["rounds"]`` in a network file has it from the start; ``klopf ledger add-pack rounds
       --deployment RUN/deployment.json --key RUN/operator.json`` deploys it to a network that lives, whose owner enters
       it in the directory. From then on
       ``ledger.connect(...).client(Rounds)`` is its client, and ``verify`` plays its replay.

    ``klopf.checks.check_pack(MyPack)`` says what is missing.
    """

    name: ClassVar[str]
    """Its name: lower-case letters, as in the entry point and in the directory."""
    contracts: ClassVar[tuple[type[Contract], ...]]
    """In the order of creation."""
    requires: ClassVar[tuple[str, ...]] = ("core",)
    """Packs that a network must have for this one."""


def pack_called(name: str) -> type[Pack]:
    """The pack called ``name``, whose contracts, events and replays are what they must be: nothing that a network does
    with it breaks on what it declares.

    Raises:
        ExtensionError: there is none, it cannot be loaded, or what it declares is wrong, in one line.
    """
    pack: type[Pack] = PACKS.load(name)
    if PACKS.origin(name) != "klopf":
        what = f"the contract pack {name!r} of {PACKS.origin(name)} cannot be used"
        with guarded(what):
            fault = _fault(name, pack)
        if fault:
            raise ExtensionError(f"{what}: {fault}")
    return pack


def _fault(name: str, pack: type[Pack]) -> str:
    """What a pack from outside declares wrongly; empty if nothing."""
    if getattr(pack, "name", None) != name:
        return f"its name is {getattr(pack, 'name', None)!r:.80}: let it be that of its entry point"
    made = getattr(pack, "contracts", None)
    if not (isinstance(made, tuple) and made and all(_derived(contract, Contract) for contract in made)):
        return "contracts must be a tuple of classes derived from klopf.ledger.packs.Contract"
    requires = pack.requires
    if not (isinstance(requires, tuple) and all(isinstance(other, str) for other in requires)):
        return "requires must be a tuple of names of packs"
    own = {contract.name: other for other in PACKS.shipped for contract in PACKS.load(other).contracts}
    seen: set[str] = set()
    for contract in made:
        called = contract.name
        if not (type(called) is str and re.fullmatch(r"[A-Za-z_$][\w$]{0,31}", called, re.ASCII)):
            return f"a contract is called {called!r:.80}: call it as in Solidity, with at most 32 letters"
        if called in own or called in seen or called == "Directory":
            return f"it has a contract {called}, as {own.get(called, 'itself')!r} has: choose another name"
        seen.add(called)
        for what in ("events", "needs_none"):
            kinds = getattr(contract, what)
            if not (isinstance(kinds, tuple) and all(_derived(kind, Event) for kind in kinds)):
                return f"{called}.{what} must be a tuple of classes derived from klopf.ledger.packs.Event"
        if not (isinstance(contract.participants, tuple) and all(isinstance(f, str) for f in contract.participants)):
            return f"{called}.participants must be a tuple of names of fields"
        if not _derived(contract.replay, Replay):
            return f"{called}.replay must be a class derived from klopf.ledger.packs.Replay"
        if ":" not in contract.file:
            return f"{called}.file must say where its artifact is, as package:path"
        contract.by_topic()
    return ""


def _derived(found: object, base: type) -> bool:
    return isinstance(found, type) and base in type.mro(found)


def is_shipped(contract: str) -> bool:
    """Whether a contract of that name is Klopf's own."""
    return any(contract == own.name for pack in PACKS.shipped for own in PACKS.load(pack).contracts)


@cache
def contracts() -> dict[str, type[Contract]]:
    """The contracts of all packs that are installed, by name, those that others need first. A package from outside that
    cannot be used is passed over, and so is a contract that two of them claim: ``verify`` names what they say."""
    found: dict[str, type[Contract]] = {}
    claimed: set[str] = set()
    for name in PACKS:
        try:
            pack = pack_called(name)
        except ExtensionError:
            if PACKS.origin(name) == "klopf":
                raise
            continue
        for contract in pack.contracts:
            if contract.name in found:
                claimed.add(contract.name)
            found.setdefault(contract.name, contract)
    return {name: contract for name, contract in found.items() if name not in claimed or is_shipped(name)}


def clients(ledger: Connection) -> dict[str, Contract]:
    """A client for every contract of a network that a pack installed here knows, by name."""
    packs = ledger.deployment.packs
    there = {name for names in packs.values() for name in names}
    return {
        name: ledger.client(contract)
        for name, contract in contracts().items()
        if name in there and belongs(name, packs)
    }


def owners_terms(ledger: Connection) -> dict[str, Terms]:
    """The numbers that the owner of the rules may change in a network, by contract, as they are now.

    ExtensionError, naming the package, where a contract of another package cannot say its own.
    """
    found = {}
    for name, contract in clients(ledger).items():
        border: AbstractContextManager[None] = (
            nullcontext() if is_shipped(name) else guarded(f"{type(contract).__module__} cannot say what {name} has")
        )
        with border:
            terms = contract.owners_terms()
        if terms is not None:
            found[name] = terms
    return found


def not_used(pack: str, contract: str) -> str:
    """Why what a contract says cannot be played here, and how to mend it."""
    if pack not in PACKS:
        return f"of the pack {pack!r}, which is not installed; install the package that has it"
    try:
        pack_called(pack)
    except ExtensionError as error:
        return str(error)
    others = [f"{other!r} of {PACKS.origin(other)}" for other in PACKS if contract in _names(other)]
    return f"of the contract {contract}, which the packs {' and '.join(others)} both have; uninstall one of them"


def _names(pack: str) -> list[str]:
    try:
        return [contract.name for contract in pack_called(pack).contracts]
    except ExtensionError:
        return []


def belongs(contract: str, packs: Mapping[str, Sequence[str]]) -> bool:
    """Whether what is installed here as ``contract`` is of the pack that has it in a network with ``packs``; a contract
    of the same name in another pack is another one."""
    return is_shipped(contract) or any(contract in names and contract in _names(pack) for pack, names in packs.items())
