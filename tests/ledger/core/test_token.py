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
from tests.ledger.farm import accepting_contract, as_address, network, wallet

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


def words(signature: bytes) -> tuple[int, bytes, bytes]:
    """v, r and s."""
    return signature[64], signature[:32], signature[32:64]


@pytest.mark.parametrize("received", [False, True])
def test_a_payment_is_refused_before_its_time_and_of_anybody_else(net: Net, received: bool) -> None:
    payer, seller = (net.clients[net.join(Role.REQUESTER)] for _ in range(2))
    now, to, mine = net.admin.clock.now().time, seller.me.address, payer.me.address
    terms = {"after": now + 1000, "before": now + 2000, "received": received}
    digest = payer.token.authorization(to, KLP, b"n" * 32, **terms)
    signature = payer.me.sign(digest)
    bring = seller.token.transfer_authorized
    with pytest.raises(Reverted, match="ERC3009InvalidAuthorizationTime"):
        bring(mine, to, KLP, b"n" * 32, signature, **terms)
    net.pass_time(1500)
    other_kind = {**terms, "received": not received}
    altered = {"after": 0}, {"before": 2**48 - 1}
    for wrong in (
        lambda: bring(mine, to, KLP, b"n" * 32, seller.me.sign(digest), **terms),
        lambda: bring(mine, to, KLP, b"m" * 32, signature, **terms),
        lambda: bring(to, to, KLP, b"n" * 32, signature, **terms),
        lambda: bring(mine, mine if not received else to, KLP + received, b"n" * 32, signature, **terms),
        lambda: bring(mine, to, KLP, b"n" * 32, signature, **other_kind),
        lambda: bring(mine, to, KLP, b"n" * 32, signature[:-1], **terms),
        lambda: bring(mine, to, KLP, b"n" * 32, b"", **terms),
        *(lambda a=a: bring(mine, to, KLP, b"n" * 32, signature, **{**terms, **a}) for a in altered),
    ):
        with pytest.raises(Reverted, match="ERC3009InvalidSignature"):
            wrong()
    bring(mine, to, KLP, b"n" * 32, signature, **terms)
    assert net.admin.token.balance(to) == 10_001 * KLP and net.admin.token.authorization_used(mine, b"n" * 32)


@pytest.mark.parametrize("received", [False, True])
def test_a_payment_is_also_brought_with_the_signature_in_three_words(net: Net, received: bool) -> None:
    payer, seller = (net.clients[net.join(Role.REQUESTER)] for _ in range(2))
    to, mine = seller.me.address, payer.me.address
    name = "receiveWithAuthorization" if received else "transferWithAuthorization"
    types = ("address", "address", "uint256", "uint256", "uint256", "bytes32", "uint8", "bytes32", "bytes32")
    signature = payer.me.sign(payer.token.authorization(to, 2 * KLP, bytes(32), received=received))
    data = FunctionABI(name, types, ()).call_data((mine, to, 2 * KLP, 0, 2**48 - 1, bytes(32), *words(signature)))
    if received:
        with pytest.raises(Reverted, match="ERC20InvalidReceiver"):
            net.admin.send(net.admin.token.address, data)
    seller.send(net.admin.token.address, data)
    with pytest.raises(Reverted, match="ERC3009UsedAuthorization"):
        seller.send(net.admin.token.address, data)
    assert net.admin.token.balance(to) == 10_002 * KLP
    assert ledger.verify(net.admin, []) == []


def test_a_payment_that_was_not_brought_can_be_taken_back(net: Net) -> None:
    payer, seller = (net.clients[net.join(Role.REQUESTER)] for _ in range(2))
    mine, to, cancel = payer.me.address, seller.me.address, net.admin.token.cancel_authorization
    signature = payer.me.sign(payer.token.authorization(to, KLP, b"n" * 32))
    back = payer.me.sign(payer.token.cancellation(b"n" * 32))
    for nonce, said in ((b"n" * 32, seller.me.sign(payer.token.cancellation(b"n" * 32))), (b"m" * 32, back)):
        with pytest.raises(Reverted, match="ERC3009InvalidSignature"):
            cancel(mine, nonce, said)
    cancel(mine, b"n" * 32, back)  # anybody brings it
    assert net.admin.token.authorization_used(mine, b"n" * 32)
    with pytest.raises(Reverted, match="ERC3009UsedAuthorization"):
        net.admin.token.transfer_authorized(mine, to, KLP, b"n" * 32, signature)
    with pytest.raises(Reverted, match="ERC3009UsedAuthorization"):
        cancel(mine, b"n" * 32, back)
    used = payer.me.sign(payer.token.authorization(to, KLP, b"u" * 32))
    net.admin.token.transfer_authorized(mine, to, KLP, b"u" * 32, used)
    with pytest.raises(Reverted, match="ERC3009UsedAuthorization"):
        cancel(mine, b"u" * 32, payer.me.sign(payer.token.cancellation(b"u" * 32)))
    assert ledger.verify(net.admin, []) == []


def test_a_contract_wallet_pays_permits_and_takes_back_what_it_signed_and_nothing_else(net: Net) -> None:
    """ERC-1271 as a wallet has it: each of the digests that it knows, once, and no other."""
    token, seller = net.admin.token, net.clients[net.join(Role.REQUESTER)]
    to, digest = seller.me.address, net.admin.token.authorization
    own = wallet(
        net,
        lambda place: [
            digest(to, KLP, b"a" * 32, owner=place),
            digest(to, KLP, b"b" * 32, owner=place, received=True),
            digest(to, KLP, b"c" * 32, owner=place),
            token.cancellation(b"c" * 32, owner=place),
            digest(to, KLP, b"d" * 32, owner=place, before=1),
        ],
    )
    net.admin.fund(own, tokens=9 * KLP)
    key = net.admin.me.sign(digest(to, KLP, b"x" * 32, owner=own))
    for amount, nonce in ((2 * KLP, b"a" * 32), (KLP, b"x" * 32)):
        with pytest.raises(Reverted, match="ERC3009InvalidSignature"):
            token.transfer_authorized(own, to, amount, nonce, key)
    token.transfer_authorized(own, to, KLP, b"a" * 32, b"")
    with pytest.raises(Reverted, match="ERC3009UsedAuthorization"):
        token.transfer_authorized(own, to, KLP, b"a" * 32, b"")
    with pytest.raises(Reverted, match="ERC20InvalidReceiver"):
        token.transfer_authorized(own, to, KLP, b"b" * 32, b"", received=True)
    seller.token.transfer_authorized(own, to, KLP, b"b" * 32, b"", received=True)
    with pytest.raises(Reverted, match="ERC3009InvalidSignature"):
        token.cancel_authorization(own, b"d" * 32, b"")
    token.cancel_authorization(own, b"c" * 32, b"")
    with pytest.raises(Reverted, match="ERC3009UsedAuthorization"):
        token.transfer_authorized(own, to, KLP, b"c" * 32, b"")
    with pytest.raises(Reverted, match="ERC3009InvalidAuthorizationTime"):
        token.transfer_authorized(own, to, KLP, b"d" * 32, b"", before=1)
    assert token.balance(to) == 10_002 * KLP
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
