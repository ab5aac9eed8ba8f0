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

from klopf.errors import Diverged, MindError
from klopf.mind import _file
from klopf.mind._checked import plain
from klopf.mind._memory import enough_room, zeros
from klopf.mind._settings import checked_seed
from klopf.mind._turns import Kept, Turns, in_turn
from klopf.mind.kernels.state import MOST
from klopf.mind.rl._geometry import draw, geometry_for, hyperparameters_for, options_for
from klopf.mind.rl._jit import compile_apart, mark_compiled
from klopf.mind.rl._kernels import layout as at
from klopf.mind.rl._settings import AGENTS, ALGORITHMS, AgentSettings, settings_for

__all__ = ["Agent"]

_FLOAT64 = np.dtype(np.float64)
_DRAWN = (at.DRAWN, 0)

_WRONG = {
    at.NOT_BEGUN: "no episode has begun; call begin(observation) first",
    at.BAD_OBSERVATION: f"the observation contains NaN, infinity or a number beyond {MOST:g}; mend the environment "
    "or leave it out",
    at.BAD_REWARD: f"the reward is NaN, infinite or beyond {MOST:g}; mend the environment",
    at.DIVERGED: "the agent has diverged: what it says is not a finite number; go on from its last checkpoint "
    "with smaller steps",
}


