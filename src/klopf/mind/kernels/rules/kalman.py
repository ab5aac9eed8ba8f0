"""A node-decoupled extended Kalman filter: Puskorius and Feldkamp, IJCNN 1991; that never stops learning.

With ``K`` the covariance of what is known about a unit's incoming weights, ``d`` its delta and ``c`` its curvature, and
one denominator for all:

    S =   noise + sum over units of c * (x' K x)
    w <-  w + K x * d / S          (with classes, d / S' of ``_classes``)
    K <-  (1 - drift) * (K - K x x' K * c / S) + drift * prior * I

A unit with at most ``block`` inputs has a ``K`` of its own; in a wider layer all units share one, and ``c`` is the sum
over them; in one wider than ``shared`` only its diagonal is kept. No sample moves a unit's sum by more than three of
its own standard deviations. With ``surprise`` above 0 drift and births follow what is explained of the targets. So
does the noise of numbers: the less is explained, the more of what is left is held for noise. With classes drift and
births follow surprise too: the drift is multiplied by a power of the errors that came over those that were expected, as
far as chance alone does not make up the difference.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from klopf.errors import MindError
from klopf.mind.kernels.part import Hyperparameter, Rule

if TYPE_CHECKING:
    from klopf.mind._settings import Settings
    from klopf.mind.kernels.plan import Plan


class Kalman(Rule):
    """Every unit, or every layer that shares a covariance, is an estimator."""

    name = "kalman"
    hyperparameters = (
        Hyperparameter("prior", 3.0),
        Hyperparameter("listening_prior", 3.0),
        Hyperparameter("drift", 1e-3, below=1),
        Hyperparameter("surprise", 0.0),
        Hyperparameter("noise", 1.0),
        Hyperparameter("noise_share", 0.3),
        Hyperparameter("block", 0),
        Hyperparameter("shared", 1024),
    )
    admits = True
    curvature = True
    follows_error = True
    moves_all = True
    covariances = True

    def check(self, settings: Settings) -> None:
        """Without noise the first sample would be believed for ever."""
        if settings.noise == 0:
            raise MindError(f"noise={settings.noise!r} must be above 0 with rule 'kalman'")

    def step(self, plan: Plan) -> Any:
        """Kernel ``step(net, work, now)``."""
        from klopf.mind._jit import inlined
        from klopf.mind.kernels.plan import CROSS_ENTROPY, SQUARED
        from klopf.mind.kernels.rules._classes import build_denominator
        from klopf.mind.kernels.state import EXPECTED_ERROR, WEIGHT

        LOSS, CLASSES = plan.loss, plan.loss == CROSS_ENTROPY
        denominator = build_denominator(plan) if CLASSES else inlined(_all_together)
        uncertainty, answer_noise, pace, update = _uncertainty(plan), _noise(plan), _pace(plan), _update(plan)

        def step(net, work, now):  # type: ignore[no-untyped-def]
            e2, expected, blur = answer_noise(net, work)
            below, above = uncertainty(net, work)
            weight = work.told[WEIGHT]
            if LOSS == SQUARED:
                work.told[EXPECTED_ERROR] = blur + (below + above) / weight
            total = blur + below + above
            update(net, work, total, denominator(net, work, blur, below, above), pace(net, e2, expected, weight))

        return inlined(step)

    def birth_factor(self, plan: Plan) -> Any:
        """With ``surprise`` above 0 births follow what is explained; with classes they follow surprise, too: 1 where
        errors exceed by a tenth what was to be expected."""
        from klopf.mind._jit import inlined
        from klopf.mind.kernels.plan import SQUARED
        from klopf.mind.kernels.rules._explained import build_explained, came
        from klopf.mind.kernels.state import EXPECTED

        CLASSES = plan.loss != SQUARED
        (SURPRISE,) = plan.places("surprise")
        explained = build_explained(plan)

        def birth_factor(net):  # type: ignore[no-untyped-def]
            factor = explained(net.G) if net.hyper[SURPRISE] > 0 else 1.0
            if CLASSES:
                excess = min(max(came(net.G) - net.G[EXPECTED], 0.0), 1.0)
                factor *= 100.0 * excess * excess
            return factor

        return inlined(birth_factor)


def _all_together(net: Any, work: Any, blur: Any, below: Any, above: Any) -> Any:
    return blur + below + above


def _noise(plan: Plan) -> Any:
    """Kernel ``answer_noise(net, work)``: squared error, the one expected, and the variance of the targets' noise.

    What the targets' running variance is, and how much of it is left, goes to ``G``."""
    from klopf.mind._jit import inlined
    from klopf.mind.kernels.plan import CROSS_ENTROPY
    from klopf.mind.kernels.plan import SQUARED as SQUARED_LOSS
    from klopf.mind.kernels.rules._explained import QUICK, build_explained, count_each, count_one
    from klopf.mind.kernels.state import CHANCE, SPREAD, SQUARED_ERROR, STEPS, SUMS_AT, TARGET, WEIGHT

    LOSS = plan.loss
    count = count_one if LOSS == CROSS_ENTROPY else count_each
    NOISE, NOISE_SHARE, EPSILON, SURPRISE = plan.places("noise", "noise_share", "epsilon", "surprise")
    explained = build_explained(plan)

    def answer_noise(net, work):  # type: ignore[no-untyped-def]
        G, layers, hyper, D, C = net.G, net.layers, net.hyper, work.D, work.C
        zero = D.dtype.type(0)
        last = layers.shape[0] - 1
        top = layers[last, SUMS_AT]
        blur = hyper[NOISE]
        e2 = zero
        expected = zero
        known = net.outputs
        for k in range(net.outputs):
            e2 += D[top + k] * D[top + k]
            expected += C[top + k]
            if LOSS == SQUARED_LOSS and C[top + k] == 0:  # nothing is known of a target that a sample lacks
                known -= 1
        known = max(known, 1)
        weight = work.told[WEIGHT]  # which D and C have been multiplied by
        e2 /= weight * weight
        expected /= weight
        rate = min(weight * max(0.001, 1.0 / G[STEPS]), 1.0)
        G[SQUARED_ERROR] += rate * (e2 / known - G[SQUARED_ERROR])
        if LOSS == SQUARED_LOSS:
            for k in range(net.outputs):
                if C[top + k] == 0:
                    continue
                y = work.Z[top + k] + D[top + k] / weight
                G[TARGET] += rate * (y - G[TARGET]) / known
                y -= G[TARGET]
                G[SPREAD] += rate * (y * y - G[SPREAD]) / known
            share = hyper[NOISE_SHARE]
            if hyper[SURPRISE] > 0:  # the less is explained, the more of what is left is noise
                share += (1.0 - share) * (1.0 - explained(G))
            blur = share * G[SQUARED_ERROR] + hyper[EPSILON]
        else:
            G[CHANCE] += min(QUICK * weight, 1.0) * (count(net, work, rate) - G[CHANCE])
        return e2, expected, blur

    return inlined(answer_noise)


