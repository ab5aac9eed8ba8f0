"""No unpaid answer and no lost payment, whatever comes in whatever order."""

import asyncio

import pytest

pytest.importorskip("x402")

from . import orders
from .shop import Shop


def played(place, count, seed, deaths):
    with Shop(place) as shop:
        shop.open()
        seen = asyncio.run(orders.play(shop, count, seed, deaths))
        from klopf import doors

        states = [sale.state for sale in doors.sales_of(shop.folder, 10**6)]
        assert states == ["answered"] * seen["paid"]
    print(dict(seen))
    return seen


@pytest.mark.extras
@pytest.mark.timeout(600)
def test_some_orders(tmp_path):
    seen = played(tmp_path, 64, 1, 0.5)
    assert seen["killed"] >= 2 and seen["paid"] >= 20 and seen["unpaid"] >= 10


@pytest.mark.extras
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(2, 22))
def test_a_thousand_orders(tmp_path, seed):
    """Fifty of each seed: on a machine that is busy with others' work, too, an end is in sight."""
    seen = played(tmp_path, 50, seed, 0.5)
    assert seen["killed"] >= 1 and seen["paid"] >= 14 and seen["unpaid"] >= 7
