"""Models whose revenue is their shares'."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf.errors import LedgerError
from klopf.ledger import keys
from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying
from klopf.ledger._receipts import Domain
from klopf.ledger._replay import ZERO, Replay
from klopf.ledger.core.registry import EIP712DomainChanged, Registry, RegistryReplay
from klopf.ledger.core.token import Token
from klopf.ledger.finance.exchange import Approval, OperatorSet, Transfer
from klopf.ledger.finance.ventures import Ventures, VenturesReplay
from klopf.neuron import Standing

__all__ = [
    "SHARES", "Approval", "Deed", "EIP712DomainChanged", "Earned", "Licensed", "ModelMinted", "Models", "ModelsReplay",
    "OperatorSet", "RevenueClaimed", "Transfer",
]  # fmt: skip

SHARES = 10**18
"""Of each model."""
_DEED = bytes(keccak(b"Deed(uint256 venture,uint32 neuron,bytes32 model,uint128 licence)"))
_TYPES = ("uint256", "uint32", "bytes32", "uint128")


@dataclass(frozen=True)
class Deed:
    """What a founder and the lots sign before a model's shares are made."""

    venture: int
    neuron: int
    """Id of the neuron that serves it."""
    model: bytes
    """What the neuron has committed to, and was audited with."""
    licence: int = 0
    """What a licence costs, in 1e-18 KLP; 0 where none is sold."""

    def as_tuple(self) -> tuple[int, int, bytes, int]:
        """In the contract's order."""
        return self.venture, self.neuron, self.model, self.licence

    def digest(self, chain_id: int, contract: str) -> bytes:
        """What is signed: EIP-712, worth nothing on another chain or for another contract."""
        encoded = encode(_TYPES, self.as_tuple())
        return Domain(chain_id, contract, "Klopf Models").digest(bytes(keccak(_DEED + encoded)))


@dataclass(frozen=True)
class ModelMinted(Event):
    id: int
    venture: int
    neuron: int
    deed: tuple[Any, ...]


@dataclass(frozen=True)
class Earned(Event):
    id: int
    by: str
    amount: int


@dataclass(frozen=True)
class Licensed(Event):
    id: int
    holder: str


@dataclass(frozen=True)
class RevenueClaimed(Event):
    id: int
    owner: str
    amount: int


@dataclass
class _Model:
    """Revenue is shared out when it comes: ``earned`` is what each had a right to ever, in 1e-36 KLP."""

    deed: Deed
    revenue: int = 0
    shares: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    earned: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    paid: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    holders: set[str] = field(default_factory=set)
    """Of a licence."""

    def due(self, who: str) -> int:
        """What somebody may claim."""
        return self.earned[who] // SHARES - self.paid[who]


class ModelsReplay(Replay):
    """Every share, and what each has earned, shared out at once and to everybody."""

    holds_tokens = True

    def begin(self) -> None:
        self.models: dict[int, _Model] = {}
        self.ventures = self.of(VenturesReplay)
        self.registry = self.of(RegistryReplay)
        self._sold: list[tuple[int, int]] = []
        """Licences whose price has not come in yet in this transaction."""

    def on_ModelMinted(self, e: ModelMinted) -> None:
        deed = Deed(*e.deed)
        self.differ(f"id of {self.where(e)}", len(self.models) + 1, e.id)
        self.differ(f"deed of {self.where(e)}", (e.venture, e.neuron), (deed.venture, deed.neuron))
        before = [m for m in self.models.values() if deed.venture == m.deed.venture or deed.neuron == m.deed.neuron]
        self.differ(f"models before {self.where(e)} of that venture or neuron", 0, len(before))
        member = self.registry.members[e.neuron]
        stands = member.standing in (Standing.FRINGE, Standing.BACKBONE)
        self.differ(f"neuron of {self.where(e)} audited", (True, True, deed.model),
                    (stands, member.passed, member.commitment))  # fmt: skip
        book = self.ventures.books[e.venture]
        self.differ(f"venture of {self.where(e)} filled", True, book.venture.milestone > 0)
        self.models[e.id] = _Model(deed)
        founders = SHARES * book.venture.terms.founder_bps // 10_000
        rows = [(book.venture.founder, founders)] if founders else []
        if founders < SHARES:
            rows += [(lot.owner, lot.part(SHARES - founders, book.venture.raised)) for lot in book.lots]
        for who, many in rows:
            self.expect("Models.Transfer", ZERO, who, e.id, many)

    def on_Transfer(self, e: Transfer) -> None:
        if not e.amount and e.id not in self.models:  # anybody may move nothing of what is not
            return
        model = self.models[e.id]
        if e.sender == ZERO:
            self.must(e, e.sender, e.to, e.id, e.amount)
        else:
            self.met(e, e.sender, e.to, e.id, e.amount)
            model.shares[e.sender] -= e.amount
            has = model.shares[e.sender] >= 0
            self.differ(f"shares of {e.sender} after {self.where(e)} at least 0", True, has)
        model.shares[e.to] += e.amount

    def on_Earned(self, e: Earned) -> None:
        model = self.models[e.id]
        if (e.id, e.amount) in self._sold:
            self._sold.remove((e.id, e.amount))
        model.revenue += e.amount
        for who, many in model.shares.items():
            model.earned[who] += many * e.amount
        self.move(e.by, self.address, e.amount)

    def on_Licensed(self, e: Licensed) -> None:
        model = self.models[e.id]
        self.differ(f"licence of {self.where(e)} had before", False, e.holder in model.holders)
        self.differ(f"licence of {self.where(e)} sold", True, model.deed.licence > 0)
        model.holders.add(e.holder)
        self._sold.append((e.id, model.deed.licence))

    def end_transaction(self, at: str) -> None:
        self.differ(f"licences in {at} that brought nothing", [], self._sold)
        self._sold = []

    def on_RevenueClaimed(self, e: RevenueClaimed) -> None:
        model = self.models[e.id]
        self.differ(f"amount of {self.where(e)}", model.due(e.owner), e.amount)
        model.paid[e.owner] += e.amount
        self.move(self.address, e.owner, e.amount)

    def owed(self) -> int:
        return sum(model.revenue - sum(model.paid.values()) for model in self.models.values())

    def compare(self) -> None:
        models, the = self.client(Models), "the contract's"
        self.differ(f"{the} models", len(self.models), models.count())
        for id, model in self.models.items():
            self.differ(f"{the} model {id}", (model.deed, model.revenue), models.model(id))
            self.differ(f"sum of the shares of model {id}", SHARES, sum(model.shares.values()))
            for holder in model.holders:
                self.differ(f"the contract's licence of {holder} for model {id}", True, models.licensed(id, holder))
            for who, many in model.shares.items():
                self.differ(f"{the} shares of {who} in model {id}", many, models.shares(id, who))
                self.differ(f"{the} dues of {who} in model {id}", model.due(who), models.claimable(id, who))


