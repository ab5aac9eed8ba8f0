"""Whoever asks now and then offers each speaker as much as that adds, as far as it can tell."""

import asyncio
import json
from types import SimpleNamespace

import numpy as np
import pytest

from klopf.peers import Classes
from klopf.peers import _buying as module
from klopf.peers._requester import TRIAL

TASK = Classes(("x",), tuple("abcd"))
LABELLED, ASKED = 120, 40


class Town:
    """A requester and five speakers who each know something, then one who says the mean of what they say."""

    def __init__(self, folder, monkeypatch, labelled, utilities=(0.0,) * 6):
        rng = np.random.default_rng(3)
        self.right = rng.integers(0, 4, LABELLED + ASKED)
        said = [(np.eye(4)[self.right] + 1.5 * rng.dirichlet(np.full(4, 0.3), len(self.right))) / 2.5 for _ in range(5)]
        self.said = {k: one.astype(np.float32) for k, one in enumerate([*said, np.mean(said, axis=0)], 1)}
        self.offered = []
        n = LABELLED if labelled else 0
        self.inputs = np.arange(len(self.right), dtype=np.float32)[:, None]
        data = {"inputs": self.inputs[:n], "targets": self.right[:n]}
        people = {k: SimpleNamespace(utility=u) for k, u in enumerate(utilities, 1)}

        async def now():
            return SimpleNamespace(epoch=1)

        async def reserve(costs, ahead=0):
            return [*costs]

        async def opened(who):
            return SimpleNamespace(reserve=reserve, promised=0)

        async def nothing(*_):
            return []

        self.who = SimpleNamespace(
            folder=folder, task=TASK, away=False, others=people, living=lambda: set(people), now=now,
            speakers=lambda: [*people], patience=SimpleNamespace(seconds=lambda k, s: s), exchange_cards=nothing,
            neighbours=SimpleNamespace(learn=lambda *_: None, save=lambda: None),
            on_ledger=lambda call: now(), book=SimpleNamespace(clock=SimpleNamespace(now=None)),
        )  # fmt: skip
        monkeypatch.setattr(module, "read_data", lambda _: data)
        monkeypatch.setattr(module.Purse, "open", opened)
        monkeypatch.setattr(module, "Conversations", lambda *_: SimpleNamespace(ask=self.ask))

    async def ask(self, ids, inputs, offers):
        self.offered.append({k: offers[k] / 1000 for k in ids})
        return {k: self.said[k][inputs[:, 0].astype(int)] for k in ids}

    def buys(self, most=8):
        return asyncio.run(module._buy(self.who, self.inputs[LABELLED:], 1000, most))


def test_who_has_labels_pays_all_the_same_once_and_then_what_each_adds(tmp_path, monkeypatch):
    town = Town(tmp_path, monkeypatch, labelled=True)
    first, then = town.buys(), town.buys()
    assert town.offered[0] == dict.fromkeys(range(1, 7), 1.0)
    assert town.offered[1][6] == TRIAL, "the mean of the others adds nothing"
    assert min(town.offered[1][k] for k in range(1, 6)) > 0.1 and max(town.offered[1].values()) == 1
    assert first.shares[6] == 0 == then.shares[6]
    assert (TASK.decide(then.answers) == town.right[LABELLED:]).mean() > 0.9
    assert json.loads((tmp_path / "listener.json").read_text())["round"] == 2


def test_of_more_than_are_asked_those_who_add_most_are_and_in_a_quarter_of_the_places_others(tmp_path, monkeypatch):
    town = Town(tmp_path, monkeypatch, labelled=True)
    town.buys()
    town.buys(4)
    assert [part == TRIAL for part in town.offered[1].values()] == [False] * 3 + [True]


def test_who_has_none_goes_by_the_network_and_hears_nobody_who_only_repeats(tmp_path, monkeypatch):
    utilities = (0.5, 0.2, 0.2, 0.04, 0.0, 0.06)
    town = Town(tmp_path, monkeypatch, labelled=False, utilities=utilities)
    first = town.buys()
    assert town.offered[0] == pytest.approx({1: 1, 2: 1, 3: 1, 4: 0.4, 5: TRIAL, 6: 0.6})
    assert first.shares[6] == 0 and first.shares[1] == pytest.approx(0.5 / 0.94)
    town.buys()
    assert town.offered[1][6] < 0.4, "and pays it less the next time"


def test_where_the_network_hears_nobody_yet_all_are_offered_the_same(tmp_path, monkeypatch):
    town = Town(tmp_path, monkeypatch, labelled=False)
    town.buys()
    assert set(town.offered[0].values()) == {1.0}
