"""Why somebody was paid is read from where it stands: what a longer history adds is not read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason='pip install "klopf[page]": the small network of the page is used')

from klopf.errors import PeersError
from klopf.ledger import KLP, events, history
from klopf.ledger._rpc import Rpc
from klopf.network import _blocks
from tests.console.web.network import Small


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    made = Small(tmp_path_factory.mktemp("small"))
    for _ in range(3):
        made.play()
    return made


def test_it_says_what_the_whole_history_says(small: Small):
    bert = small.ids["bert"]
    said = small.source.explain(bert, 2)
    everything = list(history(small.book))
    (claim,) = [e for e in everything if isinstance(e, events.settlement.Claimed) and (e.epoch, e.speaker) == (2, bert)]
    (paid,) = [e for e in everything if isinstance(e, events.settlement.Collected) and (e.epoch, e.id) == (2, bert)]
    (heard,) = [e for e in everything if isinstance(e, events.settlement.Heard) and (e.epoch, e.speaker) == (2, bert)]
    assert said.ended and said.amount == said.pool == 1_000 and said.emission * KLP == paid.emitted
    assert said.transactions == {"claimed in": claim.transaction, "collected in": paid.transaction}
    assert [r.leaf for r in said.receipts] == ["0x" + heard.leaf.hex()] and said.receipts[0].listener == "anna"
    assert said.stake == 100 and said.rules["committee"] == small.book.rules.current().committee


def test_small_steps_find_the_same(small: Small, monkeypatch: pytest.MonkeyPatch):
    """As over a node that answers about few blocks at a time."""
    whole = [small.source.explain(id, epoch) for id in small.ids.values() for epoch in (1, 2, 3)]
    for step in (1, 2, 7):
        monkeypatch.setattr(_blocks, "WHOLE", step)
        assert [small.source.explain(id, epoch) for id in small.ids.values() for epoch in (1, 2, 3)] == whole
    blocks = _blocks.Blocks(small.book)
    found = [blocks.opened(epoch) for epoch in (1, 2, 3)]
    assert [(e.epoch, e.phase) for e in found if e] == [(1, 0), (2, 0), (3, 0)] and blocks.opened(99) is None


@pytest.mark.parametrize("epoch", [0, -1, 99, 2**40])
def test_an_epoch_that_was_not_played_is_told(small: Small, epoch: int):
    with pytest.raises(PeersError, match=f"choose 1 to {small.epoch - 1}"):
        small.source.explain(small.ids["bert"], epoch)


def test_a_longer_history_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    small, true, read = Small(tmp_path), Rpc.request, [0]

    def counted(self: Rpc, method: str, *params: Any) -> Any:
        answer = true(self, method, *params)
        read[0] += len(answer) if method == "eth_getLogs" else 1
        return answer

    def cost(epoch: int) -> int:
        read[0] = 0
        small.source.explain(small.ids["bert"], epoch)
        return read[0]

    monkeypatch.setattr(Rpc, "request", counted)
    small.play()
    small.play()
    before = cost(2)
    for _ in range(6):
        small.play()
    assert cost(8) <= before + 4, "a late epoch costs what an early one does"
    assert cost(2) <= before + 8
