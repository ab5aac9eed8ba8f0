"""Environments in which something goes wrong, by the name ``trouble/<what>-v0``."""

import math

import gymnasium
import numpy as np


class Trouble(gymnasium.Env):
    """An environment in which something goes wrong at step ``at``."""

    observation_space = gymnasium.spaces.Box(-1, 1, (3,))
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, what="", at=1500):
        self.what, self.at, self.t = what, at, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(3), {}

    def step(self, action):
        self.t += 1
        seen, reward = self.np_random.normal(size=3), 1.0
        if self.t >= self.at:
            if self.what == "die":
                raise RuntimeError("the simulator\nis gone")
            if self.what == "observation":
                seen[1] = math.nan
            if self.what == "reward":
                reward = math.inf
            if self.what == "none":
                reward = None
            if self.what == "array":
                reward = np.ones(1)
            if self.what == "huge":
                seen[1] = 1e200
            if self.what == "shape":
                seen = seen[:2]
        return seen, reward, bool(self.t % 50 == 0), False, {}


for kind in ("", "die", "observation", "reward", "shape", "none", "array", "huge"):
    gymnasium.register(f"trouble/{kind or 'well'}-v0", lambda what=kind, **_: Trouble(what))
