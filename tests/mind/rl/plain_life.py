"""Continual backpropagation in a network of ``plain_stream``, from its equations; shares nothing with the library.

Dohare et al., *Nature* 632 (2024), Methods, equations 1-4.
"""

from __future__ import annotations

import numpy as np

from klopf.mind.rl import Agent
from klopf.mind.rl._kernels import layout as at
from tests.mind.rl import plain_stream as plain

SEEN, HIDDEN = 5, (7, 6)
RATE, MATURITY, DECAY = 0.03, 12, 0.9


class Lives:
    """Ages, utilities and mean activities of all hidden units of ``net``, layer by layer."""

    def __init__(self, net, centred):
        self.net, self.centred = net, centred
        sizes = [w.shape[1] for w in net.layers[:-1]]
        self.age, self.utility, self.mean = ([np.zeros(n) for n in sizes] for _ in range(3))

    def older(self, l, h):
        """Layer ``l`` lives one more step, in which its units said ``h``."""
        heard = np.abs(self.net.layers[l + 1][:-1]).sum(1)
        self.age[l] += 1
        self.mean[l] = DECAY * self.mean[l] + (1 - DECAY) * h
        spoken = h - self.mean[l] / (1 - DECAY ** self.age[l]) if self.centred else h
        self.utility[l] = DECAY * self.utility[l] + (1 - DECAY) * np.abs(spoken) * heard

    def mature(self, l):
        return self.age[l] > MATURITY

    def least(self, l):
        """The mature unit of least corrected utility, the first of equals."""
        corrected = self.utility[l] / (1 - DECAY ** np.maximum(self.age[l], 1))
        return int(np.where(self.mature(l), corrected, np.inf).argmin())

    def reborn(self, l, j, incoming, traces):
        """Unit ``j`` of layer ``l`` is replaced by one with these ``incoming`` weights."""
        mean = self.mean[l][j] / (1 - DECAY ** self.age[l][j])
        listeners = self.net.layers[l + 1]
        listeners[-1] += mean * listeners[j]
        listeners[j] = 0
        self.net.layers[l][:, j] = incoming
        traces[l][:, j] = traces[l + 1][j] = 0
        self.age[l][j] = self.utility[l][j] = self.mean[l][j] = 0


def live_side_by_side(utility="contribution", steps=400, rate=RATE):
    """An agent and the equations live the same life; says how many units were reborn and how many were expected.

    Raises:
        AssertionError: they differ, in who is replaced or in what is kept.
    """
    agent = Agent(SEEN, agent="stream-td", hidden=HIDDEN, dtype="float64", seed=2, life="continual", sparsity=0.4,
                  replacement_rate=rate, maturity=MATURITY, utility_decay=DECAY, utility=utility)  # fmt: skip
    net = plain.Net([agent.weights(0, l) for l in range(3)])
    rule = plain.ObGD(net, agent.settings.kappa_value, agent.settings.gamma, agent.settings.trace_decay)
    lives = Lives(net, utility == "zero-contribution")
    senses = plain.Senses(agent.settings.gamma, 0)
    r = np.random.default_rng(0)
    seen = r.normal(size=SEEN)
    agent.begin(seen)
    s = senses.observe(seen, True)
    births, expected = 0, 0.0
    for _ in range(steps):
        seen, reward = r.normal(size=SEEN) + 0.5, float(r.normal())
        said = [memory[0][:-1] for memory in net.run(s)[1][1:]]
        agent.step(seen, reward)
        reward, s2 = senses.reward(reward, False), senses.observe(seen, False)
        delta = reward + agent.settings.gamma * net.value(s2)[0] - net.value(s)[0]
        rule.step(delta, net.gradient(s, [1.0]), False)
        records = [agent._U[:, : HIDDEN[0]], agent._U[:, HIDDEN[0] :]]
        for l, (h, record) in enumerate(zip(said, records, strict=True)):
            lives.older(l, h)
            expected += rate * lives.mature(l).sum()
            newborn = set(np.flatnonzero(record[at.AGE] == 0).tolist())
            births += len(newborn)
            for _ in range(len(newborn)):
                j = lives.least(l)
                assert lives.mature(l)[j], "nobody was mature"
                assert j in newborn, "another was less heard"
                newborn.remove(j)
                lives.reborn(l, j, agent.weights(0, l)[:, j], rule.traces)
            assert (record[at.AGE] == lives.age[l]).all()
            assert np.abs(record[at.UTILITY] - lives.utility[l]).max() < 1e-9
            assert np.abs(record[at.MEAN] - lives.mean[l]).max() < 1e-9
        s = s2
        for l, w in enumerate(net.layers):
            assert np.abs(agent.weights(0, l) - w).max() < 1e-9
            assert np.abs(agent.weights(0, l, "trace") - rule.traces[l]).max() < 1e-9
    return births, expected
