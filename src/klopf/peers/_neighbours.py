"""Where the others are while the chain's node is away: what the registry said last, and what each says of itself since.

A *card* is a participant's own word of where it is reached and under which certificate, signed with the key that the
registry names, with the second at which it was made. Cards are passed on, since whoever passes one on can change
nothing in it. Who is in the network, and with which key, comes from the registry alone, as it was last read; only those
whose card is younger than a day are asked while it cannot be read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from eth_hash.auto import keccak

from klopf import files, ledger, wire
from klopf.errors import KlopfError, PeersError

__all__ = ["AGE", "MOST_CARDS", "Card", "Neighbours"]

AGE = 24 * 3600
"""Seconds for which a card, and what was read of the registry, are believed."""
EARLY = 60
"""Seconds by which whoever made a card may have a fast clock."""
MOST_CARDS = 64
"""That are passed on, or taken, at once."""
_TEXT, _CERTIFICATE = 255, 4_096
"""Bytes that an endpoint and a certificate have at most, as in the registry."""


@dataclass(frozen=True)
class Card:
    """``id`` is reached at ``endpoint`` and shows ``certificate`` (DER)."""

    id: int
    endpoint: str
    certificate: bytes
    issued: int
    """In seconds since 1970."""
    signature: bytes = b""

    def digest(self, network: bytes) -> bytes:
        """What is signed, 32 bytes; ``network`` as :func:`klopf.wire.network_id` names it."""
        head = json.dumps([self.id, self.endpoint, self.issued]).encode()
        return bytes(keccak(b"klopf card" + network + len(head).to_bytes(4, "big") + head + self.certificate))

    def signed(self, network: bytes, key: wire.Signer) -> Card:
        return Card(self.id, self.endpoint, self.certificate, self.issued, key.sign(self.digest(network)))

    def is_by(self, network: bytes, key: str) -> bool:
        """Whether ``key`` (an address) has signed it."""
        try:
            return ledger.keys.recover(self.digest(network), self.signature) == key
        except KlopfError:
            return False

    def fresh(self, now: float) -> bool:
        """Whether it is to be believed at ``now``."""
        return now - AGE <= self.issued <= now + EARLY

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id, "endpoint": self.endpoint, "certificate": self.certificate.hex(), "issued": self.issued,
            "signature": self.signature.hex(),
        }  # fmt: skip

    @classmethod
    def from_json(cls, record: Any) -> Card:
        """PeersError where it is none."""
        try:
            made = cls(
                int(record["id"]), str(record["endpoint"]), bytes.fromhex(record["certificate"]), int(record["issued"]),
                bytes.fromhex(record["signature"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError):
            raise PeersError("no card: it has id, endpoint, certificate, issued and signature") from None
        if not 0 < made.id < 2**32 or not 0 <= made.issued < 2**63 or len(made.signature) != 65:
            raise PeersError("no card: a number is out of range")
        if len(made.endpoint.encode(errors="replace")) > _TEXT or len(made.certificate) > _CERTIFICATE:
            raise PeersError("no card: it is too long")
        return made


@dataclass
class Neighbours:
    """What is known of the others without the chain. Kept in ``file``; what cannot be read there is not known."""

    file: Path
    network: bytes
    clock: Callable[[], float] = time.time
    members: dict[int, ledger.Participant] = field(default_factory=dict)
    """The registry, as it was read at :attr:`read_at`."""
    read_at: float = 0.0
    now: ledger.Now | None = None
    """The chain's clock at that time."""
    reserves: dict[int, int] = field(default_factory=dict)
    """Of a requester: up to which total its vouchers for each neuron are surely paid."""
    cards: dict[int, Card] = field(default_factory=dict)

    @classmethod
    def open(cls, file: Path, network: bytes, clock: Callable[[], float] = time.time) -> Neighbours:
        """As it was left."""
        self = cls(file, network, clock)
        try:
            saved = json.loads(file.read_text())
            if bytes.fromhex(saved["network"]) != network:
                return self
            members = {one["id"]: _member(one) for one in saved["members"]}
            now = ledger.Now(**saved["now"] | {"phase": ledger.Phase(saved["now"]["phase"])})
            reserves = {int(k): int(total) for k, total in saved["reserves"].items()}
            self.members, self.read_at, self.now, self.reserves = members, float(saved["read_at"]), now, reserves
            self.take(Card.from_json(one) for one in saved["cards"])
        except (OSError, ValueError, KeyError, TypeError, KlopfError):
            pass
        return self

    def learn(self, members: Iterable[ledger.Participant], now: ledger.Now) -> None:
        """Remember the registry as it is ``now``, on the disk too; cards under keys that it no longer names are
        forgotten."""
        before, self.members = self.members, {one.id: one for one in members}
        self.read_at, self.now = self.clock(), now
        self.cards = {
            k: card for k, card in self.cards.items()
            if k in before and k in self.members and before[k].key == self.members[k].key
        }  # fmt: skip
        self.save()

    def take(self, cards: Iterable[Card]) -> list[int]:
        """Keep those that are whole, fresh and newer than what is there; whose they are."""
        new = []
        for card in cards:
            one, known = self.members.get(card.id), self.cards.get(card.id)
            if one is None or not card.fresh(self.clock()) or (known is not None and known.issued >= card.issued):
                continue
            if card.is_by(self.network, one.key):
                self.cards[card.id] = card
                new.append(card.id)
        return new

    def fresh_cards(self) -> list[Card]:
        """Those that may be passed on, the newest first, at most ``MOST_CARDS``."""
        now = self.clock()
        return sorted((c for c in self.cards.values() if c.fresh(now)), key=lambda c: -c.issued)[:MOST_CARDS]

    def usable(self) -> bool:
        """Whether what was read is young enough to go by."""
        now = self.clock()
        return self.now is not None and now - AGE <= self.read_at <= now + EARLY

    @property
    def age(self) -> float:
        """Seconds since the registry was read."""
        return self.clock() - self.read_at

    def peers(self) -> list[wire.Peer]:
        """Everybody as the wire needs them: reached where a fresh card says, and else nowhere."""
        now, found = self.clock(), []
        for one in self.members.values():
            card = self.cards.get(one.id)
            if card is None or not card.fresh(now):
                found.append(wire.Peer(one.id, one.key, "", one.fingerprint, one.certificate))
            else:
                shown = sha256(card.certificate).digest()
                found.append(wire.Peer(one.id, one.key, card.endpoint, shown, card.certificate))
        return found

    def save(self) -> None:
        if self.now is None:
            return
        files.replace(self.file, json.dumps({
            "network": self.network.hex(), "read_at": self.read_at, "now": asdict(self.now),
            "members": [_plain(one) for one in self.members.values()],
            "reserves": {str(k): str(total) for k, total in self.reserves.items()},
            "cards": [card.to_json() for card in self.cards.values()],
        }))  # fmt: skip


def _plain(one: ledger.Participant) -> dict[str, Any]:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in vars(one).items()}


def _member(saved: dict[str, Any]) -> ledger.Participant:
    raw = {name: bytes.fromhex(saved[name]) for name in ("fingerprint", "certificate", "commitment")}
    roles = {"role": ledger.Role(saved["role"]), "standing": ledger.Standing(saved["standing"])}
    return ledger.Participant(**saved | raw | roles)
