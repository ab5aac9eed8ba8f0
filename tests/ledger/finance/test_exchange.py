"""Pools: what goes in, what comes out, to the unit by the model; what is refused; who moves a share's worth: nobody."""

from __future__ import annotations

from fractions import Fraction

import pytest
from ledger_helpers import KLP, Net, secret

from klopf import ledger
from klopf.errors import LedgerError, Reverted
from klopf.ledger import ExchangeTerms
from klopf.ledger.finance._coin import Coin
from tests.ledger.finance.town import RICH, Odd, Town, calling, over

SWAP = ("uint256", "bool", "uint256", "uint256", "address", "uint256")


@pytest.fixture
def town() -> Town:
    return Town()


def test_a_pool_is_opened_filled_and_emptied_over_both_chains(net: Net) -> None:
    owner, buyer, odd = over(net)
    id = owner.exchange.open(odd, owner.token.address)
    klp = owner.exchange.pool(id).place(owner.token.address)
    amounts = [400 * KLP, 400 * KLP]
    amounts[klp] = 100 * KLP
    owner.exchange.add(id, (amounts[0], amounts[1]))
    seen = buyer.exchange.preview(id, buyer.token.address, KLP)
    assert seen.amount_out == 4 * KLP * 997 * 100 // (100_000 + 997)  # 30/10,000 stay in the pool
    had = Coin(buyer, odd).balance(buyer.me.address)
    buyer.exchange.swap(id, buyer.token.address, KLP, least=seen.amount_out)
    assert Coin(buyer, odd).balance(buyer.me.address) - had == seen.amount_out
    owner.exchange.remove(id, owner.exchange.shares(id, owner.me.address))
    assert ledger.verify(owner, []) == []
    left = owner.exchange.pool(id).reserves
    assert all(0 < one < 2000 for one in left)  # what the thousand shares of nobody are


def test_shares_are_of_what_came_in(town: Town) -> None:
    a, b, _ = town.people
    id = town.pool((1000, 4000))
    assert a.exchange.shares(id, a.me.address) == 2000 - 1000 and a.exchange.pool(id).supply == 2000
    b.exchange.add(id, (10**6, 4000))  # a thousand of the first are enough
    assert b.exchange.shares(id, b.me.address) == 2000
    assert b.exchange.pool(id).reserves == (2000, 8000)
    b.exchange.remove(id, 2000, least=(1000, 4000))
    assert b.exchange.pool(id).reserves == (1000, 4000)
    assert ledger.verify(town.owner, []) == []


@pytest.mark.parametrize("most", [(1, 1), (31, 32), (1000, 1000), (0, 10**30)])
def test_who_comes_first_brings_more_than_the_shares_of_nobody(town: Town, most: tuple[int, int]) -> None:
    id = town.owner.exchange.open(town.gold.address, town.iron.address)
    with pytest.raises(Reverted, match="TooLittle"):
        town.people[0].exchange.add(id, most)


def test_what_a_swap_brings_is_what_was_previewed(town: Town) -> None:
    id = town.pool()
    _, b, _ = town.people
    for token, amount in ((town.gold, 10 * KLP), (town.iron, 7), (town.iron, 123_456_789 * KLP)):
        seen = b.exchange.preview(id, token.address, amount)
        other = town.iron if token is town.gold else town.gold
        had = other.read("balanceOf", b.me.address)
        with pytest.raises(Reverted, match="TooLittle"):
            b.exchange.swap(id, token.address, amount, least=seen.amount_out + 1)
        b.exchange.swap(id, token.address, amount, least=seen.amount_out)
        assert other.read("balanceOf", b.me.address) - had == seen.amount_out
        x, y = b.exchange.pool(id).reserves if token is town.gold else b.exchange.pool(id).reserves[::-1]
        assert seen.price_after == Fraction(y, x) and seen.price_paid < seen.price_before
    assert ledger.verify(town.owner, []) == []


def test_a_swap_by_numbers(town: Town) -> None:
    """1,000 and 4,000, 30/10,000: 100 of the first bring 4000·99.7/1099.7 = 362.643...; that is 362."""
    id = town.pool((1000, 4000))
    seen = town.people[1].exchange.preview(id, town.gold.address, 100)
    assert (seen.amount_out, seen.fee) == (362, 1) and seen.price_before == 4
    assert seen.loss == 1 - Fraction(362, 400) and seen.least(Fraction(1, 100)) == 358