class Models(Contract):
    """Models whose revenue is their shares', which are tokens by ERC-6909."""

    name = "Models"
    events = (ModelMinted, Earned, Licensed, RevenueClaimed, Transfer, Approval, OperatorSet, EIP712DomainChanged)
    needs_none = (Approval, OperatorSet, EIP712DomainChanged)
    replay = ModelsReplay

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, deploying.addresses["Ventures"]

    def deed(self, venture: int, neuron: int, licence: int = 0) -> Deed:
        """What is to be signed for the model that a neuron has committed to."""
        return Deed(venture, neuron, self._ledger.client(Registry).get(neuron).commitment, licence)

    def sign(self, deed: Deed) -> bytes:
        """This ledger's key signs a deed."""
        return self._ledger.me.sign(deed.digest(self._ledger.deployment.chain_id, self.address))

    def mint(self, deed: Deed, founder: bytes, lots: Mapping[int, bytes]) -> int:
        """Make a model's shares, with the founder's signature and those of lots by their numbers; the model's number.
        With the key of the neuron's owner; where that is the founder, with any.

        LedgerError where a signature is not of whom it should be.
        """
        digest, ventures = deed.digest(self._ledger.deployment.chain_id, self.address), self._ledger.client(Ventures)
        signers = {"the founder": (ventures.venture(deed.venture).founder, founder)}
        signers |= {f"lot {lot}": (ventures.lot(deed.venture, lot).owner, said) for lot, said in lots.items()}
        for name, (who, signature) in signers.items():
            if not self._ledger.rpc.code(who) and keys.recover(digest, signature) != who:
                raise LedgerError(f"{name} ({who}) has not signed this deed; let it do so by `klopf invest sign`")
        numbers = sorted(lots)
        sent = self._write("mint", deed.as_tuple(), founder, numbers, [lots[lot] for lot in numbers])
        return self._made(sent, "ModelMinted")

    def earn(self, id: int, amount: int) -> Sent:
        """Bring revenue. Approves by itself."""
        self._ledger.client(Token).ensure_allowance(self.address, amount)
        return self._write("earn", id, amount)

    def license(self, id: int, holder: str | None = None) -> Sent:
        """Buy a licence, for oneself by default. Approves by itself."""
        self._ledger.client(Token).ensure_allowance(self.address, self.model(id)[0].licence)
        return self._write("license", id, holder or self._ledger.me.address)

    def licensed(self, id: int, holder: str) -> bool:
        """Whether somebody has a licence."""
        return bool(self._read("licensed", id, holder))

    def claim(self, id: int) -> Sent:
        """Have what one's shares have earned."""
        return self._write("claim", id)

    def transfer(self, id: int, to: str, shares: int) -> Sent:
        """Give shares to somebody; what they earned until now stays."""
        return self._write("transfer", to, id, shares)

    def count(self) -> int:
        """How many models there are."""
        return int(self._read("count"))

    def model(self, id: int) -> tuple[Deed, int]:
        """A model's deed, and what ever came in for it. LedgerError where there is none."""
        deed, revenue = self._read("modelOf", id)
        if not deed[0]:
            raise LedgerError(f"there is no model {id}; `klopf invest list` shows those that there are")
        return Deed(*deed), int(revenue)

    def of_venture(self, venture: int) -> int:
        """The number of a venture's model; 0 for none."""
        return int(self._read("ofVenture", venture))

    def shares(self, id: int, owner: str) -> int:
        """Of a model, of 1e18."""
        return int(self._read("balanceOf", owner, id))

    def allowance(self, id: int, owner: str, spender: str) -> int:
        """Of somebody's shares, how many another may move."""
        return int(self._read("allowance", owner, spender, id))

    def claimable(self, id: int, owner: str) -> int:
        """What somebody's shares have earned and it has not claimed."""
        return int(self._read("claimableRevenue", owner, id))
