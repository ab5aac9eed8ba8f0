"""A network in which all of finance goes on at once, the moves of its people, and what must hold after each.

``python -m tests.ledger.finance.whole --steps 100000`` plays so many random moves, in histories of a hundred, each
ended by all who can leave leaving, and by the ledger being played again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from random import Random
from typing import Any

import tests.ledger.conftest  # noqa: F401  (its name in the tests is ledger_helpers)
from klopf import ledger
from klopf.errors import LedgerError, Reverted
from klopf.ledger import KLP, Ledger
from klopf.ledger.core.token import Reserve
from klopf.ledger.finance import Kind, MarketTerms, Thing
from klopf.ledger.finance._lending import ONE, PRICE
from klopf.ledger.finance.models import SHARES
from tests.ledger.finance.company import DAY
from tests.ledger.finance.test_trades import Fair
from tests.ledger.finance.town import RICH, Odd

__all__ = ["MOVES", "Whole", "World"]

CAP, GOAL, RATE = 200_000_000 * KLP, 1000 * KLP, 1000 * KLP


class World(Fair):
    """Three people with a model's shares, a device, two pools, a market of loans, rewards, a venture to be filled."""

    def __init__(self) -> None:
        super().__init__()
        self.gold, self.iron = sorted((Odd(self.owner), Odd(self.owner)), key=lambda odd: int(odd.address, 16))
        for one in self.people:
            for odd in (self.gold, self.iron):
                odd.send("mint", one.me.address, RICH)
        book = self.owner.exchange
        for other in (self.iron.address, self.owner.token.address):
            id = book.open(self.gold.address, other)
            self.people[0].exchange.add(id, (10_000 * KLP, 10_000 * KLP))
        for _ in range(3):
            self.wait(1800)
            for id in (1, 2):
                book.mark(id)
        self.terms_of_loans = MarketTerms(self.iron.address, self.gold.address, book.address)
        self.owner.loans.open(self.terms_of_loans)
        self.people[0].loans.supply(self.terms_of_loans, 1000 * KLP)
        for which in Reserve:
            self.owner.reserves.set_rate(which, RATE)
        self.owner.liquidity.set_weight(1, 1)
        self.venture = self.founder.ventures.open(self.terms(GOAL), (600 * KLP, 400 * KLP))
        self.rpc.keep()
        self.logs = list(self.rpc._logs)


