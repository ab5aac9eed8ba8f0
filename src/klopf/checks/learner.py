"""Does a rule or a life of learners keep its promises?"""

from __future__ import annotations

import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from klopf.checks._kernels import FIXED, rule_writes
from klopf.checks._lives import life_writes
from klopf.checks._promise import promise
from klopf.errors import Diverged
from klopf.mind import Mind
from klopf.mind._settings import COMMON
from klopf.mind.kernels.part import GradientRule
from klopf.mind.kernels.parts import rule_called
from klopf.mind.kernels.plan import Plan
from klopf.mind.kernels.state import BIAS, BIRTH, STRIDE, WEIGHTS_AT

__all__ = ["check_life", "check_rule"]


def check_rule(name: str, **options: Any) -> None:
    """Try with the rule called ``name`` (or at ``module:Class``) what learners do: learn, be saved and go on, be
    reborn. ``options`` are the learner's, such as the rule's own hyperparameters.

    Raises:
        AssertionError: a promise is broken; one line says which.
    """
    with promise(name):
        _declares(name, {"rule": name, **options})
        _learns(name, {"rule": name, **options})
        _keeps_to_its_own(name, {"rule": name, **options})
        rule_writes(name, {"rule": name, **options})
        _is_reproducible(name, {"rule": name, **options})
        _goes_on(name, {"rule": name, **options})
        _is_reborn(name, {"rule": name, **options})


def check_life(name: str, **options: Any) -> None:
    """The same for a life; whom it replaces within 4,000 samples must have been mature, not of the backbone, and be a
    newborn in everything (R6), and nothing of the others may change. ``options`` that make it replace often let the
    check see more.

    Raises:
        AssertionError: a promise is broken; one line says which.
    """
    with promise(name):
        _learns(name, {"life": name, **options})
        _keeps_to_its_own(name, {"life": name, **options})
        _is_reproducible(name, {"life": name, **options})
        _goes_on(name, {"life": name, **options})
        life_writes(name, {"life": name, **options})


def _mind(options: dict[str, Any]) -> Mind:
    return Mind(4, 2, hidden=(12,), learner="backprop", seed=1, **options)


def _stream(n: int) -> tuple[Any, Any]:
    X = np.random.default_rng(0).normal(size=(n, 4))
    return X, (X[:, 0] > X[:, 1]).astype(int)


class _Asked(Plan):
    """A plan that writes down which hyperparameters a kernel asks for."""

    asked: ClassVar[set[str]] = set()

    def places(self, *names: str) -> tuple[int, ...]:
        self.asked.update(names)
        return super().places(*names)


def _declares(name: str, options: dict[str, Any]) -> None:
    """It has a kernel, and declares what the kernel reads, but for what any network has."""
    plan, rule = _mind(options)._tables.plan, rule_called(name)
    _Asked.asked.clear()
    step = rule().step(_Asked(**{field.name: getattr(plan, field.name) for field in fields(plan)}))
    assert step is not None or issubclass(rule, GradientRule), f"{name}: step() must return a kernel, not None"
    network = {h.name for h in COMMON if h.name != "step_size"}  # the step-size is the rule's, whoever else reads it
    unsaid = _Asked.asked - network - {h.name for h in rule.hyperparameters}
    assert not unsaid, f"{name} reads {', '.join(sorted(unsaid))}: declare that among its hyperparameters"


def _learns(name: str, options: dict[str, Any]) -> None:
    X, y = _stream(1500)
    m = _mind(options)
    try:
        errors = m.learn(X, y)
    except Diverged:
        raise AssertionError(f"{name} diverges on a simple stream: bound its steps") from None
    assert errors[-500:].mean() < 0.35, f"{name} has not learned in 1,500 samples which of two numbers is larger"


def _keeps_to_its_own(name: str, options: dict[str, Any]) -> None:
    """What the user chose, values at birth and where things lie are no kernel's to change."""
    m = _mind(options)
    before = {table: getattr(m._tables.net, table).copy() for table in FIXED}
    m.learn(*_stream(300))
    for table, was in before.items():
        same = np.array_equal(getattr(m._tables.net, table), was)
        assert same, f"{name} writes into net.{table}, {FIXED[table]}: write to net.W and to rows that you declare"


def _is_reproducible(name: str, options: dict[str, Any]) -> None:
    """The same seed and samples, the same state: nothing is kept, drawn or asked elsewhere."""
    one, other = _mind(options), _mind(options)
    for m in (one, other):
        m.learn(*_stream(300))
    assert one.commitment() == other.commitment(), (
        f"{name} comes to another state from the same seed and samples: draw from net.rng, and keep all else in rows"
    )


def _goes_on(name: str, options: dict[str, Any]) -> None:
    X, y = _stream(300)
    whole, cut = _mind(options), _mind(options)
    whole.learn(X, y)
    cut.learn(X[:150], y[:150])
    with tempfile.TemporaryDirectory() as folder:
        cut.save(Path(folder) / "mind")
        cut = Mind.load(Path(folder) / "mind")
    cut.learn(X[150:], y[150:])
    same = whole.commitment() == cut.commitment()
    assert same, f"{name} does not go on to the bit after it was saved: keep all it needs in rows of the tables"


def _is_reborn(name: str, options: dict[str, Any]) -> None:
    """A newborn has nothing of the dead unit's."""
    from klopf.mind.kernels.rebirth import build_rebirth

    X, y = _stream(300)
    m = _mind(options)
    m.learn(X, y)
    net = m._tables.net
    build_rebirth(m._tables.plan)(net, 0, 3)
    layer = net.layers[0]
    own = layer[WEIGHTS_AT] + np.arange(layer[BIAS] + 1) * layer[STRIDE] + 3
    for row, quantity in enumerate(m._tables.layout.weights[1:], 1):
        kept = not quantity.copies and not (net.P[row, own] == net.births[BIRTH, row]).all()
        assert not kept, f"{name} keeps {quantity.name!r} of a unit that died: let rebirth reset it"
