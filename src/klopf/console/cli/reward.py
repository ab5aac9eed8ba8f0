"""``klopf reward``: what liquidity and circulation earn out of their reserves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from hashlib import sha256
from typing import Any

from klopf.console.cli.access import (
    HERE,
    Confirmations,
    Json,
    KeyFile,
    Rpc,
    Where,
    klp,
    load_key,
    open_ledger,
    print_result,
    units,
)  # fmt: skip
from klopf.console.cli.coins import Preview, act_on, amount_of, as_lines
from klopf.console.cli.command import CommandGroup
from klopf.errors import LedgerError

__all__ = ["Reward"]

_DAY, _WEEK = 24 * 3600, 7 * 24 * 3600


class Reward(CommandGroup):
    help = "What liquidity and circulation earn out of their reserves."
    extra = "network"

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {
            "show": show, "weight": weight, "stake": stake, "unstake": unstake, "pay": pay, "claim": claim,
        }  # fmt: skip


def show(owner: str = "", *, rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:
    """Both reserves: what may be minted in a day, which pools earn; and what somebody has earned and may claim.

    Example: klopf reward show 0x70997970C51812dc3A010C7d01b50e0d17dc79C8

    Parameters
    ----------
    owner
        Address whose rewards are shown, too; without it the reserves alone.
    """
    from klopf.ledger.core.token import Reserve
    from klopf.ledger.finance.liquidity import vested

    with open_ledger(rpc, deployment) as l:
        what: dict[str, Any] = {}
        for which in Reserve:
            name = which.name.lower()
            what |= {f"{name}, a day": klp(l.reserves.tap(which)[0]), f"{name}, left": klp(l.token.left_in(which))}
        for pool in l.liquidity.pools():
            share, *_, staked = l.liquidity.pool(pool)
            what[f"pool {pool}"] = f"weight {share}, {staked} shares here"
        if owner:
            now = l.clock.now().time
            for week in l.liquidity.weeks(owner):
                earned = l.liquidity.earned(owner, week)
                due = vested(earned, (week + 1) * _WEEK, now) - l.liquidity.paid(owner, week)
                what[f"week {week}"] = f"{klp(earned)} for liquidity, {klp(due)} to claim"
            for day in l.circulation.days(owner):
                burnt, reward, closed = l.circulation.day(day)
                mine = l.circulation.burnt(day, owner)
                part = reward * mine // burnt if burnt else 0
                due = vested(part, (day + 1) * _DAY, now) - l.circulation.paid(day, owner)
                said = f"{klp(part)} for circulation, {klp(due)} to claim" if closed else "not closed yet"
                what[f"day {day}"] = f"{klp(mine)} burnt, {said}"
    print_result(what, json_, as_lines(what))


def weight(pool: int, value: int, *, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None,
           deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Say how a pool weighs beside others in what liquidity earns; with the key of the owner of the rules.

    Example: klopf reward weight 1 3 --key operator.json

    Parameters
    ----------
    pool
        The pool's number, as `klopf pool list` shows it.
    value
        A whole number up to 65,535; 0 where its shares earn nothing.
    """
    if not 0 <= value < 2**16:
        raise LedgerError(f"a weight is from 0 to {2**16 - 1}, not {value}")
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        l.exchange.pool(pool)
        act_on({"pool": pool, "weight": value}, [f"pool {pool} weighs {value}"], False,
               lambda: l.liquidity.set_weight(pool, value), json_)  # fmt: skip