def _uncertainty(plan: Plan) -> Any:
    """Kernel ``uncertainty(net, work)``: the expected squared change of the output by what the hidden units, and by
    what the output units, do not know. Leaves ``K x`` in ``H`` and what a layer shares in ``work``.

    Outputs that are numbers or yes and no move each by itself, by its own weights: so of those the most uncertain
    counts, and what a sample tells about the inputs that they share is told once. Units below move all of them.
    """
    from klopf.mind._jit import inlined
    from klopf.mind.kernels.covariance import diagonal_product, own_product, shared_product
    from klopf.mind.kernels.plan import CROSS_ENTROPY
    from klopf.mind.kernels.state import (
        BIAS,
        COVARIANCE_AT,
        COVARIANCE_STRIDE,
        INPUTS_AT,
        KIND,
        OWN,
        POWER,
        PRODUCT_AT,
        SHARED,
        STEPS,
        SUMS_AT,
        TAIL_AT,
        UNITS,
    )

    APART, CLASSES = plan.loss != CROSS_ENTROPY, plan.loss == CROSS_ENTROPY

    def uncertainty(net, work):  # type: ignore[no-untyped-def]
        K, G, layers, matrices = net.K, net.G, net.layers, net.matrices
        A, D, C, H, active = work.A, work.D, work.C, work.H, work.active
        zero = A.dtype.type(0)
        one = A.dtype.type(1)
        below = zero
        above = zero
        for l in range(layers.shape[0]):
            ao = layers[l, INPUTS_AT]
            zo = layers[l, SUMS_AT]
            ks = matrices[l, COVARIANCE_STRIDE]
            rows = layers[l, BIAS] + 1
            ho = matrices[l, PRODUCT_AT]
            units = layers[l, UNITS]
            na = work.count[l]
            total = zero
            apart = APART and l == layers.shape[0] - 1  # the outputs
            classes = CLASSES and l == layers.shape[0] - 1
            if matrices[l, KIND] == OWN:
                for j in range(units):
                    if C[zo + j] == 0 and D[zo + j] == 0:
                        if classes:
                            work.moves[j] = zero
                        continue
                    at = matrices[l, COVARIANCE_AT] + j * rows * ks
                    q = own_product(K, at, ks, rows, A, ao, active, ao, na, H, ho + j * ks)
                    total = max(total, C[zo + j] * q) if apart else total + C[zo + j] * q
                    if classes:
                        work.moves[j] = max(q, zero)
            else:
                power = one
                for k in range(na):
                    x = A[ao + active[ao + k]]
                    power += x * x
                tail = matrices[l, TAIL_AT]
                K[tail + POWER] += max(1e-3, 1.0 / G[STEPS]) * (power - K[tail + POWER])
                work.scale[l] = one / max(K[tail + POWER], power)
                if matrices[l, KIND] == SHARED:
                    q = shared_product(K, matrices[l, COVARIANCE_AT], tail, ks, rows, A, ao, active, ao, na, H, ho)
                else:
                    q = diagonal_product(K, matrices[l, COVARIANCE_AT], rows, A, ao, active, ao, na)
                work.doubt[l] = max(q, zero) * work.scale[l]
                for j in range(units):
                    total += C[zo + j]
                moved = total
                if l == layers.shape[0] - 1:
                    own = K.shape[0] - units - 1  # see ``_classes``
                    moved = zero
                    for j in range(units):
                        share = K[own + j] / max(K[own + units], K.dtype.type(1e-12))
                        moved = max(moved, C[zo + j] * share) if apart else moved + C[zo + j] * share
                        if classes:
                            work.moves[j] = share * work.doubt[l]
                if apart:
                    total /= units
                work.curvature[l] = total
                total = moved * work.doubt[l]
            if l < layers.shape[0] - 1:
                below += total
            else:
                above = total
        return below, above

    return inlined(uncertainty)