class Agent(Kept):
    """An agent with two networks at most, whose every step is learned from once and costs the same.

    Args:
        observations: how many numbers one observation has.
        actions: how many numbers an action has (continuous), or 0.
        choices: how many discrete actions there are, or 0. With neither, the agent only predicts ("stream-td").
        agent: a name from ``klopf.mind.rl.AGENTS``.
        low, high: bounds of continuous actions, shape ``(actions,)``; what is sampled beyond them is clipped on its way
            to the environment, and learned from as it was sampled.
        time_limit: steps after which episodes are truncated, for the time feature; 0 if there is none.
        raw: which observations are taken as they are and not normalised, such as those that are 0 or 1; shape
            ``(observations,)``, true or false.
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
        raw: ArrayLike = False,
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
        settings = settings_for(agent, **options)
        if not isinstance(settings, AgentSettings):
            raise MindError(f"{agent} learns from batches and is made by klopf.mind.rl.PPO")
        self.settings: AgentSettings = settings
        algorithm = ALGORITHMS[self.settings.algorithm]
        if actions and choices:
            raise MindError("actions are continuous or discrete: give `actions` or `choices`, not both")
        if not algorithm.acts and (actions or choices):
            raise MindError(f"{agent} predicts and does not act: give neither `actions` nor `choices`")
        if algorithm.acts and not algorithm.continuous and choices < 2:
            raise MindError(
                f"{agent} chooses between discrete actions: give choices=2 or more (stream-ac takes both kinds)"
            )
        if algorithm.acts and not actions and choices < 2:
            raise MindError(f"{agent} acts: give actions=1 or more, or choices=2 or more")
        self.observations, self.actions, self.choices = int(observations), int(actions), int(choices)
        self._shape = (self.observations,)
        self.agent, self.seed, self.time_limit = agent, checked_seed(seed), int(time_limit)
        self._dtype: Any = np.dtype(dtype)
        with enough_room(f"{observations} observations, {self.settings.hidden} units and {actions or choices} actions"):
            self._lay_out()
            self._bound(low, high)
            self._draw()
        try:
            self._S[at.S_SQUARES, np.broadcast_to(np.asarray(raw, bool), self.observations)] = -1.0
        except ValueError as error:
            raise MindError(f"raw must be true or false for each of {self.observations} observations") from error
        self._kernel: Any = None
        self._state: Any = None
        self._taken: Any = None
        self._turns = Turns()

    _fleeting = ("_kernel", "_state", "_taken")

    # --- state ----------------------------------------------------------------------------------------------------

    @property
    def _timed(self) -> bool:
        return self.settings.time_feature and self.time_limit > 0

    def _lay_out(self) -> None:
        """Geometry, work arrays and hyperparameters: all that follows from the arguments alone."""
        s = self.settings
        outputs = ALGORITHMS[s.algorithm].outputs(self.actions, self.choices)
        g = geometry_for(self.observations + self._timed, s.hidden, outputs)
        self._networks, self._spans = g.networks, g.spans
        self._table = at.UPDATES[s.update].rows
        self._B = np.array([q.birth for q in self._table], self._dtype)
        self._P = zeros((len(self._table), g.weights), self._dtype)
        self._U = zeros((len(at.RECORDS) + len(at.ROOM), max(g.units, 1)), np.float64)
        self._S = zeros((len(at.SENSES), self.observations), np.float64)
        self._S[at.S_UNIT] = 1.0
        self._S[at.S_REACH] = at.REACH
        self._A = zeros((2, g.places), self._dtype)
        self._D = zeros(g.places, self._dtype)
        self._C = zeros(len(at.SCALARS), self._dtype)
        self._C[at.C_ROOM] = 1.0
        self._N = zeros((len(outputs), at.COUNTERS), np.float64)
        self._N[:, at.N_CLIP] = 1.0  # the clipping threshold's running square begins at 1 (Intentional updates)
        self._G = zeros(at.GLOBALS, np.float64)
        self._action = zeros((len(at.ACTION), max(self.actions, 1)), np.float64)
        self._hyp = hyperparameters_for(s, len(outputs), self._dtype)
        self._O = options_for(s, self.time_limit if self._timed else 0, self.actions > 0)

    def _bound(self, low: ArrayLike, high: ArrayLike) -> None:
        if not self.actions:
            return
        try:
            self._action[at.LOW], self._action[at.HIGH] = np.asarray(low, np.float64), np.asarray(high, np.float64)
        except ValueError as error:
            raise MindError(f"the bounds of actions must be {self.actions} numbers each: {error}") from error
        if not (self._action[at.LOW] < self._action[at.HIGH]).all():
            raise MindError("the lower bounds of actions must be below the upper ones")

    def _draw(self) -> None:
        rng = np.random.default_rng(self.seed)
        self._P[:] = self._B[:, None]
        draw(self._P[at.WEIGHT], self._networks, self.settings.sparsity, self.settings.update == "intentional", rng)
        self._rng = rng.integers(0, 2**64, 1, dtype=np.uint64)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Everything that changes by living."""
        return {
            "weights": self._P,
            "units": self._U[: len(at.RECORDS)],
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
            "low": [_json_number(v) for v in self._action[at.LOW, : self.actions].tolist()],
            "high": [_json_number(v) for v in self._action[at.HIGH, : self.actions].tolist()],
            "time_limit": self.time_limit,
            "seed": self.seed,
            "dtype": str(self._dtype),
            "settings": self.settings.as_dict(),
        }

    @in_turn
    def weights(self, network: int, layer: int, quantity: str = "weight") -> NDArray[Any]:
        """A copy of one layer's weights, shape ``(inputs + 1, units)``, the last row the biases.

        Network 0 is the values', network 1 the policy's (or the second one of "qrc"). ``quantity`` names another row of
        the weight table, such as "trace".
        """
        names = [q.name for q in self._table]
        if quantity not in names:
            raise MindError(f"this agent keeps no {quantity!r} per weight; it keeps {', '.join(names)}")
        n, m = int(self._networks[network, layer, at.INPUTS]), int(self._networks[network, layer, at.UNITS])
        first = int(self._networks[network, layer, at.WEIGHTS_AT])
        row: NDArray[Any] = self._P[names.index(quantity), first : first + (n + 1) * m]
        last = layer in (-1, self._networks.shape[1] - 1)
        return (row.reshape(m, n + 1).T if last else row.reshape(n + 1, m)).copy()

    @in_turn
    def features(self) -> NDArray[Any]:
        """What the value network's last hidden layer makes of the state the agent is in, and a 1.

        Shape ``(units + 1,)``.

        Without hidden layers, the normalised observation and a 1. For a Horde, or a linear learner, to predict from.
        """
        first, n = int(self._networks[0, -1, at.INPUTS_AT]), int(self._networks[0, -1, at.INPUTS])
        seen: NDArray[Any] = self._A[int(self._G[at.G_NOW]), first : first + n + 1].astype(np.float64)
        return seen

    @in_turn
    def report(self) -> dict[str, Any]:
        """How the agent is doing, as plain numbers: ``steps`` and ``episodes`` lived, its last TD error ``delta`` and
        ``value`` (of scaled rewards), and for each network the size of its last ``step`` along the traces, its mean
        absolute ``weight``, and how many hidden units were ``reborn``."""
        networks = [
            {
                "step": float(self._N[k, at.N_STEP]),
                "weight": float(np.abs(self._P[at.WEIGHT, start:end]).mean()),
                "reborn": int(self._N[k, at.N_BIRTHS]),
            }
            for k, (start, end) in enumerate(self._spans.tolist())
        ]
        g = self._G
        return {
            "steps": int(g[at.G_STEPS]),
            "episodes": int(g[at.G_EPISODES]),
            "delta": float(g[at.G_DELTA]),
            "value": float(g[at.G_VALUE]),
            "networks": networks,
        }

    # --- living ---------------------------------------------------------------------------------------------------

    def _load(self, apart: bool = True) -> Any:
        if apart:
            compile_apart(self.settings.algorithm, str(self._dtype))
        kernel = importlib.import_module(
            f"klopf.mind.rl._kernels.{ALGORITHMS[self.settings.algorithm].kernel}"
        )  # compiled code, when first needed
        self._taken = self._action[at.TAKEN]
        self._state = (self._P, self._U, self._B, self._S, self._A, self._D, self._C, self._N, self._G, self._networks,
                       self._spans, self._hyp, self._O, self._rng, self._action)  # fmt: skip
        self._kernel = kernel
        return kernel

    def _observed(self, observation: ArrayLike) -> NDArray[Any]:
        if (
            type(observation) is np.ndarray
            and observation.dtype is _FLOAT64
            and observation.shape == self._shape
            and observation.flags.carray
        ):
            return observation
        x = plain(observation, np.float64, "observation").reshape(-1)
        if x.shape[0] != self.observations:
            raise MindError(f"an observation has {x.shape[0]} numbers where this agent has {self.observations} sensors")
        return x

    def begin(self, observation: ArrayLike) -> Any:
        """An episode begins: returns the first action (or, of an agent that only predicts, the prediction).

        Raises:
            MindError: an observation that is not ``observations`` finite numbers.
        """
        seen = self._observed(observation)
        with self._turns.lock:
            return self._answer((self._kernel or self._load()).begin(*self._state, seen))

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
        seen, earned = self._observed(observation), reward if type(reward) is float else _number(reward)
        ends, cut = bool(terminated), bool(truncated)
        lock = self._turns.lock
        lock.acquire()  # less than half the time of a ``with``: of a small network, one part in twenty of a step
        try:
            wrong = (self._kernel or self._load()).step(*self._state, seen, earned, ends, cut)
            return None if not wrong and (ends or cut) else self._answer(wrong)
        finally:
            lock.release()

    def prepare(self) -> None:
        """Load or compile the code that this agent needs; otherwise done at its first step."""
        twin = Agent._from(self._header(), self._arrays())
        twin._try(twin._load())

    def _try(self, kernel: Any) -> None:
        seen = np.zeros(self.observations)
        kernel.begin(*self._state, seen)
        kernel.step(*self._state, seen, 0.0, False, False)

    @in_turn
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
                out = int(self._networks[0, -1, at.SUMS_AT])
                values = self._A[int(self._G[at.G_NOW]), out : out + self.choices]
                self._G[at.G_GREEDY] = float(int(given[0]) == int(values.argmax()))
            self._action[at.DRAWN, 0] = given[0]
            return
        if given.shape != (self.actions,) or not self.actions:
            raise MindError(f"an action has {given.size} numbers where this agent's have {self.actions}")
        if not ((given >= self._action[at.LOW]) & (given <= self._action[at.HIGH])).all():  # NaN is out of range too
            raise MindError(f"action {given.tolist()} is out of range: the bounds are the environment's")
        self._action[at.DRAWN], self._action[at.TAKEN] = given, given

    # --- saving ---------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write this agent to one file, atomically; ``load`` goes on to the bit.

        Raises:
            MindError: the file cannot be written.
        """
        with self._turns:
            body = _file.pack({"kind": "agent", "agent": self._header()}, self._arrays())
        _file.write(path, body)

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
            if name == "senses" and kept is not None and kept.shape == (2, made.observations):
                kept = np.vstack([kept, mine[2:]])  # as agents were before they followed their sensors
            if kept is None or kept.shape != mine.shape or kept.dtype != mine.dtype:
                raise MindError(f"the saved agent's {name} do not fit its settings: it is another agent's, or damaged")
            mine[...] = kept
        return made

    @in_turn
    def commitment(self) -> bytes:
        """SHA-256 of everything this agent is: equal for agents that will do the same."""
        return hashlib.sha256(_file.pack({"agent": self._header()}, self._arrays())).digest()

    def _answer(self, wrong: int) -> Any:
        """What the kernel drew, where it found nothing wrong."""
        if wrong:
            raise (Diverged if wrong == at.DIVERGED else MindError)(_WRONG[wrong])
        if self.actions:
            return self._taken.copy()
        drawn = self._action.item(_DRAWN)
        return int(drawn) if self.choices else drawn


def compile_here(algorithm: str, dtype: str) -> None:
    """Compile the kernel of ``algorithm`` in this process, so that the cache has it."""
    shape = {"choices": 2} if ALGORITHMS[algorithm].acts else {}
    name = next(name for name, s in AGENTS.items() if s.algorithm == algorithm)
    made = Agent(2, agent=name, hidden=(4,), dtype=dtype, **shape)
    made._try(made._load(apart=False))
    mark_compiled(algorithm, dtype)


def _number(reward: Any) -> float:
    if isinstance(reward, int | float | np.number | np.bool_) or (isinstance(reward, np.ndarray) and not reward.ndim):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            return float(reward)
    raise MindError(f"the reward is {str(reward)[:60]!r}, not one number; mend the environment")


def _json_number(v: float) -> float | str:
    return v if math.isfinite(v) else ("inf" if v > 0 else "-inf")