def test_what_nobody_sells_is_refused(town: Town) -> None:
    a = town.people[0]
    gold, iron, book = town.gold.address, town.iron.address, a.exchange
    for pair, bad in (((gold, gold), gold), ((gold, a.me.address), a.me.address), ((a.me.address, gold), a.me.address)):
        with pytest.raises(Reverted, match=f"NoPair.*(?i:{bad})"):
            book.open(*pair)
    id = book.open(iron, gold)
    with pytest.raises(Reverted, match="AlreadyOpen"):
        book.open(gold, iron)
    assert (book.of(gold, iron), book.of(iron, gold), book.of(gold, a.token.address)) == (id, id, 0)
    with pytest.raises(Reverted, match="NoPool"):
        book._write("swap", id, True, 1, 0, a.me.address, 2**64)
    with pytest.raises(Reverted, match="NoPool"):
        book.remove(id, 0)
    with pytest.raises(Reverted, match="NoPool"):
        book.mark(id)
    with pytest.raises(Reverted, match="NoPool"):
        book._write("add", 9, 1, 1, 0, 2**64)
    with pytest.raises(LedgerError, match="gives nothing"):
        book.preview(id, gold, 5)
    with pytest.raises(LedgerError, match="no pool 9"):
        book.pool(9)
    book.add(id, (10**6, 10**6))
    with pytest.raises(LedgerError, match="not of"):
        book.swap(id, a.token.address, 1)
    with pytest.raises(Reverted, match="TooLittle"):
        book.swap(id, gold, 1)  # which would bring nothing
    for late in ("swap", "add"):
        rest = (True, 9, 0, a.me.address, 1) if late == "swap" else (9, 9, 0, 1)
        with pytest.raises(Reverted, match="TooLate"):
            book._write(late, id, *rest)
    with pytest.raises(Reverted, match="ERC6909InsufficientBalance"):
        town.people[1].exchange.remove(id, 1)
    for least in ((10**5 + 1, 0), (0, 10**5 + 1)):
        with pytest.raises(Reverted, match="TooLittle"):
            book.remove(id, 10**5, least=least)
    with pytest.raises(Reverted, match="SafeCastOverflowedUintDowncast"):
        town.gold.send("mint", a.me.address, 2**200)
        book.swap(id, gold, 2**112)


def test_the_owner_of_the_rules_sets_what_new_pools_keep_and_old_ones_do_not_change(town: Town) -> None:
    id = town.pool()
    with pytest.raises(Reverted, match="OwnableUnauthorizedAccount"):
        town.people[0].exchange.propose(ExchangeTerms(5))
    for out in (0, 101):
        with pytest.raises(Reverted, match=r"OutOfRange.*1 to 100"):
            town.owner.exchange.propose(ExchangeTerms(out))
    (call,) = town.owner.exchange.calls_for(ExchangeTerms(5))
    assert town.owner.exchange.terms_after(call) == ExchangeTerms(5)
    town.owner.exchange.propose(ExchangeTerms(5))
    other = town.owner.exchange.open(town.gold.address, town.owner.token.address)
    assert (town.owner.exchange.pool(id).fee_bps, town.owner.exchange.pool(other).fee_bps) == (30, 5)
    assert ledger.verify(town.owner, []) == []


