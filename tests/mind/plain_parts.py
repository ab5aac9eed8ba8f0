"""Rules and lives: those shipped keep their promises, half a registration is refused, the shared rule is called.

Run by ``test_plain.py``."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, ClassVar

import numpy as np
import pytest

from klopf.checks import check_life, check_rule
from klopf.errors import MindError
from klopf.mind import Mind, diagnostics
from klopf.mind.kernels.part import GradientRule, Hyperparameter, Life, Rule
from klopf.mind.kernels.parts import LIVES, RULES, registered
from klopf.neuron import Standing


class Timid(GradientRule):
    """A rule from outside, with an option of its own."""

    name = "timid"
    hyperparameters = (Hyperparameter("courage", 0.02, below=1),)

    def step_size(self, plan: Any) -> Any:
        """Kernel ``step_size(net, work, l)``."""
        from klopf.mind._jit import inlined

        (COURAGE,) = plan.places("courage")

        def step_size(net, work, l):  # type: ignore[no-untyped-def]
            return net.hyper[COURAGE]

        return inlined(step_size)


class ByHand(Life):
    """Forgets the dead unit's weights, and nothing else of it."""

    name = "by hand"
    hyperparameters = (Hyperparameter("maturity", 100),)
    magnitudes: ClassVar[bool] = True
    says: ClassVar[str] = "age"

    def live(self, plan: Any) -> Any:
        from klopf.mind.kernels.state import AGE, BIRTHS, UNITS_AT, WEIGHTS_AT

        def live(net: Any, work: Any, l: int, mature: int, now: int) -> None:
            if now % 500 == 0:
                net.P[0, net.layers[l, WEIGHTS_AT] : net.layers[l, WEIGHTS_AT] + 3] = 0
                if self.says == "age":
                    net.U[AGE, net.layers[l, UNITS_AT]] = 0
                net.G[BIRTHS] += 1.0

        return live


class Nameless(Timid):
    name = ""


class Idle(Rule):
    name = "idle"


class Deathless(Life):
    name = "deathless"


class Twice(Timid):
    name = "adam"


class Other(Timid):
    name = "other"
    hyperparameters = (Hyperparameter("beta1", 0.5),)


@pytest.mark.parametrize("rule", ["sgd", "nlms", "adam", "obgd", f"{__name__}:Timid"])
def test_rules_keep_their_promises(rule: str) -> None:
    if rule in RULES:
        check_rule(rule)
    else:
        registered(rule, Timid)
        check_rule(rule, courage=0.03)


@pytest.mark.parametrize("life", list(LIVES))
def test_lives_keep_their_promises(life: str) -> None:
    check_life(life)


@pytest.mark.parametrize("says", ["age", "nothing"])
def test_a_life_that_replaces_by_hand_breaks_its_promise(says: str, monkeypatch: Any) -> None:
    name = f"{__name__}:ByHand"
    registered(name, ByHand)
    monkeypatch.setattr(ByHand, "says", says)
    with pytest.raises(AssertionError, match="replaces units by hand") as caught:
        check_life(name)
    assert "\n" not in str(caught.value)


class Grabbing(Timid):
    """A rule that turns its user's options while it learns."""

    def step_size(self, plan: Any) -> Any:
        from klopf.mind._jit import inlined

        (COURAGE,) = plan.places("courage")

        def step_size(net: Any, work: Any, l: int) -> Any:
            net.hyper[COURAGE] = net.hyper[COURAGE] * net.W.dtype.type(0.9999)
            return net.hyper[COURAGE]

        return inlined(step_size)


def test_a_rule_that_writes_where_nothing_is_its_own_breaks_its_promise() -> None:
    name = f"{__name__}:Grabbing"
    registered(name, Grabbing)
    with pytest.raises(AssertionError, match=r"writes into net\.hyper, which holds the options") as caught:
        check_rule(name, courage=0.03)
    assert "\n" not in str(caught.value)


def test_whatever_a_rule_is_refused_for_is_an_assertion() -> None:
    with pytest.raises(AssertionError, match=r"nobody fails: \w+Error: ") as caught:
        check_rule("nobody")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("part", "line"),
    [(Nameless, "has no name"), (Idle, "has no step"), (Deathless, "neither live nor after"), (Twice, "as another"),
     (Other, "default is 0.9")],
)  # fmt: skip
def test_half_a_registration_is_refused_in_one_line(part: Any, line: str) -> None:
    with pytest.raises(MindError, match=line) as caught:
        registered(f"x:{part.__name__}", part)
    assert "\n" not in str(caught.value)


def test_a_kernel_may_use_only_what_its_file_declares() -> None:
    m = Mind(3, 2, learner="backprop", rule="sgd")
    with pytest.raises(MindError, match="does not declare"):
        m._tables.plan.row("second moment")
    with pytest.raises(MindError, match="does not declare"):
        m._tables.plan.places("beta1")


MUTANTS = {
    "updated_utility": "lambda u, activity, listening, decay: decay * u",
    "corrected_utility": "lambda u, age, decay: -u",
    "is_mature": "lambda age, maturity: age > 2 * maturity",
    "least_heard": "lambda corrected, mature: len(corrected) - 1 if mature[len(corrected) - 1] else -1",
    "moved_bias": "lambda bias, mean, weight: bias",
    "admitted_step_size": "lambda age, utility, fair, smallest, largest, maturity: smallest",
}
LIFE = """
import warnings, numpy as np
warnings.filterwarnings("ignore")
from klopf import neuron
{mutation}
from klopf.mind import Mind
r = np.random.default_rng(0)
m = Mind(4, 2, hidden=(8,), learner="continual-backprop", admission=0.1, maturity=10, replacement_rate=0.05, seed=1)
X = r.normal(size=(200, 4))
m.learn(X, (X[:, 0] > X[:, 1]).astype(int))
print(m.commitment().hex())
"""


def lived(mutation: str) -> str:
    done = subprocess.run([sys.executable, "-c", LIFE.format(mutation=mutation)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_a_life_takes_every_function_of_the_shared_rule_from_its_one_source() -> None:
    as_it_is = lived("")
    same = [f for f, mutant in MUTANTS.items() if lived(f"neuron.{f} = {mutant}") == as_it_is]
    assert not same, f"a mutated {same} changes nothing: the kernels have a copy of their own"


@pytest.mark.parametrize("function", ["next_standing", "fair_share"])
def test_standings_are_decided_by_the_shared_rule(monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    X = np.random.default_rng(0).normal(size=(50, 4))
    m = Mind(4, 2, hidden=(8,), learner="backprop", seed=1)
    before = diagnostics.standings(m, X)
    mutant = {"next_standing": lambda *a, **k: Standing.NONE, "fair_share": lambda n: 1.0}[function]
    monkeypatch.setattr(diagnostics, function, mutant)
    assert diagnostics.standings(m, X) != before