def _pace(plan: Plan) -> Any:
    """Kernel ``pace(net, e2, expected, weight)``: how fast what is known drifts back to the prior, now."""
    from klopf.mind._jit import inlined
    from klopf.mind.kernels.plan import SQUARED as SQUARED_LOSS
    from klopf.mind.kernels.rules._explained import QUICK, build_explained, came
    from klopf.mind.kernels.state import CAME, EXPECTED

    LOSS = plan.loss
    DRIFT, SURPRISE = plan.places("drift", "surprise")
    explained = build_explained(plan)

    def pace(net, e2, expected, weight):  # type: ignore[no-untyped-def]
        G, hyper = net.G, net.hyper
        drift = float(hyper[DRIFT])
        if LOSS != SQUARED_LOSS:
            rate = min(QUICK * weight, 1.0)
            G[CAME] += rate * (e2 - G[CAME])
            G[EXPECTED] += rate * (expected - G[EXPECTED])
        if hyper[SURPRISE] > 0:
            most = max(drift, 0.1)
            drift *= explained(G)
            if LOSS != SQUARED_LOSS:  # the world has changed if errors are larger than expected: drift faster
                drift = min(drift * ((came(G) + 1e-9) / (G[EXPECTED] + 1e-9)) ** hyper[SURPRISE], most)
        return drift

    return inlined(pace)