class Whole:
    """One history in a :class:`World`: from how it was, so many moves, each of which is checked, and an end."""

    def __init__(self, world: World) -> None:
        self.w, self.owner, self.t = world, world.owner, world.terms_of_loans
        world.rpc.back()
        world.rpc._logs.extend(world.logs)
        self.seen = len(world.rpc._logs)
        self.everywhere = sorted({
            world.owner.me.address, world.owner.deployment.treasury, *world.owner.deployment.addresses.values(),
            *(one.me.address for one in (world.founder, world.verifier, *world.people, *world.workers)),
            *(one.me.address for one in world.net.clients.values()),
        })  # fmt: skip
        self.done = 0

    def move(self, name: str, who: int, number: int, part: int) -> None:
        """One of :data:`MOVES`, by one of three people, about pool, offer or lot ``number`` (1 to 3), for ``part`` (1
        to 5) fifths of what can be, where that is asked."""
        try:
            MOVES[name](self, self.w.people[who], number, part)
            self.done += 1
        except (Reverted, LedgerError) as error:
            assert "Panic(0x01" not in str(error), error
        self.check()

    def check(self) -> None:
        """What must hold between any two moves."""
        self._tokens_are_somewhere()
        self._books_are_held()
        self._shares_sum()
        self._reserves_are_kept()
        self._investors_money_stays()

    def _tokens_are_somewhere(self) -> None:
        token = self.owner.token
        assert sum(map(token.balance, self.everywhere)) == token.supply(), "KLP is nowhere"
        for odd in (self.w.gold, self.w.iron):
            assert sum(odd.read("balanceOf", place) for place in self.everywhere) == 3 * RICH, "a token is nowhere"

    def _books_are_held(self) -> None:
        """Each contract has what it owes, at least."""
        owner, market = self.owner, self.owner.loans.market(self.t)
        assert market.supplied >= market.lent, "more is lent than there is"
        assert self._held(self.w.iron, owner.loans) >= market.supplied - market.lent, "loans lack tokens"
        positions = [owner.loans.position(self.t, one.me.address) for one in self.w.people]
        assert self._held(self.w.gold, owner.loans) == sum(p.collateral for p in positions)
        pools = [owner.exchange.pool(id) for id in (1, 2)]
        for coin in {coin for pool in pools for coin in pool.tokens}:
            owed = sum(pool.reserves[pool.tokens.index(coin)] for pool in pools if coin in pool.tokens)
            odd = {odd.address: odd for odd in (self.w.gold, self.w.iron)}.get(coin)
            has = self._held(odd, owner.exchange) if odd else owner.token.balance(owner.exchange.address)
            assert has == owed, "pools lack tokens"
        offers = [owner.trades.offer_of(id) for id in range(1, owner.trades.offers() + 1)]
        wants = [owner.trades.want_of(id) for id in range(1, owner.trades.wants() + 1)]
        bids = sum(o.bid for o in offers if o.open) + sum(w.price for w in wants if w.open)
        bids += sum(owner.trades.owed(one.me.address) for one in self.w.people)
        assert owner.token.balance(owner.trades.address) == bids, "bids are nowhere, or nobody's"
        due = sum(owner.models.claimable(1, one.me.address) for one in (self.w.founder, *self.w.people))
        assert 0 <= owner.token.balance(owner.models.address) - due < 5, "revenue is not its shares'"

    def _held(self, odd: Odd, contract: Any) -> int:
        return int(odd.read("balanceOf", contract.address))

    def _shares_sum(self) -> None:
        owner, people = self.owner, self.w.people
        assert sum(owner.models.shares(1, one.me.address) for one in (self.w.founder, *people)) == SHARES
        market = owner.loans.market(self.t)
        positions = [owner.loans.position(self.t, one.me.address) for one in people]
        assert market.supply_shares == sum(p.supply_shares for p in positions)
        assert market.debt_shares == sum(p.debt_shares for p in positions)
        for id in (1, 2):
            places = (owner.liquidity.address, *(one.me.address for one in people))
            shares = sum(owner.exchange.shares(id, place) for place in places)
            assert owner.exchange.pool(id).supply == shares + 1000, "shares of a pool do not sum"
            staked = sum(owner.liquidity.staked(id, one.me.address) for one in people)
            assert owner.exchange.shares(id, owner.liquidity.address) == staked

    def _reserves_are_kept(self) -> None:
        for which, book in ((Reserve.LIQUIDITY, self.owner.liquidity), (Reserve.CIRCULATION, self.owner.circulation)):
            assert book.unpaid() <= self.owner.reserves.available(which), "promised beyond what has grown"
            assert self.owner.token.minted_from(which) + book.unpaid() <= CAP, "beyond the reserve"

    def _investors_money_stays(self) -> None:
        """What leaves the account of ventures goes to jobs of the network's, or to whose the lots are."""
        book, token = self.owner.ventures, self.owner.token
        lots = {lot.owner for id in (1, self.w.venture) for lot in book.lots(id)}
        for log in self.w.rpc._logs[self.seen :]:
            if log["address"].lower() == token.address.lower() and len(log["topics"]) == 3:
                sender, to = ("0x" + topic[-40:] for topic in map(_text, log["topics"][1:]))
                if sender == book.address.lower() and int(_text(log["topics"][0]), 16) == TRANSFER:
                    allowed = {self.owner.jobs.address.lower(), *map(str.lower, lots)}
                    assert to in allowed, "an investor's money is elsewhere"
        self.seen = len(self.w.rpc._logs)
        venture, lots_ = book.venture(self.w.venture), book.lots(self.w.venture)
        assert venture.spent - venture.returned <= venture.released <= venture.raised
        assert venture.raised == sum(lot.amount for lot in lots_) <= GOAL

    def healthy(self, one: Ledger) -> None:
        market, position = one.loans.market(self.t), one.loans.position(self.t, one.me.address)
        worth = position.collateral * one.exchange.bounds(self.t.collateral, self.t.loan).low // PRICE
        assert not position.debt_shares or market.debt_of(position.debt_shares) * ONE <= worth * self.t.limit, (
            "unhealthy"
        )

    def end(self) -> None:
        """Whoever is solvent leaves with all that is theirs; then the ledger is played again."""
        people, owner = self.w.people, self.owner
        for one in people:
            if one.loans.position(self.t, one.me.address).debt_shares:
                one.loans.repay(self.t)
            if locked := one.loans.position(self.t, one.me.address).collateral:
                one.loans.free(self.t, locked)
            for id in (1, 2):
                if staked := one.liquidity.staked(id, one.me.address):
                    one.liquidity.unstake(id, staked)
                if shares := one.exchange.shares(id, one.me.address):
                    one.exchange.remove(id, shares)
        for one in people:
            shares = one.loans.position(self.t, one.me.address).supply_shares
            if one.loans.market(self.t).assets_of(shares):
                one.loans.withdraw(self.t, shares)
            if owner.trades.owed(one.me.address):
                one.trades.collect()
        for one in (self.w.founder, *people):
            if one.models.claimable(1, one.me.address):
                one.models.claim(1)
        self.check()
        assert owner.loans.market(self.t).lent == 0, "who paid all owes still"
        assert [str(line) for line in ledger.verify(owner, self.w.net.receipts)] == []


