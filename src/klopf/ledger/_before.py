"""Networks of earlier versions: what their contracts said and kept otherwise than today's, read so that they can move.

Receipts promised fees then, out of an escrow that ``Settlement`` held, and effort was said without its price.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_abi.abi import decode, encode
from eth_hash.auto import keccak

from klopf.ledger._event import Event, UnknownEvent
from klopf.ledger._ledger import Ledger
from klopf.ledger.keys import checksum
from klopf.ledger.market import settlement

__all__ = ["Pay", "as_today", "escrow_of", "pay_of", "reported"]

_COLUMN = 6
"""Numbers in a column while there were fees in it."""


def _topic(signature: str) -> str:
    return "0x" + keccak(signature.encode()).hex()


_REPORTED = _topic("Reported(uint32,uint32,uint256,address,uint256,uint64,uint32,uint32,uint32)")
_HEARD = _topic("Heard(uint32,uint32,uint32,uint32,uint16,uint96,bytes32)")
_COLLECTED = _topic("Collected(uint32,uint32,address,uint256,uint96,uint96)")


@dataclass(frozen=True)
class Pay:
    """How an epoch ended for somebody. ``fees`` are its own and still in ``Settlement``: earned and not collected, or
    set aside and not claimed; in 1e-18 KLP."""

    rank: int
    collected: bool
    fees: int


def pay_of(source: Ledger, epoch: int, id: int) -> Pay:
    """How ``epoch`` ended for ``id``, also where receipts promised fees."""
    column = _words(source, "columns(uint32,uint32)", epoch, id)
    if len(column) != _COLUMN:
        found = source.settlement.column(epoch, id)
        return Pay(found.rank, found.collected, 0)
    rank, earned, *_, pay, _voided = column
    return Pay(rank, pay == 2, earned + _words(source, "posts(uint32,uint32)", epoch, id)[2])


def escrow_of(source: Ledger, id: int) -> int:
    """What ``id`` had in escrow for the fees of receipts; nothing where there is no such escrow."""
    fees = len(_words(source, "columns(uint32,uint32)", 0, id)) == _COLUMN
    return _words(source, "escrow(uint32)", id)[0] if fees else 0


def _words(source: Ledger, signature: str, *arguments: int) -> list[int]:
    data = keccak(signature.encode())[:4] + encode(["uint256"] * len(arguments), arguments)
    answer = source.rpc.call(source.settlement.address, data)
    return [int.from_bytes(answer[at : at + 32]) for at in range(0, len(answer), 32)]


def reported(event: Event, addresses: dict[str, str]) -> tuple[int, int, int, str, int] | None:
    """Effort as it was said before its price was: its cycle, node, device, holder and effort."""
    if not (isinstance(event, UnknownEvent) and event.contract == "Effort" and event.topic == _REPORTED):
        return None
    cycle, node, device = (int(topic, 16) for topic in event.topics)
    holder, amount = decode(("address", "uint256"), bytes.fromhex(event.data[2:])[:64])
    return cycle, node, device, checksum(holder), amount


def as_today(event: Event) -> Event:
    """Who was heard and paid, as it is said today; of what was paid, fees included. Any other event as it is."""
    if not isinstance(event, UnknownEvent) or event.contract != "Settlement":
        return event
    place, data = (event.block, event.log_index, event.transaction, event.contract), bytes.fromhex(event.data[2:])
    topics = [int(topic, 16) for topic in event.topics]
    if event.topic == _HEARD:
        answers, weight, _, leaf = decode(("uint32", "uint16", "uint96", "bytes32"), data)
        return settlement.Heard.read(place, [*topics, answers, weight, leaf])
    if event.topic == _COLLECTED:
        owner, emitted, fees, _ = decode(("address", "uint256", "uint96", "uint96"), data)
        return settlement.Collected.read(place, [*topics, checksum(owner), emitted + fees])
    return event
