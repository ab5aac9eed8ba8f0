"""The picture in a real browser: of 5, 50 and 500 neurons, and what somebody looks at stays as news come."""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from klopf.console.web._serve import Server
from klopf.console.web._server import Page
from tests.conftest import free_port
from tests.console.web.network import TOKEN
from tests.console.web.test_browser import browser, go, opened, pytestmark, until

__all__ = ["browser", "pytestmark"]
MADE = Path(__file__).parents[3] / "bench" / "page_made.py"


def made(neurons: int) -> Any:
    """A network whose events are made up, as the benchmark shows it."""
    spec = importlib.util.spec_from_file_location("page_made", MADE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["page_made"] = module
    spec.loader.exec_module(module)
    return module.Made(neurons)


@contextlib.contextmanager
def shown(follower: Any, pace: float = 3600.0) -> Iterator[tuple[str, Page]]:
    """Its page, on which nothing happens but at each ``pace``."""
    port = free_port()
    page = Page(follower.source, TOKEN, port, pace)
    page.follower.close()
    page.follower = follower
    server, listening = Server(page), socket.create_server(("127.0.0.1", port))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}", page
    finally:
        server.should_exit = True
        thread.join()


def played(neurons: int, epochs: int = 3) -> Any:
    follower = made(neurons)
    for _ in range(10 * epochs):  # the page's own first tick is the last of the last epoch
        follower.tick()
    return follower


NODES = "window.klopfPicture?.graphData().nodes.length"
FRAME = """(() => {
  const { nodes } = window.klopfPicture.graphData(), box = document.querySelector('.canvas').getBoundingClientRect();
  const within = ({ x, y }) => {
    const at = window.klopfPicture.graph2ScreenCoords(x, y);
    return at.x > 0 && at.y > 0 && at.x < box.width && at.y < box.height;
  };
  return nodes.filter(within).length / nodes.length;
})()"""
"""The part of all neurons that is within the frame."""


@pytest.mark.parametrize("count", [5, 50, 500])
def test_it_can_be_read(browser: Any, count: int):
    follower = played(count)
    with shown(follower) as (url, _):
        for page in opened(browser, url, viewport={"width": 1440, "height": 1000}):
            go(page, "network")
            until(page, f"{NODES} === {count}")
            until(page, f"{FRAME} === 1")
            groups = page.locator(".groups button")
            assert (groups.count() >= 3) == (count > 60), "where there are many, clusters can be chosen"
            page.fill("input[type=search]", "neuron 3")
            until(page, "document.querySelector('.told').innerText.startsWith('neuron 3:')")
            assert "pick=3" in page.url
            page.locator("#near").check()
            until(page, f"{NODES} < {count} || {count} === 5")
            near = page.evaluate("window.klopfPicture.graphData().nodes.map(({ id }) => id)")
            rows = [row for row in follower.shown.rows["links"].values() if 3 in row[:2]]
            assert set(near) == {3} | {id for row in rows for id in row[:2]}
            page.locator("#near").uncheck()
            until(page, f"{NODES} === {count}")
            if count > 60:
                groups.first.click()
                until(page, "!document.querySelector('.told').innerText.startsWith('neuron 3:')")
                name = groups.first.inner_text().rpartition(" (")[0]
                assert page.inner_text(".told").startswith(name)


def resting(page: Any) -> float:
    """How near the picture is, once it has been so for 800 ms: a busy browser moves it late."""
    seen, since = page.evaluate("window.klopfPicture.zoom()"), 0
    for _ in range(200):
        page.wait_for_timeout(100)
        now = page.evaluate("new Promise(drawn => requestAnimationFrame(() => drawn(window.klopfPicture.zoom())))")
        seen, since = now, since + 1 if now == seen else 0
        if since == 8:
            return float(now)
    raise AssertionError("the picture never comes to rest")


def test_what_is_looked_at_stays_as_news_come(browser: Any):
    follower = played(80)
    with shown(follower, pace=0.1) as (url, _):
        # without motion: on a busy machine a move that is fitted comes late, and looks like one that news made
        for page in opened(browser, url, viewport={"width": 1000, "height": 500}, reduced_motion="reduce"):
            go(page, "network")
            until(page, f"{NODES} === 80")
            page.fill("input[type=search]", "neuron 7")
            until(page, "document.querySelector('.told').innerText.startsWith('neuron 7:')")
            page.locator(".canvas canvas").hover()
            page.mouse.wheel(0, -1)  # from now on nothing is fitted any more
            fitted = resting(page)
            page.mouse.wheel(0, -300)
            until(page, f"window.klopfPicture.zoom() > {fitted}")
            resting(page)
            seen = "[window.klopfPicture.zoom(), location.hash, scrollY].join()"
            page.evaluate("scrollTo(0, 90)")
            before, epoch = page.evaluate(seen), follower.shown.tally.epoch
            until(page, f"Number(document.querySelector('#where').innerText.match(/\\d+/)[0]) > {epoch + 1}")
            assert page.evaluate(seen) == before
            assert page.inner_text(".told").startswith("neuron 7:")
            assert page.input_value("input[type=search]") == "neuron 7"
            page.locator("#at").focus()
            page.keyboard.press("Home")
            until(page, "document.querySelector('output').innerText.startsWith('1,')")
            page.wait_for_timeout(600)
            assert page.input_value("#at") == "1", "the epoch that was chosen stays, while others begin"
