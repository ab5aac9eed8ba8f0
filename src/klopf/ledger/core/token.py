"""KLP, the token: balances, votes by delegation, and the compute rewards minted so far."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf.ledger._abi import FunctionABI
from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying
from klopf.ledger._parameters import KLP
from klopf.ledger._receipts import Domain
from klopf.ledger._replay import ZERO, Replay
from klopf.ledger.keys import checksum

__all__ = [
    "GENESIS",
    "Approval",
    "AuthorizationCanceled",
    "AuthorizationUsed",
    "DelegateChanged",
    "DelegateVotesChanged",
    "EIP712DomainChanged",
    "Emitted",
    "Reserve",
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
class AuthorizationUsed(Event):
    """An ERC-3009 authorization moved tokens."""

    authorizer: str
    nonce: bytes


@dataclass(frozen=True)
class AuthorizationCanceled(Event):
    authorizer: str
    nonce: bytes


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


class Reserve(IntEnum):
    """Those that packs of their own mint from."""

    LIQUIDITY = 0
    CIRCULATION = 1


class TokenReplay(Replay):
    """Balances from transfers. A transfer from or to a contract that holds tokens of others needs a cause, and so does
    everything minted after genesis."""

    def begin(self) -> None:
        self.balances: Counter[str] = Counter()
        self.emitted = self.client(Token).former()
        self.reserved = 0
        """Minted from the reserves for liquidity and circulation, a former chain's included."""
        self._burnt = 0
        self.genesis = 0  # minted when it was created
        self._genesis = ""  # the transaction that did

    def on_Transfer(self, e: Transfer) -> None:
        self.balances[e.sender] -= e.value
        self.balances[e.to] += e.value
        self._burnt += e.value if e.to == ZERO else 0
        if e.sender != ZERO and self.balances[e.sender] < 0:
            self.differ(f"balance of {e.sender} after {self.where(e)}", "at least 0", self.balances[e.sender])
        self._genesis = self._genesis or e.transaction
        if e.transaction == self._genesis:
            self.genesis += e.value if e.sender == ZERO else 0
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
        former = token.former()
        self.differ("tokens of genesis and of a former chain", True, self.genesis >= GENESIS + former)
        minted = self.genesis + self.emitted - former + self.reserved
        self.differ("total supply", supply, token.supply())
        self.differ("sum of all balances", supply, sum(v for a, v in self.balances.items() if a != ZERO))
        self.differ("genesis and all that was minted, less what was burnt", minted - self._burnt, supply)
        self.differ("tokens burnt", self._burnt, token.burnt())
        self.differ("tokens emitted", self.emitted, token.emitted())
        for address, value in sorted(self.balances.items()):
            if address != ZERO:
                self.differ(f"the contract's balance of {self.run.name(address)}", value, token.balance(address))
        for replay in self.run.replays.values():
            owed = self.run.owed(replay)
            if owed is not None:
                self.differ(f"tokens in {replay.contract}", owed, self.balances[replay.address])


