"""The ledger as typed Python: a client for each contract, and what takes several of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Generic, TypeVar, cast

from klopf.errors import LedgerError
from klopf.ledger._client import Client, Connection, Sent
from klopf.ledger._deployment import Deployment
from klopf.ledger._pack import Contract
from klopf.ledger._receipts import Domain
from klopf.ledger._rpc import Rpc, Where, open_rpc
from klopf.ledger._watched import Watched, watched
from klopf.ledger.audit.audit_terms import AuditTerms
from klopf.ledger.audit.audits import Audits
from klopf.ledger.audit.marks import Marks
from klopf.ledger.audit.seats import Seats
from klopf.ledger.core._participant import Participant
from klopf.ledger.core._registry_events import ModelCommitted
from klopf.ledger.core.beacon import Beacon
from klopf.ledger.core.clock import Clock
from klopf.ledger.core.directory import Directory
from klopf.ledger.core.registry import Registry
from klopf.ledger.core.reserves import Reserves
from klopf.ledger.core.rules import Rules
from klopf.ledger.core.snapshots import Snapshots
from klopf.ledger.core.stake import Stake
from klopf.ledger.core.token import Token
from klopf.ledger.finance.circulation import Circulation
from klopf.ledger.finance.exchange import Exchange
from klopf.ledger.finance.liquidity import Liquidity
from klopf.ledger.finance.loans import Loans
from klopf.ledger.finance.models import Models
from klopf.ledger.finance.trades import Trades
from klopf.ledger.finance.ventures import Ventures
from klopf.ledger.fleet.devices import Devices
from klopf.ledger.fleet.effort import Effort
from klopf.ledger.fleet.forwarder import Forwarder
from klopf.ledger.fleet.sales import Sales
from klopf.ledger.keys import Key
from klopf.ledger.market.batch import Batch
from klopf.ledger.market.disputes import Disputes
from klopf.ledger.market.economy import Economy
from klopf.ledger.market.emission import Emission
from klopf.ledger.market.jobs import Jobs
from klopf.ledger.market.settlement import Settlement
from klopf.ledger.market.vouchers import Vouchers
from klopf.ledger.schema.schema import Schema

__all__ = ["Ledger", "connect"]

C = TypeVar("C", bound=Client)


class _The(Generic[C]):
    """The client of one contract, as an attribute of a ledger."""

    def __init__(self, kind: type[C]) -> None:
        self._kind = kind

    def __get__(self, ledger: Connection, owner: Any = None) -> C:
        return ledger.client(self._kind)


class Ledger(Connection):
    """One deployment on one chain, seen with one key (or read-only without). Contracts of packs from outside are had by
    their class: ``ledger.client(Rounds)``."""

    deployment: Deployment
    directory = _The(Directory)
    rules = _The(Rules)
    token = _The(Token)
    reserves = _The(Reserves)
    clock = _The(Clock)
    beacon = _The(Beacon)
    registry = _The(Registry)
    stake = _The(Stake)
    economy = _The(Economy)
    emission = _The(Emission)
    settlement = _The(Settlement)
    disputes = _The(Disputes)
    vouchers = _The(Vouchers)
    jobs = _The(Jobs)
    marks = _The(Marks)
    audit_terms = _The(AuditTerms)
    seats = _The(Seats)
    audits = _The(Audits)
    devices = _The(Devices)
    effort = _The(Effort)
    forwarder = _The(Forwarder)
    sales = _The(Sales)
    snapshots = _The(Snapshots)
    schema = _The(Schema)
    exchange = _The(Exchange)
    loans = _The(Loans)
    ventures = _The(Ventures)
    models = _The(Models)
    liquidity = _The(Liquidity)
    circulation = _The(Circulation)
    trades = _The(Trades)

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain of receipts."""
        return Domain(self.deployment.chain_id, self.address("Settlement"))

    def carried_by(self, carrier: Ledger) -> Ledger:
        """This ledger's key signs, and ``carrier`` brings it and pays the gas. For what devices and their owners do:
        ``devices`` and ``effort`` of the ledger that this returns."""
        return _Carried(self, carrier)

    def at(self, block: int) -> Ledger:
        """This ledger for reading, as it stood after a block. What is read raises LedgerError where a node kept no such
        state."""
        return Ledger(cast("Rpc", _Then(self.rpc, block)), self.deployment)

    def fund(self, address: str, wei: int = 0, tokens: int = 0) -> None:
        """Give an account native coin for gas, and tokens, from this key's own."""
        if wei:
            self.send(address, b"", wei)
        if tokens:
            self.token.transfer(address, tokens)

    def settle(self, epoch: int, ids: Sequence[int] | None = None) -> Sent:
        """Collect and conclude an epoch that is over for ``ids`` (by default everybody), 40 in a transaction; the last
        one is returned."""
        everybody = range(1, self.registry.count() + 1) if ids is None else ids
        return self.client(Batch).settle(epoch, list(everybody))

    def everybody(self) -> list[Participant]:
        """All of the registry, by id, for who looks again and again: in an epoch in which this process has looked
        already, only those are read anew of whom an event told since. ``registry.all()`` reads everything."""
        seen = cast("Watched[Participant]", watched(self.rpc.where, self.deployment.directory))
        registry = self.registry
        return seen.read(
            self.rpc,
            lambda: self.clock.turn()[0],
            lambda: ((p.id, p) for p in registry.all()),
            self._told,
            registry.get,
        )

    def _told(self, since: int, until: int) -> dict[int, Callable[[Participant], Participant] | None]:
        """Whom events of the registry and of stake, from block ``since`` to block ``until``, are about; of those who
        only committed to a model, as all do in each epoch, what it changes."""
        clients: tuple[Contract, ...] = (self.registry, self.stake)
        found: dict[int, Callable[[Participant], Participant] | None] = {}
        for event in (event for one in clients for event in one._said(one.events, since, until)):
            id = getattr(event, "id", 0)
            if isinstance(event, ModelCommitted):
                if found.get(id, event) is not None:
                    found[id] = partial(replace, commitment=event.commitment)
            elif id:
                found[id] = None
        return found

    def account_for(self, ids: Sequence[int]) -> int:
        """Collect for ``ids`` every epoch that is over and that nobody has collected yet for them, so that nothing is
        missing from their utility; returns in how many epochs there was something to do. Anybody may."""
        now, missing = self.clock.now().epoch, dict[int, list[int]]()
        for id in ids:
            p = self.registry.get(id)
            for epoch in range(now - p.age, now) if p.accounted < p.age else ():
                if not self.settlement.column(epoch, id).weighed:
                    missing.setdefault(epoch, []).append(id)
        for epoch, late in sorted(missing.items()):
            self.settlement.collect(epoch, late)
        return len(missing)


