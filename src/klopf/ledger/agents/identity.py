"""ERC-8004's identity registry, as a view of the participants; what it announced in events."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_hash.auto import keccak

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._replay import ZERO, Replay
from klopf.ledger.core._participant import Role
from klopf.ledger.core.registry import RegistryReplay
from klopf.neuron import Standing

__all__ = [
    "AgentIdentity",
    "AgentIdentityReplay",
    "MetadataSet",
    "Registered",
    "Transfer",
    "URIUpdated",
]

_TYPE = "https://eips.ethereum.org/EIPS/eip-8004#registration-v1"
_DATA = "data:application/json;base64,"
_DOOR = "door"


@dataclass(frozen=True)
class Registered(Event):
    """An agent was announced for the first time."""

    agent_id: int
    agent_uri: str
    owner: str


@dataclass(frozen=True)
class URIUpdated(Event):
    """An agent was announced with another file than before."""

    agent_id: int
    new_uri: str
    updated_by: str


@dataclass(frozen=True)
class MetadataSet(Event):
    """A door was opened, moved or closed."""

    agent_id: int
    indexed_metadata_key: bytes
    """Its hash."""
    metadata_key: str
    metadata_value: bytes


@dataclass(frozen=True)
class Transfer(Event):
    """Beside the first announcement; nothing is ever sold."""

    sender: str
    to: str
    token_id: int


class AgentIdentityReplay(Replay):
    """Which files were announced, and that each says what the registry, and who sells, had said by then."""

    def begin(self) -> None:
        self.registry = self.of(RegistryReplay)
        self.announced: dict[int, str] = {}
        self.minted: set[int] = set()
        self.doors: dict[int, bytes] = {}

    def file(self, id: int) -> dict[str, Any]:
        """The registration file of a participant."""
        m = self.registry.members[id]
        role, door = m.role.name.lower(), self.doors.get(id, b"")
        places = {"klopf": m.endpoint.encode(), "web": door}
        registry = f"eip155:{self.run.ledger.deployment.chain_id}:{self.address}"
        return {
            "type": _TYPE,
            "name": f"{role} {id}",
            "description": f"{_plain(m.model.encode())}, {role} of a Klopf network",
            "image": "",
            "services": [{"name": name, "endpoint": _plain(place)} for name, place in places.items() if place],
            "x402Support": bool(door),
            "active": m.standing is not Standing.SILENT,
            "registrations": [{"agentId": id, "agentRegistry": registry}],
            "supportedTrust": ["reputation", "crypto-economic"],
        }

    def _said(self, e: Event, id: int, uri: str) -> None:
        self.differ(f"who is announced in {self.where(e)}", True, self.registry.members[id].role is not Role.NONE)
        self.differ(f"file of {id} in {self.where(e)}", self.file(id), _content(uri))
        self.announced[id] = uri

    def on_Transfer(self, e: Transfer) -> None:
        self.differ(f"second announcement of {e.token_id} as new", False, e.token_id in self.minted)
        self.differ(self.where(e), (ZERO, self.registry.members[e.token_id].owner), (e.sender, e.to))
        self.minted.add(e.token_id)
        self.expect("AgentIdentity.Registered", e.token_id, e.to)

    def on_Registered(self, e: Registered) -> None:
        self.must(e, e.agent_id, e.owner)
        self._said(e, e.agent_id, e.agent_uri)

    def on_URIUpdated(self, e: URIUpdated) -> None:
        self.differ(f"file before {self.where(e)}", True, self.announced.get(e.agent_id, e.new_uri) != e.new_uri)
        self._said(e, e.agent_id, e.new_uri)

    def on_MetadataSet(self, e: MetadataSet) -> None:
        told = (_DOOR, bytes(keccak(_DOOR.encode())))
        self.differ(f"what is told in {self.where(e)}", told, (e.metadata_key, e.indexed_metadata_key))
        self.differ(f"who sells in {self.where(e)}", True, self.registry.members[e.agent_id].role is not Role.NONE)
        self.doors[e.agent_id] = e.metadata_value

    def compare(self) -> None:
        for id, uri in self.announced.items():
            said = self.client(AgentIdentity).announced(id)
            self.differ(f"the contract's file of agent {id}", bytes(keccak(uri.encode())), said)
        for id in (id for id, member in self.registry.members.items() if member.role is not Role.NONE):
            said = self.client(AgentIdentity).metadata(id, _DOOR)
            self.differ(f"the contract's door of agent {id}", self.doors.get(id, b""), said)


class AgentIdentity(Contract):
    """ERC-8004's identity registry, as a view of the participants: an agent's id is the participant's."""

    name = "AgentIdentity"
    events = (Registered, URIUpdated, MetadataSet, Transfer)
    participants = ("agent_id",)
    replay = AgentIdentityReplay

    def announce(self, ids: Sequence[int]) -> Sent:
        """Say in events which agents there are and what their files say; what was said before is not said again."""
        return self._write("announce", list(ids))

    def announced(self, id: int) -> bytes:
        """The hash of the file that was announced last; zeros for none."""
        return bytes(self._read("announced", id))

    def registration(self, id: int) -> dict[str, Any]:
        """The registration file of an agent. Reverted (``UnknownAgent``) where nobody who takes part has this id."""
        found = _content(str(self._read("tokenURI", id)))
        assert isinstance(found, dict)
        return found

    def sells_at(self, id: int, url: str) -> Sent:
        """Say where an agent's answers are sold for x402; the empty text for nowhere. Its owner or its key may.

        Raises:
            Reverted: ``DoorTooLong``, of more than 256 bytes; ``UnknownAgent``, or who says so is another.
        """
        return self._write("setMetadata", id, _DOOR, url.encode())

    def door(self, id: int) -> str:
        """Where an agent's answers are sold; empty for nowhere."""
        return self.metadata(id, _DOOR).decode(errors="replace")

    def metadata(self, id: int, key: str) -> bytes:
        """What is known of an agent under ``key``: its wallet, role, standing, model, door and so on, in bytes."""
        return bytes(self._read("getMetadata", id, key))


def _content(uri: str) -> object:
    """What a data URI holds; itself where it is none."""
    try:
        return json.loads(base64.b64decode(uri.removeprefix(_DATA), validate=True))
    except ValueError:
        return uri


def _plain(text: bytes) -> str:
    """As the contract has it within quotes, byte by byte."""
    return "".join(chr(c) if 0x20 <= c <= 0x7E and c not in b'"\\' else "?" for c in text)
