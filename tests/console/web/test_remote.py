"""``klopf page --rpc URL --network ADDRESS``: a network on a chain of others, served over HTTP by another process."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import free_port
from tests.console.web.network import Small, get

KLOPF = Path(sys.executable).with_name("klopf")


@dataclass
class Node:
    """The chain of a small network, which can be taken away and brought back at the same URL."""

    small: Small
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def comes(self) -> None:
        command = [KLOPF, "chain", "serve", self.small.where, "--port", str(self.port)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        assert self.process.stderr.readline(), "it says where it is, once it can be asked"

    def goes(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@contextlib.contextmanager
def paged(node: Node) -> Iterator[str]:
    """The link that ``klopf page`` prints for the network behind ``node``."""
    directory = node.small.deployment.directory
    command = [KLOPF, "page", "--rpc", node.url, "--network", directory, "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate()


def state(link: str) -> dict[str, object]:
    """What the page of a link knows."""
    base, _, token = link.partition("/?token=")
    port = base.rpartition(":")[2]
    told: dict[str, object] = json.loads(get(f"{base}/api/state", cookie=f"klopf-{port}={token}")[1])
    return told


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.1)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    small = Small(tmp_path)
    for _ in range(2):
        small.play()
    made = Node(small)
    made.comes()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.goes()


@pytest.mark.timeout(300)
def test_a_network_of_others_whose_node_goes_away_and_comes_back(node: Node):
    with paged(node) as link:
        until(lambda: bool(state(link)["whole"]) and not state(link)["behind"])
        before = state(link)
        assert before["epoch"] == 3 and before["block"] == node.small.book.rpc.height() and not before["trouble"]
        assert before["name"] == node.small.deployment.directory
        node.goes()
        until(lambda: bool(state(link)["trouble"]))
        away = state(link)
        assert away["views"] == before["views"], "what was known is still shown"
        assert node.url in str(away["trouble"])
        node.small.play()
        node.comes()
        until(lambda: state(link)["epoch"] == 4)
        until(lambda: state(link)["block"] == node.small.book.rpc.height())
        after = state(link)
        assert not after["trouble"] and after["life"] == before["life"], "it is the same network, read on"
        for id, row in after["views"]["neurons"]["rows"].items():  # type: ignore[index]
            earned = "3000.0" if int(id) == node.small.ids["bert"] else "0.0"
            assert str(row[5]).startswith(earned.removesuffix(".0")), row
