"""A network that starts without hidden units gets one more, in the smallest layer that has room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from klopf.mind._jit import inlined
from klopf.mind.kernels.covariance import listen_to_new_input, own_reset
from klopf.mind.kernels.rebirth import draw_incoming, reset_weight
from klopf.mind.kernels.state import (
    BIRTHS,
    COPIES,
    INPUTS,
    KIND,
    MOST_UNITS,
    NEWCOMER,
    OWN,
    SENSORS_AT,
    STRIDE,
    UNITS,
    WEIGHTS_AT,
)

if TYPE_CHECKING:
    from klopf.mind.kernels.plan import Plan


def build_growth(plan: Plan) -> Any:
    """Kernel ``grow(net)``: one unit is born, heard by nobody yet."""
    FOLD, CONNECTED, OWNED = plan.fold, plan.row("connected", missing=0), plan.covariances
    FAN_IN, GAIN = plan.places("fan_in", "gain")
    (PRIOR,) = plan.places("prior") if plan.covariances else (0,)

    def grow(net):  # type: ignore[no-untyped-def]
        P, K, layers, matrices, hyper, births = net.P, net.K, net.layers, net.matrices, net.hyper, net.births
        last = layers.shape[0] - 1
        fan_in = int(hyper[FAN_IN])
        smallest = -1
        for l in range(last):
            if layers[l, UNITS] < layers[l, MOST_UNITS] and (
                smallest < 0 or layers[l, UNITS] < layers[smallest, UNITS]
            ):
                smallest = l
        if smallest >= 0:
            l = smallest
            j = layers[l, UNITS]
            layers[l, UNITS] += 1
            if layers[l + 1, SENSORS_AT] < 0:
                layers[l + 1, INPUTS] += FOLD
            draw_incoming(P, births[COPIES], CONNECTED, layers, l, j, hyper[GAIN], fan_in, net.rng)
            if OWNED and CONNECTED > 0 and matrices[l, KIND] == OWN:
                own_reset(P, K, layers, matrices, CONNECTED, l, j, hyper[PRIOR], fan_in)
            for f in range(FOLD):  # rules that move all weights moved those of the unborn too
                at = layers[l + 1, WEIGHTS_AT] + (j * FOLD + f) * layers[l + 1, STRIDE]
                for k in range(layers[l + 1, UNITS]):
                    reset_weight(P, births[NEWCOMER], at + k)
                    if CONNECTED > 0 and l + 1 < last:
                        i = j * FOLD + f
                        listen_to_new_input(P, K, layers, matrices, CONNECTED, l + 1, k, i, hyper[PRIOR], fan_in)
            net.G[BIRTHS] += 1.0

    return inlined(grow)
