"""The ledger's node is away: nobody waits behind calls that cannot succeed."""

import asyncio
import time

import pytest

from klopf.errors import Unanswered
from klopf.peers import _ledger_thread as module
from klopf.peers._ledger_thread import LedgerThread


class Node:
    """Away, it takes a while to find out."""

    def __init__(self):
        self.asked, self.away = 0, True

    def call(self, seconds=0.02):
        self.asked += 1
        if self.away:
            time.sleep(seconds)
            raise Unanswered("no answer from the node")
        return self.asked


@pytest.fixture
def thread(monkeypatch):
    monkeypatch.setattr(module, "LONG", 0.01)
    monkeypatch.setattr(module, "LOOK_AGAIN", 0.3)
    with LedgerThread() as made:
        yield made


def test_of_many_who_come_at_once_one_looks_for_the_node_and_all_are_told(thread):
    node = Node()

    async def life():
        told = await asyncio.gather(*(thread.do(node.call) for _ in range(50)), return_exceptions=True)
        assert [str(one) for one in told] == ["no answer from the node"] * 50
        assert all(isinstance(one, Unanswered) for one in told)
        assert node.asked == 1
        node.away = False
        with pytest.raises(Unanswered):
            await thread.do(node.call)
        await asyncio.sleep(0.35)
        assert await thread.do(node.call) == 2

    asyncio.run(life())


def test_what_a_node_that_is_there_does_not_answer_holds_up_nobody(thread, monkeypatch):
    monkeypatch.setattr(module, "LONG", 60.0)
    node = Node()

    async def life():
        with pytest.raises(Unanswered):
            await thread.do(node.call, 0.0)
        node.away = False
        assert await thread.do(node.call) == 2

    asyncio.run(life())
