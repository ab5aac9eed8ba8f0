"""One agent in one environment: a life, with checkpoints from which it goes on to the bit."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from klopf.errors import MindError
from klopf.mind import _file
from klopf.mind.rl._agent import Agent
from klopf.mind.rl._curve import Curve
from klopf.mind.rl._ppo import PPO
from klopf.mind.rl._saved import refuse_strange
from klopf.mind.rl._settings import APART, settings_for
from klopf.mind.rl._worlds import Change

if TYPE_CHECKING:
    from klopf.mind.rl._gymnasium import World

__all__ = ["Life", "Task", "env_only", "load", "ready", "run"]

MADE_BY: dict[str, type[PPO]] = {PPO.agent: PPO}
"""The classes of agents that learn from batches, by the agent's name; all others are ``Agent``."""
FORMAT = 1
LOOK = 512  # steps between two looks at the clock


@dataclass(frozen=True)
class Task:
    """What is to be lived: an agent, with options, in an environment that may change, for so many steps."""

    environment: str
    agent: str = "stream-ac"
    steps: int = 100_000
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    change: Change | None = None

    def __post_init__(self) -> None:
        if isinstance(self.options.get("hidden"), list):  # as a file has it
            object.__setattr__(self, "options", {**self.options, "hidden": tuple(self.options["hidden"])})
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise MindError(f"steps={self.steps!r} must be a whole number from 1")
        settings_for(self.agent, **self.options)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return asdict(self)


@dataclass
class Life:
    """What came of a task: the agent, its returns, how fast it lived."""

    task: Task
    agent: Agent | PPO
    curve: Curve
    steps: int = 0
    seconds: float = 0.0
    rewards: Curve = field(default_factory=Curve)
    """The same of stretches of steps, whatever ends in them: for environments in which no episode does."""
    stretch: tuple[float, int] = (0.0, 0)
    """Sum of rewards and steps of the stretch that has begun."""

    @property
    def reward_rate(self) -> float:
        """Mean reward a step over the last tenth of the steps; NaN before the first."""
        return self.rewards.rate(0.1, *self.stretch)

    @property
    def final_return(self) -> float:
        """Mean of the last tenth of the episodes; NaN if none ended."""
        return self.curve.last(0.1)

    @property
    def steps_per_second(self) -> float:
        """Steps a second, the environment's time included."""
        return self.steps / self.seconds if self.seconds else math.nan


def _born(task: Task, world: World) -> Agent | PPO:
    options = task.options
    predicts = settings_for(task.agent, **options).algorithm == "td"
    shape: dict[str, Any] = {} if predicts else {"actions": world.actions, "choices": world.choices}
    if world.actions and not predicts:
        shape |= {"low": world.low, "high": world.high}
    if task.agent in MADE_BY:
        return MADE_BY[task.agent](world.observations, seed=task.seed, **shape, **options)
    if "hidden" not in options:
        world.tile()
    if world.states or world.tiled:  # one weight for each state, or tile, and action
        apart = {"hidden": (), "constant": False, "time_feature": False, **APART.get(task.agent, {})}
        options = apart | options
    return Agent(
        world.observations, agent=task.agent, time_limit=world.time_limit, raw=world.raw, seed=task.seed, **shape,
        **options,
    )  # fmt: skip


def run(
    task: Task,
    file: str | Path | None = None,
    resume: bool = False,
    save_every: float = 60.0,
    progress: Callable[[Life], None] | None = None,
    keep_going: Callable[[], bool] | None = None,
) -> Life:
    """Live ``task``: the agent acts in the environment, learns from every step, and forgets it.

    Args:
        task: what is to be lived. An agent that only predicts meets random actions.
        file: where checkpoints go, at least every ``save_every`` seconds and at the end; none if None.
        resume: go on from ``file`` up to ``task.steps`` instead of beginning.
        progress: called a few times a second with the life so far.
        keep_going: asked as often; once it answers no, the life is saved and handed back.

    Raises:
        MindError: the environment cannot be made or dies, something in it cannot be learned from, or ``file`` is not a
            checkpoint of this task. The last checkpoint stays as it was.
    """
    from klopf.mind.rl._gymnasium import make

    world = make(task.environment, task.change)
    try:
        if resume:
            if file is None:
                raise MindError("to resume, name the file to go on from")
            life, total, length, action = _resumed(task, Path(file), world)
        else:
            life, total, length, action = Life(task, _born(task, world), Curve()), 0.0, 0, None
        return _live(task, world, life, total, length, action, file, save_every, progress, keep_going)
    finally:
        world.close()


def _live(
    task: Task, world: World, life: Life, total: float, length: int, action: Any, file: str | Path | None,
    save_every: float, progress: Callable[[Life], None] | None, keep_going: Callable[[], bool] | None,
) -> Life:  # fmt: skip
    agent, curve = life.agent, life.curve
    acts = agent.settings.algorithm != "td"
    env_step, learn = world.step, agent.step
    first_seed: int | None = task.seed if life.steps == 0 else None
    if first_seed is not None:
        world.env.action_space.seed(task.seed)
    done = life.steps
    looked = done - done % LOOK  # wherever a life was cut, its stretches are the same
    earned, since = life.stretch[0], done - life.stretch[1]
    agent.prepare()
    started = saved = time.perf_counter()
    before = life.seconds
    while done < task.steps:
        if action is None:
            action = agent.begin(world.reset(first_seed))
            first_seed, total, length = None, 0.0, 0
            if not acts:
                action = world.sample()
        seen, reward, terminated, truncated = env_step(action)
        action = learn(seen, reward, terminated, truncated)
        total += reward
        earned += reward
        length += 1
        done += 1
        if terminated or truncated:
            curve.add(done, total, length)
        elif not acts:
            action = world.sample()
        if done - looked >= LOOK:
            life.rewards.add(done, earned, done - since)
            earned, looked, since, life.stretch = 0.0, done, done, (0.0, 0)
            now = time.perf_counter()
            life.steps, life.seconds = done, before + now - started
            if progress is not None:
                progress(life)
            if keep_going is not None and not keep_going():
                break
            if file is not None and now - saved >= save_every:
                _save(life, world, total, length, action, file)
                saved = time.perf_counter()
    life.steps, life.seconds, life.stretch = done, before + time.perf_counter() - started, (float(earned), done - since)
    if file is not None:
        _save(life, world, total, length, action, file)
    return life


