"""Standards that others pay by: ERC-3009 and permits, by keys and by contracts; and the reserves and their minters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_helpers import KLP, Net, Role, secret

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger._abi import FunctionABI
from klopf.ledger.core.token import Reserve
from tests.ledger.farm import accepting_contract, as_address, network

DAY = 24 * 3600
ALL = 200_000_000 * KLP
MOST = ALL // 365


def test_a_signed_payment_is_brought_by_anybody_once(net: Net) -> None:
    payer, seller = (net.clients[net.join(Role.REQUESTER)] for _ in range(2))
    now = net.admin.clock.now().time
    nonce, to = b"n" * 32, seller.me.address
    terms = {"after": now - 1, "before": now + 100}
    signature = payer.me.sign(payer.token.authorization(to, 5 * KLP, nonce, **terms))
    with pytest.raises(Reverted, match="ERC3009InvalidSignature"):
        net.admin.token.transfer_authorized(payer.me.address, to, 6 * KLP, nonce, signature, **terms)
    net.admin.token.transfer_authorized(payer.me.address, to, 5 * KLP, nonce, signature, **terms)
    assert net.admin.token.balance(to) == 10_005 * KLP
    with pytest.raises(Reverted, match="ERC3009UsedAuthorization"):
        net.admin.token.transfer_authorized(payer.me.address, to, 5 * KLP, nonce, signature, **terms)
    other = payer.me.sign(payer.token.authorization(to, KLP, b"m" * 32, received=True, **terms))
    with pytest.raises(Reverted, match="ERC20InvalidReceiver"):
        net.admin.token.transfer_authorized(payer.me.address, to, KLP, b"m" * 32, other, received=True, **terms)
    seller.token.transfer_authorized(payer.me.address, to, KLP, b"m" * 32, other, received=True, **terms)
    late = payer.me.sign(payer.token.authorization(to, KLP, b"l" * 32, **terms))
    net.pass_time(200)
    with pytest.raises(Reverted, match="ERC3009InvalidAuthorizationTime"):
        net.admin.token.transfer_authorized(payer.me.address, to, KLP, b"l" * 32, late, **terms)
    assert net.admin.token.balance(to) == 10_006 * KLP
    assert ledger.verify(net.admin, []) == []


def test_an_owner_that_is_a_contract_signs_as_it_likes(net: Net) -> None:
    """ERC-1271: a contract that says yes to every signature pays and permits; one that cannot answer does not."""
    wallet, dumb = accepting_contract(net), net.admin.jobs.address
    net.admin.fund(wallet, tokens=9 * KLP)
    to = secret(3).address
    net.admin.token.transfer_authorized(wallet, to, 2 * KLP, bytes(32), b"whatever")
    assert net.admin.token.balance(to) == 2 * KLP
    types = ("address", "address", "uint256", "uint256", "bytes")
    permit = FunctionABI("permit", types, ())
    place = net.admin.token.address
    net.admin.send(place, permit.call_data((wallet, net.admin.me.address, KLP, 2**40, b"")))
    assert net.admin.token.allowance(wallet, net.admin.me.address) == KLP
    with pytest.raises(Reverted, match="ERC3009InvalidSignature"):
        net.admin.send(place, permit.call_data((dumb, net.admin.me.address, KLP, 2**40, b"")))
    with pytest.raises(Reverted, match="ERC2612ExpiredSignature"):
        net.admin.send(place, permit.call_data((wallet, net.admin.me.address, KLP, 1, b"")))
    assert ledger.verify(net.admin, []) == []


def test_a_bep20_token_has_an_owner_and_tokens_can_be_given_up(net: Net) -> None:
    assert net.admin.token.owner() == net.admin.rules.owner()
    before = net.admin.token.supply()
    net.admin.token.burn(7)
    assert net.admin.token.supply() == before - 7 and net.admin.token.burnt() == 7
    assert ledger.verify(net.admin, []) == []


def test_a_reserve_is_minted_by_its_own_pack_alone() -> None:
    net = network()
    reserves, me = net.admin.reserves, net.admin.me.address
    stranger = net.clients[net.join(Role.REQUESTER)]
    with pytest.raises(Reverted, match="only the owner"):
        stranger.reserves.set_rate(Reserve.LIQUIDITY, KLP)
    with pytest.raises(Reverted, match="RateTooHigh"):
        reserves.set_rate(Reserve.LIQUIDITY, MOST + 1)
    reserves.set_rate(Reserve.LIQUIDITY, 240 * KLP)
    net.pass_time(DAY)
    for caller in (me, net.admin.emission.address, net.admin.deployment.directory):
        with pytest.raises(Reverted, match="NotMinter"):
            as_address(net, caller, "Reserves", "mint", 0, me, 1)
    with pytest.raises(Reverted, match="OnlyReserves"):
        as_address(net, me, "Token", "mintFrom", 0, me, 1)
    pack = accepting_contract(net)
    name = b"Liquidity".ljust(32, bytes(1))
    net.admin.directory._write("add", b"liquidity".ljust(32, bytes(1)), [name], [pack])
    assert reserves.minter(Reserve.LIQUIDITY) == pack
    with pytest.raises(Reverted, match="NotYet"):
        as_address(net, pack, "Reserves", "mint", 0, me, 240 * KLP + 1)
    with pytest.raises(Reverted, match="NotMinter"):
        as_address(net, pack, "Reserves", "mint", 1, me, 1)  # the other one
    supply = net.admin.token.supply()
    as_address(net, pack, "Reserves", "mint", 0, me, 240 * KLP)
    assert net.admin.token.supply() == supply + 240 * KLP
    assert net.admin.token.minted_from(Reserve.LIQUIDITY) == ALL - net.admin.token.left_in(Reserve.LIQUIDITY)


@given(
    st.lists(st.tuples(st.integers(0, MOST), st.integers(0, 900 * DAY), st.integers(0, 110)), min_size=1, max_size=12)
)
@settings(max_examples=20, deadline=None)
def test_a_reserve_keeps_to_its_rates_and_to_what_it_holds(steps: list[tuple[int, int, int]]) -> None:
    """Rates change at any time and reach nothing back; never above what has grown, nor above the reserve."""
    net = network()
    pack = accepting_contract(net)
    name = b"Circulation".ljust(32, bytes(1))
    net.admin.directory._write("add", b"circulation".ljust(32, bytes(1)), [name], [pack])
    grown = minted = 0
    for rate, seconds, share in steps:
        net.admin.reserves.set_rate(Reserve.CIRCULATION, rate)
        net.pass_time(seconds)
        grown = min(grown + rate * seconds // DAY, ALL - minted)
        assert net.admin.reserves.available(Reserve.CIRCULATION) == grown
        amount = grown * share // 100
        if amount > grown:
            with pytest.raises(Reverted, match="NotYet"):
                as_address(net, pack, "Reserves", "mint", 1, net.admin.me.address, amount)
            continue
        as_address(net, pack, "Reserves", "mint", 1, net.admin.me.address, amount)
        grown, minted = grown - amount, minted + amount
    assert net.admin.token.minted_from(Reserve.CIRCULATION) == minted <= ALL
