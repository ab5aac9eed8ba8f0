"""In a real browser: the page lives before its history has been read, and what it shows then is not disturbed later."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from klopf.console.web import _follow
from klopf.console.web._follow import Follower
from tests.console.web.network import Small, served
from tests.console.web.test_browser import browser, go, opened, pytestmark, until

__all__ = ["browser", "pytestmark"]


@pytest.fixture
def small(tmp_path: Path) -> Small:
    made = Small(tmp_path)
    for _ in range(5):
        made.play()
    return made


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Semaphore]:
    """As many pieces of the history are read as it lets through."""
    monkeypatch.setattr(_follow, "FEW", 0)
    monkeypatch.setattr(_follow, "BLOCKS", 12)
    through, true = threading.Semaphore(0), Follower._piece

    def waits(self: Follower, book: Any, reading: Any, until: int) -> Any:
        if reading is self.history and until > reading.height and not through.acquire(timeout=0.05):
            return []
        return true(self, book, reading, until)

    monkeypatch.setattr(Follower, "_piece", waits)
    yield through
    through.release(10_000)


def test_what_is_not_known_yet_says_so_and_the_past_grows(browser: Any, small: Small, gate: threading.Semaphore):
    with served(small.source) as url:
        for page in opened(browser, url):
            assert "of its history" in page.inner_text("#where")
            assert page.get_attribute("#where", "class") == "fresh"
            row = page.locator("#view-neurons tbody tr").first
            assert "…" in row.inner_text() and "100.00" in row.inner_text(), "its stake is known, its pay is not"
            figures = dict(
                zip(page.locator(".figures dt").all_inner_texts(), page.locator(".figures dd").all_inner_texts(),
                    strict=True)
            )  # fmt: skip
            assert "not known before" in page.inner_text("#view-alarms"), "none is not the same as none yet"
            assert figures["transactions"] == "…" and figures["neurons"] == "2"
            until(page, "window.klopfPicture?.graphData().links.length === 1")
            assert page.locator("#at").is_disabled()
            before = small.epoch
            small.play()
            until(page, f"document.querySelector('#where').innerText.startsWith('epoch {before + 1}')")
            assert "…" in row.inner_text(), "news came, and nothing of the past"
            go(page, "auditors")
            assert "not known before" in page.inner_text("#view-auditors")
            go(page, "neurons")
            page.get_by_role("button", name="stake").click()
            page.locator("#view-neurons tbody tr").nth(1).focus()
            held = page.evaluate("document.activeElement.dataset.key")
            go(page, "network?at=4")
            until(page, "document.querySelector('output').innerText === '4: not read yet'")
            gate.release(5)
            until(page, "Number(document.querySelector('#at').max) > 1")
            gate.release(10_000)
            until(page, "document.querySelector('output').innerText === '4, as it ended'")
            until(page, "document.querySelector('#where').innerText.endsWith('live')")
            assert page.get_attribute("#at", "max") == str(small.epoch)
            go(page, "neurons?neurons.sort=stake")
            assert held and "…" not in page.inner_text("#view-neurons tbody")


def test_sort_choice_and_scroll_stay_when_the_history_has_been_read(
    browser: Any, small: Small, gate: threading.Semaphore
):
    with served(small.source) as url:
        for page in opened(browser, url, viewport={"width": 500, "height": 260}):
            go(page, "neurons")
            until(page, "document.querySelector('main .one') !== null")
            page.get_by_role("button", name="stake").click()
            page.locator("#view-neurons tbody tr").nth(1).focus()
            key = "document.activeElement.dataset.key"
            order = "[...document.querySelectorAll('#view-neurons tbody tr')].map((row) => row.dataset.key).join()"
            page.evaluate("document.querySelector('#view-neurons .scroll').scrollLeft = 120")
            page.evaluate("scrollTo(0, 40)")
            at = "[scrollY, document.querySelector('#view-neurons .scroll').scrollLeft].join()"
            until(page, "scrollY === 40")
            before = [page.evaluate(one) for one in (key, order, at, "location.hash")]
            gate.release(10_000)
            until(page, "!document.querySelector('#view-neurons tbody').innerText.includes('…')")
            assert [page.evaluate(one) for one in (key, order, at, "location.hash")] == before
