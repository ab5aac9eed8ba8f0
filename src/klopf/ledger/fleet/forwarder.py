"""What one key signs and another one's transaction carries (ERC-2771), so that a device needs no coin."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from klopf.errors import LedgerError
from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying
from klopf.ledger._receipts import Domain
from klopf.ledger._replay import Replay
from klopf.ledger.fleet._request import FORWARDED, ForwardRequest

__all__ = [
    "EIP712DomainChanged",
    "ExecutedForwardRequest",
    "Forwarder",
    "ForwarderReplay",
]


@dataclass(frozen=True)
class ExecutedForwardRequest(Event):
    """Somebody else brought what ``signer`` signed."""

    signer: str
    nonce: int
    success: bool


@dataclass(frozen=True)
class EIP712DomainChanged(Event):
    pass


class ForwarderReplay(Replay):
    """How many requests of each key were carried."""

    def begin(self) -> None:
        self.signers: Counter[str] = Counter()

    def on_ExecutedForwardRequest(self, e: ExecutedForwardRequest) -> None:
        self.differ(f"nonce of {self.where(e)}", self.signers[e.signer], e.nonce)
        self.signers[e.signer] += 1

    def compare(self) -> None:
        for signer, carried in self.signers.items():
            found = self.client(Forwarder).carried(signer)
            self.differ(f"the contract's requests carried for {signer}", carried, found)


class Forwarder(Contract):
    """What one key signs, another one's transaction carries (ERC-2771)."""

    name = "Forwarder"
    events = (ExecutedForwardRequest, EIP712DomainChanged)
    needs_none = (EIP712DomainChanged,)
    replay = ForwarderReplay

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return ()

    def sign(self, to: str, data: bytes, seconds: int = 3600) -> ForwardRequest:
        """Sign a call of ``to``, one of the contracts that believe the forwarder, good for ``seconds``.

        It is tried first: Reverted where the contract would refuse it.
        """
        l, me = self._ledger, self._ledger.me
        believers = {l.deployment.addresses[name] for name in FORWARDED}
        if to not in believers:
            raise LedgerError(f"only calls of {' and '.join(FORWARDED)} can be carried by somebody else")
        message = {"from": me.address, "to": to, "data": "0x" + data.hex()}
        gas = l.rpc.gas_of(message) * 6 // 5 + 20_000
        nonce = self.carried(me.address)
        now = l.rpc.time_of("pending")
        plain = ForwardRequest(me.address, to, gas, nonce, now + seconds, data, b"")
        domain = Domain(l.deployment.chain_id, self.address, "Klopf Forwarder")
        return plain.signed(me.sign(domain.digest(plain.struct_hash)))

    def carried(self, address: str) -> int:
        """How many requests of a key have been carried."""
        return int(self._read("nonces", address))

    def carry(self, request: ForwardRequest) -> Sent:
        """Bring what somebody signed, and pay its gas."""
        believers = {self._ledger.deployment.addresses[name] for name in FORWARDED}
        if request.to not in believers:
            raise LedgerError(f"this request calls {request.to}, which is neither {' nor '.join(FORWARDED)}")
        return self._write("execute", request.as_tuple())
