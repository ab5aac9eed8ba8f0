"""Continual backpropagation: Dohare et al., *Nature* 632 (2024), algorithm 1 and equations 1-4 of Methods.

A unit's utility is a running mean of how much it says times how much it is listened to (R1). Of the mature units in
each layer, ``replacement_rate`` of them a step, those of least utility are replaced (R2, R6); the fraction of a unit
that is due is drawn. What counts is chosen by ``utility``: the contribution ``|h| * sum |w_out|``; its deviation from
the mean, ``|h - mean| * sum |w_out|``; that over the mean incoming weight (adaptable); or one factor alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from klopf.mind.kernels.part import Hyperparameter, Life

if TYPE_CHECKING:
    from klopf.mind.kernels.plan import Plan


class Continual(Life):
    """The least useful of those who are mature, at a set rate."""

    name = "continual"
    hyperparameters = (
        Hyperparameter("replacement_rate", 1e-4),
        Hyperparameter("maturity", 100),
        Hyperparameter("utility_decay", 0.99, below=1),
        Hyperparameter("admission", 1.0),
    )

    def live(self, plan: Plan) -> Any:
        """Kernel ``live(net, work, l, mature, now)``."""
        from klopf.mind._jit import inlined
        from klopf.mind.kernels.parts import birth_factor
        from klopf.mind.kernels.random import whole_births
        from klopf.mind.kernels.rebirth import build_rebirth
        from klopf.mind.kernels.state import BIRTHS, INCOMING, UNITS, UNITS_AT

        ADMITS = plan.admits
        RATE, MATURITY, DECAY = plan.places("replacement_rate", "maturity", "utility_decay")
        judge, admit, least, reborn = _judge(plan), _admit(plan), _least(), build_rebirth(plan)
        factor = birth_factor(plan)
        FOLLOWS = factor is not None
        if factor is None:
            factor = inlined(_always)

        def live(net, work, l, mature, now):  # type: ignore[no-untyped-def]
            judge(net, work, l)
            if ADMITS:
                admit(net, work, l)
            due = net.hyper[RATE] * mature
            if FOLLOWS:
                due *= factor(net)
            if due > 0:
                uo = net.layers[l, UNITS_AT]
                units = net.layers[l, UNITS]
                for _ in range(whole_births(due, net.rng)):
                    j = least(net, work, uo, units, net.hyper[MATURITY], net.hyper[DECAY])
                    if j < 0:
                        break
                    net.U[INCOMING, uo + j] = reborn(net, l, j)
                    net.G[BIRTHS] += 1.0

        return inlined(live)


def _judge(plan: Plan) -> Any:
    """Kernel ``judge(net, work, l)``: one step of every unit's utility (R1)."""
    from klopf.mind._jit import inlined
    from klopf.mind.kernels.plan import ADAPTABLE, ADAPTATION, WEIGHT
    from klopf.mind.kernels.shared import updated_utility
    from klopf.mind.kernels.state import INCOMING, LISTENING, UNITS, UNITS_AT, UTILITY

    KIND, CENTRED = plan.utility, plan.centred
    DECAY, EPSILON = plan.places("utility_decay", "epsilon")

    def judge(net, work, l):  # type: ignore[no-untyped-def]
        U, hyper = net.U, net.hyper
        one = U.dtype.type(1)
        decay = hyper[DECAY]
        units = net.layers[l, UNITS]
        uo = net.layers[l, UNITS_AT]
        said = work.deviation if CENTRED else work.spoken
        heard = U[LISTENING, uo : uo + units]
        worth = U[UTILITY, uo : uo + units]
        incoming = U[INCOMING, uo : uo + units]
        for j in range(units):
            if KIND == ADAPTABLE:
                worth[j] = updated_utility(worth[j], said[j], heard[j] / (incoming[j] + hyper[EPSILON]), decay)
            elif KIND == WEIGHT:
                worth[j] = updated_utility(worth[j], one, heard[j], decay)
            elif KIND == ADAPTATION:
                worth[j] = updated_utility(worth[j], one, one / (incoming[j] + hyper[EPSILON]), decay)
            else:
                worth[j] = updated_utility(worth[j], said[j], heard[j], decay)

    return inlined(judge)


def _admit(plan: Plan) -> Any:
    """Kernel ``admit(net, work, l)``: the steps that listeners give a newborn grow with its utility (R5)."""
    from klopf.mind._jit import inlined
    from klopf.mind.kernels.shared import admitted_step_size, corrected_utility
    from klopf.mind.kernels.state import ADMITTED, AGE, UNITS, UNITS_AT, UTILITY

    DECAY, MATURITY, ADMISSION = plan.places("utility_decay", "maturity", "admission")

    def admit(net, work, l):  # type: ignore[no-untyped-def]
        U, hyper = net.U, net.hyper
        one = U.dtype.type(1)
        decay = hyper[DECAY]
        maturity = hyper[MATURITY]
        units = net.layers[l, UNITS]
        uo = net.layers[l, UNITS_AT]
        worth = U[UTILITY, uo : uo + units]
        fair = U.dtype.type(0)
        for j in range(units):
            fair += worth[j]
        for j in range(units):
            if U[ADMITTED, uo + j] < one:
                age = int(U[AGE, uo + j])
                useful = corrected_utility(float(worth[j]), age, decay)
                share = admitted_step_size(age, useful, fair / units, hyper[ADMISSION], one, maturity)
                U[ADMITTED, uo + j] = max(U[ADMITTED, uo + j], share)

    return inlined(admit)


def _least() -> Any:
    """Kernel ``least(net, work, uo, units, maturity, decay)``: who of a layer is heard least, or -1 (R2)."""
    from klopf.mind._jit import jit
    from klopf.mind.kernels.shared import corrected_utility, is_mature, least_heard
    from klopf.mind.kernels.state import AGE, UTILITY

    def least(net, work, uo, units, maturity, decay):  # type: ignore[no-untyped-def]
        for j in range(units):
            age = int(net.U[AGE, uo + j])
            work.mature[j] = is_mature(age, maturity)
            work.corrected[j] = corrected_utility(float(net.U[UTILITY, uo + j]), age, decay)
        return least_heard(work.corrected[:units], work.mature[:units])

    return jit(least, key="least")


def _always(net: Any) -> float:
    return 1.0
