"""Demands and who applies for them, found by the ledger, as neurons find each other: each is a participant under
its own key, with its certificate, where it answers, and a line of what it is there for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from klopf import wire
from klopf.errors import FleetError, LedgerError
from klopf.fleet._gather import gathered
from klopf.fleet._links import named
from klopf.fleet._post import HERE, Card, Post
from klopf.ledger import Ledger, Participant, Role

__all__ = ["Announced", "announce", "answering", "applicants", "apply_for", "demands", "server_of"]

_DEMAND, _DEVICE = "fleet demand ", "fleet device for job "
_SAID = re.compile(r"fleet demand ([0-9]{1,18}): (.*)", re.DOTALL)
_WORDS = re.compile(r"fleet device for job ([0-9]{1,18})(?:, paid to (0x[0-9a-fA-F]{40}))?")
_LONGEST = 255
"""Bytes that a participant may say of itself."""
_NEWEST = 1000
"""Announcements that are looked through. Each is a participant's, which after the 256th has a deposit: jobs of a unit
cost nothing, and whoever opened enough of them would hide all others."""
_APPLIED = 3000
"""Applicants that are looked at for one job, the first."""
_MOST = 300
"""Of those who answer, how many are taken: each costs the server a note on the ledger."""
_LOOK, _GRACE = 10.0, 1.0
_OPEN = 1


@dataclass(frozen=True)
class Announced:
    """A demand that anybody may apply for: its job on the ledger, the price in units, until when it must be reported
    on (seconds since 1970), for how many seconds anybody may object then, what its server says of it, and its card."""

    job: int
    price: int
    until: int
    dispute: int
    what: str
    server: Card


def announce(server: Ledger, card: Card, job: int, what: str) -> int:
    """Let a demand be found by the job that its server reports on; once, or anew where something changed. Gives the
    server's id on the ledger. Signed by the server's key, which pays for it where the chain asks a fee."""
    return _said(server, card, f"{_DEMAND}{job}: {what}")


def demands(ledger: Ledger) -> list[Announced]:
    """All that are announced, locked, and have time left, of the newest 1000 announcements; the newest job first."""
    those = [one for one in ledger.registry.all() if one.model.startswith(_DEMAND)][-_NEWEST:]
    last, now = int(ledger.jobs._read("count")), ledger.clock.now().time
    found = [one for one in (_announced(ledger, said, last, now) for said in those) if one]
    return sorted(found, key=lambda one: -one.job)


def server_of(ledger: Ledger, job: int) -> Card:
    """The card of who reports on a job, as the ledger has it.

    Raises:
        FleetError: the job is not announced, or is over.
    """
    last, now = int(ledger.jobs._read("count")), ledger.clock.now().time
    said = _of_key(ledger, str(ledger.jobs._read("jobs", job)[1])) if 1 <= job <= last else None
    one = said and _announced(ledger, said, last, now)
    if one and one.job == job:
        return one.server
    raise FleetError(f"job {job} is no demand that is announced and open: `klopf demand find` lists those that are")


def apply_for(worker: Ledger, card: Card, job: int) -> int:
    """Say on the ledger where a device, or a node's leader, answers for a job: by its key's address, its certificate
    and the card's payee. Gives its id on the ledger.

    Raises:
        FleetError: its key takes part as something else already.
    """
    paid = "" if card.payee.lower() == card.peer.key.lower() else f", paid to {card.payee}"
    return _said(worker, card, f"{_DEVICE}{job}{paid}")


def applicants(ledger: Ledger, job: int) -> list[Card]:
    """Who applied for a job and can be paid, in the order of coming, at most 3000; each called by its key's address,
    which is nobody else's."""
    found = []
    for one in ledger.registry.all():
        words = _WORDS.fullmatch(one.model)
        if one.role is not Role.REQUESTER or words is None or int(words[1]) != job:
            continue
        try:
            card = _card(one, one.key, words[2] or one.key)
        except FleetError:
            continue
        if card.payee.lower() != ledger.jobs.address.lower():  # which its contract refuses, and all others with it
            found.append(card)
        if len(found) == _APPLIED:
            break
    return found


async def answering(post: Post, cards: Sequence[Card]) -> list[Card]:
    """The first 300 of ``cards`` who answer, each within ten seconds: anybody may apply, and be gone, and whoever is
    takes nobody's place."""
    dendrite = post.asking(cards)

    async def asked(card: Card) -> bool:
        peer = post.known(card)
        with named(card.name, peer):
            await dendrite.ask(peer, HERE, None, {}, timeout=_LOOK)
        return True

    found: list[Card] = []
    for page in (cards[place : place + _MOST] for place in range(0, len(cards), _MOST)):
        there, _ = await gathered({card.name: asked(card) for card in page}, len(page), _LOOK, _GRACE)
        found += [card for card in page if card.name in there]
        if len(found) >= _MOST:
            break
    return found[:_MOST]


def _said(ledger: Ledger, card: Card, words: str) -> int:
    text = words.encode()[:_LONGEST].decode(errors="ignore")
    here, one = card.peer, _of_key(ledger, card.peer.key)
    if one is None:
        return ledger.registry.register(
            Role.REQUESTER, endpoint=here.endpoint, model=text, certificate=here.certificate
        )
    if one.role is not Role.REQUESTER or not one.model.startswith((_DEMAND, _DEVICE)):
        raise FleetError(f"{here.key} takes part in this network as {one.role.name.lower()} {one.id}: use a new home")
    if (one.endpoint, one.fingerprint) != (here.endpoint, here.fingerprint):
        ledger.registry.move(one.id, here.endpoint, here.certificate)
    if one.model != text:
        ledger.registry.change_model(one.id, text)
    return one.id


def _announced(ledger: Ledger, one: Participant, last: int, now: int) -> Announced | None:
    """What a participant announces; None where that is no job of its own, or is over."""
    words = _SAID.fullmatch(one.model)
    if one.role is not Role.REQUESTER or words is None or not 1 <= int(words[1]) <= last:
        return None
    said = ledger.jobs._read("jobs", int(words[1]))
    if int(said[7]) != _OPEN or int(said[4]) <= now or str(said[1]).lower() != one.key.lower():
        return None
    try:
        return Announced(int(words[1]), int(said[2]), int(said[4]), int(said[6]), words[2], _card(one, "server"))
    except FleetError:
        return None


def _of_key(ledger: Ledger, key: str) -> Participant | None:
    id = ledger.registry.id_of(key)
    try:
        return ledger.registry.get(id) if id else None
    except LedgerError:
        return None


def _card(one: Participant, name: str, payee: str = "") -> Card:
    """As a participant says it; FleetError where its certificate or name is none."""
    if not one.certificate:
        raise FleetError(f"participant {one.id} has no certificate on the ledger")
    return Card(name, wire.Peer(1, one.key, one.endpoint, one.fingerprint, one.certificate), payee)
