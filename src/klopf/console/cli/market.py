"""``klopf market``: devices and shares of models, at a price, at one that falls, to who bids most, or asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from klopf.console.cli.access import (
    HERE,
    Confirmations,
    Json,
    KeyFile,
    Rpc,
    Where,
    as_rows,
    klp,
    load_key,
    open_ledger,
    print_result,
    units,
)  # fmt: skip
from klopf.console.cli.coins import Moment, Preview, act_on, amount_of
from klopf.console.cli.command import CommandGroup
from klopf.console.cli.deeds import SHARES, shares_of
from klopf.errors import LedgerError, Reverted

if TYPE_CHECKING:
    from klopf import ledger as book
    from klopf.ledger.finance import Thing

__all__ = ["Market"]

_DAY = 24 * 3600
What = Annotated[str, Parameter(help="device:7, model:1:12.5 for 12.5 % of model 1; device:any where one is wanted.")]
Days = Annotated[str, Parameter(name="--days", help="Days from now on.")]
Id = Annotated[int, Parameter(help="Its number, as `klopf market list` shows it.")]
Bid = Annotated[str, Parameter(help="What you bid, in KLP.")]
Paid = Annotated[str, Parameter(help="What you pay for it, in KLP; locked until then.")]


class Market(CommandGroup):
    help = "Devices and shares of models, offered and wanted."
    extra = "network"

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {
            "list": list_, "offer": offer, "buy": buy, "bid": bid, "settle": settle, "withdraw": withdraw,
            "want": want, "fill": fill, "cancel": cancel, "collect": collect,
        }  # fmt: skip


def _thing(text: str, wanted: bool = False) -> Thing:
    """What ``device:7`` and ``model:1:12.5`` are."""
    from klopf.ledger.finance import Kind, Thing

    match text.split(":"):
        case ["device", "any"] if wanted:
            return Thing(Kind.DEVICE, 0)
        case ["device", id]:
            return Thing(Kind.DEVICE, amount_of(id, 0))
        case ["model", id, part]:
            return Thing(Kind.SHARES, amount_of(id, 0), shares_of(part))
    raise LedgerError(f"{text!r:.60} is nothing that is traded; give device:7, or model:1:12.5 for 12.5 % of model 1")


def _said(thing: Thing) -> str:
    from klopf.ledger.finance import Kind

    if thing.kind is Kind.DEVICE:
        return f"device:{thing.id or 'any'}"
    return f"model:{thing.id}:{thing.amount * 100 / SHARES:.10g}"


def _until(l: book.Ledger, days: str) -> int:
    return l.clock.now().time + amount_of(days, 6) * _DAY // 10**6


def list_(*, all_: Annotated[bool, Parameter(name="--all", negative="")] = False, rpc: Rpc = None,
          deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """What is offered and wanted now, and what each costs.

    Example: klopf market list --deployment deployment.json

    Parameters
    ----------
    all_
        What is sold and over, too.
    """
    with open_ledger(rpc, deployment) as l:
        now, rows = l.clock.now().time, []
        for id in range(1, l.trades.offers() + 1):
            o = l.trades.offer_of(id)
            how = "who bids most" if o.rising else "fixed" if o.first == o.last else f"falls to {klp(o.last)}"
            if all_ or o.open:
                rows.append({"what": _said(o.thing), "offer": id, "request": "", "KLP": klp(o.price(now)), "how": how,
                             "until": Moment(o.until), "open": o.open, "by": o.seller})  # fmt: skip
        for id in range(1, l.trades.wants() + 1):
            w = l.trades.want_of(id)
            if all_ or w.open:
                rows.append({"what": _said(w.thing), "offer": "", "request": id, "KLP": klp(w.price), "how": "wanted",
                             "until": Moment(w.until), "open": w.open, "by": w.by})  # fmt: skip
    print_result(rows, json_, as_rows(rows))


def offer(what: What, price: str, *, falls_to: str = "", auction: Annotated[bool, Parameter(negative="")] = False,
          days: Days = "7", preview: Preview = False, key: KeyFile = None, confirmations: Confirmations = 0,
          rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Offer a device or shares of a model; they stay yours, with what they earn, until they are sold.

    Example: klopf market offer model:1:12.5 100 --falls-to 60 --days 3 --key key.json

    Parameters
    ----------
    price
        In KLP; with --auction the least bid.
    falls_to
        Price at the end, where it falls.
    auction
        Who bids most has it.
    """
    thing, first = _thing(what), units(price)
    last = units(falls_to) if falls_to else first
    if (auction and falls_to) or last > first:
        raise LedgerError("a price falls to less than it begins with, and one of an auction falls to nothing")
    how = "to who bids most" if auction else f"falling to {klp(last)} KLP" if falls_to else "at a fixed price"
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        lines = [f"{what} from {price} KLP, {how}"]
        if preview:
            print_result({"what": what, "price": price, "how": how, "sent": False}, json_, lines)
            return
        id = l.trades.offer(thing, first, _until(l, days), last=last, rising=auction)
    print_result({"offer": id, "what": what, "price": price, "how": how, "sent": True}, json_, [f"offer {id}", *lines])


