"""An agent that learns from every step it lives, at once, and keeps none of them."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import math
import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from klopf.errors import MindError
from klopf.mind import _file
from klopf.mind._k_places import MOST
from klopf.mind._layout import Quantity
from klopf.mind._settings import checked_seed
from klopf.mind.rl._jit import compile_apart, mark_compiled
from klopf.mind.rl._settings import AGENTS, UPDATES, AgentSettings, settings_for

__all__ = ["Agent"]

_KERNELS = {"ac": "_k_actor_critic", "q": "_k_q", "sarsa": "_k_sarsa", "td": "_k_td", "qrc": "_k_qrc"}
_TRACED = (Quantity("weight"), Quantity("trace"))
TABLES: dict[str, tuple[Quantity, ...]] = {
    "obgd": _TRACED,
    "adaptive-obgd": (*_TRACED, Quantity("second moment")),
    "intentional": (*_TRACED, Quantity("second moment")),
    "fixed": (*_TRACED, Quantity("gradient"), Quantity("move")),
    "autostep": (*_TRACED, Quantity("gradient"), Quantity("step-size", 1.0, 1.0), Quantity("memory"), Quantity("mean")),
}
"""What belongs to a weight, with its value at birth; the kernels rely on this order."""
UNITS = (Quantity("age"), Quantity("utility"), Quantity("mean"))
# places in an agent's globals and in a network's counters, as the kernels have them (_k_senses, _k_net)
_NOW, _STEPS, _EPISODES, _DELTA, _VALUE, _GREEDY = 0, 7, 8, 9, 10, 12
_CLIP, _STEP, _BIRTHS = 2, 4, 5
_WRONG = {
    1: "no episode has begun; call begin(observation) first",
    2: f"the observation contains NaN, infinity or a number beyond {MOST:g}; mend the environment or leave it out",
    3: f"the reward is NaN, infinite or beyond {MOST:g}; mend the environment",
    4: "the agent has diverged: what it says is not a finite number; go on from its last checkpoint with smaller steps",
}


class Agent:
    """An agent with two networks at most, whose every step is learned from once and costs the same.

    Args:
        observations: how many numbers one observation has.
        actions: how many numbers an action has (continuous), or 0.
        choices: how many discrete actions there are, or 0. With neither, the agent only predicts ("stream-td").
        agent: a name from ``klopf.mind.rl.AGENTS``.
        low, high: bounds of continuous actions, shape ``(actions,)``; what is sampled beyond them is clipped on its way
            to the environment, and learned from as it was sampled.
        time_limit: steps after which episodes are truncated, for the time feature; 0 if there is none.
        seed: of everything random in this agent.
        dtype: "float32", or "float64" for checks.
        options: any field of ``klopf.mind.rl.AgentSettings``, in place of the agent's own.

    Raises:
        MindError: a size, name or option that makes no sense.

    >>> a = Agent(observations=4, choices=2, agent="stream-q", seed=1)
    >>> a.begin([0.0, 0.1, 0.2, 0.3]) in (0, 1)
    True
    >>> a.step([0.1, 0.1, 0.2, 0.2], reward=1.0) in (0, 1)
    True
    """

    def __init__(
        self,
        observations: int,
        actions: int = 0,
        choices: int = 0,
        agent: str = "stream-ac",
        low: ArrayLike = -math.inf,
        high: ArrayLike = math.inf,
        time_limit: int = 0,
        seed: int = 0,
        dtype: str = "float32",
        **options: Any,
    ) -> None:
        for name, n, least in (("observations", observations, 1), ("actions", actions, 0), ("choices", choices, 0),
                               ("time_limit", time_limit, 0)):  # fmt: skip
            if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < least:
                raise MindError(f"{name}={n!r} must be a whole number from {least}")
        if dtype not in ("float32", "float64"):
            raise MindError(f"dtype={dtype!r} is not float32 or float64")
        self.settings: AgentSettings = settings_for(agent, **options)
        algorithm = self.settings.algorithm
        if actions and choices:
            raise MindError("actions are continuous or discrete: give `actions` or `choices`, not both")
        if algorithm == "td" and (actions or choices):
            raise MindError(f"{agent} predicts and does not act: give neither `actions` nor `choices`")
        if algorithm in ("q", "sarsa", "qrc") and choices < 2:
            raise MindError(
                f"{agent} chooses between discrete actions: give choices=2 or more (stream-ac takes both kinds)"
            )
        if algorithm == "ac" and not actions and choices < 2:
            raise MindError(f"{agent} acts: give actions=1 or more, or choices=2 or more")
        self.observations, self.actions, self.choices = int(observations), int(actions), int(choices)
        self.agent, self.seed, self.time_limit = agent, checked_seed(seed), int(time_limit)
        self._dtype: Any = np.dtype(dtype)
        self._lay_out(low, high)
        self._draw()
        self._kernel: Any = None

    # --- state ----------------------------------------------------------------------------------------------------

    @property
    def _timed(self) -> bool:
        return self.settings.time_feature and self.time_limit > 0

    def _lay_out(self, low: ArrayLike, high: ArrayLike) -> None:
        """Geometry, work arrays and hyperparameters: all that follows from the arguments alone."""
        s = self.settings
        outputs = {
            "ac": [1, 2 * self.actions or self.choices], "q": [self.choices], "sarsa": [self.choices], "td": [1],
            "qrc": [self.choices, self.choices],
        }[s.algorithm]  # fmt: skip
        inputs = self.observations + self._timed
        layers = len(s.hidden) + 1
        geo = np.zeros((len(outputs), layers, 6), np.int64)
        spans = np.zeros((len(outputs), 2), np.int64)
        weights, units, place = 0, 0, _round_up(inputs + 1)
        for k, last in enumerate(outputs):
            sizes = (inputs, *s.hidden, last)
            heard_at, spans[k, 0] = 0, weights
            for l in range(layers):
                n, m = sizes[l], sizes[l + 1]
                geo[k, l] = (n, m, weights, heard_at, place, units)
                weights = _round_up(weights + (n + 1) * m)
                place = _round_up(place + m + 1)
                if l < layers - 1:
                    units += m
                    heard_at = place
                    place = _round_up(place + m + 1)
            spans[k, 1] = weights
        self._geo, self._spans = geo, spans
        self._table = TABLES[s.update]
        self._B = np.array([q.birth for q in self._table], self._dtype)
        self._P = np.zeros((len(self._table), weights), self._dtype)
        self._U = np.zeros((len(UNITS), max(units, 1)), np.float64)
        self._S = np.zeros((2, self.observations), np.float64)
        self._A = np.zeros((2, place), self._dtype)
        self._D = np.zeros(place, self._dtype)
        self._C = np.zeros(12, self._dtype)
        self._N = np.zeros((len(outputs), 8), np.float64)
        self._N[:, _CLIP] = 1.0  # the clipping threshold's running square begins at 1 (Intentional updates)
        self._G = np.zeros(24, np.float64)
        self._action = np.zeros((4, max(self.actions, 1)), np.float64)
        if self.actions:
            try:
                self._action[2], self._action[3] = np.asarray(low, np.float64), np.asarray(high, np.float64)
            except ValueError as error:
                raise MindError(f"the bounds of actions must be {self.actions} numbers each: {error}") from error
            if not (self._action[2] < self._action[3]).all():
                raise MindError("the lower bounds of actions must be below the upper ones")
        value = s.eta_value if s.update == "intentional" else s.step_size
        policy = s.eta_policy if s.update == "intentional" else s.step_size
        second = {"ac": policy, "qrc": s.step_size * s.second_step_size}
        hyp = [
            (
                alpha, kappa, s.trace_decay, s.gamma, s.beta2, 1e-8, s.meta_step_size, s.tau, s.leak, s.sparsity,
                s.replacement_rate, s.maturity, s.utility_decay, s.clip, s.delta_decay, s.regulariser, normalise,
            )
            for alpha, kappa, normalise in (
                (value, s.kappa_value, 0.0),
                (second.get(s.algorithm, value), s.kappa_policy, 1.0),
            )[: len(outputs)]
        ]  # fmt: skip
        self._hyp = np.array(hyp, self._dtype)
        self._O = np.array([
            s.normalise_observations, s.scale_rewards, self.time_limit if self._timed else 0,
            s.time_out == "terminate", s.gamma, s.entropy, s.epsilon_start, s.epsilon_end, s.epsilon_steps,
            UPDATES.index(s.update) if s.update != "obgd" else 0, s.life == "continual", self.actions > 0,
            s.horizon, s.utility == "zero-contribution",
        ], np.float64)  # fmt: skip

    def _draw(self) -> None:
        """Weights at birth: sparse, without replacement (Elsayed et al. 2024, algorithm 1)."""
        rng = np.random.default_rng(self.seed)
        self._P[:] = self._B[:, None]
        for net in self._geo:
            for l, (n, m, at, *_) in enumerate(net.tolist()):
                bound = 1.0 / math.sqrt(n)
                w = rng.uniform(-bound, bound, (n, m))
                zeros = math.ceil(self.settings.sparsity * n - 1e-9)
                w[rng.random((n, m)).argsort(0).argsort(0) < zeros] = 0.0
                block = np.vstack([w, np.zeros((1, m))])
                self._P[0, at : at + (n + 1) * m] = (block.T if l == len(net) - 1 else block).ravel()
        self._rng = rng.integers(0, 2**64, 1, dtype=np.uint64)

    @property
    def _kernel_name(self) -> str:
        return _KERNELS[self.settings.algorithm]

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Everything that changes by living."""
        return {
            "weights": self._P,
            "units": self._U,
            "senses": self._S,
            "activations": self._A,
            "counters": self._N,
            "globals": self._G,
            "action": self._action,
            "random": self._rng,
        }

    def _header(self) -> dict[str, Any]:
        return {
            "observations": self.observations,
            "actions": self.actions,
            "choices": self.choices,
            "agent": self.agent,
            "low": [_json_number(v) for v in self._action[2, : self.actions].tolist()],
            "high": [_json_number(v) for v in self._action[3, : self.actions].tolist()],
            "time_limit": self.time_limit,
            "seed": self.seed,
            "dtype": str(self._dtype),
            "settings": self.settings.as_dict(),
        }

    def weights(self, network: int, layer: int, quantity: str = "weight") -> NDArray[Any]:
        """A copy of one layer's weights, shape ``(inputs + 1, units)``, the last row the biases.

        Network 0 is the values', network 1 the policy's (or the second one of "qrc"). ``quantity`` names another row of
        the weight table, such as "trace".
        """
        names = [q.name for q in self._table]
        if quantity not in names:
            raise MindError(f"this agent keeps no {quantity!r} per weight; it keeps {', '.join(names)}")
        n, m, at = (int(v) for v in self._geo[network, layer, :3])
        row: NDArray[Any] = self._P[names.index(quantity), at : at + (n + 1) * m]
        last = layer in (-1, self._geo.shape[1] - 1)
        return (row.reshape(m, n + 1).T if last else row.reshape(n + 1, m)).copy()

    def features(self) -> NDArray[Any]:
        """What the value network's last hidden layer makes of the state the agent is in, and a 1.

        Shape ``(units + 1,)``.

        Without hidden layers, the normalised observation and a 1. For a Horde, or a linear learner, to predict from.
        """
        at, n = int(self._geo[0, -1, 3]), int(self._geo[0, -1, 0])
        seen: NDArray[Any] = self._A[int(self._G[_NOW]), at : at + n + 1].astype(np.float64)
        return seen

    def report(self) -> dict[str, Any]:
        """How the agent is doing, as plain numbers: ``steps`` and ``episodes`` lived, its last TD error ``delta`` and
        ``value`` (of scaled rewards), and for each network the size of its last ``step`` along the traces, its mean
        absolute ``weight``, and how many hidden units were ``reborn``."""
        networks = [
            {
                "step": float(self._N[k, _STEP]),
                "weight": float(np.abs(self._P[0, start:end]).mean()),
                "reborn": int(self._N[k, _BIRTHS]),
            }
            for k, (start, end) in enumerate(self._spans.tolist())
        ]
        g = self._G
        return {
            "steps": int(g[_STEPS]),
            "episodes": int(g[_EPISODES]),
            "delta": float(g[_DELTA]),
            "value": float(g[_VALUE]),
            "networks": networks,
        }

    # --- living ---------------------------------------------------------------------------------------------------

    def _load(self, apart: bool = True) -> Any:
        if apart:
            compile_apart(self.settings.algorithm, str(self._dtype))
        kernel = importlib.import_module(f"klopf.mind.rl.{self._kernel_name}")  # compiled code, when first needed
        self._kernel = kernel
        self._state = (self._P, self._U, self._B, self._S, self._A, self._D, self._C, self._N, self._G, self._geo,
                       self._spans, self._hyp, self._O, self._rng, self._action)  # fmt: skip
        return kernel

    def _observed(self, observation: ArrayLike) -> NDArray[Any]:
        if (
            type(observation) is np.ndarray
            and observation.dtype == np.float64
            and observation.shape == (self.observations,)
            and observation.flags.c_contiguous
            and observation.flags.writeable
        ):
            return observation
        try:
            x = np.array(observation, np.float64, order="C").reshape(-1)
        except (TypeError, ValueError) as error:
            raise MindError(f"an observation must be numbers: {error}") from error
        if x.shape[0] != self.observations:
            raise MindError(f"an observation has {x.shape[0]} numbers where this agent has {self.observations} sensors")
        return x

    def begin(self, observation: ArrayLike) -> Any:
        """An episode begins: returns the first action (or, of an agent that only predicts, the prediction).

        Raises:
            MindError: an observation that is not ``observations`` finite numbers.
        """
        kernel = self._kernel or self._load()
        wrong = kernel.begin(*self._state, self._observed(observation))
        if wrong:
            raise MindError(_WRONG[wrong])
        return self._answer()

    def step(self, observation: ArrayLike, reward: float, terminated: bool = False, truncated: bool = False) -> Any:
        """Learn from what followed the last action, and act again; None where the episode is over.

        Args:
            observation: what is seen now, shape ``(observations,)``.
            reward: what the last action earned (or the cumulant to be predicted).
            terminated: the episode is over, and nothing can follow.
            truncated: the episode was cut off, by a time limit for instance.

        Raises:
            MindError: anything that cannot be learned from; the agent is then as it was.
        """
        wrong = (self._kernel or self._load()).step(
            *self._state, self._observed(observation), _number(reward), bool(terminated), bool(truncated)
        )
        if wrong:
            raise MindError(_WRONG[wrong])
        if terminated or truncated:
            return None
        return self._answer()

    def prepare(self) -> None:
        """Load or compile the code that this agent needs; otherwise done at its first step."""
        twin = Agent._from(self._header(), self._arrays())
        twin._try(twin._load())

    def _try(self, kernel: Any) -> None:
        seen = np.zeros(self.observations)
        kernel.begin(*self._state, seen)
        kernel.step(*self._state, seen, 0.0, False, False)

    def take(self, action: ArrayLike) -> None:
        """Say which action is really taken where somebody else decided: it is learned from instead of the agent's own.

        Raises:
            MindError: an action out of range, or of another kind than this agent's.
        """
        try:
            given = np.asarray(action, np.float64).reshape(-1)
        except (TypeError, ValueError) as error:
            raise MindError(f"an action must be numbers: {error}") from error
        if self.choices:
            if given.shape != (1,) or given[0] not in range(self.choices):
                raise MindError(f"action {action!r} is out of range: this agent has choices 0 to {self.choices - 1}")
            if self.settings.algorithm in ("q", "qrc"):
                out = int(self._geo[0, -1, 4])
                values = self._A[int(self._G[_NOW]), out : out + self.choices]
                self._G[_GREEDY] = float(int(given[0]) == int(values.argmax()))
            self._action[0, 0] = given[0]
            return
        if given.shape != (self.actions,) or not self.actions:
            raise MindError(f"an action has {given.size} numbers where this agent's have {self.actions}")
        if not ((given >= self._action[2]) & (given <= self._action[3])).all():  # NaN is out of range too
            raise MindError(f"action {given.tolist()} is out of range: the bounds are the environment's")
        self._action[0], self._action[1] = given, given

    # --- saving ---------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write this agent to one file, atomically; ``load`` goes on to the bit.

        Raises:
            MindError: the file cannot be written.
        """
        _file.write(path, _file.pack({"kind": "agent", "agent": self._header()}, self._arrays()))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Agent:
        """The agent that ``save`` wrote (or the one in a checkpoint of ``run``).

        Raises:
            MindError: no such file, damaged, or not an agent's.
        """
        header, arrays = _file.read(path)
        if header.get("kind") not in ("agent", "life"):
            raise MindError(f"{path} is not a saved agent; give a file that Agent.save wrote")
        return cls._from(header["agent"], arrays)

    @classmethod
    def _from(cls, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Agent:
        given = dict(header)
        settings = given.pop("settings")
        for name in ("low", "high"):
            given[name] = [float(v) for v in given[name]]
        if not given["actions"]:
            del given["low"], given["high"]
        made = cls(**given, **settings)
        for name, mine in made._arrays().items():
            kept = arrays.get(name)
            if kept is None or kept.shape != mine.shape or kept.dtype != mine.dtype:
                raise MindError(f"the saved agent's {name} do not fit its settings: it is another agent's, or damaged")
            mine[...] = kept
        return made

    def commitment(self) -> bytes:
        """SHA-256 of everything this agent is: equal for agents that will do the same."""
        return hashlib.sha256(_file.pack({"agent": self._header()}, self._arrays())).digest()

    def _answer(self) -> Any:
        if self.actions:
            return self._action[1].copy()
        if self.choices:
            return int(self._action[0, 0])
        return float(self._action[0, 0])


def compile_here(algorithm: str, dtype: str) -> None:
    """Compile the kernel of ``algorithm`` in this process, so that the cache has it."""
    shape: dict[str, Any] = {} if algorithm == "td" else {"choices": 2}
    name = next(name for name, s in AGENTS.items() if s.algorithm == algorithm)
    made = Agent(2, agent=name, hidden=(4,), dtype=dtype, **shape)
    made._try(made._load(apart=False))
    mark_compiled(algorithm, dtype)


def _number(reward: Any) -> float:
    if type(reward) is float:
        return reward
    if isinstance(reward, int | float | np.number | np.bool_) or (isinstance(reward, np.ndarray) and not reward.ndim):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            return float(reward)
    raise MindError(f"the reward is {str(reward)[:60]!r}, not one number; mend the environment")


def _round_up(n: int) -> int:
    return -(-n // 16) * 16


def _json_number(v: float) -> float | str:
    return v if math.isfinite(v) else ("inf" if v > 0 else "-inf")
