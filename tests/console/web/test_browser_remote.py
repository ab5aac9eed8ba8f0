"""In a real browser: a network on a chain of others whose node goes away, and a run that is killed and goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from klopf.console import web
from tests.console.web.network import get, served
from tests.console.web.test_browser import browser, go, opened, pytestmark, until
from tests.console.web.test_remote import Node, node, paged
from tests.scenarios.network import await_epoch, klopf, start, write_network

__all__ = ["browser", "node", "pytestmark"]


def shown(browser: Any, link: str) -> Iterator[Any]:
    page = browser.new_page()
    page.goto(link)
    page.wait_for_selector("#view-neurons tbody tr")
    yield page
    page.close()


def test_a_node_that_goes_away_is_told_and_read_on_when_it_is_back(browser: Any, node: Node):
    with paged(node) as link:
        for page in shown(browser, link):
            until(page, "document.querySelector('#where').innerText === 'epoch 3 · live'")
            go(page, "neurons")
            page.get_by_role("button", name="stake").click()
            page.locator("#view-neurons tbody tr").nth(1).focus()
            kept = "[document.activeElement.dataset.key, location.hash].join()"
            before = page.evaluate(kept)
            node.goes()
            for _ in range(4):
                page.wait_for_timeout(5_000)
                if page.get_attribute("#where", "class") == "stale":
                    break
            assert "the ledger is away" in page.inner_text("#where") and node.url in page.inner_text("#alarms")
            assert page.locator("#view-neurons tbody tr").count() == 2, "what is known is still shown"
            node.small.play()
            node.comes()
            until(page, "document.querySelector('#where').innerText === 'epoch 4 · live'")
            assert page.inner_text("#alarms") == "" and page.evaluate(kept) == before


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_run_that_is_killed_goes_on_under_an_open_page(browser: Any, tmp_path: Path):
    folder = tmp_path / "run"
    process = start(write_network(tmp_path, epochs=3, seconds=20), folder)
    await_epoch(folder, 1)
    with served(web.of_run(folder)) as url:
        for page in opened(browser, url):
            assert "live" in page.inner_text("#where")
            go(page, "neurons?neurons.find=ada")
            until(page, "document.querySelectorAll('#view-neurons tbody tr').length === 1")
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            page.wait_for_timeout(3_000)
            assert page.locator("#view-neurons tbody tr").count() == 1 and page.inner_text("#alarms") == ""
            epoch = int(page.inner_text("#where").split()[1])
            assert klopf("run", "--resume", folder).returncode == 0
            until(page, "Number(document.querySelector('#where').innerText.split(' ')[1]) > 3")
            assert int(page.inner_text("#where").split()[1]) > epoch
            assert page.locator("#view-neurons tbody tr").count() == 1 and "neurons.find=ada" in page.url
            assert get(f"{url}/api/epoch/3")[0] == 200
    assert klopf("verify", folder).returncode == 0
