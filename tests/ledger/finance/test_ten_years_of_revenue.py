"""Ten years of a model's revenue beside an independent model in exact arithmetic: each payout to the unit, and no unit
lost, whoever sells to whom and however seldom somebody claims."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from random import Random

from ledger_helpers import KLP

from klopf.ledger.finance.models import SHARES
from tests.ledger.finance.test_trades import DAY, Fair


def test_ten_years_of_payouts_to_the_unit() -> None:
    fair, chance = Fair(), Random(7)
    people = [fair.founder, *fair.people, fair.other]
    names = {one.me.address: one for one in people}
    shares = {name: Fraction(one.models.shares(1, name), SHARES) for name, one in names.items()}
    earned, paid = defaultdict(Fraction), defaultdict(int)  # type: ignore[var-annotated]
    revenue = 0
    for _ in range(250):
        fair.wait(chance.randrange(29 * DAY) + 1)  # ten years in all
        who = chance.choice(list(names))
        match chance.randrange(4):
            case 0 | 1:
                amount = chance.choice([1, 2, 3, chance.randrange(1, 100), chance.randrange(1, 50 * KLP)])
                names[who].models.earn(1, amount)
                revenue += amount
                for name in names:
                    earned[name] += shares[name] * amount
            case 2:
                part = Fraction(chance.randrange(int(shares[who] * SHARES) + 1), SHARES)
                to = chance.choice(list(names))
                names[who].models.transfer(1, to, int(part * SHARES))
                shares[who] -= part
                shares[to] += part
            case _:
                due = int(earned[who]) - paid[who]
                if due:
                    before = names[who].token.balance(who)
                    names[who].models.claim(1)
                    assert names[who].token.balance(who) - before == due
                    paid[who] += due
        for name in names:
            assert fair.owner.models.claimable(1, name) == int(earned[name]) - paid[name]
    for name, one in names.items():
        if int(earned[name]) > paid[name]:
            one.models.claim(1)
            paid[name] = int(earned[name])
    assert sum(shares.values()) == 1 and sum(earned.values()) == revenue
    assert fair.owner.token.balance(fair.owner.models.address) == revenue - sum(paid.values()) < len(names)
    fair.agrees()