def test_tokens_that_are_only_sent_move_neither_a_price_nor_a_share(town: Town) -> None:
    id = town.pool()
    before = town.owner.exchange.pool(id)
    town.gold.send("transfer", town.owner.exchange.address, RICH // 2, ledger=town.people[1])
    assert town.owner.exchange.pool(id) == before
    other = town.people[2].exchange
    other.add(id, (KLP, 4 * KLP))
    other.remove(id, other.shares(id, other._ledger.me.address), least=(KLP - 1, 4 * KLP - 1))
    assert ledger.verify(town.owner, []) == []


def test_who_comes_first_cannot_take_what_who_comes_second_brings(town: Town) -> None:
    """The least pool there can be, made dear by swaps there and back: what its maker loses is more than it takes."""
    a, b, _ = town.people
    id = town.pool((1001, 1001))
    for _ in range(4):
        a.exchange.swap(id, town.gold.address, 10**9)
        a.exchange.swap(id, town.iron.address, 10**9)
    pool = b.exchange.pool(id)
    most = (pool.reserves[0] * 1000 + 1, pool.reserves[1] * 1000 + 1)
    b.exchange.add(id, most)
    b.exchange.remove(id, b.exchange.shares(id, b.me.address))
    lost = sum(RICH - odd.read("balanceOf", b.me.address) for odd in (town.gold, town.iron))
    assert lost * 1000 < sum(most)  # less than a thousandth, by rounding
    assert sum(RICH - odd.read("balanceOf", a.me.address) for odd in (town.gold, town.iron)) > lost


def test_a_token_that_takes_a_fee_is_refused(town: Town) -> None:
    id = town.pool()
    town.gold.send("setFee", 1)
    a = town.people[0].exchange
    for try_it in (lambda: a.add(id, (KLP, 4 * KLP)), lambda: a.swap(id, town.gold.address, KLP)):
        with pytest.raises(Reverted, match="NotReceived"):
            try_it()
    a.swap(id, town.iron.address, KLP)  # what it takes on the way out is between it and who wanted it


def test_a_token_that_changes_balances_harms_its_own_pools_only(town: Town) -> None:
    id = town.pool()
    a = town.people[0].exchange
    klp = town.owner.exchange.open(town.iron.address, town.owner.token.address)
    a.add(klp, (100 * KLP, 100 * KLP))
    town.gold.send("rebase", a.address, 0)
    with pytest.raises(Reverted):
        a.remove(id, 10**6)
    a.remove(klp, a.shares(klp, a._ledger.me.address))
    assert ledger.verify(town.owner, []) == []


def test_a_token_that_calls_back_gets_nowhere(town: Town) -> None:
    """Reentrancy: in the middle of a transfer it swaps, adds, removes and marks; each is refused, and what it reads is
    either all before or all after."""
    id = town.pool()
    town.wait(2000)
    a, book = town.people[0], town.owner.exchange.address
    town.gold.send("mint", town.gold.address, RICH)
    tries = {
        "swap": calling("swap", SWAP, id, False, KLP, 0, town.gold.address, 2**64),
        "add": calling("add", ("uint256",) * 5, id, KLP, KLP, 0, 2**64),
        "remove": calling("remove", ("uint256",) * 4, id, 1, 0, 0),
        "mark": calling("mark", ("uint256",), id),
    }
    for name, data in tries.items():
        town.gold.send("setCall", book, data)
        a.exchange.swap(id, town.gold.address, KLP)
        assert not town.gold.read("called"), name
        refused = bytes.fromhex("3ee5aeb5")  # ReentrancyGuardReentrantCall()
        assert bytes(town.gold.read("answer"))[:4] == refused, name
    for token in (town.gold, town.iron):
        before = a.exchange.pool(id).reserves
        town.gold.send("setCall", book, calling("quoteDown", ("uint256", "bool", "uint256"), id, True, KLP))
        a.exchange.swap(id, token.address, 50 * KLP)
        said = int.from_bytes(bytes(town.gold.read("answer")))
        model = a.exchange.pool(id).model()
        after = model.quote(True, KLP)
        model.reserves = before
        assert said in (model.quote(True, KLP), after) and said == (after if token is town.iron else said)
    assert ledger.verify(town.owner, []) == []


def test_shares_are_tokens(town: Town) -> None:
    id = town.pool()
    a, b, _ = town.people
    mine = a.exchange.shares(id, a.me.address)
    a.exchange._write("transfer", b.me.address, id, mine)
    assert (a.exchange.shares(id, a.me.address), b.exchange.shares(id, b.me.address)) == (0, mine)
    b.exchange._write("approve", a.me.address, id, 5)
    b.exchange._write("setOperator", a.me.address, True)
    b.exchange.remove(id, mine)
    assert ledger.verify(town.owner, []) == []


def test_a_token_that_is_none_is_named(town: Town) -> None:
    coin = Coin(town.owner, town.gold.address)
    assert (coin.symbol(), coin.decimals()) == ("ODD", 18)
    for none in (secret(1).address, town.owner.clock.address):
        with pytest.raises(LedgerError, match="is no token"):
            Coin(town.owner, none).symbol()


def test_verify_names_a_pool_that_is_not_as_its_history_has_it(town: Town) -> None:
    id = town.pool()
    town.people[1].exchange.swap(id, town.gold.address, KLP)
    place = bytes.fromhex(town.owner.exchange.address[2:])
    slot = next(
        key
        for key, value in town.rpc.world.slots.items()
        if key[0] == place and value == town.owner.exchange.pool(id).supply
    )
    town.rpc.world.slots[slot] += 1
    found = [str(line) for line in ledger.verify(town.owner, [])]
    assert any(f"the contract's pool {id}" in line for line in found)


def test_klp_that_moves_without_a_call_is_named(town: Town) -> None:
    assert ledger.verify(town.owner, []) == []
    town.owner.token.transfer(town.owner.exchange.address, 5)
    assert any("in Exchange" in str(line) for line in ledger.verify(town.owner, []))
    assert isinstance(town.gold, Odd)