def _update(plan: Plan) -> Any:
    """Kernel ``update(net, work, denom, pace)``: weights and covariances take the sample in."""
    from klopf.mind._jit import inlined
    from klopf.mind.kernels.plan import SQUARED as SQUARED_LOSS
    from klopf.mind.kernels.state import KIND, OWN

    LOSS = plan.loss
    LISTENING_PRIOR, PRIOR = plan.places("listening_prior", "prior")
    update_own, update_together = _update_own(plan), _update_together(plan)

    def update(net, work, denom, steps, pace):  # type: ignore[no-untyped-def]
        zero = work.A.dtype.type(0)
        one = work.A.dtype.type(1)
        drift = zero + work.A.dtype.type(pace)
        keep = one - drift
        last = net.layers.shape[0] - 1
        for l in range(last + 1):
            # no sample moves a unit's input by more than three of its own standard deviations; numbers as targets may
            # be of any size, so there the denominator alone is the bound
            bounded = l < last or LOSS != SQUARED_LOSS
            prior = net.hyper[LISTENING_PRIOR] if l == last else net.hyper[PRIOR]
            if net.matrices[l, KIND] == OWN:
                update_own(net, work, l, denom, steps, bounded, prior, keep, drift)
            else:
                update_together(net, work, l, denom, steps, bounded, prior, keep, drift)

    return inlined(update)


def _update_own(plan: Plan) -> Any:
    """Kernel for a layer whose units have a covariance each."""
    from klopf.mind._jit import inlined
    from klopf.mind.kernels.covariance import own_prior, own_update
    from klopf.mind.kernels.state import (
        BIAS,
        COVARIANCE_AT,
        COVARIANCE_STRIDE,
        INPUTS_AT,
        PRODUCT_AT,
        STRIDE,
        SUMS_AT,
        UNITS,
        WEIGHTS_AT,
    )

    ROW, CONNECTED = plan.constant_stride, plan.row("connected", missing=0)
    (FAN_IN,) = plan.places("fan_in")

    def update_own(net, work, l, denom, steps, bounded, prior, keep, drift):  # type: ignore[no-untyped-def]
        W, P, K, layers, matrices = net.W, net.P, net.K, net.layers, net.matrices
        A, D, C, H, active = work.A, work.D, work.C, work.H, work.active
        zero = W.dtype.type(0)
        three = W.dtype.type(3)
        last = layers.shape[0] - 1
        stride = ROW if ROW else layers[l, STRIDE]
        off = layers[l, WEIGHTS_AT]
        bias = layers[l, BIAS]
        ao = layers[l, INPUTS_AT]
        zo = layers[l, SUMS_AT]
        ks = matrices[l, COVARIANCE_STRIDE]
        rows = bias + 1
        if CONNECTED > 0 and l < last:
            prior = W.dtype.type(own_prior(layers, l, prior, int(net.hyper[FAN_IN])))
        else:
            prior /= W.dtype.type(rows)
        for j in range(layers[l, UNITS]):
            if C[zo + j] == 0 and D[zo + j] == 0:
                continue
            at = matrices[l, COVARIANCE_AT] + j * rows * ks
            hj = matrices[l, PRODUCT_AT] + j * ks
            d = D[zo + j] / steps
            c = C[zo + j] / denom
            q = H[hj + bias]
            for k in range(work.count[l]):
                i = active[ao + k]
                q += A[ao + i] * H[hj + i]
            if bounded and d * d * q > 9:
                d = math.copysign(three / math.sqrt(q), d)
            for r in range(bias):
                W[off + r * stride + j] += d * H[hj + r]
            W[off + bias * stride + j] += d * H[hj + bias]
            if c * q < 1e-3:  # a sample that tells this unit nothing: what it knows stays as it is
                continue
            own_update(K, at, ks, rows, c, keep, drift * prior, H, hj)
            if CONNECTED > 0 and l < last:  # no drift towards inputs that it does not hear
                for r in range(bias):
                    if P[CONNECTED, off + r * stride + j] == 0:
                        K[at + r * ks + r] = zero

    return inlined(update_own)


