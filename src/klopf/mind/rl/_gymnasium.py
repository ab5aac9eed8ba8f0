"""The adapter to Gymnasium: the only file that imports it. Any environment with numbers for observations.

``make`` gives a ``World``: an environment whose episodes are flat vectors, that may change by a schedule, and whose
state can be taken and put back where that is possible (Klopf's own, classic control, MuJoCo).
"""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from klopf.errors import MindError
from klopf.extras import require
from klopf.mind.rl._breakout import Breakout
from klopf.mind.rl._tiles import MOST_TILED, Tiles
from klopf.mind.rl._worlds import Change

require("rl", "an environment")

import gymnasium

__all__ = ["World", "make"]

COMBINATIONS = 4096  # of several choices at once: each is an output of its own
KNOWN = 1e6  # a bound beyond this says only that there is none


class BreakoutEnv(gymnasium.Env[Any, Any]):
    """``klopf/Breakout-v0``: Breakout on 10 x 10 cells, four channels, three actions."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

    def __init__(self, render_mode: str | None = None, sticky: float = 0.1) -> None:
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, (10, 10, 4), np.float64)
        self.action_space = gymnasium.spaces.Discrete(3)
        self.game = Breakout(sticky)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.game.reset(self.np_random)
        return self.game.picture(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        reward, lost = self.game.step(int(action), self.np_random)
        return self.game.picture(), reward, lost, False, {}

    def render(self) -> Any:
        return self.game.image()


if "klopf/Breakout-v0" not in gymnasium.registry:
    gymnasium.register("klopf/Breakout-v0", cast("Any", BreakoutEnv))


class Changing(gymnasium.Wrapper[Any, Any, Any, Any]):
    """A world that changes by a schedule, counted in steps over all episodes."""

    def __init__(self, env: Any, change: Change) -> None:
        super().__init__(env)
        self.change = change
        self.lived = 0
        self.stretch = -1
        self.factor = 1.0
        model = getattr(env.unwrapped, "model", None)
        if change.kind == "action" and not isinstance(env.action_space, gymnasium.spaces.Box):
            raise MindError(f"{env.spec.id if env.spec else env} has no continuous actions to change")
        if change.kind in ("friction", "gravity"):
            if model is None:
                raise MindError(
                    f"{env.spec.id if env.spec else env} has no {change.kind} to change; it is not MuJoCo's"
                )
            self._friction = model.geom_friction.copy()
            self._gravity = model.opt.gravity.copy()

    def set_now(self) -> None:
        """Make the world what it is at this step."""
        stretch = self.lived // self.change.every
        if stretch == self.stretch:
            return
        self.stretch, self.factor = stretch, self.change.factor(self.lived)
        model: Any = getattr(self.unwrapped, "model", None)
        if self.change.kind == "friction":
            model.geom_friction[:, 0] = self._friction[:, 0] * self.factor
        elif self.change.kind == "gravity":
            model.opt.gravity[:] = self._gravity * self.factor

    def reset(self, **given: Any) -> Any:
        self.set_now()
        return self.env.reset(**given)

    def step(self, action: Any) -> Any:
        self.set_now()
        self.lived += 1
        if self.change.kind == "action":
            action = action * self.factor
        seen, reward, terminated, truncated, info = self.env.step(action)
        if self.change.kind == "reward":
            reward = float(reward) * self.factor
        return seen, reward, terminated, truncated, info


class World:
    """An environment as an agent meets it.

    ``observations`` numbers are seen, of which ``raw`` are 0 or 1 and not to be normalised; ``states`` is how many
    there are where what is seen is one of several states, else 0; ``tileable`` says that it is so few numbers, with
    known bounds, that ``tile`` may show them as tiles. An action is ``actions`` numbers within ``low`` and
    ``high``, or one of ``choices``; several choices at once are one, of all their combinations. ``time_limit`` is in
    steps, 0 for none.
    """

    def __init__(self, env: Any, name: str) -> None:
        spaces = gymnasium.spaces
        self.env, self.name = env, name
        space = env.observation_space
        try:
            self.observations = int(spaces.flatdim(space))
            plain = isinstance(space, spaces.Box)
        except NotImplementedError as error:
            raise MindError(f"{name} gives observations that cannot be flattened to numbers: {space}") from error
        if self.observations < 1:
            raise MindError(f"{name} has no observations to learn from: {space}")
        self.raw = _indicators(space)
        self.states = int(space.n) if isinstance(space, spaces.Discrete) else 0
        self._flatten: Any = None if plain else lambda seen: spaces.flatten(space, seen)
        self.tileable = plain and self.observations <= MOST_TILED and _bounded(space)
        self.tiled = False
        acts = env.action_space
        self.actions = self.choices = self.first = 0
        self._parts: tuple[int, ...] | None = None
        self.low: NDArray[Any] = np.zeros(0)
        self.high: NDArray[Any] = np.zeros(0)
        if isinstance(acts, spaces.Discrete):
            self.choices, self.first = int(acts.n), int(acts.start)
        elif isinstance(acts, spaces.MultiDiscrete | spaces.MultiBinary):
            self._several(acts)
        elif isinstance(acts, spaces.Box) and acts.shape is not None:
            self.actions = int(np.prod(acts.shape))
            self.low, self.high = np.ravel(acts.low).astype(float), np.ravel(acts.high).astype(float)
            self._shape = acts.shape
        else:
            raise MindError(f"{name} wants actions of a kind that no agent has: {acts}")
        self.time_limit = int((env.spec.max_episode_steps if env.spec else 0) or 0)
        self._act: Any
        if self._parts is not None:
            self._act = lambda action: env.step(self._together(action))
        elif self.choices and not self.first:
            self._act = env.step
        elif self.choices:
            self._act = lambda action: env.step(action + self.first)
        elif len(self._shape) == 1:
            self._act = env.step
        else:
            self._act = lambda action: env.step(np.reshape(action, self._shape))

    def _several(self, space: Any) -> None:
        """Several choices at once (MultiDiscrete, MultiBinary): every combination of them is one choice."""
        binary = isinstance(space, gymnasium.spaces.MultiBinary)
        sizes = np.full(space.shape, 2) if binary else space.nvec
        self._parts = tuple(np.ravel(sizes).tolist())
        self._lowest = np.zeros(space.shape, np.int64) if binary else space.start
        self._kind = space.dtype
        self.choices = math.prod(self._parts)
        if self.choices > COMBINATIONS:
            raise MindError(
                f"{self.name} has {self.choices:,} combinations of actions, and agents choose between {COMBINATIONS:,} "
                "at most; wrap it so that there are fewer, or so that its actions are continuous"
            )

    def _together(self, choice: int) -> NDArray[Any]:
        """The combination that ``choice`` is the number of."""
        assert self._parts is not None
        parts = np.reshape(np.unravel_index(choice, self._parts), self._lowest.shape)
        return (parts + self._lowest).astype(self._kind)

    def tile(self) -> None:
        """From now on, show tiles (see ``Tiles``) instead of the numbers, if these are ``tileable``."""
        if self.tileable:
            space = self.env.observation_space
            self._flatten = tiles = Tiles(np.ravel(space.low), np.ravel(space.high))
            self.observations, self.raw, self.tileable = tiles.count, np.full(tiles.count, True), False
            self.tiled = True

    def reset(self, seed: int | None = None) -> Any:
        """A new episode's first observation."""
        try:
            seen, _ = self.env.reset(seed=seed)
        except Exception as error:
            raise MindError(f"{self.name} failed to begin an episode: {_line(error)}") from error
        return seen if self._flatten is None else self._flatten(seen)

    def step(self, action: Any) -> tuple[Any, float, bool, bool]:
        """One step: observation, reward, terminated, truncated."""
        try:
            seen, reward, terminated, truncated, _ = self._act(action)
        except Exception as error:
            raise MindError(f"{self.name} died in the middle of an episode: {_line(error)}") from error
        return seen if self._flatten is None else self._flatten(seen), reward, terminated, truncated

    def sample(self) -> Any:
        """A random action."""
        action = self.env.action_space.sample()
        if self._parts is not None:
            return int(np.ravel_multi_index(np.ravel(action - self._lowest).tolist(), self._parts))
        return int(action) - self.first if self.choices else np.ravel(action).astype(np.float64)

    def render(self) -> Any:
        """A picture of now, shape ``(height, width, 3)``."""
        return self.env.render()

    def close(self) -> None:
        """Let go of what the environment holds."""
        self.env.close()

    # --- the state of the environment, to go on to the bit ------------------------------------------------------------

    def _chain(self) -> list[Any]:
        chain, env = [], self.env
        while True:
            chain.append(env)
            if env is env.unwrapped:
                return chain
            env = env.env

    @property
    def exact(self) -> bool:
        """Whether this environment's state can be taken in the middle of an episode, and put back."""
        base = self.env.unwrapped
        home = type(base).__module__
        return isinstance(base, BreakoutEnv) or home.startswith(
            ("gymnasium.envs.classic_control", "gymnasium.envs.mujoco")
        )

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Plain values and arrays from which ``put`` goes on; its randomness only, where it is not ``exact``."""
        base = self.env.unwrapped
        values: dict[str, Any] = {"exact": self.exact, "random": base.np_random.bit_generator.state}
        values["action_random"] = self.env.action_space.np_random.bit_generator.state
        arrays: dict[str, NDArray[Any]] = {}
        if not self.exact:
            return values, arrays
        values["wrappers"] = [
            {k: v for k, v in vars(env).items() if isinstance(v, bool | int | float) or v is None}
            for env in self._chain()
        ]
        if isinstance(base, BreakoutEnv):
            arrays = {"state": base.game.state, "bricks": base.game.bricks}
        elif hasattr(base, "data"):
            arrays = {k: v.astype(np.float64) for k, v in _physics(base.data).items()}
        elif base.state is not None:
            arrays = {"state": np.asarray(base.state)}
            values["tuple"] = isinstance(base.state, tuple)
        return values, {k: v.copy() for k, v in arrays.items()}

    def put(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Go on from what ``state`` gave.

        Raises:
            MindError: it is not this environment's.
        """
        base = self.env.unwrapped
        try:
            base.np_random.bit_generator.state = values["random"]
            self.env.action_space.np_random.bit_generator.state = values["action_random"]
            if not values["exact"]:
                return
            for env, kept in zip(self._chain(), values["wrappers"], strict=True):
                vars(env).update(kept)
                if isinstance(env, Changing):
                    env.stretch = -1
                    env.set_now()
            if isinstance(base, BreakoutEnv):
                base.game.state[:], base.game.bricks[:] = arrays["state"], arrays["bricks"]
            elif hasattr(base, "data"):
                for k, v in _physics(base.data).items():
                    if k in arrays and arrays[k].shape == v.shape:
                        v[...] = arrays[k]
                base.data.time = float(values["wrappers"][-1].get("time", arrays["time"][0]))
            elif "state" in arrays:
                kept = arrays["state"]
                base.state = tuple(kept.tolist()) if values.get("tuple") else kept.copy()
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise MindError(f"the saved state is not one of {self.name}: {_line(error)}") from error


