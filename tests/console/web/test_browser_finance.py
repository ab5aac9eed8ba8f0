"""The panels of finance in a real browser: shown, sorted, a token made of markup, acting with a key, small screens,
whoever needs it otherwise, and Chinese."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from klopf.ledger import KLP
from tests.console.web.acting import nonce, waited
from tests.console.web.network import TOKEN, get, served
from tests.console.web.test_browser import AXE, browser, go, pytestmark, until
from tests.console.web.wealthy import SYMBOL, Wealthy

__all__ = ["browser", "pytestmark"]
PANELS = ("ventures", "lending", "loans", "offers", "pools", "rewards")
FORMS = ("act/fund?venture=1", "act/buy?offer=1", "act/swap?pool=1", "act/supply?market=1", "act/repay?market=1",
         "act/claim-rewards")  # fmt: skip


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Wealthy:
    return Wealthy(tmp_path_factory.mktemp("wealthy"))


@pytest.fixture(scope="module")
def link(net: Wealthy) -> Iterator[str]:
    desk = net.desk()
    with served(net.source, desk=desk) as url:
        waited(lambda: not json.loads(get(f"{url}/api/state")[1])["behind"])
        yield f"{url}/?token={TOKEN}#/?unlock={desk.secret}"


def opened(browser: Any, link: str, **how: Any) -> Any:
    page = browser.new_page(**how)
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page.goto(link)
    page.wait_for_selector("#view-neurons tbody tr")
    until(page, "document.querySelector('#where').innerText.endsWith(' live')")
    return page


def test_each_panel_is_shown_with_what_can_be_done_and_sorted(browser: Any, net: Wealthy, link: str):
    page = opened(browser, link)
    expected = {
        "ventures": "250", "lending": "2,000", "loans": "owes", "offers": "device 1", "pools": "10,100",
        "rewards": "1,000",
    }  # fmt: skip
    for panel in PANELS:
        go(page, panel)
        page.wait_for_selector(f"#view-{panel} tbody tr")
        assert expected[panel] in page.inner_text(f"#view-{panel}"), panel
        assert page.locator(f"#view-{panel} a.do").count(), "what can be done about it stands beside it"
    go(page, "offers")
    page.locator("#view-offers th button", has_text="price").click()
    for way in ("ascending", "descending"):
        until(page, "document.querySelector('#view-offers th[aria-sort=ascending], th[aria-sort=descending]')")
        at = page.locator("#view-offers th[aria-sort]:not([aria-sort=none])").get_attribute("aria-sort")
        shown = [float(text) for text in page.locator("#view-offers tbody td:nth-child(2)").all_inner_texts()]
        assert shown == sorted(shown, reverse=at == "descending"), way
        page.locator("#view-offers th button", has_text="price").click()
    go(page, "loans")
    page.locator("#view-loans th button", has_text="owes").click()
    owed = [float(text) for text in page.locator("#view-loans tbody td:nth-child(4)").all_inner_texts()]
    assert owed in (sorted(owed), sorted(owed, reverse=True)) and len(owed) == 2
    page.close()


def test_a_token_made_of_markup_is_text(browser: Any, net: Wealthy, link: str):
    page = opened(browser, link)
    for panel in ("pools", "lending"):
        go(page, panel)
        page.wait_for_selector(f"#view-{panel} tbody tr")
        assert f"{SYMBOL} {net.odd}" in page.inner_text(f"#view-{panel}")
    go(page, "act/swap?pool=1")
    page.fill("input[name=token]", net.odd)
    page.fill("input[name=amount]", "3")
    page.get_by_role("button", name="Show what would be signed").click()
    page.wait_for_selector(".signed")
    said = page.inner_text("main")
    assert f"3 {SYMBOL} ({net.odd})" in said and "none of this network's contracts" in said and "approve" in said
    assert page.locator("main img, main script, main b").count() == 0
    page.close()


def test_a_venture_is_funded_with_an_unlocked_key_and_the_panel_shows_it(browser: Any, net: Wealthy, link: str):
    page, me = opened(browser, link), net.keys["bert"]
    count = nonce(net.book, me)
    go(page, "ventures")
    page.locator("#view-ventures a.do").click()
    assert page.input_value("input[name=venture]") == "1"
    page.fill("input[name=amount]", "50")
    page.get_by_role("button", name="Show what would be signed").click()
    page.wait_for_selector(".signed")
    said = page.inner_text("main")
    for part in ("Ventures", net.book.ventures.address, "fund", me.address, "50 KLP", str(50 * KLP), "3.75 % of the"):
        assert part in said, part
    assert nonce(net.book, me) == count, "a look sends nothing"
    data = page.locator("details code").text_content()
    page.locator(".sign").click()
    page.wait_for_selector(".done")
    assert nonce(net.book, me) == count + 1
    sent = net.book.rpc.request("eth_getTransactionByHash", page.inner_text(".done code"))
    assert sent["input"] == data, "to the byte what was shown"
    assert net.book.ventures.venture(net.venture).raised == 300 * KLP
    go(page, "ventures")
    until(page, "document.querySelector('#view-ventures tbody').innerText.includes('300')")
    page.close()


def test_a_loan_is_paid_back_in_two_steps(browser: Any, net: Wealthy, link: str):
    page = opened(browser, link)
    go(page, "loans")
    page.wait_for_selector("#view-loans tbody tr")
    page.locator("#view-loans a.do").click()
    page.get_by_role("button", name="Show what would be signed").click()
    for step in ("approve", "repay"):
        until(page, f"document.querySelector('.signed')?.innerText.includes({json.dumps(step)})")
        page.locator(".sign").click()
        page.wait_for_selector(".done")
        if step == "approve":
            page.get_by_role("button", name="One more is needed: show it").click()
    assert not net.book.loans.position(net.terms, net.bert.me.address).debt_shares
    go(page, "loans")
    until(page, "!document.querySelector('#view-loans tbody').innerText.includes('owes')")
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (768, "dark"), (1440, "light"), (1440, "dark")])
def test_panels_and_forms_fit_and_can_be_read(browser: Any, net: Wealthy, link: str, width: int, scheme: str):
    screen = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme, "reduced_motion": "reduce"}
    page = opened(browser, link, **screen)
    if AXE.exists():
        page.evaluate(AXE.read_text())
    for place in (*PANELS, *FORMS):
        go(page, place)
        page.wait_for_selector("main section")
        if place == FORMS[0]:
            page.fill("input[name=amount]", "20")
            page.get_by_role("button", name="Show what would be signed").click()
            page.wait_for_selector(".signed")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, place
        if AXE.exists():
            found = page.evaluate("axe.run().then((said) => said.violations)")
            grave = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
            assert not grave, (place, grave)
    page.close()


def test_in_chinese(browser: Any, net: Wealthy, link: str):
    page = opened(browser, link)
    page.select_option("#language", "zh")
    for panel, title in zip(PANELS, ("投资", "借贷市场", "借款", "市场", "资金池", "奖励"), strict=True):
        go(page, panel)
        until(page, f"document.querySelector('#view-{panel} h2')?.innerText === {json.dumps(title)}")
    go(page, "act/fund?venture=1")
    until(page, "document.querySelector('h2').innerText === '为项目出资'")
    page.close()
