"""Stream AC(lambda), Q(lambda), SARSA(lambda), TD(lambda) in float64 and plain NumPy, from the papers' equations.

Shares nothing with the library: matrices instead of flat arrays, gradients by the chain rule written out for one
sample, everything recomputed at every update as the reference does.
"""

from __future__ import annotations

import math

import numpy as np


class Net:
    """Linear, layer norm, leaky ReLU, repeated; linear at the end. ``layers`` are matrices (inputs + 1, units)."""

    def __init__(self, layers):
        self.layers = [w.copy() for w in layers]

    def value(self, x):
        return self.run(x)[0]

    def run(self, x):
        memory = []
        for k, w in enumerate(self.layers):
            x1 = np.append(x, 1.0)
            z = x1 @ w
            if k == len(self.layers) - 1:
                memory.append((x1, None, None))
                return z, memory
            deviation = np.sqrt(z.var() + 1e-5)
            n = (z - z.mean()) / deviation
            memory.append((x1, n, deviation))
            x = np.where(n > 0, n, 0.01 * n)
        raise AssertionError

    def gradient(self, x, by_outputs):
        """Gradient by every weight of ``by_outputs @ outputs``."""
        _, memory = self.run(x)
        d = np.asarray(by_outputs, float)
        grads = [None] * len(self.layers)
        for k in range(len(self.layers) - 1, -1, -1):
            x1, n, deviation = memory[k]
            if n is not None:
                g = d * np.where(n > 0, 1.0, 0.01)
                jacobian = (np.eye(len(n)) - 1.0 / len(n) - np.outer(n, n) / len(n)) / deviation
                d = jacobian @ g
            grads[k] = np.outer(x1, d)
            d = self.layers[k][:-1] @ d
        return grads


class ObGD:
    """Algorithm 3: the overshooting-bounded step."""

    def __init__(self, net, kappa, gamma, lam, alpha=1.0):
        self.net, self.kappa, self.decay, self.alpha = net, kappa, gamma * lam, alpha
        self.traces = [np.zeros_like(w) for w in net.layers]

    def step(self, delta, grads, over):
        self.traces = [self.decay * e + g for e, g in zip(self.traces, grads, strict=True)]
        size = sum(np.abs(e).sum() for e in self.traces)
        bound = self.alpha * self.kappa * max(abs(delta), 1.0) * size
        step = self.alpha / max(bound, 1.0)
        for w, e in zip(self.net.layers, self.traces, strict=True):
            w += step * delta * e
        if over:
            self.traces = [0 * e for e in self.traces]


class AdaptiveObGD(ObGD):
    """The same bound on traces divided by the root of the running square of ``delta * trace``."""

    def __init__(self, *args):
        super().__init__(*args)
        self.v, self.t = [np.zeros_like(w) for w in self.net.layers], 0

    def step(self, delta, grads, over):
        self.t += 1
        self.traces = [self.decay * e + g for e, g in zip(self.traces, grads, strict=True)]
        self.v = [0.999 * v + 0.001 * (delta * e) ** 2 for v, e in zip(self.v, self.traces, strict=True)]
        scaled = [e / np.sqrt(v / (1 - 0.999**self.t) + 1e-8) for v, e in zip(self.v, self.traces, strict=True)]
        bound = self.alpha * self.kappa * max(abs(delta), 1.0) * sum(np.abs(e).sum() for e in scaled)
        for w, e in zip(self.net.layers, scaled, strict=True):
            w += self.alpha / max(bound, 1.0) * delta * e
        if over:
            self.traces = [0 * e for e in self.traces]


