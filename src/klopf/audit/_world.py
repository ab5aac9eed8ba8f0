"""Where a neuron of control is tried: episodes of an environment, many at once, so that it is asked few times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import AuditError
from klopf.peers import Classes, Task

__all__ = ["World"]


@dataclass(frozen=True)
class World:
    """An environment to act in.

    ``make`` makes one, with Gymnasium's interface: ``reset(seed=...)`` and ``step(action)``, observations of as many
    numbers as the task has features. An action is one of the task's classes, by its place, or its numbers, kept within
    ``action_space`` where it has bounds.
    """

    name: str
    make: Callable[[], Any]
    episodes: int = 20
    steps: int = 500
    """Of an episode at most."""

    def returns(
        self, task: Task, acts: Callable[[NDArray[np.float32]], NDArray[Any]], seed: int, late: bool = False
    ) -> NDArray[np.float64]:
        """The sum of rewards of each episode, ``(episodes,)``.

        Args:
            task: what actions are.
            acts: observations ``(n, features)`` to decisions, in the form of targets.
            seed: of the first episode; the same seeds, the same beginnings.
            late: whether each action is done a step later, and the first twice.

        Raises:
            AuditError: what is observed does not fit the task.
        """
        worlds = [self.make() for _ in range(self.episodes)]
        seen = [self._seen(task, world.reset(seed=seed + i)[0]) for i, world in enumerate(worlds)]
        total, before = np.zeros(len(worlds)), [None] * len(worlds)
        alive = list(range(len(worlds)))
        for _ in range(self.steps):
            if not alive:
                break
            said = acts(np.stack([seen[i] for i in alive]))
            for i, action in zip(tuple(alive), said, strict=True):
                now, before[i] = (before[i] if late and before[i] is not None else action), action
                observed, reward, ended, cut, _ = worlds[i].step(_action(task, worlds[i], now))
                seen[i] = self._seen(task, observed)
                total[i] += float(reward)
                if ended or cut:
                    alive.remove(i)
        if not np.isfinite(total).all():
            raise AuditError(f"{self.name} gives rewards that are no numbers")
        return total

    def at_random(self, task: Task, rng: np.random.Generator, seed: int) -> NDArray[np.float64]:
        """The same of somebody who acts by lot: one of the classes, or what ``action_space`` draws."""
        space: Any = getattr(self.make(), "action_space", None)
        if space is not None and hasattr(space, "seed"):
            space.seed(int(rng.integers(2**31)))
        elif not isinstance(task, Classes):
            raise AuditError(f"{self.name} has no action_space: nobody can act by lot in it")

        def acts(seen: NDArray[np.float32]) -> NDArray[Any]:
            if isinstance(task, Classes):
                return rng.integers(0, len(task.names), len(seen))
            return np.stack([np.asarray(space.sample(), np.float64).reshape(-1) for _ in seen])

        return self.returns(task, acts, seed)

    def _seen(self, task: Task, observed: Any) -> NDArray[np.float32]:
        flat = np.asarray(observed, np.float32).reshape(-1)
        if flat.shape != task.input_shape:
            raise AuditError(f"{self.name} shows {len(flat)} numbers where the model takes {len(task.features)}")
        return flat


def _action(task: Task, world: Any, said: Any) -> Any:
    if isinstance(task, Classes):
        return int(said)
    numbers = np.asarray(said, np.float32)
    space = getattr(world, "action_space", None)
    low, high = getattr(space, "low", None), getattr(space, "high", None)
    return numbers if low is None or high is None else np.clip(numbers, low, high)
