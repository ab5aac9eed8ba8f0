"""ReDo: Sokar, Agarwal, Castro and Evci, *The dormant neuron phenomenon*, ICML 2023.

Every ``check_every`` steps a mature unit is replaced whose mean absolute activity is at most ``dormant`` times its
layer's (equation 1; means run here, for there are no batches).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from klopf.mind.kernels.part import Hyperparameter, Life

if TYPE_CHECKING:
    from klopf.mind.kernels.plan import Plan


class ReDo(Life):
    """All who hardly speak, every so many steps."""

    name = "redo"
    hyperparameters = (
        Hyperparameter("dormant", 0.025),
        Hyperparameter("check_every", 1000, at_least=1),
        Hyperparameter("active_decay", 1e-3, below=1, positive=True),
        Hyperparameter("utility_decay", 0.99, below=1),
    )
    magnitudes = True

    def live(self, plan: Plan) -> Any:
        """Kernel ``live(net, work, l, mature, now)``."""
        from klopf.mind._jit import inlined
        from klopf.mind.kernels.rebirth import build_rebirth
        from klopf.mind.kernels.shared import is_mature
        from klopf.mind.kernels.state import AGE, BIRTHS, INCOMING, MAGNITUDE, QUICK_FADE, UNITS, UNITS_AT

        DORMANT, EVERY, MATURITY = plan.places("dormant", "check_every", "maturity")
        reborn = build_rebirth(plan)

        def live(net, work, l, mature, now):  # type: ignore[no-untyped-def]
            U, hyper = net.U, net.hyper
            one = U.dtype.type(1)
            units = net.layers[l, UNITS]
            uo = net.layers[l, UNITS_AT]
            if now % int(hyper[EVERY]) == 0:
                layer = U.dtype.type(0)
                for j in range(units):
                    layer += U[MAGNITUDE, uo + j] / (one - U[QUICK_FADE, uo + j])
                layer /= max(units, 1)
                for j in range(units):
                    if not is_mature(U[AGE, uo + j], hyper[MATURITY]):
                        continue
                    seen = one - U[QUICK_FADE, uo + j]
                    if U[MAGNITUDE, uo + j] / seen > hyper[DORMANT] * layer:
                        continue
                    U[INCOMING, uo + j] = reborn(net, l, j)
                    net.G[BIRTHS] += 1.0

        return inlined(live)
