"""What an auditor finds, whatever a task or a neuron does."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from klopf import ledger
from klopf.audit import AuditTask, Score, _auditor
from klopf.peers import Classes, Conduct

TASK = Classes(("a", "b"), ("no", "yes"))
SAMPLES = {"inputs": np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32), "targets": np.arange(60) % 2}


class Neurons:
    """Two neurons: one always says yes, one does not answer the second time it is asked."""

    def __init__(self, who, epoch):
        self.asked = 0

    async def ask(self, ids, inputs):
        self.asked += 1
        yes = np.tile(np.array([0.2, 0.8], np.float32), (len(inputs), 1))
        return {k: yes for k in ids if not (k == 8 and self.asked == 2)}


class Failing(AuditTask):
    kinds = ("classes",)

    def judge(self, answers, targets):
        raise ZeroDivisionError("a bug\nin two lines")


class Unaskable(Failing):
    def questions(self, inputs, rng):
        raise RuntimeError("no questions today")


class Third(AuditTask):
    kinds = ("classes",)

    def judge(self, answers, targets):
        return Score(0.5, 0.25, 0.75, 0.5)


@pytest.fixture
def auditor(monkeypatch, tmp_path):
    """Makes an auditor that asks what it is given; ``said`` is its log."""
    said = []
    monkeypatch.setattr(_auditor, "Conversations", Neurons)
    monkeypatch.setattr(_auditor, "read_data", lambda folder: SAMPLES)
    monkeypatch.setattr(_auditor, "log", said.append)
    monkeypatch.setattr(_auditor, "trouble", said.append)

    def make(tasks, conduct=None):
        settings = SimpleNamespace(more={"questions": 40}, seed=3)
        who = SimpleNamespace(
            folder=Path(tmp_path), settings=settings, task=TASK, id=5, conduct=conduct or Conduct(TASK, 0, {})
        )
        made = _auditor._Auditor(who)
        made.tasks = {name: one(TASK) if isinstance(one, type) else one for name, one in tasks.items()}
        return made

    return SimpleNamespace(make=make, said=said)


def found(auditor, tasks, neurons=(7, 8), **more):
    return {
        r.neuron: {t: c.score for t, c in r.counts.items()}
        for r in asyncio.run(auditor.make(tasks, **more)._audit(2, list(neurons)))
    }


def test_what_is_usual_is_asked_where_the_settings_name_nothing(auditor, monkeypatch):
    made = _auditor._Auditor(auditor.make({}).who)
    assert list(made.tasks) == ["accuracy", "robustness"]


def test_nothing_is_asked_a_second_time_before_all_was(auditor, monkeypatch):
    asked = []

    class Remembers(Neurons):
        async def ask(self, ids, inputs):
            asked.append({tuple(one) for one in inputs.tolist()})
            return await super().ask(ids, inputs)

    monkeypatch.setattr(_auditor, "Conversations", Remembers)
    made = auditor.make({"third": Third})
    made.unasked = _auditor.Unasked(SAMPLES["inputs"], 20)
    for epoch in (1, 2, 3, 4):
        asyncio.run(made._audit(epoch, [7]))
    assert len(asked[0] | asked[1] | asked[2]) == 60 and len(asked[3]) == 20 and asked[3] not in asked[:3]


def test_where_answers_are_signed_all_ask_the_same_also_who_was_away(auditor, monkeypatch):
    asked = []

    class Remembers(Neurons):
        async def ask(self, ids, inputs):
            asked.append(inputs.tolist())
            return await super().ask(ids, inputs)

    async def on_ledger(read, *values):
        return read(*values)

    async def nothing(*_):
        pass

    monkeypatch.setattr(_auditor, "Conversations", Remembers)
    evidence = SimpleNamespace(heard=None, roots=lambda *_: None, count=lambda *_: None, ask_again=nothing)
    for epochs in ((1, 2, 3), (3,)):
        made = auditor.make({"third": Third})
        made.unasked = _auditor.Unasked(SAMPLES["inputs"], 20)
        made.who.on_ledger = on_ledger
        made.who.book = SimpleNamespace(clock=SimpleNamespace(seed=lambda epoch: bytes([epoch]) * 32))
        for epoch in epochs:
            assert asyncio.run(made._audit(epoch, [7], evidence))
    assert asked[2] == asked[3] and len({tuple(one) for some in asked[:3] for one in some}) == 60


def test_any_number_of_tasks_is_scored(auditor):
    results = found(auditor, {"third": Third, "fourth": Third, "fifth": Third}, [7])
    assert results == {7: dict.fromkeys(("third", "fourth", "fifth"), ledger.Score(5000, 2677, 7323))}


def test_who_does_not_answer_all_questions_is_left_out(auditor):
    assert set(found(auditor, {"one": Third})) == {7, 8}
    assert set(found(auditor, {"one": Third, "two": Third})) == {7}


class Exits(Third):
    def judge(self, answers, targets):
        raise SystemExit(3)


class Stops(Third):
    def questions(self, inputs, rng):
        raise GeneratorExit("a bug\nin two lines")


class NoScore(Third):
    def judge(self, answers, targets):
        return (0.5, 0.4, 0.6, 0.1)


class Words(Third):
    def judge(self, answers, targets):
        return Score("0.5", 0.0, 1.0, 0.0)


class TooFew(Third):
    def questions(self, inputs, rng):
        return inputs[:-1]


class Misshapen(Third):
    def questions(self, inputs, rng):
        return inputs[:, :1]


class Spoils(Third):
    def questions(self, inputs, rng):
        inputs[:] = 0
        return inputs

    def judge(self, answers, targets):
        answers[:], targets[:] = 0, 0
        return super().judge(answers, targets)


class Sees(Third):
    """Its score says whether the questions and targets are those that were drawn."""

    asked = ClassVar[list[bytes]]

    def questions(self, inputs, rng):
        Sees.asked = [inputs.tobytes()]
        return inputs

    def judge(self, answers, targets):
        Sees.asked.append(targets.tobytes())
        return super().judge(answers, targets)


def test_a_task_that_changes_what_it_is_given_changes_nothing_for_the_others(auditor):
    found(auditor, {"third": Third, "sees": Sees}, [7])
    alone = Sees.asked
    assert list(found(auditor, {"spoils": Spoils, "sees": Sees}, [7])[7]) == ["spoils", "sees"]
    assert Sees.asked == alone


@pytest.mark.parametrize("broken", [Failing, Unaskable, Exits, Stops, NoScore, Words, TooFew, Misshapen])
def test_a_task_that_fails_is_one_line_in_the_log_and_the_others_go_on(auditor, broken):
    results = found(auditor, {"broken": broken, "third": Third}, [7])
    assert list(results[7]) == ["third"]
    lines = [line for line in auditor.said if "failed" in line]
    assert len(lines) == 1 and "\n" not in lines[0] and "'broken' failed and is passed over" in lines[0]


def test_what_one_task_draws_does_not_change_what_another_asks(auditor):
    seen = []

    class Noisy(Third):
        def questions(self, inputs, rng):
            seen.append(rng.normal(size=3))
            return inputs

    found(auditor, {"one": Noisy, "two": Noisy}, [7])
    np.testing.assert_array_equal(seen[0], seen[1])


def test_an_auditor_reports_what_it_found_unless_its_conduct_says_otherwise(auditor):
    class Silent(Conduct):
        def report(self, results):
            return []

    assert found(auditor, {"third": Third}, conduct=Silent(TASK, 0, {})) == {}
