"""Rules and lives that break a promise, each in a way of its own: a check names every one in one line.

Run by ``test_plain.py``."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from klopf.checks import check_life, check_rule
from klopf.mind.kernels.part import GradientRule, Hyperparameter, Life, Quantity, Rule
from klopf.mind.kernels.parts import registered
from klopf.mind.kernels.rebirth import build_rebirth
from klopf.mind.kernels.rules.sgd import SGD
from klopf.mind.kernels.state import (
    AGE,
    BIAS,
    BIRTHS,
    INCOMING,
    INPUTS_AT,
    LISTENING,
    STEPS,
    STRIDE,
    SUMS_AT,
    UNITS,
    UNITS_AT,
    UTILITY,
    WEIGHTS_AT,
    WEIGHTS_REBORN,
)

TICKS = itertools.count()


def plain_step(net: Any, work: Any, size: float = 0.02) -> None:
    """One step of gradient descent."""
    for layer in net.layers:
        x = np.append(work.A[layer[INPUTS_AT] :][: layer[BIAS]], 1.0)
        d = work.D[layer[SUMS_AT] :][: layer[UNITS]]
        for i, a in enumerate(x):
            row = layer[WEIGHTS_AT] + i * layer[STRIDE]
            net.W[row : row + layer[UNITS]] += np.float32(size) * np.float32(a) * d


class Sound(Rule):
    """Gradient descent with a row of its own, beside which ``wrong`` does something."""

    name = "sound"
    moves_all = True

    def weight_rows(self, settings: Any) -> tuple[Quantity, ...]:
        return (Quantity("steps"),)

    def step(self, plan: Any) -> Any:
        def step(net: Any, work: Any, now: int) -> None:
            plain_step(net, work)
            net.P[plan.row("steps")] += 1
            WRONG_STEPS[self.name](net, work, now, plan)

        return step


def row_of_others(net: Any, work: Any, now: int, plan: Any) -> None:
    net.P[-1, 0] += 1


def connected(net: Any, work: Any, now: int, plan: Any) -> None:
    if "connected" in plan.weights:
        net.P[plan.row("connected"), :4] = 0


def lanes(net: Any, work: Any, now: int, plan: Any) -> None:
    net.W[net.layers[0, UNITS]] = 1


def nan_later(net: Any, work: Any, now: int, plan: Any) -> None:
    if now > 5000:
        net.W[0] = np.nan


def nan_in_its_row(net: Any, work: Any, now: int, plan: Any) -> None:
    if now > 1000:
        net.P[plan.row("steps"), 0] = np.inf


def outside(net: Any, work: Any, now: int, plan: Any) -> None:
    from numpy.lib.stride_tricks import as_strided

    if now > 5000:  # never where the array has no margin
        as_strided(net.W, (net.P.size + 1,))[net.P.size] = 5


def ticking(net: Any, work: Any, now: int, plan: Any) -> None:
    net.W[0] += np.float32(1e-3) * (next(TICKS) % 7)


def drawing(net: Any, work: Any, now: int, plan: Any) -> None:
    net.W[0] += np.float32(np.random.normal() * 1e-3)


def by_the_clock(net: Any, work: Any, now: int, plan: Any) -> None:
    import time

    net.W[0] += np.float32(time.perf_counter_ns() % 1009 * 1e-6)


def at(table: str, place: Any, value: float = 1.0) -> Any:
    def wrong(net: Any, work: Any, now: int, plan: Any) -> None:
        array = getattr(net if table in net._fields else work, table)
        array[place] += array.dtype.type(value)

    return wrong


WRONG_STEPS: dict[str, Any] = {
    "sound": lambda *told: None,
    "writes utilities": at("U", (UTILITY, 0), 1e-3),
    "writes ages": at("U", (AGE, 1)),
    "writes a row of others": row_of_others,
    "writes connected": connected,
    "writes lanes": lanes,
    "writes what is heard": at("A", 0, 1e-3),
    "writes derivatives": at("D", 0, 1e-3),
    "writes second derivatives": at("C", 0),
    "writes sums": at("Z", 0, 1e-3),
    "writes counters": at("G", BIRTHS),
    "writes steps": at("G", STEPS),
    "writes sensors": at("S", (0, 0), 1e-3),
    "writes targets": at("T", (0, 0), 1e-3),
    "writes spoken": at("spoken", 0),
    "writes told": at("told", 0, 1e-3),
    "writes refresh": at("refresh", 0),
    "writes births": at("births", (0, 0)),
    "is nan later": nan_later,
    "is infinite in its row": nan_in_its_row,
    "writes outside": outside,
    "keeps state elsewhere": ticking,
    "draws elsewhere": drawing,
    "asks the clock": by_the_clock,
}
SAYS = {
    "writes utilities": "net.U, which holds the units' records",
    "writes ages": "net.U",
    "writes a row of others": "row 'worth', which it does not declare",
    "writes connected": "row 'connected', which it does not declare",
    "writes lanes": "lanes of net.W past",
    "writes what is heard": "work.A, which holds what each layer hears",
    "writes derivatives": "work.D",
    "writes second derivatives": "work.C",
    "writes sums": "work.Z",
    "writes counters": "net.G, which holds the network's counters",
    "writes steps": "net.G",
    "writes sensors": "net.S",
    "writes targets": "net.T",
    "writes spoken": "work.spoken",
    "writes told": "work.told",
    "writes refresh": "work.refresh",
    "writes births": "net.births, which holds a newborn's values",
    "is nan later": "infinite or NaN at step 10001",
    "is infinite in its row": "row 'steps' infinite or NaN",
    "writes outside": r"writes outside net\.P",
    "keeps state elsewhere": "draw from net.rng",
    "draws elsewhere": "draw from net.rng",
    "asks the clock": "ask no clock|draw from net.rng",
}


def caught(check: Any, kind: type, says: str, **options: Any) -> None:
    name = f"{__name__}:{kind.__name__}"
    registered(name, kind)
    with pytest.raises(AssertionError, match=says) as found:
        check(name, **options)
    assert "\n" not in str(found.value) and str(found.value).startswith(name)


def test_a_rule_that_keeps_to_its_own_passes() -> None:
    registered(f"{__name__}:Sound", Sound)
    check_rule(f"{__name__}:Sound")


@pytest.mark.parametrize("wrong", list(SAYS))
def test_a_rule_that_misbehaves_is_named(wrong: str) -> None:
    caught(check_rule, type(wrong.title().replace(" ", ""), (Sound,), {"name": wrong}), SAYS[wrong])


class Sized(GradientRule):
    """Gradient descent whose step-size is the one of ``wrong``."""

    name = "sized"
    hyperparameters = SGD.hyperparameters

    def step_size(self, plan: Any) -> Any:
        return WRONG_SIZES[self.name]


def writing_size(net: Any, work: Any, l: int) -> float:
    net.U[0, 0] += 1
    return 0.02


def writing_heard(net: Any, work: Any, l: int) -> float:
    work.A[0] += 1e-3
    return 0.02


WRONG_SIZES: dict[str, Any] = {
    "writing size": writing_size,
    "writing heard": writing_heard,
    "one-element size": lambda net, work, l: np.full(1, 0.02),
    "complex size": lambda net, work, l: np.complex64(0.02),
    "size none": lambda net, work, l: None,
    "size nan later": lambda net, work, l: 0.02 if net.G[STEPS] < 5000 else float("nan"),
    "size negative later": lambda net, work, l: 0.02 if net.G[STEPS] < 5000 else -0.02,
}


@pytest.mark.parametrize("wrong", list(WRONG_SIZES))
def test_a_step_size_is_a_number_and_writes_nothing(wrong: str) -> None:
    says = r"it only reads" if wrong.startswith("writing") else "give one finite number|fails: "
    kind = type(wrong.title().replace(" ", "").replace("-", ""), (Sized,), {"name": wrong})
    caught(check_rule, kind, says)


class Factor(SGD):
    """Gradient descent that multiplies births by what is no number."""

    name = "factor"

    def birth_factor(self, plan: Any) -> Any:
        return lambda net: float("inf")


def test_a_birth_factor_is_a_number() -> None:
    caught(check_rule, Factor, "birth_factor gives inf")


class Living(Life):
    """The least used mature unit every 50 samples, beside which ``wrong`` does something."""

    name = "living"
    hyperparameters = (Hyperparameter("maturity", 100),)

    def live(self, plan: Any) -> Any:
        reborn, wrong = build_rebirth(plan), WRONG_LIVES[self.name]

        def live(net: Any, work: Any, l: int, mature: int, now: int) -> None:
            wrong(net, work, l, now, reborn)

        return live


def replace(net: Any, l: int, j: int, reborn: Any) -> None:
    net.U[INCOMING, net.layers[l, UNITS_AT] + j] = reborn(net, l, j)
    net.G[BIRTHS] += 1


def by_listening(net: Any, l: int, most: bool, immature: bool = False) -> int:
    """The unit of layer ``l`` that is listened to least or most."""
    u = net.layers[l, UNITS_AT] + np.arange(net.layers[l, UNITS])
    heard = np.where((net.U[AGE, u] > 100) != immature, net.U[LISTENING, u], -1 if most else np.inf)
    j = int(heard.argmax() if most else heard.argmin())
    return j if ((net.U[AGE, u] > 100) != immature).any() else -1


def well(net: Any, work: Any, l: int, now: int, reborn: Any) -> None:
    if now % 50 == 0 and (j := by_listening(net, l, most=False)) >= 0:
        replace(net, l, j, reborn)


def most_heard(net: Any, work: Any, l: int, now: int, reborn: Any) -> None:
    if now % 50 == 0 and (j := by_listening(net, l, most=True)) >= 0:
        replace(net, l, j, reborn)


def immature(net: Any, work: Any, l: int, now: int, reborn: Any) -> None:
    if now % 50 == 0 and (j := by_listening(net, l, most=False, immature=True)) >= 0:
        replace(net, l, j, reborn)


def everybody(net: Any, work: Any, l: int, now: int, reborn: Any) -> None:
    u = net.layers[l, UNITS_AT] + np.arange(net.layers[l, UNITS])
    if now % 200 == 0 and (net.U[AGE, u] > 100).all():
        for j in range(len(u)):
            replace(net, l, j, reborn)


def uncounted(net: Any, work: Any, l: int, now: int, reborn: Any) -> None:
    if now % 50 == 0 and (j := by_listening(net, l, most=False)) >= 0:
        reborn(net, l, j)


def beside(what: Any) -> Any:
    """Replaces well, and then does ``what``."""

    def wrong(net: Any, work: Any, l: int, now: int, reborn: Any) -> None:
        before = net.G[BIRTHS]
        well(net, work, l, now, reborn)
        if now % 50 == 0:
            what(net, work, l, int(net.G[BIRTHS] - before))

    return wrong


def keeping(row: str) -> Any:
    """Replaces well, but for one thing of the dead unit that it puts back."""

    def wrong(net: Any, work: Any, l: int, now: int, reborn: Any) -> None:
        j = by_listening(net, l, most=False) if now % 50 == 0 else -1
        if j < 0:
            return
        P, U, a, b = net.P.copy(), net.U.copy(), net.layers[l], net.layers[l + 1]
        replace(net, l, j, reborn)
        own = a[WEIGHTS_AT] + np.arange(a[BIAS] + 1) * a[STRIDE] + j
        voice = b[WEIGHTS_AT] + j * b[STRIDE] + np.arange(b[UNITS])
        bias = b[WEIGHTS_AT] + b[BIAS] * b[STRIDE] + np.arange(b[UNITS])
        if row == "U":
            net.U[UTILITY, a[UNITS_AT] + j] = U[UTILITY, a[UNITS_AT] + j] + 1
        else:
            places = {"own": own, "voice": voice, "bias": bias}[row]
            net.P[0, places] = P[0, places] + (0.1 if row == "bias" else 0.0)

    return wrong


def zeroed(net: Any, work: Any, l: int, now: int, reborn: Any) -> None:
    j = by_listening(net, l, most=False) if now % 50 == 0 else -1
    if j >= 0:
        replace(net, l, j, reborn)
        net.P[0, net.layers[l, WEIGHTS_AT] + np.arange(net.layers[l, BIAS] + 1) * net.layers[l, STRIDE] + j] = 0


def others(net: Any, work: Any, l: int, births: int) -> None:
    net.W[net.layers[l, WEIGHTS_AT] :][:2] *= np.float32(0.99)


def last_layer(net: Any, work: Any, l: int, births: int) -> None:
    net.W[net.layers[-1, WEIGHTS_AT]] += np.float32(0.01)


def row_zero_bias(net: Any, work: Any, l: int, births: int) -> None:
    net.W[net.layers[l, WEIGHTS_AT] + net.layers[l, BIAS] * net.layers[l, STRIDE]] += np.float32(0.01)


def add(table: str, place: Any) -> Any:
    def what(net: Any, work: Any, l: int, births: int) -> None:
        array = getattr(net if table in net._fields else work, table)
        array[place] += 1

    return what


WRONG_LIVES: dict[str, Any] = {
    "living": well,
    "most heard": most_heard,
    "immature": immature,
    "everybody": everybody,
    "nobody": lambda *told: None,
    "uncounted": uncounted,
    "keeps utility": keeping("U"),
    "keeps weights": keeping("own"),
    "keeps voice": keeping("voice"),
    "keeps biases": keeping("bias"),
    "zeroed": zeroed,
    "touches others": beside(others),
    "touches outputs": beside(last_layer),
    "touches biases": beside(row_zero_bias),
    "ages others": beside(add("U", (AGE, slice(None)))),
    "mutes others": beside(add("U", (LISTENING, 0))),
    "counts weights": beside(add("G", WEIGHTS_REBORN)),
    "counts steps": beside(add("G", STEPS)),
    "writes heard": beside(add("A", 0)),
    "writes derivatives of it": beside(add("D", 0)),
    "writes sensors of it": beside(add("S", (0, 0))),
}
LIVES_SAY = {
    "most heard": "unit that is heard most",
    "immature": "which is immature",
    "everybody": "unit that is heard most",
    "nobody": "replaced nobody within 4,000 samples",
    "uncounted": "counts 0 births where it replaced 1 units",
    "keeps utility": r"by hand.*\('utility' was kept\)",
    "keeps weights": r"by hand.*incoming weights were not drawn",
    "keeps voice": r"by hand.*its listeners keep 'weight'",
    "keeps biases": r"by hand.*listeners' biases",
    "zeroed": r"by hand.*incoming weights were not drawn",
    "touches others": "changes 2 weights of units that it does not replace",
    "touches outputs": "changes 1 weights of units that it does not replace",
    "touches biases": "changes 1 weights|listeners' biases",
    "ages others": "row 'age' of units that it does not replace|'age' was kept",
    "mutes others": "row 'listening' of units|'listening' was kept",
    "counts weights": "changes 0 weights of units that it does not replace, and counts 1",
    "counts steps": r"net\.G, which holds",
    "writes heard": r"work\.A",
    "writes derivatives of it": r"work\.D",
    "writes sensors of it": r"net\.S",
}


def test_a_life_that_replaces_well_passes() -> None:
    registered(f"{__name__}:Living", Living)
    check_life(f"{__name__}:Living")


@pytest.mark.parametrize("wrong", list(LIVES_SAY))
def test_a_life_that_misbehaves_is_named(wrong: str) -> None:
    caught(check_life, type(wrong.title().replace(" ", ""), (Living,), {"name": wrong}), LIVES_SAY[wrong])


class Afterwards(Living):
    """Replaces well, and changes somebody's weight when all else is done."""

    name = "afterwards"

    def after(self, plan: Any) -> Any:
        def after(net: Any, work: Any, now: int) -> None:
            net.W[1] += np.float32(1e-4)

        return after


def test_what_is_done_after_all_else_is_seen_too() -> None:
    WRONG_LIVES["afterwards"] = well
    caught(check_life, Afterwards, "changes 1 weights of units that it does not replace")
