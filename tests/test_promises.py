"""Whatever is given to a check, and whatever that raises, is one AssertionError of one line that names it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
import pytest

from klopf import checks
from klopf.audit import AUDIT_TASKS, Score
from klopf.checks._promise import promise
from klopf.checks.pack import _check_events, _check_replay
from klopf.console.cli.command import Command
from klopf.errors import PeersError
from klopf.ledger.packs import Event
from klopf.network import Panel
from klopf.peers import Model, Numbers
from tests.ledger.rounds import Rounds

CHECKS = [checks.check_audit_task, checks.check_command, checks.check_model, checks.check_pack, checks.check_panel]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("given", [None, 3, "nope", dict])
def test_what_is_no_class_of_the_kind_is_one_line(check, given):
    with pytest.raises(AssertionError) as found:
        check(given)
    assert "\n" not in str(found.value) and len(str(found.value)) > 20


class Thing:
    def breaks(self):
        raise ValueError("two\nlines")

    def exits(self):
        sys.exit(3)

    def asserts(self):
        assert not self, "a stranger's own\nassertion"


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("breaks", "it.breaks() fails: ValueError: two lines"),
        ("exits", "it.exits() fails: SystemExit: 3"),
        ("asserts", "it.asserts() fails: AssertionError: a stranger's own assertion"),
    ],
)
def test_what_a_method_raises_is_one_line_that_names_it(method, said):
    with pytest.raises(AssertionError) as found, promise("it", Thing):
        getattr(Thing(), method)()
    assert str(found.value).startswith(said) and "\n" not in str(found.value)


Accuracy = AUDIT_TASKS.load("accuracy")


def sure(self, answers, targets):
    score = Accuracy.judge(self, answers, targets)
    return replace(score, low=score.value, high=score.value)


def in_halves(self, answers, targets):
    if not len(targets[: len(targets) // 2]):
        raise ZeroDivisionError("division by zero")
    return Accuracy.judge(self, answers, targets)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"judge": lambda self, answers, targets: None}, r"judge\(\) gives None"),
        ({"judge": lambda self, answers, targets: (0.5, 0.4, 0.6, 0.1)}, r"judge\(\) gives \(0.5"),
        ({"judge": lambda self, answers, targets: Score(float("nan"), 0, 1, 0)}, "value=nan"),
        ({"judge": lambda self, answers, targets: 1 / 0}, r"judge\(\) fails: ZeroDivisionError"),
        ({"judge": sure}, "without width"),
        ({"mark": 2.0}, "mark is 2.0"),
        ({"mark": "x"}, "mark is 'x'"),
        ({"questions": lambda self, inputs, rng: {}["x"]}, r"questions\(\) fails: KeyError"),
        ({"judge": in_halves}, "on 1 questions, and its fewest is 1: name a higher one"),
    ],
)
def test_audit_tasks(wrong, said):
    with pytest.raises(AssertionError, match=said) as found:
        checks.check_audit_task(type("Wrong", (Accuracy,), wrong))
    assert "\n" not in str(found.value)


def undocumented(self, number: int = 1) -> None: ...


def misdocumented(self, number: int = 1) -> None:
    """
    Parameters
    ----------
    numbers
        How often.
    """


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"run": undocumented}, "nothing explains the parameter number"),
        ({"run": misdocumented}, "explains numbers, which is no parameter"),
        ({"run": 3}, "cannot be called"),
        ({"run": undocumented, "__init__": lambda self: 1 / 0}, r"__init__\(\) fails: ZeroDivisionError"),
    ],
)
def test_commands(wrong, said):
    with pytest.raises(AssertionError, match=said) as found:
        checks.check_command(type("Wrong", (Command,), {"help": "Do nothing.", **wrong}))
    assert "\n" not in str(found.value)


def test_a_panel_that_cannot_be_made():
    wrong = {"title": "a", "lead": "", "data": lambda s, d: 1, "html": lambda s, d: "", "__init__": lambda self: 1 / 0}
    with pytest.raises(AssertionError, match=r"Wrong.__init__\(\) fails: ZeroDivisionError"):
        checks.check_panel(type("Wrong", (Panel,), wrong))


@pytest.mark.parametrize("shown", ["<p title='{}'>x</p>", '<p title="{}">x</p>', "<p>{}</p>"])
def test_a_panel_whose_names_are_escaped_by_half(shown):
    """Tags are, and quotes are not."""

    def html(self, data):
        names = (n.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for n in data)
        return "".join(shown.format(name) for name in names)

    given = {"title": "a", "data": lambda self, summary: [row.name for row in summary.neurons], "html": html}
    made = type("Made", (Panel,), given)
    if shown == "<p>{}</p>":
        checks.check_panel(made)
        return
    with pytest.raises(AssertionError, match="not escaped") as found:
        checks.check_panel(made)
    assert "\n" not in str(found.value)


@dataclass(frozen=True)
class Joined(Event):
    member: int
    round: int


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"events": (Rounds.events[0], Joined)}, "keep the order, round, member"),
        ({"participants": ("nobody",)}, "names 'nobody', which is no field"),
    ],
)
def test_events(wrong, said):
    with pytest.raises(AssertionError, match=said):
        _check_events(type("Wrong", (Rounds,), wrong))


def test_a_contract_without_a_replay():
    with pytest.raises(AssertionError, match="replay is None: give a class"):
        _check_replay(type("Wrong", (Rounds,), {"replay": None}))


class Sums(Model):
    """Ridge regression, of which ``a`` and ``b`` are all that it knows."""

    def __init__(self, task, a, b):
        self.task, self.a, self.b = task, a, b

    @classmethod
    def create(cls, task, seed, settings):
        if settings:
            raise PeersError("no settings")
        n, m = len(task.features) + 1, len(task.names)
        return cls(task, np.eye(n) * 1e-3, np.zeros((n, m)))

    def _x(self, inputs):
        self.task.check_inputs(inputs)
        return np.c_[inputs, np.ones(len(inputs))].astype(np.float64)

    def answer(self, inputs):
        return (self._x(inputs) @ np.linalg.solve(self.a, self.b)).astype(np.float32)

    def learn(self, inputs, targets):
        x = self._x(inputs)
        self.task.check_targets(targets, len(inputs))
        self.a, self.b = self.a + x.T @ x, self.b + x.T @ targets

    def commitment(self):
        return sha256(self.a.tobytes() + self.b.tobytes()).digest()

    def save(self, folder):
        np.savez(folder / "sums.npz", a=self.a, b=self.b)

    @classmethod
    def load(cls, folder, task):
        with np.load(folder / "sums.npz") as kept:
            return cls(task, kept["a"], kept["b"])


NUMBERS = Numbers(("a", "b"), ("y",), ("m",))


def test_a_sound_model():
    checks.check_model(Sums, NUMBERS)


@pytest.mark.parametrize(
    ("method", "wrong", "said"),
    [
        ("load", classmethod(lambda cls, folder, task: None), r"gives None in load\(\)"),
        ("save", lambda self, folder: None, r"load\(\) cannot read what save\(\) wrote"),
        ("commitment", lambda self: sha256(self.b.tobytes()).digest(), "two states that learn on differently"),
        ("create", classmethod(lambda cls, task, *_: Sums.create(task, 0, {})), "settings that it does not have"),
        ("create", classmethod(lambda cls, task, *_: None), r"gives None in create\(\)"),
        ("learn", lambda self, inputs, targets: sys.exit(3), r"learn\(\) fails: SystemExit: 3"),
    ],
)
def test_models(method, wrong, said, monkeypatch):
    kind = type("Wrong", (Sums,), {method: wrong, "__module__": __name__})
    monkeypatch.setattr(sys.modules[__name__], "Wrong", kind, raising=False)
    with pytest.raises(AssertionError, match=said) as found:
        checks.check_model(kind, NUMBERS)
    assert "\n" not in str(found.value)
