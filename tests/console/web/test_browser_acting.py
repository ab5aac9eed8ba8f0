"""Acting in a real browser: a vote with a key, seen in full before it is signed; and other pages that would like to."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from klopf.ledger import KLP
from tests.console.web.acting import Governed, nonce, waited
from tests.console.web.network import TOKEN, get, served
from tests.console.web.test_browser import AXE, CHROMIUM, go, playwright, pytestmark, until  # noqa: F401

Page = tuple[str, str]


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Governed:
    return Governed(tmp_path_factory.mktemp("governed"))


@pytest.fixture(scope="module")
def link(net: Governed) -> Iterator[Page]:
    desk = net.desk()
    with served(net.source, desk=desk) as url:
        waited(lambda: not json.loads(get(f"{url}/api/state")[1])["behind"])
        yield url, f"{url}/?token={TOKEN}#/?unlock={desk.secret}"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


def opened(chromium: Any, link: Page, **how: Any) -> Any:
    page = chromium.new_page(**how)
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.goto(link[1])
    page.wait_for_selector("#view-neurons tbody tr")
    return page


def test_a_vote_with_the_keyboard_alone(chromium: Any, net: Governed, link: Page):
    page = opened(chromium, link)
    assert "unlock" not in page.url, "what acting needs does not stay in the address"
    assert page.evaluate("document.cookie") == ""
    go(page, "act/vote")
    page.locator("select[name=proposal]").focus()
    for key in ("Tab", "Tab", "i", "t", "Tab"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.textContent") == "Show what would be signed"
    page.keyboard.press("Enter")
    page.wait_for_selector(".signed")
    said = page.inner_text("main")
    for part in ("KlopfGovernor", "castVoteWithReason", "seven seats <b>now</b>", "seats: 4 -> 7", "for", "it", "free"):
        assert part in said
    assert net.keys["anna"].address in said and str(net.proposal) in said and net.votes()["for"] == 0
    assert page.evaluate("document.activeElement.tagName") == "H3", "what is new is where one is"
    page.locator(".sign").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".done")
    assert net.votes()["for"] == 300_400 * 10**18
    assert page.evaluate("document.activeElement.className") == "done"
    page.get_by_role("button", name="Show what would be signed").click()
    page.wait_for_selector(".bad")
    assert "one vote a proposal" in page.inner_text(".bad")
    page.close()


def test_a_double_click_signs_once(chromium: Any, net: Governed, link: Page):
    page, count = opened(chromium, link), nonce(net.book, net.keys["anna"])
    go(page, f"act/stake?id={net.ids['anna']}")
    assert page.input_value("input[name=id]") == str(net.ids["anna"]), "a link fills the form"
    page.fill("input[name=amount]", "1")
    page.get_by_role("button", name="Show what would be signed").dblclick()
    page.wait_for_selector(".sign")
    page.locator(".sign").dblclick()
    page.wait_for_selector(".done")
    page.wait_for_timeout(500)
    assert nonce(net.book, net.keys["anna"]) == count + 1
    page.close()


def test_no_other_page_of_the_browser_acts(chromium: Any, net: Governed, link: Page):
    """One from another port of this machine, to which the browser gives the same cookies."""
    here, count = link[0], nonce(net.book, net.keys["anna"])
    context = chromium.new_context()
    page = context.new_page()
    page.goto(link[1])
    page.wait_for_selector("#view-neurons tbody tr")
    seen: list[str] = []

    class Evil(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("cookie", ""))
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>x</title><body>")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Evil)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    evil = context.new_page()
    evil.goto(f"http://127.0.0.1:{server.server_port}/")
    assert TOKEN in seen[0], "so the cookie alone must not be enough"
    asked = json.dumps({"act": "stake", "given": {"id": "1", "amount": "1"}})
    for kind in ("application/json", "text/plain"):
        said = evil.evaluate(
            "([to, body, kind]) => fetch(to, { method: 'POST', credentials: 'include', body, "
            "headers: { 'content-type': kind } }).then((answer) => answer.status, () => 'refused')",
            [f"{here}/api/acts/preview", asked, kind],
        )
        assert said in ("refused", 403)
    assert evil.evaluate("sessionStorage.length") == 0
    evil.evaluate(f"window.opened = window.open({json.dumps(here)})")
    again = context.new_page()
    again.goto(here)
    again.wait_for_selector("#view-neurons tbody tr")
    go(again, "act")
    assert "can only read" in again.inner_text("main"), "a tab that was not opened by the link"
    server.shutdown()
    assert nonce(net.book, net.keys["anna"]) == count
    context.close()


@pytest.mark.parametrize("width", [360, 768, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_forms_and_what_is_shown_fit_and_can_be_read(chromium: Any, link: Page, width: int, scheme: str):
    screen = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme, "reduced_motion": "reduce"}
    page = opened(chromium, link, **screen)
    if AXE.exists():
        page.evaluate(AXE.read_text())
    for place in ("act", "act/stake?id=1", "act/vote", "act/answer", "act/approve", "act/nothing"):
        go(page, place)
        if place.startswith("act/stake"):
            page.fill("input[name=amount]", "1")
            page.get_by_role("button", name="Show what would be signed").click()
            page.wait_for_selector(".sign")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, place
        if AXE.exists():
            found = page.evaluate("axe.run().then((said) => said.violations)")
            grave = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
            assert not grave, (place, grave)
    page.select_option("#language", "zh")
    until(page, "document.querySelector('nav').innerText.includes('操作')")
    page.close()


def test_what_needs_the_owner_of_the_key_is_first(chromium: Any, tmp_path: Path):
    net = Governed(tmp_path)
    for name in ("bert", "anna"):
        net.own[name].stake.unstake(net.ids[name], KLP)
    for name in net.ids:
        desk = net.desk(name)
        with served(net.source, desk=desk) as url:
            page = chromium.new_page()
            page.goto(f"{url}/?token={TOKEN}#/?unlock={desk.secret}")
            until(page, "document.querySelectorAll('#view-alarms tbody a[href*=withdraw]').length === 2")
            until(page, "document.querySelector('#where').innerText.endsWith(' live')")
            rows = page.locator("#view-alarms tbody tr").all_inner_texts()
            own = net.source.names[net.ids[name]]
            assert [own in row for row in rows] == [True, True, False, False, False] and "a vote" in rows[2], rows
            page.close()
