"""What a till does with payments that others touch meanwhile, and with answers that cannot be had; no process is killed
here, what a killed one leaves is made by hand."""

import shutil
import time

import pytest

pytest.importorskip("x402")
pytestmark = [pytest.mark.extras, pytest.mark.timeout(300)]

from klopf import ledger, network  # noqa: E402
from klopf.doors._sales import Payment, Sales  # noqa: E402
from klopf.doors._till import Till  # noqa: E402
from klopf.errors import DoorsError, Unpaid  # noqa: E402

from .shop import PASSPHRASE, PRICE, Shop  # noqa: E402

ASKED = '[{"length": 1.0, "width": 0.1}]'


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with Shop(tmp_path_factory.mktemp("shop")) as made:
        yield made


@pytest.fixture
def till(shop, tmp_path):
    import json

    behind, key = network.answering(shop.folder), ledger.keys.load(shop.folder / "key.json", PASSPHRASE)
    book, sales = ledger.connect(shop.where, key, shop.deployment), Sales(tmp_path / "sales.sqlite")

    def answer(asked):
        return json.dumps(behind.answer(behind.questions(json.loads(asked))))

    yield Till(book, sales, answer, lambda: None, 600.0, print)
    book.close()
    sales.close()


def signed(buyer, **more):
    p = buyer.payment(**more)["payload"]
    one = p["authorization"]
    return Payment(
        buyer.key.address, int(one["value"]), 0, int(one["validBefore"]), bytes.fromhex(one["nonce"][2:]),
        bytes.fromhex(p["signature"][2:]),
    )  # fmt: skip


def bring(shop, p):
    """Somebody else brings the payment to the ledger."""
    shop.book.token.transfer_authorized(
        p.payer, shop.seller, p.amount, p.nonce, p.signature, after=p.after, before=p.before
    )  # fmt: skip


def test_what_somebody_else_brought_after_it_came_here_is_answered_once(shop, till):
    payment, before = signed(shop.buyer()), shop.owned(shop.seller)
    till.sales.bind(payment, b"q", ASKED, shop.book.rpc.height())  # and then the process was killed
    bring(shop, payment)
    till.sweep()
    assert till.sales.get(payment.payer, payment.nonce).state == "answered"
    sale = till.sell(payment, PRICE, b"q", ASKED)
    assert '"big"' in sale.answer and shop.owned(shop.seller) == before + PRICE


def test_what_was_brought_before_it_came_here_buys_nothing(shop, till):
    payment = signed(shop.buyer())
    bring(shop, payment)
    with pytest.raises(Unpaid, match="used or cancelled before it came here"):
        till.sell(payment, PRICE, b"q", ASKED)


def test_what_was_never_brought_is_not_charged_later(shop, till):
    payment, before = signed(shop.buyer()), shop.owned(shop.seller)
    till.sales.bind(payment, b"q", ASKED, shop.book.rpc.height())
    till.sweep()
    assert till.sales.get(payment.payer, payment.nonce).state == "bound" and shop.owned(shop.seller) == before
    assert till.sell(payment, PRICE, b"q", ASKED).state == "answered" and shop.owned(shop.seller) == before + PRICE


def test_a_payment_that_lapsed_is_forgotten(shop, till):
    from dataclasses import replace

    payment = replace(signed(shop.buyer()), before=int(time.time()) - 1)
    till.sales.bind(payment, b"q", ASKED, shop.book.rpc.height())
    till.sweep()
    assert till.sales.get(payment.payer, payment.nonce) is None


def test_cancelled_after_it_was_bound_buys_nothing(shop, till):
    buyer = shop.buyer()
    payment, before = signed(buyer), shop.owned(shop.seller)
    till.sales.bind(payment, b"q", ASKED, shop.book.rpc.height())
    signature = buyer.key.sign(buyer.book.token.cancellation(payment.nonce))
    shop.book.token.cancel_authorization(payment.payer, payment.nonce, signature)
    for _ in range(2):
        with pytest.raises(Unpaid, match="cancelled"):
            till.sell(payment, PRICE, b"q", ASKED)
    assert shop.owned(shop.seller) == before and till.sales.get(payment.payer, payment.nonce) is None


def test_the_same_nonce_used_for_another_payee_is_no_payment(shop, till):
    buyer, nonce_of = shop.buyer(), signed(shop.buyer())
    payment = signed(buyer)
    till.sales.bind(payment, b"q", ASKED, shop.book.rpc.height())
    elsewhere = buyer.key.sign(buyer.book.token.authorization(nonce_of.payer, PRICE, payment.nonce))
    shop.book.token.transfer_authorized(payment.payer, nonce_of.payer, PRICE, payment.nonce, elsewhere)
    with pytest.raises(Unpaid, match="paid somebody else"):
        till.sell(payment, PRICE, b"q", ASKED)