class Token(Contract):
    """KLP."""

    name = "Token"
    events = (
        Transfer, Approval, Emitted, AuthorizationUsed, AuthorizationCanceled, DelegateChanged, DelegateVotesChanged,
        EIP712DomainChanged,
    )  # fmt: skip
    needs_none = (
        Approval, AuthorizationUsed, AuthorizationCanceled, DelegateChanged, DelegateVotesChanged, EIP712DomainChanged,
    )  # fmt: skip
    """Allowances are no money yet; Klopf's own contracts are approved once, for ever. Votes move no money. What an
    authorization moved is in the transfer that follows it."""
    replay = TokenReplay

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        s = deploying.settings
        f = s["former"]
        carried = (f.emitted, f.liquidity, f.circulation, f.burnt) if f else (0, 0, 0, 0)
        return deploying.directory, s["fundraising"], s["lab"], s["foundation"], carried

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

    def burnt(self) -> int:
        """Tokens that were given up for good, a former chain's included."""
        return int(self._read("burnt"))

    def minted_from(self, reserve: Reserve) -> int:
        """What was minted from a reserve so far, a former chain's included."""
        return int(self._read("mintedFrom", int(reserve)))

    def left_in(self, reserve: Reserve) -> int:
        """What a reserve still holds."""
        return int(self._read("leftIn", int(reserve)))

    def owner(self) -> str:
        """Whoever owns the rules, as a BEP-20 token names it; it has no power over the token."""
        return checksum(self._read("getOwner"))

    def burn(self, amount: int) -> Sent:
        """Give up tokens for good."""
        return self._write("burn", amount)

    def authorization(
        self, to: str, amount: int, nonce: bytes, *, after: int = 0, before: int = 2**48 - 1, received: bool = False,
        owner: str | None = None,
    ) -> bytes:  # fmt: skip
        """What an owner signs so that anybody (where ``received``: only ``to``) may move ``amount`` to ``to``, once,
        between the two moments in seconds since 1970: ERC-3009, which x402 settles by. The owner is this key, or a
        contract whose address is given."""
        kind = "ReceiveWithAuthorization" if received else "TransferWithAuthorization"
        fields = "(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
        types = ("bytes32", "address", "address", "uint256", "uint256", "uint256", "bytes32")
        who = owner or self._ledger.me.address
        return self._signed(types, (keccak((kind + fields).encode()), who, to, amount, after, before, nonce))

    def cancellation(self, nonce: bytes, *, owner: str | None = None) -> bytes:
        """What an owner signs to take back an authorization that was not used."""
        kind = keccak(b"CancelAuthorization(address authorizer,bytes32 nonce)")
        return self._signed(("bytes32", "address", "bytes32"), (kind, owner or self._ledger.me.address, nonce))

    def _signed(self, types: tuple[str, ...], values: tuple[Any, ...]) -> bytes:
        domain = Domain(self._ledger.deployment.chain_id, self.address)
        return domain.digest(bytes(keccak(encode(types, values))))

    def transfer_authorized(
        self, owner: str, to: str, amount: int, nonce: bytes, signature: bytes, *, after: int = 0,
        before: int = 2**48 - 1, received: bool = False,
    ) -> Sent:  # fmt: skip
        """Bring what ``owner`` signed (see :meth:`authorization`); where it is a contract, as ERC-1271 says."""
        name = "receiveWithAuthorization" if received else "transferWithAuthorization"
        types = ("address", "address", "uint256", "uint256", "uint256", "bytes32", "bytes")
        call = FunctionABI(name, types, ())
        return self._ledger.send(self.address, call.call_data((owner, to, amount, after, before, nonce, signature)))

    def cancel_authorization(self, owner: str, nonce: bytes, signature: bytes) -> Sent:
        """Bring what ``owner`` signed (see :meth:`cancellation`); where it is a contract, as ERC-1271 says."""
        call = FunctionABI("cancelAuthorization", ("address", "bytes32", "bytes"), ())
        return self._ledger.send(self.address, call.call_data((owner, nonce, signature)))

    def authorization_used(self, owner: str, nonce: bytes) -> bool:
        """Whether an authorization was used, or taken back."""
        return bool(self._read("authorizationState", owner, nonce))

    def moved_by(self, owner: str, nonce: bytes, since: int) -> Transfer | None:
        """What an authorization moved, whoever brought it, where it was used in block ``since`` or later; None where it
        was not, or was taken back. The transfer stands right behind the use, in the same transaction."""
        kinds, until = (AuthorizationUsed,), self._ledger.rpc.height()
        padded = "0x" + owner[2:].lower().rjust(64, "0")
        for used in self._said(kinds, since, until, padded, "0x" + nonce.hex()):
            for moved in self._said((Transfer,), used.block, used.block, padded):
                if (moved.transaction, moved.log_index) == (used.transaction, used.log_index + 1):
                    return moved
        return None

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
