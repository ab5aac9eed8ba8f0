"""Every function of the shared rule that agents call, planted with a mistake: living by the equations must fail then.

Run by ``test_rebirth.py`` with kernels as plain Python, where a kernel's functions are those of ``klopf.neuron``.
"""

from __future__ import annotations

import pytest

from klopf import neuron
from klopf.mind.rl._kernels import life
from tests.mind.rl.plain_life import live_side_by_side

MUTANTS = {
    "updated_utility": {
        "no decay": lambda utility, activity, listening, decay: utility + (1.0 - decay) * abs(activity) * listening,
        "no sign": lambda utility, activity, listening, decay: decay * utility + (1.0 - decay) * activity * listening,
        "no listeners": lambda utility, activity, listening, decay: decay * utility + (1.0 - decay) * abs(activity),
    },
    "corrected_utility": {"not corrected": lambda utility, age, decay: utility},
    "is_mature": {
        "a step too early": lambda age, maturity: age >= maturity,
        "a step too late": lambda age, maturity: age > maturity + 1,
        "never": lambda age, maturity: False,
    },
    "least_heard": {
        "the most heard": lambda corrected, mature: neuron.least_heard(-corrected, mature),
        "the young too": lambda corrected, mature: neuron.least_heard(corrected, [True] * len(mature)),
        "the last": lambda corrected, mature: len(corrected) - 1,
    },
    "moved_bias": {
        "not moved": lambda bias, mean_activity, weight: bias,
        "the other way": lambda bias, mean_activity, weight: bias - weight * mean_activity,
    },
}  # fmt: skip


def test_as_it_is() -> None:
    births, expected = live_side_by_side()
    assert births == pytest.approx(expected, abs=3 * expected**0.5) and births > 20


@pytest.mark.parametrize("name", MUTANTS)
def test_the_function_is_the_shared_one(name: str) -> None:
    assert getattr(life, name) is getattr(neuron, name)


@pytest.mark.parametrize(("name", "mistake"), [(name, m) for name, mutants in MUTANTS.items() for m in mutants])
def test_a_mistake_is_found(name: str, mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, name, MUTANTS[name][mistake])
    with pytest.raises(AssertionError):
        births, expected = live_side_by_side()
        assert births > 0.5 * expected