class Intentional(ObGD):
    """arXiv 2604.19033: diagonal scaling, the intended change, the clipped (for policies: normalised) error."""

    def __init__(self, net, eta, gamma, lam, normalise):
        super().__init__(net, 0.0, gamma, lam)
        self.eta, self.normalise = eta, normalise
        self.v, self.t = [np.zeros_like(w) for w in net.layers], 0
        self.sigma, self.square, self.size, self.room = 0.0, 1.0, 0.0, 0.0

    def step(self, delta, grads, over, room=None):
        self.t += 1
        self.v = [0.999 * v + 0.001 * g * g for v, g in zip(self.v, grads, strict=True)]
        root = [np.sqrt(v / (1 - 0.999**self.t)) + 1e-8 for v in self.v]
        self.traces = [self.decay * e + g for e, g in zip(self.traces, grads, strict=True)]
        norm = sum((g * g / r).sum() for g, r in zip(grads, root, strict=True))
        self.sigma = self.decay * self.sigma + (1 - self.decay) * norm
        reach = sum((e * e / r).sum() for e, r in zip(self.traces, root, strict=True))
        step = self.eta / max(np.sqrt(self.sigma / (1 - self.decay**self.t) * reach), 1e-8)
        if room is not None:
            self.room = self.decay * self.room + (1 - self.decay) * room
            step *= self.room / (1 - self.decay**self.t)
        self.square = 0.9998 * self.square + 0.0002 * delta**2
        cap = 20.0 * np.sqrt(self.square / (1 - 0.9998**self.t))
        delta = np.clip(delta, -cap, cap)
        if self.normalise:
            self.size = 0.9998 * self.size + 0.0002 * abs(delta)
            delta = np.clip(delta / (self.size / (1 - 0.9998**self.t)), -20.0, 20.0)
        for w, e, r in zip(self.net.layers, self.traces, root, strict=True):
            w += step * delta * e / r
        if over:
            self.traces = [0 * e for e in self.traces]


class Senses:
    """Running normalisation of observations and scaling of rewards, by keeping every sample ever seen."""

    def __init__(self, gamma, limit):
        self.gamma, self.limit, self.seen, self.traces, self.trace, self.k = gamma, limit, [], [], 0.0, 0
        self.told = None

    def observe(self, x, first):
        self.k = 0 if first else self.k + 1
        self.seen.append(np.array(x, float))
        seen = np.array(self.seen)
        variance = seen.var(0, ddof=1) if len(seen) > 1 else np.ones(len(x))
        out = (x - seen.mean(0)) / np.sqrt(variance + 1e-8)
        return np.append(out, max(self.k - 1, 0) / self.limit - 0.5) if self.limit else out

    def reward(self, r, over):
        self.trace = self.gamma * self.trace * (not over) + r
        self.traces.append(self.trace)
        variance = np.var(self.traces, ddof=1) if len(self.traces) > 1 else 1.0
        return r / np.sqrt(variance + 1e-8)

    def restate(self, net, *rules):
        """Once rewards' unit has moved by a hundredth, values and errors are said in the new one."""
        now = np.sqrt((np.var(self.traces, ddof=1) if len(self.traces) > 1 else 1.0 - 1e-8) + 1e-8)
        if self.told is None or abs(now - self.told) > 0.01 * self.told:
            ratio = (self.told or now) / now
            self.told = now
            net.layers[-1] *= ratio
            for rule in rules:
                rule.square *= ratio**2
                rule.size *= ratio


def softplus(x):
    return np.log1p(np.exp(x))


def by_normal(outputs, action, entropy):
    """Gradient of log N(action) + entropy * H by means and raw deviations."""
    n = len(action)
    mean, raw = outputs[:n], outputs[n:]
    s = softplus(raw)
    by_s = (action - mean) ** 2 / s**3 - 1 / s + entropy / s
    return np.concatenate([(action - mean) / s**2, by_s / (1 + np.exp(-raw))])


def by_clipped(outputs, action, entropy, low, high):
    """The same of how likely the action is once whatever is beyond a bound is the bound; and the mean square of the
    gradient by mean / s and log s, by that of a normal distribution without bounds (3)."""
    n = len(action)
    mean, raw = outputs[:n], outputs[n:]
    s = softplus(raw)
    grads, squares = by_normal(outputs, action, entropy), 0.0
    for k in range(n):
        grid = np.linspace(-12, 12, 200_001)
        x = mean[k] + s[k] * grid
        inside = (x > low) & (x < high)
        law = np.exp(-grid * grid / 2) / np.sqrt(2 * np.pi) * (grid[1] - grid[0])
        squares += (law * (grid**2 + (grid**2 - 1) ** 2) * inside).sum()
        for bound, sign in ((high, 1), (low, -1)):
            b = sign * (bound - mean[k]) / s[k]
            share = math.erfc(b / math.sqrt(2)) / 2
            ratio = math.exp(-b * b / 2) / math.sqrt(2 * math.pi) / share
            squares += share * ratio**2 * (1 + b * b)
            if sign * (action[k] - bound) > 0:
                grads[k] = sign * ratio / s[k]
                grads[n + k] = (b * ratio + entropy) / s[k] / (1 + np.exp(-raw[k]))
    return grads, squares / (3 * n)


