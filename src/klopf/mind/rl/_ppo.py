"""An agent that lives a rollout, learns from it for some epochs, and forgets it: proximal policy optimisation.

It is here to be compared with, and because it is what most people use: trained for long, it is known to lose what it
could do. It looks to ``run`` as a streaming agent does, so a life with it is saved and resumed to the bit as theirs.
"""

from __future__ import annotations

import hashlib
import importlib
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from klopf.errors import Diverged, MindError
from klopf.mind import _file
from klopf.mind._checked import shown
from klopf.mind._memory import enough_room
from klopf.mind._settings import checked_seed
from klopf.mind._turns import Kept, Turns, in_turn
from klopf.mind.rl._course import Course
from klopf.mind.rl._jit import compile_apart, mark_compiled
from klopf.mind.rl._kernels import batch_layout as at
from klopf.mind.rl._kernels.batch_layout import FAR
from klopf.mind.rl._ppo_settings import PPOSettings, ppo_settings_for
from klopf.mind.rl._saved import refuse_damaged

__all__ = ["PPO"]

_FLOAT64 = np.dtype(np.float64)
_WRONG = {
    at.BAD_OBSERVATION: f"the observation contains NaN, infinity or a number from {FAR:g}; mend the environment or "
    "leave it out",
    at.BAD_REWARD: "the reward is {reward}; mend the environment",
    at.DIVERGED: "the agent has diverged: what it says is not a finite number; go on from its last checkpoint with "
    "smaller steps",
}


