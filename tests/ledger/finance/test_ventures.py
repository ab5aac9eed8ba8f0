"""A founder's money: brought in lots, released in parts, spent on jobs alone; and what is not spent goes back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_helpers import KLP

from klopf.errors import LedgerError, Reverted
from klopf.ledger.finance import Use
from klopf.ledger.finance.models import SHARES
from tests.ledger.finance.company import DAY, GOAL, PLAN, Company


@pytest.fixture
def company() -> Company:
    return Company()


def gained(company: Company) -> list[int]:
    return [one.token.balance(one.me.address) - company.PURSE for one in company.people]


def test_what_is_not_filled_goes_back_whole(company: Company) -> None:
    book = company.founder.ventures
    id = book.open(company.terms())
    company.people[0].ventures.fund(id, 700 * KLP)
    with pytest.raises(Reverted, match="WrongLot"):
        company.people[1].ventures.fund(id, GOAL // 100 - 1)
    with pytest.raises(Reverted, match="WrongLot"):
        company.people[1].ventures.fund(id, 301 * KLP)
    company.people[1].ventures.fund(id, 10 * KLP)
    with pytest.raises(Reverted, match="NotReleased"):
        company.spend(id, 1)
    with pytest.raises(Reverted, match="NotNow"):
        book.take_back(id, 0)
    company.wait(7 * DAY + 1)
    with pytest.raises(Reverted, match="NotNow"):
        company.people[1].ventures.fund(id, 290 * KLP)
    assert book.is_over(id)
    for lot in range(2):
        book.take_back(id, lot)  # anybody may: it goes to the owner
    with pytest.raises(Reverted, match="Already"):
        book.take_back(id, 1)
    assert gained(company) == [0, 0, 0]
    company.agrees()


def test_money_leaves_by_jobs_and_the_rest_returns_to_the_unit(company: Company) -> None:
    id = company.filled((600 * KLP, 400 * KLP + 1))
    book, owner = company.founder.ventures, company.owner
    assert [owner.jobs.left(company.spend(id, price * KLP)) for price in (300, 200)] == [300 * KLP, 200 * KLP]
    with pytest.raises(Reverted, match="NotReleased"):
        company.spend(id, 100 * KLP + 1)
    with pytest.raises(Reverted, match="NotYours"):
        company.people[0].ventures.spend(id, 1, company.now + DAY, PLAN)
    with pytest.raises(Reverted, match="WrongState"):
        book.collect(1)  # still open
    company.report(1, 200 * KLP, 33 * KLP + 1)
    book.collect(1)
    assert book.venture(id).free == 100 * KLP + 67 * KLP - 1 and book.venture(id).open_jobs == 1
    company.owner.jobs.give_back(2)  # nobody reported; somebody makes it return its price
    book.collect(2)
    with pytest.raises(Reverted, match="NotNow"):
        book.collect(2)
    company.wait(67 * DAY)
    with pytest.raises(Reverted, match="NotNow"):
        company.spend(id, 1)
    left = book.venture(id).left
    assert left == 1000 * KLP + 1 - 233 * KLP - 1
    for lot in range(3):
        book.take_back(id, lot)
    assert owner.token.balance(book.address) == 0
    assert -sum(gained(company)) == 233 * KLP + 1
    company.agrees()


def test_later_parts_are_released_by_two_thirds(company: Company) -> None:
    id = company.filled()
    book = [one.ventures for one in company.people]
    assert book[0].venture(id).released == 600 * KLP
    with pytest.raises(Reverted, match="NotYours"):
        book[1].agree(id, 0)
    book[0].agree(id, 0)  # a half
    with pytest.raises(Reverted, match="Already"):
        book[0].agree(id, 0)
    assert (book[0].venture(id).milestone, book[0].agreed(id)) == (1, 500 * KLP)
    book[2].agree(id, 2)  # and a sixth, which is two thirds
    assert (book[0].venture(id).milestone, book[0].venture(id).released) == (2, GOAL)
    with pytest.raises(Reverted, match="NotNow"):
        book[1].agree(id, 1)  # there are no more parts
    company.agrees()


def test_a_price_that_is_split_returns_nothing_and_holds_nothing_up(company: Company) -> None:
    id, worker = company.filled(), company.workers[0]
    job = company.spend(id, 100 * KLP)
    company.verifier.jobs.note(job, {worker.me.address: 1})
    company.wait(DAY + 60)
    worker.jobs.dispute(job)  # nobody reported
    company.wait(14 * DAY)
    company.founder.ventures.collect(job)
    assert company.founder.ventures.venture(id).left == 900 * KLP
    worker.jobs.pay(job, worker.me.address)
    assert worker.token.balance(worker.me.address) == company.PURSE + 100 * KLP
    company.agrees()


def test_what_was_noted_of_a_decision_that_never_came_counts_for_nothing(company: Company) -> None:
    """Neither in the contract nor when the history is played again."""
    id, worker = company.filled(), company.workers[0]
    job = company.spend(id, 100 * KLP)
    company.verifier.jobs.report(job, {worker.me.address: 30 * KLP})
    company.people[0].jobs.dispute(job)
    company.owner.jobs.note(job, {worker.me.address: 90 * KLP})
    company.wait(14 * DAY)
    company.founder.ventures.collect(job)
    assert company.founder.ventures.venture(id).left == 970 * KLP
    company.agrees()


def test_a_look_alike_gets_nothing(company: Company) -> None:
    """No call names a contract: the price is locked with the network's own. The founder verifies nothing, and whoever
    objects to what a job pays has three days."""
    id, book = company.filled(), company.founder.ventures
    with pytest.raises(Reverted, match="TermOutOfRange"):
        book.spend(id, KLP, company.now + DAY, PLAN, window=3 * DAY - 1)
    with pytest.raises(Reverted, match="TermOutOfRange"):
        book.spend(id, KLP, company.now + DAY, PLAN, window=3600)
    terms = company.terms()
    own = type(terms)(terms.goal, terms.fill_by, terms.ends_at, company.founder.me.address)
    with pytest.raises(Reverted, match="TermOutOfRange"):
        book.open(own)
    book.spend(id, 500 * KLP, company.now + DAY, PLAN, use=Use.STORAGE)
    assert book.jobs(id)[0].use == Use.STORAGE
    company.verifier.jobs.report(1, {company.founder.me.address: 500 * KLP})  # they are in it together
    company.people[2].jobs.dispute(1)
    company.owner.jobs.report(1, {})  # the owner of the rules decides
    book.collect(1)
    assert book.venture(id).left == GOAL and gained(company)[2] == -GOAL + GOAL // 2 + GOAL // 3
    company.agrees()


def test_nothing_of_a_model_that_is_not_may_be_moved_and_verifies(company: Company) -> None:
    a, b = company.people[:2]
    for number in (1, 7, 2**256 - 1):
        a.models.transfer(number, b.me.address, 0)
    with pytest.raises(Reverted):
        a.models.transfer(1, b.me.address, 1)
    company.agrees()


def test_a_model_is_its_lots_and_its_revenue_is_exact(company: Company) -> None:
    id, neuron = company.filled((GOAL + 1,)), company.audited()
    models, owner = company.founder.models, company.owner
    deed = models.deed(id, neuron, licence=10 * KLP + 7)
    with pytest.raises(Reverted, match="TooFew"):
        company.mint(deed, 0)
    number = company.mint(deed, 0, 2)
    everybody = [company.founder, *company.people]
    shares = [models.shares(number, one.me.address) for one in everybody]
    assert sum(shares) == SHARES and shares[0] == SHARES // 4
    with pytest.raises(Reverted, match="NoVenture"):
        company.mint(deed, 0, 2)
    buyer = company.workers[0]
    buyer.models.license(number)
    assert models.licensed(number, buyer.me.address)
    with pytest.raises(Reverted, match="NoModel"):
        buyer.models.license(number)
    # half a share is sold after the first revenue and before the second
    seller, other = company.people[0], company.workers[1]
    seller.models.transfer(number, other.me.address, shares[1] // 2)
    first = (10 * KLP + 7) * shares[1] // SHARES
    assert (models.claimable(number, seller.me.address), models.claimable(number, other.me.address)) == (first, 0)
    for amount in (1, 1, 3, 5 * KLP + 1):
        buyer.models.earn(number, amount)
        for one in everybody:
            if models.claimable(number, one.me.address):
                one.models.claim(number)
    with pytest.raises(Reverted, match="Nothing"):
        company.workers[0].models.claim(number)
    other.models.claim(number)
    kept = owner.token.balance(models.address)
    assert kept < 5  # parts of a unit, each somebody's
    company.agrees()


def test_nobody_is_made_a_model_by_half(company: Company) -> None:
    id, neuron = company.filled(founder_bps=10_000), company.audited()
    models = company.founder.models
    deed = models.deed(id, neuron)
    founder, signed = company.sign(deed, 0, 1)
    with pytest.raises(LedgerError, match="has not signed"):
        models.mint(replace(deed, licence=1), founder, signed)
    wrong = replace(deed, model=PLAN)
    with pytest.raises(Reverted, match="NotAudited"):
        company.mint(wrong, 0, 1)
    unfilled = company.founder.ventures.open(company.terms())
    other = replace(deed, venture=unfilled)
    with pytest.raises(Reverted, match="NoVenture"):
        company.mint(other)
    number = company.mint(deed, 0, 1)
    assert models.shares(number, company.founder.me.address) == SHARES
    company.agrees()


def test_nobody_sells_what_anothers_neuron_serves(company: Company) -> None:
    """Else a venture of a hundred units, all of them the thief's, has all shares of any neuron's model, what its
    licences bring, and the place of the venture that paid for it."""
    id, neuron = company.filled(), company.audited()
    thief, serves = company.workers[0], company.net.clients[neuron]
    own = thief.ventures.open(replace(company.terms(100), founder_bps=10_000))
    thief.ventures.fund(own, 100)
    stolen = thief.models.deed(own, neuron, licence=KLP)
    with pytest.raises(Reverted, match=f"NotSigned.*{serves.me.address.lower()}"):
        thief.models.mint(stolen, thief.models.sign(stolen), {0: thief.models.sign(stolen)})
    deed = company.founder.models.deed(id, neuron)
    with pytest.raises(Reverted, match="NotSigned"):
        company.mint(deed, 0, 1, by=company.founder)  # whose neuron it is not
    assert company.mint(deed, 0, 1) == company.owner.models.of_venture(id) == 1
    company.agrees()


def test_a_founder_who_serves_the_model_has_signed_already(company: Company) -> None:
    neuron = company.audited()
    company.founder = company.net.clients[neuron]
    deed = company.founder.models.deed(company.filled(), neuron)
    assert company.mint(deed, 0, 1, by=company.workers[0]) == 1
