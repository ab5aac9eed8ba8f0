"""KLP, the token: balances, votes by delegation, and the compute rewards minted so far."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying
from klopf.ledger._parameters import KLP
from klopf.ledger._replay import ZERO, Replay

__all__ = [
    "GENESIS",
    "Approval",
    "DelegateChanged",
    "DelegateVotesChanged",
    "EIP712DomainChanged",
    "Emitted",
    "Token",
    "TokenReplay",
    "Transfer",
]

GENESIS = 600_000_000 * KLP


@dataclass(frozen=True)
class Transfer(Event):
    sender: str
    to: str
    value: int


@dataclass(frozen=True)
class Approval(Event):
    owner: str
    spender: str
    value: int


@dataclass(frozen=True)
class Emitted(Event):
    """A compute reward was minted; ``emitted`` is the sum of all."""

    to: str
    amount: int
    emitted: int


@dataclass(frozen=True)
class DelegateChanged(Event):
    delegator: str
    from_delegate: str
    to_delegate: str


@dataclass(frozen=True)
class DelegateVotesChanged(Event):
    delegate: str
    previous_votes: int
    new_votes: int


@dataclass(frozen=True)
class EIP712DomainChanged(Event):
    pass


class TokenReplay(Replay):
    """Balances from transfers. A transfer from or to a contract that holds tokens of others needs a cause, and so does
    everything minted after genesis."""

    def begin(self) -> None:
        self.balances: Counter[str] = Counter()
        self.emitted = self.client(Token).former()
        self._genesis = ""  # the transaction that created the token

    def on_Transfer(self, e: Transfer) -> None:
        self.balances[e.sender] -= e.value
        self.balances[e.to] += e.value
        if e.sender != ZERO and self.balances[e.sender] < 0:
            self.differ(f"balance of {e.sender} after {self.where(e)}", "at least 0", self.balances[e.sender])
        self._genesis = self._genesis or e.transaction
        if e.transaction == self._genesis:
            return
        held = {replay.address for replay in self.run.replays.values() if replay.holds_tokens}
        if e.sender == ZERO or e.sender in held or e.to in held:
            self.run.seen[(e.sender, e.to, e.value)] += 1

    def on_Emitted(self, e: Emitted) -> None:
        self.emitted += e.amount
        self.must(e, e.to, e.amount)
        self.differ(f"sum emitted by {self.where(e)}", self.emitted, e.emitted)

    def compare(self) -> None:
        token, supply = self.client(Token), -self.balances[ZERO]
        self.differ("total supply", supply, token.supply())
        self.differ("sum of all balances", supply, sum(v for a, v in self.balances.items() if a != ZERO))
        self.differ("genesis and emitted", GENESIS + self.emitted, supply)
        self.differ("tokens emitted", self.emitted, token.emitted())
        for address, value in sorted(self.balances.items()):
            if address != ZERO:
                self.differ(f"the contract's balance of {self.run.name(address)}", value, token.balance(address))
        for replay in self.run.replays.values():
            owed = replay.owed()
            if owed is not None:
                self.differ(f"tokens in {replay.contract}", owed, self.balances[replay.address])


class Token(Contract):
    """KLP."""

    name = "Token"
    events = (Transfer, Approval, Emitted, DelegateChanged, DelegateVotesChanged, EIP712DomainChanged)
    needs_none = (Approval, DelegateChanged, DelegateVotesChanged, EIP712DomainChanged)
    """Allowances are no money yet; Klopf's own contracts are approved once, for ever. Votes move no money."""
    replay = TokenReplay

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        s = deploying.settings
        emitted = s["former"].emitted if s["former"] else 0
        return deploying.directory, s["fundraising"], s["lab"], s["foundation"], emitted

    def balance(self, address: str) -> int:
        """Tokens that an address holds."""
        return int(self._read("balanceOf", address))

    def supply(self) -> int:
        """All tokens there are."""
        return int(self._read("totalSupply"))

    def emitted(self) -> int:
        """Compute rewards minted so far, a former chain's included."""
        return int(self._read("emitted"))

    def former(self) -> int:
        """Compute rewards that a former chain had minted."""
        return int(self._read("former"))

    def votes(self, address: str) -> int:
        """Votes delegated to an address now."""
        return int(self._read("getVotes", address))

    def transfer(self, to: str, amount: int) -> Sent:
        """Pay somebody."""
        return self._write("transfer", to, amount)

    def delegate(self, to: str) -> Sent:
        """Let one's tokens vote by ``to``."""
        return self._write("delegate", to)

    def approve(self, spender: str, amount: int) -> Sent:
        """Let a contract take up to ``amount``."""
        return self._write("approve", spender, amount)

    def allowance(self, owner: str, spender: str) -> int:
        """What ``spender`` may still take."""
        return int(self._read("allowance", owner, spender))

    def ensure_allowance(self, spender: str, amount: int) -> None:
        """Approve one of the deployment's own contracts, once and for all, where it may not take ``amount`` yet."""
        if self.allowance(self._ledger.me.address, spender) < amount:
            self.approve(spender, 2**256 - 1)
