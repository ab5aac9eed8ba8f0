"""Who somebody of a fleet is on the wire: a key, a certificate, and an axon at which it answers."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from klopf import files, wire
from klopf.errors import FleetError, KlopfError
from klopf.fleet._device import Instructions
from klopf.fleet._links import Remote, serve
from klopf.fleet._members import NAME, Member

__all__ = ["HERE", "NETWORK", "Card", "Post"]

NETWORK = wire.network_id(0, "0x" + "00" * 20)
"""Of a fleet that has no ledger."""
HERE = "fleet.here"
"""What whoever may ask is answered at once: nothing."""
_DEVICES = 300
"""Of one node at most."""
_LONGEST = 1 << 18
"""Bytes of a card: of 300 devices, less than a fifth of that."""


class Card:
    """What others need to know of somebody: name, key, endpoint and certificate, and to which address what it earns is
    paid, by default its key's; of a node also what its devices are called; as JSON, one file each."""

    def __init__(self, name: str, peer: wire.Peer, payee: str = "", devices: Iterable[str] = ()) -> None:
        if not re.fullmatch(NAME, name):
            raise FleetError(f"{name[:70]!r} is no name of a device: letters, digits and . + - _, at most 64")
        self.name, self.peer, self.payee, self.devices = name, peer, payee or peer.key, tuple(devices)
        if not re.fullmatch(r"0x[0-9a-fA-F]{40}", self.payee) or not int(self.payee, 16):
            raise FleetError(f"{self.payee[:70]!r} cannot be paid: give 0x and 40 hexadecimal digits, not all 0")
        if not all(isinstance(one, str) and re.fullmatch(NAME, one) for one in self.devices):
            raise FleetError(f"the card of {name} names a device by what is no name: letters, digits and . + - _")
        if len(set(self.devices)) != len(self.devices) or len(self.devices) > _DEVICES:
            raise FleetError(f"a node has at most {_DEVICES} devices, each with a name of its own")

    def save(self, path: Path) -> None:
        """Write it to ``path``."""
        peer = self.peer
        said: dict[str, Any] = {"name": self.name, "key": peer.key, "endpoint": peer.endpoint, "payee": self.payee}
        said["certificate"] = peer.certificate.hex()
        if self.devices:
            said["devices"] = list(self.devices)
        files.replace(path, json.dumps(said, indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Card:
        """Back from :meth:`save`.

        Raises:
            FleetError: it is no card.
        """
        try:
            with path.open("rb") as file:
                content = file.read(_LONGEST + 1)
            if len(content) > _LONGEST:
                raise ValueError("longer than any card")
            said = json.loads(content)
            der = bytes.fromhex(said["certificate"])
            peer = wire.Peer(1, said["key"], said["endpoint"], hashlib.sha256(der).digest(), der)
            if not isinstance(peer.endpoint, str):
                raise ValueError("endpoint")
            return cls(said["name"], peer, said.get("payee", ""), said.get("devices", ()))
        except OSError as error:
            raise FleetError(f"cannot read {path}: {error.strerror}; name the card of a device") from None
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError, KlopfError):
            raise FleetError(f"{path} is no card of a device: have it written again by who serves it") from None


class Post:
    """One key's place on the wire. It answers those it was told to know, and asks those it reaches; TLS lets nobody
    else in.

    Args:
        secret: 32 bytes of key; by default new ones.
    """

    def __init__(
        self,
        name: str,
        *,
        secret: bytes | None = None,
        certificate: wire.Certificate | None = None,
        network: bytes = NETWORK,
    ) -> None:
        self.name, self._network = name, network
        self._signer = wire.LocalSigner(secret or os.urandom(32))
        self._certificate = certificate or wire.Certificate.new(name)
        self._roll = wire.Members()
        self._askers: set[str] = set()
        self._axon: wire.Axon | None = None
        self._dendrite: wire.Dendrite | None = None

    async def open(
        self,
        member: Member,
        host: str = "127.0.0.1",
        port: int = 0,
        allowed: Callable[[wire.Peer, Instructions], str] = lambda peer, wanted: "",
    ) -> None:
        """Answer for ``member`` from now on. ``allowed`` says why instructions are declined, "" where they are not."""

        def told(peer: wire.Peer, wanted: Instructions) -> str:
            return allowed(peer, wanted) if peer.key in self._askers else "you are not whom this device works for"

        await self.listen(lambda axon, known: serve(axon, member, told, self.name), host, port)

    async def listen(
        self, install: Callable[[wire.Axon, Callable[[wire.Peer], str]], None], host: str = "127.0.0.1", port: int = 0
    ) -> None:
        """Answer by whatever ``install`` puts into the axon; what it is given besides says why somebody may not ask, ""
        where he may."""

        def known(peer: wire.Peer) -> str:
            return "" if peer.key in self._askers else "you are not whom this device works for"

        network, signer, roll = self._network, self._signer, self._roll
        self._axon = wire.Axon(self._certificate, signer, network=network, directory=roll, host=host, port=port)
        install(self._axon, known)

        @self._axon.handle(HERE)
        async def here(request: wire.Request) -> wire.Answer:
            if why := known(request.peer):
                raise wire.Decline(why)
            return wire.Answer({}, {})

        await self._axon.start()

    @property
    def peer(self) -> wire.Peer:
        """As others' rolls have it, with the number 1."""
        der = self._certificate.der
        endpoint = self._axon.endpoint if self._axon else ""
        return wire.Peer(1, self._signer.address, endpoint, self._certificate.fingerprint, der)

    def sign(self, digest: bytes) -> bytes:
        """32 bytes, signed by its key."""
        return self._signer.sign(digest)

    def card(self, payee: str = "", devices: Iterable[str] = ()) -> Card:
        """What others need to know of it; ``payee``: to whose address what it earns is paid, by default its key's;
        ``devices``: of a node, what its devices are called."""
        return Card(self.name, self.peer, payee, devices)

    def knows(self, *askers: Card) -> None:
        """These may ask from now on."""
        self._enrol(askers)
        self._askers |= {card.peer.key for card in askers}

    def reach(self, cards: Iterable[Card]) -> list[Remote]:
        """Members at these places, asked in this key's name."""
        cards = list(cards)
        dendrite = self.asking(cards)
        return [Remote(card.name, dendrite, self.known(card), card.devices) for card in cards]

    def asking(self, cards: Iterable[Card]) -> wire.Dendrite:
        """What asks these in this key's name. Call it in the event loop that is to ask."""
        cards = list(cards)
        self._enrol(cards)
        if self._dendrite is None:
            warm = max(64, len(cards))
            self._dendrite = wire.Dendrite(self._certificate, self._signer, self._network, self._roll, warm=warm)
        return self._dendrite

    def known(self, card: Card) -> wire.Peer:
        """Somebody as the roll has him. Raises FleetError."""
        peer = self._roll.by_key(card.peer.key)
        if peer is None:
            raise FleetError(f"{card.name} is not on the roll: reach for it first")
        return peer

    def _enrol(self, cards: Iterable[Card]) -> None:
        for card in cards:
            there = self._roll.by_key(card.peer.key)
            self._roll.put(replace(card.peer, id=there.id if there else len(self._roll.peers()) + 1))

    async def close(self) -> None:
        """Stop answering and asking."""
        if self._axon is not None:
            await self._axon.stop()
        if self._dendrite is not None:
            await self._dendrite.close()
