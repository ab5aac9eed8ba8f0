"""What every typed client stands on: a connection to one deployment, and one deployed contract of it.

A contract's own client is in its own file (``core/token.py`` and so on): each method is one call or one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, TypeVar

from klopf.errors import LedgerError, Reverted, Unanswered
from klopf.ledger._abi import Artifact, FunctionABI, artifact, packaged
from klopf.ledger._event import event_abi
from klopf.ledger._rpc import Rpc
from klopf.ledger.keys import Key

__all__ = ["Client", "Connection", "Places", "Sent"]

C = TypeVar("C", bound="Client")


@dataclass(frozen=True)
class Sent:
    """A transaction that went through."""

    hash: str
    block: int
    gas: int
    logs: tuple[dict[str, Any], ...]


class Places(Protocol):
    """What a client must know of a deployment: see ``_deployment.Deployment``, which knows the packs besides."""

    @property
    def chain_id(self) -> int: ...
    @property
    def block(self) -> int: ...
    @property
    def genesis(self) -> str: ...
    @property
    def addresses(self) -> dict[str, str]: ...
    @property
    def treasury(self) -> str: ...
    @property
    def packs(self) -> dict[str, list[str]]: ...
    @property
    def directory(self) -> str: ...
    def address(self, name: str) -> str: ...
    def tampered(self, rpc: Rpc) -> list[str]: ...


class Connection:
    """One deployment on one chain, seen with one key (or read-only without)."""

    def __init__(self, rpc: Rpc, deployment: Places, key: Key | None = None) -> None:
        self.rpc = rpc
        self.deployment = deployment
        self.key = key
        self._clients: dict[type[Client], Any] = {}

    @property
    def me(self) -> Key:
        """The key that signs. LedgerError where there is none."""
        if self.key is None:
            raise LedgerError("this ledger was opened for reading; connect with a key to send transactions")
        return self.key

    def client(self, kind: type[C]) -> C:
        """The client of class ``kind``, as a pack has it, for its contract in this deployment.

        LedgerError where this network has no such contract.
        """
        if kind not in self._clients:
            self._clients[kind] = kind(self)
        found: C = self._clients[kind]
        return found

    def address(self, contract: str) -> str:
        """Where a contract is. LedgerError where this network has none of that name."""
        return self.deployment.address(contract)

    def send(self, to: str, data: bytes, value: int = 0) -> Sent:
        """Send a transaction and wait until it stands. Reverted, naming the contract's error, where it is refused."""
        receipt = self.rpc.send(self.me, to, data, value)
        try:
            return Sent(
                receipt["transactionHash"],
                int(receipt["blockNumber"], 16),
                int(receipt["gasUsed"], 16),
                tuple(receipt["logs"]),
            )
        except (KeyError, TypeError):
            raise Unanswered(
                f"{self.rpc.where} gives half a receipt of a transaction that stands; use another node"
            ) from None

    def close(self) -> None:
        """Let go of the chain."""
        self.rpc.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Client:
    """One deployed contract. A subclass has a method for each of its functions that is used, made of ``_read`` (a
    view) and ``_write`` (a transaction)."""

    name: ClassVar[str] = ""
    """The contract's name in the directory, by which its artifact and its events are known too."""
    file: ClassVar[str] = ""
    """``package:path`` of its artifact, as ``contracts/build.mjs`` or solc writes it; empty for what Klopf ships."""

    def __init__(self, ledger: Connection) -> None:
        self._ledger = ledger
        self.address = ledger.address(self.name)
        self._functions: dict[str, FunctionABI] = self.artifact().functions

    @classmethod
    def artifact(cls) -> Artifact:
        """The compiled contract."""
        return packaged(cls.file) if cls.file else artifact(cls.name)

    def _read(self, function: str, *arguments: Any, at: str = "latest") -> Any:
        abi = self._functions[function]
        return abi.answer(self._ledger.rpc.call(self.address, abi.call_data(arguments), block=at))

    def _write(self, function: str, *arguments: Any) -> Sent:
        return self._ledger.send(self.address, self._functions[function].call_data(arguments))

    def _write_pages(self, function: str, *arguments: Any, most: int) -> Sent:
        """One transaction for each ``most`` entries of the last argument, a list, so that none outgrows a block; the
        last one is returned. There is one for an empty list, too. A page that fails without a reason had too little
        gas: its halves are tried."""
        *first, items = arguments
        most = max(1, most)  # one at least, however much each of them takes
        pages = [list(items[at : at + most]) for at in range(0, len(items), most)] or [[]]
        sent = None
        while pages:
            page = pages.pop(0)
            try:
                sent = self._write(function, *first, page)
            except Reverted as error:
                if error.name or len(page) < 2:
                    raise
                pages[:0] = [page[: len(page) // 2], page[len(page) // 2 :]]
        assert sent is not None
        return sent

    def _made(self, sent: Sent, event: str) -> int:
        """The id in the first topic of an event that this contract emitted in a transaction."""
        topic = event_abi(self.artifact(), event).topic
        for log in sent.logs:
            if log["topics"] and bytes.fromhex(log["topics"][0][2:]) == topic:
                return int(log["topics"][1], 16)
        raise LedgerError(f"{self.name} confirmed no {event}; check that the deployment file is its own")
