"""What loans, swaps, investments and rewards cost, and what attacks on them cost and bring.

``python bench/finance.py [--quick] [--json] [--part gas|prices|attacks]``

Gas is of calls on the embedded chain's machine. A swap is beside the 73,462 that the tests of Uniswap V2's pair say
of its own (``UniswapV2Pair.spec.ts``, at Istanbul's prices), to which the tokens had been sent before, in another
transaction; ours takes them itself. All tokens are plain ones that whoever calls had before. Attacks are priced in
parts of what a pool holds of one token. ``--part attacks`` is ``finance_attacks.py``: each attack before its
defence and after it; ``prices`` are those that have a size (how long a price is held, how much is pushed).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from figures import Report, arguments

sys.path.insert(0, str(Path(__file__).parents[1]))
from finance_attacks import attacks

import tests.ledger.conftest  # noqa: F401  (its name in the tests is ledger_helpers)
from klopf.errors import Reverted
from klopf.ledger import KLP, Sent
from klopf.ledger.core.token import Reserve
from klopf.ledger.finance import Kind, Thing
from tests.ledger.finance.company import Company
from tests.ledger.finance.test_loans import Bank
from tests.ledger.finance.test_rewards import RATE, Mint
from tests.ledger.finance.test_trades import Fair
from tests.ledger.finance.town import RICH, Town, calling

PAIR_SWAP = 73_462
HELD = (1000 * KLP, 4000 * KLP)


def gas(report: Report) -> None:
    town = Town()
    id = town.pool(HELD)
    book = town.people[1].exchange
    for odd in (town.gold, town.iron):
        odd.send("approve", book.address, 2**256 - 1, ledger=town.people[1])
    book.add(id, (KLP, 4 * KLP))
    town.ripen(id, 3)
    town.wait(60)
    swap = book.swap(id, town.gold.address, KLP).gas
    town.wait(1800)
    marking = book.swap(id, town.gold.address, KLP).gas
    town.wait(60)
    for what, used in (("add", book.add(id, (KLP, 4 * KLP)).gas), ("remove", book.remove(id, KLP).gas)):
        report.figure(f"gas of {what}", used, "gas")
    report.figure("gas of a swap", swap, "gas")
    report.figure("gas of a swap that makes a mark, once in half an hour", marking, "gas")
    report.figure("a swap beside a plain pair's 73,462", swap / PAIR_SWAP, "times", at_most=1.3)


def gas_of_loans(report: Report) -> None:
    """Of people who were there before, and of interest that has to be counted each time."""
    bank = Bank()
    t, lender, borrower, watcher = bank.terms, bank.lender, bank.borrower, bank.watcher
    for odd in (bank.gold, bank.iron):
        for one in bank.people:
            odd.send("approve", one.loans.address, 2**256 - 1, ledger=one)
    borrower.loans.lock(t, 2000 * KLP)
    borrower.loans.borrow(t, 2000 * KLP)
    shares = borrower.loans.position(t, borrower.me.address).debt_shares

    def step(what: str, act: Callable[[], Sent]) -> None:
        bank.wait(60)
        report.figure(f"gas of {what}", act().gas, "gas")

    step("supply", lambda: lender.loans.supply(t, 100 * KLP))
    step("withdraw", lambda: lender.loans.withdraw(t, 10**20))
    step("lock", lambda: borrower.loans.lock(t, KLP))
    step("borrow", lambda: borrower.loans.borrow(t, 3000 * KLP))
    step("repay", lambda: borrower.loans.repay(t, shares // 10))
    step("free", lambda: borrower.loans.free(t, KLP))
    bank.price(2)
    step("liquidate", lambda: watcher.loans.liquidate(t, borrower.me.address, shares // 10))


def loans_attacked(report: Report) -> None:
    """A price that is pushed by all that there is, up to borrow and down to sell somebody off; and the first share."""
    bank = Bank()
    t, b = bank.terms, bank.borrower
    b.loans.lock(t, 1000 * KLP)
    b.loans.borrow(t, 2790 * KLP)
    before = b.loans.risk(t, b.me.address).may_borrow
    bank.other.exchange.swap(bank.id, bank.iron.address, 500 * 10**6 * KLP)
    more = b.loans.risk(t, b.me.address).may_borrow - before
    report.figure("pushed up by 500 million, lent more against it", part(more, KLP), "iron", at_most=0)
    bank.other.exchange.swap(bank.id, bank.gold.address, 990 * 10**6 * KLP)
    due = b.loans.risk(t, b.me.address).due
    report.figure("pushed down by 990 million, sold off by it", float(due), "", at_most=0)
    bank = Bank(supplied=1)
    bank.iron.send("transfer", bank.owner.loans.address, RICH // 2, ledger=bank.lender)
    bank.other.loans.supply(bank.terms, KLP)
    mine = bank.other.loans.position(bank.terms, bank.other.me.address).supply_shares
    bank.other.loans.withdraw(bank.terms, mine)
    lost = RICH - bank.iron_of(bank.other)
    report.figure("first supplier and donation: what who comes second loses", part(lost, KLP), "of it", at_most=1e-17)


def part(amount: int, of: int = HELD[0]) -> float:
    return float(Fraction(amount, of))


def donation(report: Report) -> None:
    """Half a billion sent to the contract, to make shares dear or a price high."""
    town = Town()
    id = town.pool((1001, 1001))
    town.gold.send("transfer", town.owner.exchange.address, RICH // 2, ledger=town.people[0])
    b = town.people[1]
    b.exchange.add(id, (KLP, KLP))
    b.exchange.remove(id, b.exchange.shares(id, b.me.address))
    lost = RICH - town.gold.read("balanceOf", b.me.address)
    report.figure("first depositor and donation: what who comes second loses", part(lost, KLP), "of it", at_most=1e-9)


def flash(report: Report) -> None:
    """A price pushed a thousandfold within one transaction."""
    town = Town()
    id = town.pool(HELD)
    town.ripen(id, 3)
    pair = (town.gold.address, town.iron.address)
    before, spot = town.owner.exchange.bounds(*pair), Fraction(HELD[1], HELD[0])
    town.people[1].exchange.swap(id, town.iron.address, 10**6 * KLP)
    x, y = town.owner.exchange.pool(id).reserves
    after = town.owner.exchange.bounds(*pair)
    report.figure("flash loan: the pool's own price moves to", float(Fraction(y, x) / spot), "times")
    report.figure(
        "flash loan: the bounds move by", abs(after.low - before.low) + abs(after.high - before.high), "", at_most=0
    )


def held(report: Report, seconds: tuple[int, ...]) -> None:
    """A price pushed a millionfold and held against everybody for some seconds of each of two half hours."""
    for moment in seconds:
        town = Town()
        id = town.pool(HELD)
        town.ripen(id, 3)
        pair, push = (town.gold.address, town.iron.address), town.people[1].exchange
        before = town.owner.exchange.bounds(*pair)
        for _ in range(2):
            had = town.gold.read("balanceOf", town.people[1].me.address)
            push.swap(id, town.iron.address, 4 * 10**6 * KLP)
            town.wait(moment)
            push.swap(id, town.gold.address, town.gold.read("balanceOf", town.people[1].me.address) - had)
            town.wait(1800 - moment)
            town.owner.exchange.mark(id)
        town.wait(1800)
        x, y = town.owner.exchange.pool(id).reserves
        after = max(town.owner.exchange.bounds(*pair).low, before.low)
        paid = sum(RICH - odd.read("balanceOf", town.people[1].me.address) for odd in (town.iron,))
        rests = max(Fraction(y, x), Fraction(before.low, 10**36))  # what stays in the pool moves its price for good
        rise = float(Fraction(after, 10**36) / rests) - 1
        report.figure(f"push held {moment} s of each half hour: low rises beyond the pool's price by", rise, "",
                      at_most=1 / (1 - moment / 1800) - 1)  # fmt: skip
        report.figure(f"push held {moment} s: it costs who pushes", part(paid, HELD[1]), "of what the pool held")


def sandwich(report: Report) -> None:
    """Somebody buys before a swap of a hundredth of the pool, and sells after it."""
    for slack in (Fraction(1), Fraction(1, 200)):
        best = 0
        for size in (1, 10, 100, 1000):
            town = Town()
            id = town.pool(HELD)
            victim, thief = town.people[1].exchange, town.people[2]
            seen = victim.preview(id, town.gold.address, 10 * KLP)
            thief.exchange.swap(id, town.gold.address, size * KLP)
            got = town.iron.read("balanceOf", thief.me.address) - RICH
            try:
                victim.swap(id, town.gold.address, 10 * KLP, least=seen.least(slack))
            except Reverted:
                continue  # the victim keeps its tokens, and the thief has paid for nothing
            thief.exchange.swap(id, town.iron.address, got)
            best = max(best, town.gold.read("balanceOf", thief.me.address) - RICH)
        name = "without a least amount" if slack == 1 else "with a slack of 0.5 %"
        report.figure(f"sandwich {name}: the thief gains", part(best, 10 * KLP), "of the swap",
                      at_most=None if slack == 1 else 0.005)  # fmt: skip


def odd_tokens(report: Report) -> None:
    """What a token tries in the middle of its transfers, and one that takes a fee of them."""
    town = Town()
    id = town.pool(HELD)
    a, through = town.people[0].exchange, 0
    swap = ("uint256", "bool", "uint256", "uint256", "address", "uint256")
    for data in (
        calling("swap", swap, id, False, KLP, 0, town.gold.address, 2**64),
        calling("remove", ("uint256",) * 4, id, 1, 0, 0),
        calling("add", ("uint256",) * 5, id, 1, 1, 0, 2**64),
    ):
        town.gold.send("setCall", a.address, data)
        a.swap(id, town.gold.address, KLP)
        through += town.gold.read("called")
    report.figure("reentrancy by a token: calls that went through, of 3", through, "", at_most=0)
    town.gold.send("setCall", "0x" + "00" * 20, b"")
    town.gold.send("setFee", 100)
    try:
        a.swap(id, town.gold.address, KLP)
        taken = 1
    except Reverted:
        taken = 0
    report.figure("swaps of a token that takes a fee", taken, "", at_most=0)


def capital(report: Report) -> None:
    """A founder and a verifier who are friends, and who sells a share just before it is paid; gas of both contracts."""
    company = Company()
    id, friend = company.filled(), company.workers[0]
    for objected in (False, True):
        job = company.spend(id, 300 * KLP)
        company.verifier.jobs.report(job, {friend.me.address: 300 * KLP})
        if objected:
            company.people[2].jobs.dispute(job)
            company.owner.jobs.report(job, {})
        else:
            company.wait(3 * 24 * 3600)
            company.owner.jobs.pay(job, friend.me.address)
        company.founder.ventures.collect(job)
        got = friend.token.balance(friend.me.address) - company.PURSE - (300 * KLP if objected else 0)
        who = "one lot objects and the owner of the rules decides" if objected else "nobody objects"
        report.figure(f"founder and verifier are friends, {who}: they get", part(got, 300 * KLP), "of the job's price",
                      at_most=0 if objected else None)  # fmt: skip
    fair = Fair()
    seller, buyer = fair.people[0], fair.other
    fair.founder.models.earn(fair.model, 8 * KLP)
    offer = seller.trades.offer(fair.half(), KLP, fair.now + 3600)
    due = seller.models.claimable(fair.model, seller.me.address)
    buyer.trades.buy(offer, KLP)
    lost = due - seller.models.claimable(fair.model, seller.me.address)
    report.figure("a share bought just before revenue is paid out: the seller loses", part(lost, KLP), "KLP", at_most=0)
    fair.maker.trades.offer(Thing(Kind.DEVICE, fair.device), KLP, fair.now + 60, rising=True)
    had = buyer.token.balance(buyer.me.address)
    buyer.trades.bid(2, 50 * KLP)
    want = seller.trades.want(Thing(Kind.DEVICE, 0), KLP, fair.now + 60)
    fair.maker.trades.fill(want, fair.device)
    fair.wait(2 * 24 * 3600)
    buyer.trades.release(2)
    buyer.trades.collect()
    lost = had - buyer.token.balance(buyer.me.address)
    report.figure("a device sold elsewhere while it is auctioned: the bidder loses", part(lost, KLP), "KLP", at_most=0)


def rewards(report: Report) -> None:
    """Who pays itself at the highest rate there is, alone and for long; who comes for a moment with most shares."""
    town = Mint()
    a, b, _ = town.people
    town.owner.reserves.set_rate(Reserve.CIRCULATION, 200_000_000 * KLP // 365)
    town.wait(30 * 24 * 3600)
    day = town.day
    for _ in range(10):
        a.circulation.pay(a.me.address, 10**6 * KLP)
    town.wait(24 * 3600)
    a.circulation.close(day)
    town.wait(91 * 24 * 3600)
    a.circulation.claim(day)
    back = part(a.circulation.paid(day, a.me.address), a.circulation.burnt(day, a.me.address))
    report.figure(
        "wash trading for rewards at the highest rate: what comes back", back, "of what is burnt", at_most=0.5
    )
    town.owner.liquidity.set_weight(1, 1)
    a.liquidity.stake(1, KLP)
    town.wait(24 * 3600)
    rich = town.shares(b)
    b.liquidity.stake(1, rich)
    b.liquidity.unstake(1, rich)
    earned = part(town.earned(b), RATE)
    report.figure("a thousand times the shares for a moment: what they earn", earned, "of a day's reward", at_most=0)


def gas_of_capital(report: Report) -> None:
    """Of people who have done it before."""
    company = Company()
    first = company.filled()
    id, neuron = company.founder.ventures.open(company.terms()), company.audited()
    report.figure("gas of fund", company.people[0].ventures.fund(id, 500 * KLP).gas, "gas")
    company.spend(first, KLP)
    job = company.spend(first, KLP)
    company.report(job, KLP // 2)
    report.figure("gas of collect", company.founder.ventures.collect(job).gas, "gas")
    deed = company.founder.models.deed(first, neuron, KLP)
    company.mint(deed, 0, 1)
    a, buyer = company.people[0], company.workers[0]
    for n in range(2):
        buyer.models.earn(1, 100 * KLP)
        earned, claimed = buyer.models.earn(1, 100 * KLP).gas, a.models.claim(1).gas
        if n:
            report.figure("gas of earn", earned, "gas")
            report.figure("gas of claim", claimed, "gas")
    offer = a.trades.offer(Thing(Kind.SHARES, 1, 1000), KLP, company.now + 3600)
    buyer.trades.buy(offer, KLP)
    offer = a.trades.offer(Thing(Kind.SHARES, 1, 1000), KLP, company.now + 3600)
    report.figure("gas of buying shares", buyer.trades.buy(offer, KLP).gas, "gas")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--part", choices=("gas", "prices", "attacks"), help="that part only")
    options = parser.parse_args()
    seconds = (3, 60) if options.quick else (3, 12, 60, 300)
    parts: dict[str, tuple[Callable[[Report], None], ...]] = {
        "gas": (gas, gas_of_loans, gas_of_capital),
        "prices": (donation, flash, lambda report: held(report, seconds), sandwich, odd_tokens, loans_attacked, capital,
                   rewards),
        "attacks": (attacks,),
    }  # fmt: skip
    with Report(options.json) as report:
        for part in [options.part] if options.part else parts:
            for play in parts[part]:
                play(report)
        for f in report.figures:
            report.say(f"{f.what:<76}{f.measured:>14.6g} {f.unit}")


if __name__ == "__main__":
    main()
