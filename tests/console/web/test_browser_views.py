"""Every view in a real browser, of a network in which everything happened to people with hostile names."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from klopf.checks.view import _everything
from klopf.console.web import VIEWS, _opening
from klopf.console.web._follow import Follower, _Piece
from klopf.console.web._source import Source
from tests.console.web.network import HOSTILE, TOKEN, get
from tests.console.web.test_browser import AXE, browser, go, opened, pytestmark, until
from tests.console.web.test_browser_picture import shown

__all__ = ["browser", "pytestmark"]
TURNS = 6
PLACES = ["", "network", "act", "neuron/1", "neuron/2", *VIEWS.shipped]

BEGIN = set("=@\uff1d\uff0b\uff0d\uff20")
RING = "((s) => s.outlineStyle !== 'none' || s.boxShadow !== 'none')(getComputedStyle(document.activeElement))"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    names = {1: HOSTILE, 2: "\u202e<script>evil()</script>", 3: "\uff1dHYPERLINK([x](javascript:evil()))" * 40}
    follower = Follower(Source(HOSTILE, "nowhere", cast(Any, None), names))
    for turn in range(TURNS):
        with follower._lock:
            follower._publish(follower._take([_Piece(follower.history, _everything(turn), turn + 1, "0x")]))
    follower.tip, follower.behind, follower.halted = TURNS, False, True  # there is no ledger behind it
    with shown(follower) as (made, _):
        yield made


def test_there_is_something_in_every_view(url: str):
    for view in VIEWS.shipped:
        rows = list(csv.reader(io.StringIO(get(f"{url}/api/table/{view}.csv")[1])))
        assert len(rows) > 1, view
        assert not any(text[:1] in BEGIN and len(text) > 1 for row in rows for text in row), (
            "a spreadsheet would run it"
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_view(browser: Any, url: str, scheme: str):
    if not AXE.exists():
        pytest.skip("axe-core is not here: make test-extras brings it where there is npm")
    for page in opened(browser, url, color_scheme=scheme):
        page.evaluate(AXE.read_text())
        for place in PLACES:
            go(page, place)
            page.wait_for_timeout(300)
            found = page.evaluate("axe.run().then((said) => said.violations)")
            grave = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
            assert not grave, (place, grave)


@pytest.mark.parametrize("width", [360, 1440])
def test_no_text_of_a_stranger_is_markup_or_widens_the_page(browser: Any, url: str, width: int):
    for page in opened(browser, url, viewport={"width": width, "height": 800}):
        for place in PLACES:
            go(page, place)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, place
            odd = "document.querySelectorAll('main img, main script, main iframe, a[href^=\"javascript\" i]').length"
            assert page.evaluate(odd) == 0, place
            assert "\u202e" not in page.inner_text("main"), place


def test_every_place_is_reached_by_the_keyboard_alone(browser: Any, url: str):
    for page in opened(browser, url):
        names = page.locator("nav a").all_inner_texts()
        for at, name in enumerate(names):
            page.locator("nav a").nth(at).focus()
            page.keyboard.press("Enter")
            until(page, f"document.querySelectorAll('nav a')[{at}].getAttribute('aria-current') === 'page'")
            assert page.evaluate("document.activeElement.id") == "main", f"what is read next is {name!r}"
            seen = set[str]()
            for _ in range(400):
                page.keyboard.press("Tab")
                tag = page.evaluate("document.activeElement.tagName")
                if tag == "BODY":
                    break
                assert page.evaluate(RING), f"{name!r}: where the keyboard is at {tag} cannot be seen"
                seen.add(tag)
            else:
                pytest.fail(f"{name!r} holds the keyboard")


def test_a_table_as_a_file_has_headings_in_the_readers_language(browser: Any, url: str):
    for page in opened(browser, url, accept_downloads=True):
        page.select_option("#language", "zh")
        until(page, "document.documentElement.lang === 'zh'")
        buttons = {"neurons": "a[download]", "neuron/1": "button.file >> nth=0", "network": "text=CSV: >> nth=0"}
        for place, button in buttons.items():
            go(page, place)
            with page.expect_download() as got:
                page.locator(button).click()
            text = Path(got.value.path()).read_text(encoding="utf-8")
            head = text.splitlines()[0]
            assert text.startswith("\ufeff"), f"{place}: a spreadsheet takes it for another encoding"
            assert not any(letter.isascii() and letter.isalpha() for letter in head.replace("ID", "")), (place, head)
        page.select_option("#language", "en")


def test_a_file_that_leads_to_the_page_leads_there(browser: Any, url: str, tmp_path: Path):
    """From another place: a browser holds a strict cookie back on the way from there."""
    (tmp_path / "open.html").write_text(_opening._leading_to(f"{url}/?token={TOKEN}"))
    context = browser.new_context()
    page = context.new_page()
    page.goto((tmp_path / "open.html").as_uri())
    page.wait_for_selector("#view-neurons tbody tr")
    assert TOKEN not in page.url and page.evaluate("document.referrer") == ""
    page.go_back(wait_until="commit")
    assert TOKEN not in page.url, "the token is no step to go back to"
    context.close()


def test_a_link_to_a_state_that_stands_in_another_page_opens_it_for_whoever_has_the_cookie(browser: Any, url: str):
    link = f"<a href='{url}/#/neurons?neurons.find=evil'>look</a>"
    context = browser.new_context()
    page = context.new_page()
    other = "http://elsewhere.example/"
    page.route(other, lambda route: route.fulfill(body=link, content_type="text/html"))
    page.goto(other)
    page.locator("a").click()
    page.wait_for_url(f"{url}/**")
    page.wait_for_timeout(1_000)
    assert page.inner_text("body").startswith("this page wants its token") and page.locator("nav").count() == 0
    page.goto(f"{url}/?token={TOKEN}")
    page.wait_for_selector("#view-neurons tbody tr")
    page.goto(other)
    page.locator("a").click()
    page.wait_for_selector("#view-neurons tbody tr")
    assert page.input_value("input[type=search]") == "evil" and TOKEN not in page.url
    context.close()
