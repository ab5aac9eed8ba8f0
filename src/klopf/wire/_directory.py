"""Who takes part, as the wire needs to know it. The ledger's registry is the source; this room never reads it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from klopf.wire._keys import address_bytes, checksummed

__all__ = ["Directory", "Members", "Peer", "endpoint", "network_id"]


@dataclass(frozen=True, slots=True)
class Peer:
    """One registered participant.

    id: its number in the registry. key: the address (EIP-55) of the key that signs its requests and answers.
    endpoint: "host:port" of its axon, as :func:`endpoint` writes it, empty if it only asks. fingerprint: sha256 of
    ``certificate`` (DER bytes).
    """

    id: int
    key: str
    endpoint: str
    fingerprint: bytes
    certificate: bytes

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", checksummed(address_bytes(self.key)))


class Directory(Protocol):
    """The participants as they are registered now.

    It is asked at every handshake, from a thread of gRPC's, and at every request: it must be safe to call from any
    thread, answer from memory, and not raise.
    """

    def by_id(self, id: int, /) -> Peer | None: ...

    def by_key(self, key: str, /) -> Peer | None:
        """``key`` is a checksummed address (EIP-55)."""

    def peers(self) -> Sequence[Peer]: ...


class Members:
    """A directory in memory, to be kept up to date by whoever reads the registry."""

    def __init__(self, peers: Iterable[Peer] = ()) -> None:
        self._lock = threading.Lock()
        self.set(peers)

    def set(self, peers: Iterable[Peer]) -> None:
        """Replace everybody."""
        by_id = {peer.id: peer for peer in peers}
        with self._lock:
            self._install(by_id)

    def put(self, peer: Peer) -> None:
        """Add a participant, or replace the one with this id."""
        with self._lock:
            self._install({**self._by_id, peer.id: peer})

    def remove(self, id: int) -> None:
        with self._lock:
            self._install({i: p for i, p in self._by_id.items() if i != id})

    def _install(self, by_id: dict[int, Peer]) -> None:
        self._by_id = by_id
        self._by_key = {peer.key: peer for peer in by_id.values()}
        self._peers = tuple(by_id.values())

    def by_id(self, id: int, /) -> Peer | None:
        return self._by_id.get(id)

    def by_key(self, key: str, /) -> Peer | None:
        return self._by_key.get(key)

    def peers(self) -> Sequence[Peer]:
        return self._peers


def endpoint(host: str, port: int) -> str:
    """As a :class:`Peer` has it.

    >>> endpoint("example.org", 7000), endpoint("2001:db8::7", 7000)
    ('example.org:7000', '[2001:db8::7]:7000')
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def network_id(chain_id: int, contract: str) -> bytes:
    """52 bytes that name a network: the chain's number (32, big endian) and the registry's address (20)."""
    return chain_id.to_bytes(32) + address_bytes(contract)