def stake(pool: int, shares: str = "all", *, preview: Preview = False, key: KeyFile = None,
          confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
          json_: Json = False) -> None:  # fmt: skip
    """Leave shares of a pool where they earn; they can be taken back at any time.

    Example: klopf reward stake 1 all --preview --key key.json

    Parameters
    ----------
    pool
        The pool's number, as `klopf pool list` shows it.
    shares
        How many, or all.
    """
    from klopf.ledger.core.token import Reserve

    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        mine = l.exchange.shares(pool, l.me.address)
        many = mine if shares == "all" else amount_of(shares, 0)
        if not 0 < many <= mine:
            raise LedgerError(f"you have {mine} shares of pool {pool}; leave no more than these")
        rows = {id: l.liquidity.pool(id) for id in l.liquidity.pools()}
        value, _, _, staked = rows.get(pool, (0, 0, 0, 0))
        all_ = sum(w for id, (w, _, _, held) in rows.items() if held or id == pool)
        part = Fraction(value * many, all_ * (staked + many)) if all_ else Fraction(0)
        a_day = int(l.reserves.tap(Reserve.LIQUIDITY)[0] * part)
        act_on({"pool": pool, "shares": str(many), "a day KLP": klp(a_day)},
               [f"{many} shares of pool {pool}, which would earn {klp(a_day)} KLP a day as things are"], preview,
               lambda: l.liquidity.stake(pool, many), json_)  # fmt: skip


def unstake(pool: int, shares: str = "all", *, key: KeyFile = None, confirmations: Confirmations = 0,
            rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Take shares of a pool back; what they earned until now is counted.

    Example: klopf reward unstake 1 all --key key.json

    Parameters
    ----------
    pool
        The pool's number, as `klopf pool list` shows it.
    shares
        How many, or all.
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        mine = l.liquidity.staked(pool, l.me.address)
        many = mine if shares == "all" else amount_of(shares, 0)
        if not 0 < many <= mine:
            raise LedgerError(f"{mine} shares of pool {pool} are here for you; take back no more than these")
        act_on({"pool": pool, "shares": str(many)}, [f"{many} shares of pool {pool} are yours again"], False,
               lambda: l.liquidity.unstake(pool, many), json_)  # fmt: skip


def pay(to: str, amount: str, what: str = "", *, preview: Preview = False, key: KeyFile = None,
        confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
        json_: Json = False) -> None:  # fmt: skip
    """Pay somebody; a hundredth is burnt, and half of that at most comes back within ninety days.

    Example: klopf reward pay 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 100 "invoice 7" --preview --key key.json

    Parameters
    ----------
    to
        Address that is paid.
    amount
        In KLP, the hundredth that is burnt included.
    what
        For what; its SHA-256 is kept.
    """
    many = units(amount)
    burnt = -(-many // 100)
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        said = {"to": to, "gets KLP": klp(many - burnt), "burnt KLP": klp(burnt), "comes back at most": klp(burnt // 2)}
        digest = sha256(what.encode()).digest() if what else bytes(32)
        act_on(said, as_lines(said), preview,
               lambda: l.circulation.pay(to, many, digest), json_)  # fmt: skip


def claim(*, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
          json_: Json = False) -> None:  # fmt: skip
    """Count what one earned in all pools, set the rewards of one's days that are over, and have all that vested.

    Example: klopf reward claim --key key.json
    """
    from klopf.ledger.finance.liquidity import vested

    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        me, now, had = l.me.address, l.clock.now().time, l.token.balance(l.me.address)
        for pool in l.liquidity.pools():
            if l.liquidity.staked(pool, me):
                l.liquidity.count(pool)
        for week in l.liquidity.weeks(me):
            if vested(l.liquidity.earned(me, week), (week + 1) * _WEEK, now) > l.liquidity.paid(me, week):
                l.liquidity.claim(week)
        for day in l.circulation.days(me):
            if not l.circulation.day(day)[2] and now // _DAY > day:
                l.circulation.close(day)
            burnt, reward, closed = l.circulation.day(day)
            part = reward * l.circulation.burnt(day, me) // burnt
            if closed and vested(part, (day + 1) * _DAY, now) > l.circulation.paid(day, me):
                l.circulation.claim(day)
        got = l.token.balance(me) - had
    print_result({"KLP": klp(got)}, json_, [f"{klp(got)} KLP"])