def test_where_no_answer_can_be_had_it_is_paid_back_once(shop, till):
    buyer = shop.buyer(PRICE / 10**18)
    payment, before = signed(buyer), shop.owned(shop.seller)
    state = shop.folder / "state"
    shutil.move(state, state.with_name("away"))
    try:
        with pytest.raises(DoorsError, match="there is no answer yet"):
            till.sell(payment, PRICE, b"q", ASKED)
        assert shop.owned(shop.seller) == before + PRICE and shop.owned(payment.payer) == 0
        till.sweep()
        assert till.sales.get(payment.payer, payment.nonce).state == "paid"  # patience
        till.patience = 0.0
        till.sweep()
    finally:
        shutil.move(state.with_name("away"), state)
    assert till.sales.get(payment.payer, payment.nonce).state == "returned"
    till.sales._set(payment, "paid", "0x1", asked=ASKED)  # killed before that was written down: no answer for it now
    with pytest.raises(Unpaid, match="paid back"):
        till.sell(payment, PRICE, b"q", ASKED)
    assert till.sales.get(payment.payer, payment.nonce).state == "returned"
    assert shop.owned(shop.seller) == before and shop.owned(payment.payer) == PRICE
    with pytest.raises(Unpaid, match="paid back"):
        till.sell(payment, PRICE, b"q", ASKED)


def test_where_no_answer_can_be_had_nothing_is_taken(shop, till):
    def away():
        raise DoorsError("no answer can be had now (its models are away); nothing was taken: come again later")

    payment, bound, before = signed(shop.buyer()), signed(shop.buyer()), shop.owned(shop.seller)
    kept = till.sell(signed(shop.buyer()), PRICE, b"q", ASKED)
    till.sales.bind(bound, b"q", ASKED, shop.book.rpc.height())  # and then the process was killed
    ready, till.ready = till.ready, away
    for one in (payment, bound):
        with pytest.raises(DoorsError, match="nothing was taken"):
            till.sell(one, PRICE, b"q", ASKED)
    assert till.sell(kept.payment, PRICE, b"q", ASKED).answer == kept.answer, "what was paid is handed over as ever"
    assert till.sales.get(payment.payer, payment.nonce) is None and shop.owned(shop.seller) == before + PRICE
    till.ready = ready
    for one in (payment, bound):
        assert till.sell(one, PRICE, b"q", ASKED).state == "answered"
    assert shop.owned(shop.seller) == before + 3 * PRICE


def test_once_it_can_be_answered_the_same_payment_is(shop, till):
    payment = signed(shop.buyer())
    state = shop.folder / "state"
    shutil.move(state, state.with_name("away"))
    try:
        with pytest.raises(DoorsError):
            till.sell(payment, PRICE, b"q", ASKED)
    finally:
        shutil.move(state.with_name("away"), state)
    assert till.sell(payment, PRICE, b"q", ASKED).state == "answered"


def test_what_was_cancelled_is_not_paid_back_where_the_ledger_falters(shop, till):
    """Nobody is paid back what never came: not even where the ledger cannot say, for once, what became of it."""
    buyer = shop.buyer()
    payment, before = signed(buyer), shop.owned(shop.seller)
    till.sales.bind(payment, b"q", ASKED, -1)  # a block that no node has: what moved cannot be found out
    signature = buyer.key.sign(buyer.book.token.cancellation(payment.nonce))
    shop.book.token.cancel_authorization(payment.payer, payment.nonce, signature)
    till.patience = 0.0
    for _ in range(2):
        till.sweep()
    assert shop.owned(shop.seller) == before and till.sales.get(payment.payer, payment.nonce).state == "bound"


def test_whatever_answers_raises_is_paid_back(shop, till):
    buyer = shop.buyer()
    payment, before = signed(buyer), shop.owned(shop.seller)

    def failing(asked):
        raise ZeroDivisionError("a stranger's model")

    till.answer, till.patience = failing, 0.0
    with pytest.raises(DoorsError, match="ZeroDivisionError"):
        till.sell(payment, PRICE, b"q", ASKED)
    assert shop.owned(shop.seller) == before + PRICE
    till.sweep()
    assert shop.owned(shop.seller) == before and till.sales.get(payment.payer, payment.nonce).state == "returned"
