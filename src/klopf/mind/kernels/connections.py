"""Which inputs a hidden unit hears, where it hears only some: kept to those, and revised.

Rewiring from the weakest input to one never heard is the connection level of sparse evolutionary training (Mocanu et
al., *Nature Communications* 9, 2018), one unit at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from klopf.mind._jit import inlined
from klopf.mind.kernels.covariance import own_input_reset, own_prior
from klopf.mind.kernels.random import uniform, whole_births
from klopf.mind.kernels.rebirth import reset_weight
from klopf.mind.kernels.state import BIAS, BIRTH, INPUTS, INPUTS_AT, KIND, OWN, STRIDE, UNITS, WEIGHTS_AT

if TYPE_CHECKING:
    from klopf.mind.kernels.plan import Plan


def build_connections(plan: Plan) -> Any:
    """Kernel ``connect(net, work)``: weights of inputs that are not heard stay 0, and some units turn to new inputs."""
    ROW, CONNECTED, MOVES_ALL, OWNED = plan.constant_stride, plan.row("connected"), plan.moves_all, plan.covariances
    FAN_IN, REWIRING = plan.places("fan_in", "rewiring_rate")
    (PRIOR,) = plan.places("prior") if plan.covariances else (0,)

    def connect(net, work):  # type: ignore[no-untyped-def]
        W, P, K, layers, matrices, hyper = net.W, net.P, net.K, net.layers, net.matrices, net.hyper
        zero = W.dtype.type(0)
        fan_in = int(hyper[FAN_IN])
        for l in range(layers.shape[0] - 1):
            stride = ROW if ROW else layers[l, STRIDE]
            off = layers[l, WEIGHTS_AT]
            for k in range(layers[l, BIAS] if MOVES_ALL else work.count[l]):
                b = off + (k if MOVES_ALL else work.active[layers[l, INPUTS_AT] + k]) * stride
                for j in range(stride):
                    W[b + j] *= P[CONNECTED, b + j]
            if hyper[REWIRING] > 0:
                for _ in range(whole_births(hyper[REWIRING] * layers[l, UNITS], net.rng)):
                    # a unit turns from the input it hears least to one it never heard
                    j = int(uniform(net.rng) * layers[l, UNITS])
                    least = -1
                    fresh = -1
                    absent = 0
                    for i in range(layers[l, INPUTS]):
                        at = off + i * stride + j
                        if P[CONNECTED, at] > 0:
                            if least < 0 or abs(W[at]) < abs(W[off + least * stride + j]):
                                least = i
                        else:
                            absent += 1
                            if uniform(net.rng) * absent < 1.0:
                                fresh = i
                    if least >= 0 and fresh >= 0:
                        old = off + least * stride + j
                        new = off + fresh * stride + j
                        reset_weight(P, net.births[BIRTH], old)
                        reset_weight(P, net.births[BIRTH], new)
                        W[old] = zero
                        W[new] = zero
                        P[CONNECTED, old] = zero
                        if OWNED and matrices[l, KIND] == OWN:
                            own_input_reset(K, layers, matrices, l, j, least, zero)
                            variance = own_prior(layers, l, hyper[PRIOR], fan_in)
                            own_input_reset(K, layers, matrices, l, j, fresh, variance)

    return inlined(connect)