def buy(id: Id, *, most: str = "", preview: Preview = False, key: KeyFile = None, confirmations: Confirmations = 0,
        rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Buy what is offered, at the price of now.

    Example: klopf market buy 1 --preview --key key.json

    Parameters
    ----------
    most
        What it may cost, in KLP; by default what it costs now.
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        o, now = l.trades.offer_of(id), l.trades.price(id)
        limit = units(most) if most else now
        if not o.open or o.rising:
            raise LedgerError(f"offer {id} cannot be bought: {'bid for it' if o.open else 'it is sold, or over'}")
        act_on({"offer": id, "what": _said(o.thing), "KLP": klp(now)}, [f"{_said(o.thing)} for {klp(now)} KLP"],
               preview, lambda: l.trades.buy(id, limit), json_)  # fmt: skip


def bid(id: Id, amount: Bid, *, preview: Preview = False, key: KeyFile = None, confirmations: Confirmations = 0,
        rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Bid in an auction: a twentieth more than the last bid at least. Who is outbid collects the bid.

    Example: klopf market bid 1 120 --key key.json
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        o, least = l.trades.offer_of(id), l.trades.price(id)
        if not o.rising or not o.open:
            raise LedgerError(f"offer {id} is no auction that runs; `klopf market list` shows those that do")
        if units(amount) < least:
            raise LedgerError(f"the least bid that counts is {klp(least)} KLP; bid that, or more")
        act_on({"offer": id, "bid": amount, "least": klp(least)}, [f"{amount} KLP for {_said(o.thing)}"], preview,
               lambda: l.trades.bid(id, units(amount)), json_)  # fmt: skip


def settle(id: Id, *, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None,
           deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """End an auction whose time is over. Where the seller did not deliver for a day, the bid is let go instead.

    Example: klopf market settle 1 --key key.json
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        late = l.clock.now().time > l.trades.offer_of(id).until + _DAY
        what: dict[str, Any] = {"offer": id}

        def send() -> book.Sent:
            try:
                return l.trades.settle(id)
            except Reverted as error:
                if error.name == "NotTraded" or not late:
                    raise
                return l.trades.release(id)

        act_on(what, [f"auction {id} is over"], False, send, json_)


def withdraw(id: Id, *, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None,
             deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Offer it no more; not while there is a bid.

    Example: klopf market withdraw 1 --key key.json
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        act_on({"offer": id}, [f"offer {id} is over"], False, lambda: l.trades.withdraw(id), json_)


def want(what: What, price: Paid, *, days: Days = "7", preview: Preview = False, key: KeyFile = None,
         confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
         json_: Json = False) -> None:  # fmt: skip
    """Ask for one of a kind, and pay in advance: whoever gives it has the price.

    Example: klopf market want device:any 50 --key key.json
    """
    from klopf.ledger.finance import Kind

    thing, paid = _thing(what, wanted=True), units(price)
    lines = [f"{price} KLP for {what}"]
    if thing.kind is Kind.DEVICE and not thing.id:
        lines.append("anybody makes devices for nothing, and may give one that never worked: ask for one by its number")
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        if preview:
            print_result({"what": what, "KLP": price, "sent": False}, json_, lines)
            return
        id = l.trades.want(thing, paid, _until(l, days))
    said = {"request": id, "what": what, "KLP": price, "sent": True}
    print_result(said, json_, [f"request {id}", *lines])


def fill(id: Id, given: int, *, preview: Preview = False, key: KeyFile = None, confirmations: Confirmations = 0,
         rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Give what somebody wants, for its price.

    Example: klopf market fill 1 7 --key key.json

    Parameters
    ----------
    given
        Number of your device, or of the model.
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        w = l.trades.want_of(id)
        act_on({"request": id, "given": given, "KLP": klp(w.price)}, [f"{_said(w.thing)} for {klp(w.price)} KLP"],
               preview, lambda: l.trades.fill(id, given), json_)  # fmt: skip


def cancel(id: Id, *, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None,
           deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Want it no more: the price goes back.

    Example: klopf market cancel 1 --key key.json
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        act_on({"request": id}, [f"request {id} is over"], False, lambda: l.trades.cancel(id), json_)


def collect(*, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
            json_: Json = False) -> None:  # fmt: skip
    """Have your bids back that were outbid or came to nothing.

    Example: klopf market collect --key key.json
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        due = l.trades.owed(l.me.address)
        if not due:
            raise LedgerError("no bid of yours is here that was outbid or came to nothing")
        act_on({"KLP": klp(due)}, [f"{klp(due)} KLP"], False, l.trades.collect, json_)