def _update_together(plan: Plan) -> Any:
    """Kernel for a layer whose units share a covariance, or its diagonal."""
    from klopf.mind._jit import inlined
    from klopf.mind.kernels.covariance import shared_update
    from klopf.mind.kernels.rows import row_step
    from klopf.mind.kernels.rules._classes import DIRECTIONS
    from klopf.mind.kernels.state import (
        BIAS,
        COVARIANCE_AT,
        COVARIANCE_STRIDE,
        INPUTS_AT,
        KIND,
        PRODUCT_AT,
        SHARED,
        STRIDE,
        SUMS_AT,
        TAIL_AT,
        UNITS,
        WEIGHTS_AT,
    )

    ROW = plan.constant_stride

    def update_together(net, work, l, denom, steps, bounded, prior, keep, drift):  # type: ignore[no-untyped-def]
        W, K, layers, matrices, A, D, H = net.W, net.K, net.layers, net.matrices, work.A, work.D, work.H
        C = work.C
        one = W.dtype.type(1)
        three = W.dtype.type(3)
        tiny = W.dtype.type(1e-12)
        stride = ROW if ROW else layers[l, STRIDE]
        off = layers[l, WEIGHTS_AT]
        bias = layers[l, BIAS]
        ao = layers[l, INPUTS_AT]
        zo = layers[l, SUMS_AT]
        ho = matrices[l, PRODUCT_AT]
        c = work.curvature[l] / denom
        told = c * work.doubt[l] >= 1e-3
        if l == layers.shape[0] - 1:  # see ``_classes``
            units = layers[l, UNITS]
            own = K.shape[0] - units - 1
            spread = one / (DIRECTIONS * (bias + 1))
            v = K[own + units]
            for j in range(units):
                mine = K[own + j]
                share = mine / max(v, tiny)
                d = D[zo + j] / steps
                if bounded:
                    most = three / math.sqrt(max(work.doubt[l] * share, tiny))
                    d = min(max(d, -most), most)
                D[zo + j] = d * share * work.scale[l]
                if told:
                    K[own + j] = keep * mine / (one + C[zo + j] / denom * mine * spread) + drift * prior
            if told:
                K[own + units] = keep * v / (one + c * v * spread) + drift * prior
        else:
            most = three / math.sqrt(max(work.doubt[l], tiny))
            for j in range(stride):
                D[zo + j] = min(max(D[zo + j] / steps, -most), most) * work.scale[l]
        c *= work.scale[l]
        if matrices[l, KIND] == SHARED:
            rows = bias + 1
            for r in range(rows):
                h = H[ho + r]
                if h != 0:
                    row_step(W, off + r * stride, stride, h, D, zo)
            if told:
                at, tail, ks = matrices[l, COVARIANCE_AT], matrices[l, TAIL_AT], matrices[l, COVARIANCE_STRIDE]
                shared_update(K, at, tail, ks, rows, c, keep, drift * prior, H, ho)
        else:
            na = work.count[l]
            for k in range(na + 1):
                i = work.active[ao + k] if k < na else bias
                x = A[ao + i] if k < na else one
                v = K[matrices[l, COVARIANCE_AT] + i]
                row_step(W, off + i * stride, stride, v * x, D, zo)
                if told:
                    v -= min(c * v * x * x, one) * v
                    K[matrices[l, COVARIANCE_AT] + i] = keep * v + drift * prior

    return inlined(update_together)