class PPO(Kept):
    """Proximal policy optimisation (Schulman et al., 2017), with two networks of hidden units that may be reborn.

    Args:
        observations: how many numbers one observation has.
        actions: how many numbers an action has (normal, with deviations that do not depend on what is seen), or 0.
        choices: how many discrete actions there are, or 0.
        low, high: bounds of continuous actions, shape ``(actions,)``; what is drawn beyond them is clipped on its way
            to the environment, and learned from as it was drawn.
        seed: of everything random in this agent.
        dtype: "float32", or "float64" for checks.
        options: any field of ``klopf.mind.rl.PPOSettings``.

    Raises:
        MindError: a size, name or option that makes no sense.
    """

    agent = "ppo"
    _fleeting = ("_kernel", "_state", "_learned_by")

    def __init__(
        self, observations: int, actions: int = 0, choices: int = 0, low: ArrayLike = -math.inf,
        high: ArrayLike = math.inf, seed: int = 0, dtype: str = "float32", **options: Any,
    ) -> None:  # fmt: skip
        for name, n, least in (("observations", observations, 1), ("actions", actions, 0), ("choices", choices, 0)):
            if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < least:
                raise MindError(f"{name}={n!r} must be a whole number from {least}")
        if bool(actions) == bool(choices) or choices == 1:
            raise MindError("ppo acts: give actions=1 or more, or choices=2 or more, and not both")
        if dtype not in ("float32", "float64"):
            raise MindError(f"dtype={dtype!r} is not float32 or float64")
        self.settings: PPOSettings = ppo_settings_for(**options)
        self.observations, self.actions, self.choices = int(observations), int(actions), int(choices)
        self.seed, self._dtype = checked_seed(seed), np.dtype(dtype)
        self.random = np.random.default_rng(self.seed)
        with enough_room(f"{observations} observations and rollouts of {self.settings.rollout:,} steps"):
            self._lay_out()
        try:
            self._action[at.LOW], self._action[at.HIGH] = np.asarray(low, np.float64), np.asarray(high, np.float64)
        except (TypeError, ValueError) as error:
            raise MindError(f"low and high must have one number for each of {actions} actions") from error
        if self.actions and not (self._action[at.LOW] < self._action[at.HIGH]).all():
            raise MindError("the lower bounds of actions must be below the upper ones")
        self.course = Course()
        """How the networks are doing, along the way."""
        self._draw()
        self._new_noise()
        self._kernel: Any = None
        self._state: Any = None
        self._learned_by: Any = None
        self._turns = Turns()

    # --- state ----------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        s, outputs = self.settings, (self.actions or self.choices, 1)
        sizes = [(self.observations, *s.hidden, out) for out in outputs]
        self._layers = np.zeros((2, len(s.hidden) + 1, 4), np.int64)
        weights = units = 0
        for n, widths in enumerate(sizes):
            for l in range(len(widths) - 1):
                self._layers[n, l] = widths[l], widths[l + 1], weights, units
                weights += (widths[l] + 1) * widths[l + 1]
                units += widths[l + 1] if l < len(s.hidden) else 0
        self._P = np.zeros((4, weights + self.actions), self._dtype)
        self._U = np.zeros((len(at.RECORDS), units))
        self._S = np.zeros((2, self.observations))
        self._C = np.zeros(len(at.COUNTS))
        self._X = np.zeros((s.rollout, self.observations), self._dtype)
        self._A = np.zeros((s.rollout, self.actions or 1))
        self._R = np.zeros((s.rollout, len(at.COLUMNS)))
        self._noise = np.zeros((s.rollout, self.actions or 1))
        self._row = np.zeros(self.observations, self._dtype)
        self._action = np.zeros((len(at.ACTION), self.actions or 1))
        self._rng = np.zeros(1, np.uint64)
        self._plan = np.zeros(len(at.PLAN), np.int64)
        kind = at.RELU if s.activation == "relu" else at.TANH
        self._plan[1:] = (
            s.minibatch, max(max(widths) for widths in sizes), kind, self.choices > 0, s.normalise_observations,
            s.scale_rewards, s.time_out == "terminate",
        )  # fmt: skip
        self._hyper = np.array([float(getattr(s, name)) for name in at.HYPER])

    def _draw(self) -> None:
        """Weights at birth: uniform in +-1/sqrt(fan-in), a hundredth of that for what the policy says; biases 0."""
        for n in range(2):
            for l, (inputs, units, first, _) in enumerate(self._layers[n].tolist()):
                bound = (0.01 if n == 0 and l == len(self.settings.hidden) else 1.0) / math.sqrt(inputs)
                self._P[0, first : first + inputs * units] = self.random.uniform(-bound, bound, inputs * units)
        self._rng[0] = self.random.integers(2**63)

    def _new_noise(self) -> None:
        if self.choices:
            self._noise[:] = self.random.random(self._noise.shape)
        else:
            self._noise[:] = self.random.standard_normal(self._noise.shape)

    def _load(self) -> Any:
        if self._kernel is None:
            compile_apart("ppo", self._dtype.name, "_ppo")
            self._scratch()
        return self._kernel

    def _scratch(self) -> None:
        """What kernels are called with, and the room that they work in."""
        s = self.settings
        places = 2 * (len(s.hidden) + 2) * s.minibatch * int(self._plan[at.WIDE])
        largest = int(self._layers[:, :, :2].prod(2).max())
        H, D, T = (np.zeros(n, self._dtype) for n in (places, places, largest))
        self._state = (self._P, self._layers, self._S, self._C, self._X, self._A, self._R, self._noise, self._row,
                       self._action, H, T, self._plan, self._hyper)  # fmt: skip
        self._learned_by = (self._P, self._layers, self._U, self._C, self._X, self._A, self._R), (
            H, D, T, self._plan, self._hyper, self._rng)  # fmt: skip
        self._kernel = importlib.import_module("klopf.mind.rl._kernels.ppo")

    def prepare(self) -> None:
        """Load or compile the code that this agent needs; otherwise done at its first step."""
        twin = PPO._from(self._header(), self._arrays())
        twin._load()
        twin._try()

    def _try(self) -> None:
        seen = np.zeros(self.observations)
        self.begin(seen)
        self._R[:, at.ENDS] = 1.0
        self.step(seen, 0.0)
        self._kernel.advantages(self._R, self.settings.gamma, self.settings.trace_decay)
        self._learn(np.arange(2))

    @in_turn
    def weights(self, network: int, layer: int) -> NDArray[Any]:
        """A copy of one layer's weights, shape ``(inputs + 1, units)``, the biases last; network 0 is the policy."""
        inputs, units, first, _ = self._layers[network, layer].tolist()
        return self._P[0, first : first + (inputs + 1) * units].reshape(inputs + 1, units).copy()

    @property
    def births(self) -> int:
        """Units reborn."""
        return int(self._C[at.BIRTHS])

    # --- living ---------------------------------------------------------------------------------------------------

    def _seen(self, observation: ArrayLike) -> NDArray[np.float64]:
        if (
            type(observation) is np.ndarray and observation.dtype is _FLOAT64 and observation.flags.carray
            and observation.shape == self._row.shape
        ):  # fmt: skip
            return observation
        try:
            seen = np.array(observation, np.float64).reshape(-1)
        except (TypeError, ValueError) as error:
            raise MindError(f"an observation must be numbers: {error}") from error
        if seen.shape[0] != self.observations:
            raise MindError(f"an observation has {seen.shape[0]} numbers where this agent sees {self.observations}")
        return seen

    def _live(self, seen: NDArray[np.float64], reward: float, what: int, terminated: bool, truncated: bool) -> int:
        """One call of the kernel; FINE or FULL, or it is raised what is wrong."""
        done: int = (self._kernel or self._load()).live(*self._state, seen, reward, what, terminated, truncated)
        if done in _WRONG:
            raise (Diverged if done == at.DIVERGED else MindError)(_WRONG[done].format(reward=reward))
        return done

    def _drawn(self) -> Any:
        return int(self._A[self._plan[at.NOW], 0]) if self.choices else self._action[at.TAKEN].copy()

    def begin(self, observation: ArrayLike) -> Any:
        """An episode begins: its first observation, shape ``(observations,)``; the first action is handed back.

        Raises:
            MindError: anything that cannot be learned from; the agent is then as it was.
        """
        seen = self._seen(observation)
        with self._turns.lock:
            self._live(seen, 0.0, at.BEGIN, False, False)
            return self._drawn()

    def step(self, observation: ArrayLike, reward: float, terminated: bool = False, truncated: bool = False) -> Any:
        """What came of the last action: what is seen now, what was earned, whether the episode is over or cut off.

        The next action, or None where the episode has ended.

        Raises:
            MindError: anything that cannot be learned from; the agent is then as it was.
        """
        seen, ends, cut = self._seen(observation), bool(terminated), bool(truncated)
        try:
            earned = float(reward)
        except (TypeError, ValueError):
            raise MindError(f"the reward is {shown(reward)}, not one number; mend the environment") from None
        lock = self._turns.lock
        lock.acquire()  # less than half the time of a ``with``
        try:
            full = self._live(seen, earned, at.STEP_ON, ends, cut) == at.FULL
            if full:
                self._learn_all()
            if ends or cut:
                return None
            if full:
                self._live(seen, 0.0, at.GO_ON, False, False)
            return self._drawn()
        finally:
            lock.release()

    def _learn_all(self) -> None:
        """The rollout is full: it is learned from, and forgotten."""
        s = self.settings
        self._kernel.advantages(self._R, s.gamma, s.trace_decay)
        for _ in range(s.epochs):
            self._learn(self.random.permutation(s.rollout))
        self._plan[at.NOW] = 0
        self._new_noise()
        self.course.rollout(s, self._X, self.weights, self._P, self._C)

    def _learn(self, order: NDArray[np.int64]) -> None:
        before, after = self._learned_by
        self._kernel.epoch(*before, order, *after)

    # --- saving ---------------------------------------------------------------------------------------------------

    def _header(self) -> dict[str, Any]:
        return {
            "agent": self.agent, "observations": self.observations, "actions": self.actions, "choices": self.choices,
            "low": self._action[at.LOW].astype(str).tolist(), "high": self._action[at.HIGH].astype(str).tolist(),
            "seed": self.seed, "dtype": self._dtype.name, "settings": self.settings.as_dict(),
            "now": int(self._plan[at.NOW]),
            "random": self.random.bit_generator.state, "every": self.course.every, "rollouts": self.course.rollouts,
        }  # fmt: skip

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {
            "weights": self._P, "units": self._U, "senses": self._S, "counts": self._C, "seen": self._X,
            "done": self._A, "rollout": self._R, "noise": self._noise, "row": self._row, "random": self._rng,
            "course": self.course.array(),
        }  # fmt: skip

    @classmethod
    def _from(cls, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> PPO:
        low, high = ([float(v) for v in header[name]] for name in ("low", "high"))
        made = cls(
            header["observations"], header["actions"], header["choices"], low, high, header["seed"], header["dtype"],
            **header["settings"],
        )  # fmt: skip
        own = made._arrays()
        refuse_damaged(header, arrays, own, made.choices)
        for name, mine in own.items():
            if name == "course":
                made.course = Course(arrays[name], header["every"], header["rollouts"])
            else:
                mine[...] = arrays[name]
        made._plan[at.NOW] = header["now"]
        try:
            made.random.bit_generator.state = header["random"]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise MindError("the saved agent's random numbers are none of this kind; restore it from a copy") from error
        return made

    @in_turn
    def commitment(self) -> bytes:
        """SHA-256 of everything this agent is: equal for agents that will do the same."""
        return hashlib.sha256(_file.pack({"agent": self._header()}, self._arrays())).digest()


def compile_here(algorithm: str, dtype: str) -> None:
    """Compile the kernels in this process, so that the cache has them."""
    made = PPO(2, choices=2, hidden=(4,), dtype=dtype, rollout=4, minibatch=2)
    made._scratch()
    made._try()
    mark_compiled(algorithm, dtype)