def _indicators(space: Any) -> NDArray[np.bool_]:
    """Which numbers of a flattened observation say that something is so: 1 of several, or 0 and 1 each."""
    spaces = gymnasium.spaces
    if isinstance(space, spaces.Dict):
        return np.concatenate([_indicators(part) for part in space.spaces.values()])
    if isinstance(space, spaces.Tuple):
        return np.concatenate([_indicators(part) for part in space.spaces])
    says = isinstance(space, spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary)
    return np.full(int(spaces.flatdim(space)), says)


def _bounded(space: Any) -> bool:
    """Whether all numbers of a box have bounds that say something."""
    return bool((np.abs([space.low, space.high]) < KNOWN).all() and (space.low < space.high).all())


def _physics(data: Any) -> dict[str, Any]:
    """All of MuJoCo's arrays that have the same shape in every step, and its time."""
    found = {"time": np.array([data.time])}
    for name in dir(data):
        if name.startswith(("_", "efc_", "contact", "iefc", "tendon_efc", "flex")):
            continue
        value = getattr(data, name)
        if isinstance(value, np.ndarray) and value.size and value.flags.writeable and value.dtype.kind in "fiub":
            found[name] = value
    return found


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


@contextlib.contextmanager
def _quiet(name: str) -> Iterator[None]:
    """MuJoCo remarks on Gymnasium's models at every start, and leaves a log file behind; nobody here can act on it."""
    spec = gymnasium.registry.get(name)
    if spec is None or "mujoco" not in str(spec.entry_point):
        yield
        return
    try:
        mujoco = importlib.import_module("mujoco")
        before = mujoco.get_mju_user_warning()
        mujoco.set_mju_user_warning(lambda message: None)
    except (ImportError, AttributeError):
        yield
        return
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(before)


def make(name: str, change: Change | None = None, render: bool = False) -> World:
    """The environment called ``name``, changing as ``change`` says.

    Raises:
        MindError: there is no such environment, or it needs something that is not installed.
    """
    if render and sys.platform == "linux" and not os.environ.get("DISPLAY"):
        os.environ.setdefault("MUJOCO_GL", "egl")  # pictures without a screen
    try:
        with warnings.catch_warnings(), _quiet(name):
            warnings.simplefilter("ignore")
            env = gymnasium.make(name, disable_env_checker=True, render_mode="rgb_array" if render else None)
    except Exception as error:
        raise MindError(f"cannot make the environment {name!r}: {_line(error)}") from error
    return World(Changing(env, change) if change else env, name)