# --- checkpoints ---------------------------------------------------------------------------------------------------


def _save(life: Life, world: World, total: float, length: int, action: Any, file: str | Path) -> None:
    values, physics = world.state()
    header = {
        "kind": "life", "format": FORMAT, "task": life.task.as_dict(), "agent": life.agent._header(),
        "steps": life.steps, "seconds": life.seconds, "total": float(total), "length": length,
        "stretch": list(life.stretch),
        "between": action is None, "world": values,
    }  # fmt: skip
    arrays = dict(life.agent._arrays())
    arrays["curve"], arrays["rewards"] = life.curve.array(), life.rewards.array()
    arrays["next action"] = np.ravel(np.asarray([] if action is None else action, np.float64))
    arrays |= {f"world {k}": v for k, v in physics.items()}
    _file.write(file, _file.pack(header, arrays))


def load(file: str | Path) -> tuple[Life, dict[str, Any], dict[str, Any]]:
    """A saved life, with the rest of what its file holds: header and arrays.

    Raises:
        MindError: no such file, not a life, damaged, or of another version.
    """
    header, arrays = _file.read(file)
    if header.get("kind") != "life":
        raise MindError(f"{file} is not a saved life; give a file that `klopf learn --save` wrote")
    if header.get("format") != FORMAT:
        raise MindError(f"{file} has format {header.get('format')}, not {FORMAT}; load it with its own Klopf")
    try:
        given = dict(header["task"])
        if given["change"]:
            given["change"] = Change(**given["change"])
        task = Task(**given)
        agent = MADE_BY.get(header["agent"]["agent"], Agent)._from(header["agent"], arrays)
        acts = agent.settings.algorithm != "td"
        refuse_strange(header, arrays, agent.actions, agent.choices, acts)
        rewards = Curve(arrays.get("rewards"))  # of lives begun before they were kept, from here on
        earned, steps = header.get("stretch", (0.0, 0))
        life = Life(task, agent, Curve(arrays["curve"]), header["steps"], float(header["seconds"]), rewards,
                    (float(earned), steps))  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise MindError(f"{file} does not follow its own format; restore it from a copy") from error
    return life, header, arrays


def _resumed(task: Task, file: Path, world: World) -> tuple[Life, float, int, Any]:
    life, header, arrays = load(file)
    old = life.task
    for name in ("environment", "agent", "seed", "options", "change"):
        if getattr(old, name) != getattr(task, name):
            raise MindError(
                f"{file} is a checkpoint of another agent: its {name} is {getattr(old, name)!r}, "
                f"not {getattr(task, name)!r}; resume it with its own settings or save elsewhere"
            )
    if life.agent.observations != world.observations and task.agent not in MADE_BY:
        world.tile()
    if life.agent.observations != world.observations:
        raise MindError(
            f"{file} is a checkpoint of another agent: it saw {life.agent.observations} numbers where "
            f"{task.environment} now shows {world.observations}"
        )
    if life.steps > task.steps:
        raise MindError(
            f"{file} has lived {life.steps:,} steps already, more than the {task.steps:,} asked for; ask for more"
        )
    life.task = task
    values, total, length = header["world"], float(header["total"]), header["length"]
    world.reset(task.seed)  # everything in it exists before its state is put back
    world.put(values, {k.removeprefix("world "): v for k, v in arrays.items() if k.startswith("world ")})
    if header["between"] or not values["exact"]:
        return life, 0.0, 0, None
    kept = arrays["next action"]
    action = kept.copy() if world.actions else int(kept[0])
    return life, total, length, action


def ready(task: Task) -> None:
    """Make the environment and the agent of ``task``, compile what it needs, and let go of both.

    Raises:
        MindError: what ``run`` would raise before its first step.
    """
    from klopf.mind.rl._gymnasium import make

    world = make(task.environment, task.change)
    try:
        _born(task, world).prepare()
    finally:
        world.close()


def env_only(task: Task, seconds: float) -> float:
    """Steps a second of the environment alone under random actions, episodes begun anew, over about ``seconds``."""
    from klopf.mind.rl._gymnasium import make

    world = make(task.environment, task.change)
    try:
        world.env.action_space.seed(task.seed)
        world.reset(task.seed)
        actions = [world.sample() for _ in range(1000)]
        started = time.perf_counter()
        for done, action in enumerate(itertools.cycle(actions)):
            if done % 8 == 0 and done and time.perf_counter() - started >= seconds:
                break
            _, _, terminated, truncated = world.step(action)
            if terminated or truncated:
                world.reset()
        return done / (time.perf_counter() - started)
    finally:
        world.close()
