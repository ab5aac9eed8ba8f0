"""The network as a graph: who takes part, since when, and who listened to whom, from birth to now (L7).

Built from events alone, so anybody who has the events builds the same graph and the same hash; that hash can be minted
as a token (``ledger.snapshots.mint``). GraphML is what Gephi, Cytoscape, yEd and networkx read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from eth_hash.auto import keccak

from klopf.ledger._event import Event
from klopf.ledger.core import registry, stake
from klopf.ledger.core._participant import Role
from klopf.ledger.market import settlement
from klopf.neuron import Standing

__all__ = ["Graph", "Listening", "Member", "graph"]

_ALLOWED = re.compile("[\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]").fullmatch


@dataclass
class Member:
    """One participant as the events tell of it."""

    id: int
    role: Role
    key: str
    model: str
    block: int
    """Where it was registered."""
    standing: Standing = Standing.NONE
    utility: float = 0.0
    """Uncorrected, as of the last epoch that was collected."""
    earned: int = 0
    slashed: int = 0
    audits: list[tuple[int, bool]] = field(default_factory=list)
    """(epoch, passed)"""


@dataclass(frozen=True)
class Listening:
    """One listener's attention to one speaker in one epoch."""

    epoch: int
    listener: int
    speaker: int
    weight: int
    answers: int


@dataclass
class Graph:
    """Members by id, and every listening in the order it was claimed."""

    block: int = 0
    """The last block that said something."""
    members: dict[int, Member] = field(default_factory=dict)
    listening: list[Listening] = field(default_factory=list)

    def epochs(self) -> list[int]:
        """The epochs in which somebody was heard."""
        return sorted({edge.epoch for edge in self.listening})

    def at(self, epoch: int) -> list[Listening]:
        """Who listened to whom in one epoch."""
        return [edge for edge in self.listening if edge.epoch == epoch]

    def listeners(self, speaker: int) -> dict[int, dict[int, int]]:
        """Who listened to ``speaker``, epoch by epoch: ``{listener: {epoch: weight}}``."""
        heard: dict[int, dict[int, int]] = {}
        for edge in self.listening:
            if edge.speaker == speaker:
                heard.setdefault(edge.listener, {})[edge.epoch] = edge.weight
        return heard

    def calls(self) -> dict[tuple[int, int], int]:
        """Answers given over all time, by (listener, speaker)."""
        counts: dict[tuple[int, int], int] = {}
        for edge in self.listening:
            pair = (edge.listener, edge.speaker)
            counts[pair] = counts.get(pair, 0) + edge.answers
        return counts

    def canonical(self) -> bytes:
        """The graph as bytes that are the same for everybody: JSON with sorted keys and no spaces."""
        members = [
            [m.id, m.role.name, m.key, m.model, m.block, m.standing.name, str(m.earned), str(m.slashed), m.audits]
            for _, m in sorted(self.members.items())
        ]
        edges = sorted([e.epoch, e.listener, e.speaker, e.weight, e.answers] for e in self.listening)
        return json.dumps({"members": members, "listening": edges}, separators=(",", ":")).encode()

    def hash(self) -> bytes:
        """Keccak-256 of :meth:`canonical`: what a snapshot claims."""
        return bytes(keccak(self.canonical()))

    def graphml(self) -> str:
        """As GraphML: a node a member, a directed edge for each listener, speaker and epoch."""
        keys = (
            ("node", "role", "string"),
            ("node", "standing", "string"),
            ("node", "model", "string"),
            ("node", "key", "string"),
            ("node", "born", "long"),
            ("node", "utility", "double"),
            ("node", "earned", "string"),
            ("node", "slashed", "string"),
            ("edge", "epoch", "long"),
            ("edge", "weight", "double"),
            ("edge", "answers", "long"),
        )
        lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">']
        lines += [f'<key id="{n}" for="{kind}" attr.name="{n}" attr.type="{t}"/>' for kind, n, t in keys]
        lines.append('<graph id="klopf" edgedefault="directed">')
        for id, m in sorted(self.members.items()):
            values = {
                "role": m.role.name.lower(),
                "standing": m.standing.name.lower(),
                "model": m.model,
                "key": m.key,
                "born": m.block,
                "utility": m.utility,
                "earned": m.earned,
                "slashed": m.slashed,
            }
            data = "".join(f"<data key={quoteattr(k)}>{escape(_clean(str(v)))}</data>" for k, v in values.items())
            lines.append(f'<node id="n{id}">{data}</node>')
        for number, e in enumerate(self.listening):
            values = {"epoch": e.epoch, "weight": e.weight / 65535, "answers": e.answers}
            data = "".join(f'<data key="{k}">{v}</data>' for k, v in values.items())
            lines.append(f'<edge id="e{number}" source="n{e.listener}" target="n{e.speaker}">{data}</edge>')
        return "\n".join([*lines, "</graph>", "</graphml>", ""])


def _clean(text: str) -> str:
    """Without the characters that XML cannot hold: anybody may register a model of any name."""
    return "".join(c if _ALLOWED(c) else "\ufffd" for c in text)


def graph(events: Iterable[Event]) -> Graph:
    """The graph that ``events`` (in block order) tell of."""
    made = Graph()
    for e in events:
        made.block = e.block
        match e:
            case registry.Registered():
                made.members[e.id] = Member(e.id, Role(e.role), e.key, e.model, e.block)
            case registry.KeyRotated():
                made.members[e.id].key = e.key
            case registry.ModelChanged():
                made.members[e.id].model = e.model
            case registry.StandingChanged():
                made.members[e.id].standing = Standing(e.after)
            case registry.UtilityUpdated():
                made.members[e.id].utility = e.utility / 10**18
            case settlement.Collected():
                made.members[e.id].earned += e.emitted
            case stake.Slashed():
                made.members[e.id].slashed += e.from_staked + e.from_thawing
            case registry.Judged():
                made.members[e.id].audits.append((e.epoch, e.passed))
            case settlement.Heard():
                made.listening.append(Listening(e.epoch, e.listener, e.speaker, e.weight, e.answers))
    return made
