"""The page in a real browser: news, strangers' names, the keyboard, small screens, and whoever needs it otherwise."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import free_port
from tests.console.web.network import HOSTILE, TOKEN, Small, get, served

playwright = pytest.importorskip(
    "playwright.sync_api", reason="pip install playwright: the page is not tried in a browser"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = Path(__file__).parents[2] / ".axe/node_modules/axe-core/axe.min.js"
pytestmark = [
    pytest.mark.extras,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here: the page is not tried in a browser"),
]
PLACES = ["", "network", "neurons", "payments", "news", "votes", "neuron/2", "explain/2/1"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    made = Small(tmp_path_factory.mktemp("small"))
    made.play()
    made.play()
    return made


@pytest.fixture(scope="module")
def url(small: Small) -> Iterator[str]:
    with served(small.source) as made:
        while json.loads(get(f"{made}/api/state")[1])["behind"]:
            pass
        yield made


@pytest.fixture
def page(browser: Any, url: str) -> Iterator[Any]:
    yield from opened(browser, url)


def opened(browser: Any, url: str, **how: Any) -> Iterator[Any]:
    """A page that fails the test where anything of it fails, or a stranger's text runs."""
    page = browser.new_page(**how)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(f"{url}/?token={TOKEN}")
    page.wait_for_selector("#view-neurons tbody tr")
    yield page
    assert not faults
    assert page.locator("main img").count() == 0, "a name became markup"
    page.close()


def until(page: Any, true: str) -> None:
    """Wait for an expression from outside: what is asked in the page again and again its policy forbids."""
    for _ in range(300):
        if page.evaluate(true):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never came true: {true}")


def go(page: Any, place: str) -> None:
    page.evaluate(f"location.hash = '#/{place}'")
    until(page, "document.querySelector('main').innerText.length > 20")


def test_the_figures_and_a_hostile_name_are_shown_as_text(page: Any, url: str):
    state = json.loads(get(f"{url}/api/state")[1])
    assert page.inner_text("h1") == "small" and page.get_by_text(HOSTILE).first.is_visible()
    said = dict(
        zip(page.locator(".figures dt").all_inner_texts(), page.locator(".figures dd").all_inner_texts(), strict=True)
    )
    assert said["transactions"] == f"{state['transactions']:,}" and said["neurons"] == "2"
    assert page.locator("#view-neurons tbody tr").first.inner_text().startswith(HOSTILE), "the most heard is first"


def test_one_click_from_a_payment_to_why(page: Any):
    go(page, "payments")
    page.locator("#view-payments tbody a[href*=explain]").first.click()
    page.wait_for_selector(".explain .amount")
    said = page.inner_text("main")
    assert "1,000.00 KLP" in said and "claimed in 0x" in said and "anna" in said


def test_sort_search_and_focus_stay_as_news_comes(page: Any, small: Small):
    go(page, "neurons")
    page.get_by_role("button", name="earned").click()
    page.get_by_role("button", name="earned").click()
    page.fill("input[type=search]", "nn")
    row = page.locator("#view-neurons tbody tr")
    assert row.count() == 1
    row.focus()
    before = page.locator("#where").inner_text()
    small.play()
    until(page, f"document.querySelector('#where').innerText !== {json.dumps(before)}")
    assert row.count() == 1 and "anna" in row.inner_text()
    assert page.evaluate("document.activeElement.dataset.key") == str(small.ids["anna"])
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("earned")
    link = page.url
    page.goto(link)
    page.reload()
    page.wait_for_selector("#view-neurons tbody tr")
    assert row.count() == 1, "the link has the state"


def test_the_slider_shows_an_epoch_as_it_ended(page: Any):
    until(page, "window.klopfPicture?.graphData().nodes.length === 2")
    page.locator("#at").focus()
    page.keyboard.press("Home")
    until(page, "document.querySelector('output').innerText.startsWith('1,')")
    until(page, "window.klopfPicture.graphData().links.length === 1")
    assert "at=1" in page.url


@pytest.mark.parametrize(
    "link", ["#/%", "#/constructor", "#/__proto__", "#/neuron/NaN", "#/explain/%2e%2e/x", "#/network?at=1e999&pick=%"]
)
def test_a_broken_link_breaks_nothing(browser: Any, url: str, link: str):
    for page in opened(browser, url):
        page.goto(f"{url}/?lang=constructor{link}")
        until(page, "document.querySelector('#where').className === 'fresh'")
        until(page, "document.querySelector('main').innerText.length > 5")


def test_all_is_reached_by_the_keyboard(page: Any):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.locator("#view-neurons tbody tr").first.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.innerText").startswith("anna")
    page.keyboard.press("Enter")
    page.wait_for_selector(".neuron h2")
    assert page.inner_text(".neuron h2").startswith("anna")


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_no_screen_is_too_small(browser: Any, url: str, width: int):
    for page in opened(browser, url, viewport={"width": width, "height": 800}):
        for place in PLACES:
            go(page, place)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{place!r} is {wide} wide"


def test_who_wants_no_motion_gets_none(browser: Any, url: str):
    for page in opened(browser, url, reduced_motion="reduce"):
        until(page, "window.klopfPicture?.graphData().nodes.length === 2")
        where = "JSON.stringify(window.klopfPicture.graphData().nodes.map(({x, y}) => [x, y]))"
        before = page.evaluate(where)
        page.wait_for_timeout(500)
        assert page.evaluate(where) == before


def test_it_speaks_chinese(page: Any):
    page.select_option("#language", "zh")
    until(page, "document.documentElement.lang === 'zh'")
    assert "神经元" in page.inner_text("nav") and not re.search(r"[a-z]{5,}", page.inner_text("nav"))
    page.select_option("#language", "en")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, url: str, scheme: str):
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


def test_a_page_whose_server_was_killed_goes_on_when_it_is_back(browser: Any, small: Small):
    port = free_port()
    with served(small.source, port=port) as url:
        pages = opened(browser, url)
        page = next(pages)
    until(page, "document.querySelector('#where').className === 'stale'")
    small.play()
    with served(small.source, port=port):
        until(page, "document.querySelector('#where').className === 'fresh'")
        until(page, f"document.querySelector('#where').innerText.startsWith('epoch {small.epoch}')")
        assert next(pages, None) is None
