"""What the panels of ventures and of the market say is what the events say."""

from __future__ import annotations

from klopf.console.web._reading import Reading
from klopf.console.web.views.alarms import CALLED, Alarms
from klopf.console.web.views.offers import Offers
from klopf.console.web.views.ventures import Ventures
from klopf.ledger import KLP, events

AT = (1, 1, "0x" + "11" * 32, "")
WHO = "0x" + "22" * 20


def _klp(whole: int) -> str:
    return f"{whole}." + 18 * "0"


def test_a_venture_is_followed_to_what_its_model_earned() -> None:
    view, v, m = Ventures(Reading("small", str)), events.ventures, events.models
    terms = (1000 * KLP, 1, 2, WHO, 5000, bytes(32))
    for event in (
        v.VentureOpened(*AT, 1, WHO, terms, (1000 * KLP,)), v.Funded(*AT, 1, 0, WHO, 600 * KLP),
        v.Funded(*AT, 1, 1, WHO, 400 * KLP), v.Spent(*AT, 1, 7, 1, 300 * KLP), v.Collected(*AT, 1, 7, 50 * KLP),
        v.Funded(*AT, 9, 0, WHO, 1), m.Earned(*AT, 3, WHO, 1), m.ModelMinted(*AT, 4, 1, 2, (1, 2, bytes(32), 0)),
        m.Earned(*AT, 4, WHO, 5 * KLP + 1), m.Earned(*AT, 4, WHO, KLP),
    ):  # fmt: skip
        view.take(event)
    assert view.news() == {
        "1": [1, WHO, _klp(1000), _klp(1000), _klp(250), 4, "6.000000000000000001", "fund?venture=1"]
    }
    assert view.news() == {}
    for id in range(2, 300):
        view.take(v.VentureOpened(*AT, id, WHO, terms, (1000 * KLP,)))
    assert len(view.now) == len(view._sums) == view.most and not view._of


def test_what_is_offered_wanted_and_sold() -> None:
    view, t = Offers(Reading("small", str)), events.trades
    for event in (
        t.OfferOpened(*AT, 1, WHO, (1, 2, 125 * 10**15), False, 9 * KLP, 9 * KLP, 5),
        t.OfferOpened(*AT, 2, WHO, (0, 7, 1), True, 9 * KLP, 0, 5), t.BidMade(*AT, 2, WHO, 11 * KLP, 5),
        t.OfferOpened(*AT, 3, WHO, (0, 8, 1), False, 9 * KLP, KLP, 5), t.OfferSold(*AT, 3, WHO, 4 * KLP),
        t.WantOpened(*AT, 1, WHO, (0, 0, 1), 3 * KLP, 5), t.WantFilled(*AT, 1, WHO, 7),
        t.WantOpened(*AT, 2, WHO, (0, 0, 1), 3 * KLP, 5), t.WantOver(*AT, 2), t.OfferOver(*AT, 77),
    ):  # fmt: skip
        view.take(event)
    assert view.news() == {
        "o1": ["12.5 % of model 2", _klp(9), "fixed price", WHO, "open", f"buy?offer=1&most={_klp(9)}"],
        "o2": ["device 7", _klp(11), "auction", WHO, "open", f"bid?offer=2&amount={_klp(9)}"],
        "o3": ["device 8", _klp(4), "falling price", WHO, "sold", ""],
        "w1": ["device any", _klp(3), "wanted", WHO, "sold", ""],
        "w2": ["device any", _klp(3), "wanted", WHO, "over", ""],
    }


def test_a_called_loan_is_an_alarm_until_it_is_over() -> None:
    view, e, market, other = Alarms(Reading("small", str)), events.loans, b"\1" * 32, "0x" + "33" * 20
    for event in (
        e.Opened(*AT, b"\2" * 32, ()), e.Opened(*AT, market, ()), e.Borrowed(*AT, market, WHO, WHO, 90, 100),
        e.Called(*AT, market, WHO), e.Called(*AT, market, other), e.Called(*AT, b"\3" * 32, WHO),
    ):  # fmt: skip
        view.take(event)
    key = f"call:{market.hex()}:"
    assert view.news() == {key + who: [CALLED, 0, None, None, "repay?market=2"] for who in (WHO, other)}
    view.take(e.CallCleared(*AT, market, other))
    view.take(e.Repaid(*AT, market, WHO, WHO, 50, 60))
    assert view.news() == {key + other: None}  # something is owed still, and may be sold
    view.take(e.Repaid(*AT, market, WHO, WHO, 30, 40))
    assert view.news() == {key + WHO: None} and not view.owed
    view.take(e.Borrowed(*AT, market, WHO, WHO, 90, 100))
    view.take(e.Called(*AT, market, WHO))
    view.take(e.Liquidated(*AT, market, other, WHO, 30, 50, 9, 0, 0))
    assert view.news() == {key + WHO: None} and view.owed == {key + WHO: 50}