def by_softmax(outputs, action, entropy):
    """Gradient of log softmax(outputs)[action] + entropy * H by the preferences."""
    p = np.exp(outputs - outputs.max())
    p /= p.sum()
    h = -(p * np.log(p)).sum()
    return np.eye(len(p))[action] - p - entropy * p * (np.log(p) + h)


def undecided(outputs, action):
    """1 where all choices are alike, 0 where this one is certain, more where it was unlikely."""
    p = np.exp(outputs - outputs.max())
    p /= p.sum()
    return ((np.eye(len(p))[action] - p) ** 2).sum() / (1 - 1 / len(p))


class QRC:
    """Gradient eligibility traces for control: equations 26-28 of Elelimy et al. (2025)."""

    def __init__(self, q, h, alpha, second, beta, gamma, lam):
        self.q, self.h, self.alpha, self.second, self.beta = q, h, alpha, alpha * second, beta
        self.gamma, self.decay = gamma, gamma * lam
        self.clear()

    def clear(self):
        self.z = 0.0
        self.eq = [np.zeros_like(w) for w in self.q.layers]
        self.eh = [np.zeros_like(w) for w in self.h.layers]

    def step(self, s, a, r, s2, cut, ends):
        one = np.eye(len(self.q.value(s)))
        best = int(self.q.value(s2).argmax())
        delta = r + self.gamma * self.q.value(s2)[best] * (not cut) - self.q.value(s)[a]
        h = self.h.value(s)[a]
        gq, gh, gn = self.q.gradient(s, one[a]), self.h.gradient(s, one[a]), self.q.gradient(s2, one[best])
        self.z = self.decay * self.z + h
        self.eq = [self.decay * e + g for e, g in zip(self.eq, gq, strict=True)]
        self.eh = [self.decay * e + g for e, g in zip(self.eh, gh, strict=True)]
        for w, e, g, n in zip(self.q.layers, self.eq, gq, gn, strict=True):
            by_delta = self.gamma * n * (not cut) - g
            w += self.alpha * (delta * e - h * g - self.z * by_delta)
        for w, e, g in zip(self.h.layers, self.eh, gh, strict=True):
            w += self.second * (delta * e - h * g - self.beta * w)
        if ends:
            self.clear()
        return delta


class Autostep(ObGD):
    """A step-size for each weight, as the docstring of the kernels' updates says."""

    def __init__(self, *args, theta=0.01, tau=1e4):
        super().__init__(*args)
        self.theta, self.tau = theta, tau
        self.sizes = [np.ones_like(w) for w in self.net.layers]
        self.memory = [np.zeros_like(w) for w in self.net.layers]
        self.largest = [np.zeros_like(w) for w in self.net.layers]

    def step(self, delta, grads, over):
        self.traces = [self.decay * e + g for e, g in zip(self.traces, grads, strict=True)]
        for k, g in enumerate(grads):
            agreement = delta * g * self.memory[k]
            self.largest[k] = np.maximum(
                np.abs(agreement), self.largest[k] + (np.abs(agreement) - self.largest[k]) / self.tau
            )
            share = np.divide(agreement, self.largest[k], out=np.zeros_like(g), where=self.largest[k] > 0)
            self.sizes[k] = np.clip(self.sizes[k] * (1 + self.theta * share), 1e-4, 1e4)
        norm = sum((a * np.abs(e)).sum() for a, e in zip(self.sizes, self.traces, strict=True))
        size = self.alpha / max(self.alpha * self.kappa * max(abs(delta), 1.0) * norm, 1.0)
        for k, (w, a, e, g) in enumerate(zip(self.net.layers, self.sizes, self.traces, grads, strict=True)):
            change = size * delta * a * e
            w += change
            self.memory[k] = self.memory[k] * np.maximum(0.0, 1 - size * a * g * e) + change
        if over:
            self.traces = [0 * e for e in self.traces]
