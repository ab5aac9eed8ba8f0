"""A requester's door buys each answer from the network: that is asked once, whatever comes of it."""

from types import SimpleNamespace

import pytest

from klopf import network
from klopf.errors import PeersError
from klopf.network import _answering as module


@pytest.mark.parametrize(("role", "most"), [("requester", 1), ("neuron", module.TRIES)])
def test_whoever_buys_answers_asks_the_network_once(role, most, tmp_path, monkeypatch):
    asked = []
    settings = SimpleNamespace(role=role, name="rita", task=None)

    async def buy(*_):
        asked.append(1)
        raise PeersError("none of 8 neurons answered")

    def own(*_):
        asked.append(1)
        raise PeersError("a state is being replaced")

    monkeypatch.setattr(module, "read_home", lambda _: (settings, None, ""))
    monkeypatch.setattr(module, "read_schema", lambda _: None)
    for name, instead in {"buy": buy, "may_buy": buy, "answer": own, "read_data": own}.items():
        monkeypatch.setattr(module.peers, name, instead)
    behind = network.answering(tmp_path)
    for question in (lambda: behind.answer(None), behind.check):
        asked.clear()
        with pytest.raises(PeersError):
            question()
        assert len(asked) == most