class _Carried(Ledger):
    """A ledger whose transactions somebody else sends."""

    def __init__(self, signer: Ledger, carrier: Ledger) -> None:
        super().__init__(signer.rpc, signer.deployment, signer.key)
        self._carrier = carrier

    def send(self, to: str, data: bytes, value: int = 0) -> Sent:
        if value:
            raise LedgerError("a carried request moves no coin; send it with a key of one's own")
        return self._carrier.forwarder.carry(self.forwarder.sign(to, data))


class _Then:
    """A chain's requests, of which those to contracts are answered as of one block."""

    def __init__(self, rpc: Rpc, block: int) -> None:
        self._rpc, self._block = rpc, hex(block)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rpc, name)

    def call(self, to: str, data: bytes, sender: str | None = None, block: str = "latest") -> bytes:
        return self._rpc.call(to, data, sender, self._block if block == "latest" else block)


def connect(
    where: Where,
    key: Key | None = None,
    deployment: Deployment | None = None,
    *,
    directory: str | None = None,
    confirmations: int = 0,
    check: bool = True,
) -> Ledger:
    """The ledger that ``deployment`` names, on the chain at ``where`` (an embedded chain's path or an RPC URL).

    Instead of a deployment the address of the network's ``directory`` will do: it leads to all contracts, whose code is
    compared with the shipped artifacts. Over an RPC URL a transaction counts once ``confirmations`` blocks have
    followed its own; where a reorganisation lost it before that, it is sent again. Without ``check`` a deployment is
    taken as it is, for whoever only signs while the node is away. LedgerError where the chain there is another one;
    ChainError where the file cannot be opened.
    """
    if deployment is None and directory is None:
        raise LedgerError("a chain alone names no network; give its deployment file, or the address of its directory")
    rpc: Rpc = open_rpc(where, confirmations)
    try:
        if deployment is None:
            deployment = Deployment.discover(rpc, directory or "")
        elif check:
            deployment.check(rpc)
            deployment = deployment.current(rpc)
    except BaseException:
        rpc.close()
        raise
    return Ledger(rpc, deployment, key)
