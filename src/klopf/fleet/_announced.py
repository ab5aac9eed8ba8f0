"""Demands and who applies for them, found by the ledger, as neurons find each other: each is a participant under
its own key, with its certificate, where it answers, and a line of what it is there for."""

from __future__ import annotations

import asyncio
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

_DEMAND, _DEVICE = "fleet demand: ", "fleet device for job "
_WORDS = re.compile(r"fleet device for job (\d{1,18})(?:, paid to (0x[0-9a-fA-F]{40}))?")
_LONGEST = 255
"""Bytes that a participant may say of itself."""
_NEWEST = 200
"""Jobs that are looked through."""
_MOST = 300
"""Applicants that are taken for one job, the first: whoever applies costs the server a note on the ledger."""
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


def announce(server: Ledger, card: Card, what: str) -> int:
    """Let a demand be found by the job that its server reports on; once, or anew where something changed. Gives the
    server's id on the ledger. Signed by the server's key, which pays for it where the chain asks a fee."""
    return _said(server, card, _DEMAND + what)


def demands(ledger: Ledger) -> list[Announced]:
    """All that are announced, locked, and have time left, of the newest 200 jobs; the newest first."""
    last, now = int(ledger.jobs._read("count")), ledger.clock.now().time
    found = []
    for job in range(last, max(0, last - _NEWEST), -1):
        said = ledger.jobs._read("jobs", job)
        if int(said[7]) != _OPEN or int(said[4]) <= now:
            continue
        one = _of_key(ledger, str(said[1]))
        if one is None or not one.model.startswith(_DEMAND):
            continue
        try:
            card = _card(one, "server")
        except FleetError:
            continue
        what = one.model.removeprefix(_DEMAND)
        found.append(Announced(job, int(said[2]), int(said[4]), int(said[6]), what, card))
    return found


def server_of(ledger: Ledger, job: int) -> Card:
    """The card of who reports on a job, as the ledger has it.

    Raises:
        FleetError: the job is not announced, or is over.
    """
    for one in demands(ledger):
        if one.job == job:
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
    """Who applied for a job, in the order of coming, at most 300; each called by its key's address, which is nobody
    else's."""
    found = []
    for one in ledger.registry.all():
        words = _WORDS.fullmatch(one.model)
        if one.role is not Role.REQUESTER or words is None or int(words[1]) != job:
            continue
        try:
            found.append(_card(one, one.key, words[2] or one.key))
        except FleetError:
            continue
        if len(found) == _MOST:
            break
    return found


async def answering(post: Post, cards: Sequence[Card]) -> list[Card]:
    """Those of ``cards`` who answer within ten seconds: anybody may apply, and be gone."""
    if not cards:
        return []
    dendrite = post.asking(cards)

    async def asked(card: Card) -> bool:
        peer = post.known(card)
        with named(card.name, peer):
            await dendrite.ask(peer, HERE, None, {}, timeout=_LOOK)
        return True

    there, _ = await gathered({card.name: asked(card) for card in cards}, len(cards), _LOOK, _GRACE)
    await asyncio.sleep(0)
    return [card for card in cards if card.name in there]


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