TRANSFER = 0xDDF252AD1BE2C89B69C2B068FC378DAA952BA7F163C4A11628F55A4DF523B3EF


def _text(topic: Any) -> str:
    return topic.lower() if isinstance(topic, str) else "0x" + bytes(topic).hex()


Move = Callable[[Whole, Ledger, int, int], Any]


def _pool(number: int) -> int:
    return 1 + number % 2


def _swap(h: Whole, one: Ledger, number: int, part: int) -> None:
    pool = one.exchange.pool(_pool(number))
    one.exchange.swap(_pool(number), pool.tokens[part % 2], pool.reserves[part % 2] * part // 10)


def _borrow(h: Whole, one: Ledger, number: int, part: int) -> None:
    one.loans.borrow(h.t, max(1, one.loans.risk(h.t, one.me.address).may_borrow * part // 4))
    h.healthy(one)


def _free(h: Whole, one: Ledger, number: int, part: int) -> None:
    one.loans.free(h.t, one.loans.position(h.t, one.me.address).collateral * part // 5)
    h.healthy(one)


def _next(h: Whole, one: Ledger) -> Ledger:
    people = h.w.people
    return people[(people.index(one) + 1) % 3]


def _liquidate(h: Whole, one: Ledger, number: int, part: int) -> None:
    other = _next(h, one).me.address
    due = one.loans.risk(h.t, other).due
    one.loans.liquidate(h.t, other, one.loans.position(h.t, other).debt_shares * part // 5)
    assert due, "collateral was sold that was not due"


def _repay(h: Whole, one: Ledger, number: int, part: int) -> None:
    one.loans.repay(h.t, one.loans.position(h.t, one.me.address).debt_shares * part // 5)


def _withdraw(h: Whole, one: Ledger, number: int, part: int) -> None:
    one.loans.withdraw(h.t, one.loans.position(h.t, one.me.address).supply_shares * part // 5)


def _job(h: Whole) -> int:
    return next((job for job in range(20, 0, -1) if h.owner.ventures.is_open(job)), 0)


def _report(h: Whole, one: Ledger, number: int, part: int) -> None:
    price = h.owner.jobs.left(_job(h))
    h.w.verifier.jobs.report(_job(h), {h.w.workers[number % 2].me.address: price * part // 5})


def _end_job(h: Whole, one: Ledger, number: int, part: int) -> None:
    h.owner.jobs.pay_all(_job(h), [worker.me.address for worker in h.w.workers])


def _fund(h: Whole, one: Ledger, number: int, part: int) -> None:
    left = GOAL - h.owner.ventures.venture(h.w.venture).raised
    one.ventures.fund(h.w.venture, left if part > 3 else left * part // 5)


def _agree(h: Whole, one: Ledger, number: int, part: int) -> None:
    for lot, of in enumerate(h.owner.ventures.lots(h.w.venture)):
        if of.owner == one.me.address:
            one.ventures.agree(h.w.venture, lot)


def _thing(h: Whole, part: int) -> Thing:
    return Thing(Kind.DEVICE, h.w.device) if part == 1 else Thing(Kind.SHARES, 1, SHARES // 8)


def _offer(h: Whole, one: Ledger, number: int, part: int) -> None:
    last = part * KLP if number == 2 else None
    one.trades.offer(_thing(h, part), 9 * KLP, h.w.now + DAY, last=last, rising=number == 3)


def _claim_rewards(h: Whole, one: Ledger, number: int, part: int) -> None:
    for week in one.liquidity.weeks(one.me.address):
        one.liquidity.claim(week)
    for day in one.circulation.days(one.me.address):
        one.circulation.close(day)
        one.circulation.claim(day)


MOVES: dict[str, Move] = {
    "wait": lambda h, one, n, p: h.w.wait((60, 3600, DAY, 4 * DAY, 40 * DAY)[p - 1]),
    "mark": lambda h, one, n, p: one.exchange.mark(_pool(n)),
    "swap": _swap,
    "add": lambda h, one, n, p: one.exchange.add(_pool(n), (p * 100 * KLP, p * 100 * KLP)),
    "remove": lambda h, one, n, p: one.exchange.remove(
        _pool(n), one.exchange.shares(_pool(n), one.me.address) * p // 9
    ),
    "supply": lambda h, one, n, p: one.loans.supply(h.t, p * p * 77 * KLP),
    "withdraw": _withdraw,
    "lock": lambda h, one, n, p: one.loans.lock(h.t, p * 100 * KLP),
    "free": _free,
    "borrow": _borrow,
    "repay": _repay,
    "call": lambda h, one, n, p: one.loans.call_margin(h.t, _next(h, one).me.address),
    "liquidate": _liquidate,
    "fund": _fund,
    "spend": lambda h, one, n, p: h.w.spend(h.w.venture, max(1, h.owner.ventures.venture(h.w.venture).free * p // 4)),
    "report": _report,
    "end job": _end_job,
    "collect": lambda h, one, n, p: one.ventures.collect(_job(h)),
    "agree": _agree,
    "take back": lambda h, one, n, p: one.ventures.take_back(h.w.venture, n - 1),
    "earn": lambda h, one, n, p: one.models.earn(1, 7 * p),
    "claim": lambda h, one, n, p: one.models.claim(1),
    "give": lambda h, one, n, p: one.models.transfer(
        1, _next(h, one).me.address, one.models.shares(1, one.me.address) * p // 6
    ),
    "offer": _offer,
    "buy": lambda h, one, n, p: one.trades.buy(n, 9 * KLP),
    "bid": lambda h, one, n, p: one.trades.bid(n, h.owner.trades.price(n) + p - 1),
    "settle": lambda h, one, n, p: one.trades.settle(n),
    "release": lambda h, one, n, p: one.trades.release(n),
    "want": lambda h, one, n, p: one.trades.want(_thing(h, p), p * KLP, h.w.now + DAY),
    "fill": lambda h, one, n, p: one.trades.fill(n, 1),
    "cancel": lambda h, one, n, p: one.trades.cancel(n),
    "collect bids": lambda h, one, n, p: one.trades.collect(),
    "stake": lambda h, one, n, p: one.liquidity.stake(1, one.exchange.shares(1, one.me.address) * p // 6),
    "unstake": lambda h, one, n, p: one.liquidity.unstake(1, one.liquidity.staked(1, one.me.address) * p // 5),
    "pay": lambda h, one, n, p: one.circulation.pay(_next(h, one).me.address, p * 10 * KLP),
    "claim rewards": _claim_rewards,
}
"""What people may do: of a history, who does it, a number and a part."""


def soak(steps: int, seed: int = 0, of: int = 100, told: Callable[[str], None] = print) -> int:
    """Play so many moves; how many of them were not refused."""
    world, random, done = World(), Random(seed), 0
    names = list(MOVES)
    for history in range(-(-steps // of)):
        one = Whole(world)
        for _ in range(min(of, steps - history * of)):
            one.move(random.choice(names), random.randrange(3), random.randint(1, 3), random.randint(1, 5))
        one.end()
        done += one.done
        if history % 50 == 49:
            told(f"{(history + 1) * of} moves, of which {done} were not refused")
    return done


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    print(f"{asked.steps} moves, {soak(asked.steps, asked.seed)} not refused: all holds")
