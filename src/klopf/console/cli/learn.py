"""``klopf learn`` and ``klopf watch``: agents that learn from every step they live."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from klopf.console.cli.command import Command, Json, print_json
from klopf.console.curves import NAME, Curves
from klopf.errors import MindError
from klopf.extras import require

if TYPE_CHECKING:
    from klopf.mind.rl import Life, Task

__all__ = ["Learn", "Watch"]


def learn(
    environment: str = "",
    *,
    agent: str = "",
    steps: int | None = None,
    seeds: int | None = None,
    save: Path | None = None,
    resume: Path | None = None,
    plot: Annotated[bool, Parameter(negative="")] = False,
    options: str = "",
    world: str = "",
    change_every: int = 0,
    published: Annotated[bool, Parameter(negative="")] = False,
    cores: int | None = None,
    json_: Json = False,
) -> None:
    """Let an agent live in an environment and learn from every step, once.

    Example: klopf learn CartPole-v1 --steps 50000 --save cart

    Parameters
    ----------
    environment
        A Gymnasium environment, such as HalfCheetah-v5 or CartPole-v1, or klopf/Breakout-v0.
    agent
        A name from klopf.mind.rl.AGENTS: stream-ac, stream-q, stream-sarsa, stream-td, intentional-ac, intentional-q,
        intentional-td, qrc; or ppo, which learns from batches. stream-ac if not given.
    steps
        Steps to live with each seed, those of a resumed life included. 100,000 if not given.
    seeds
        How many seeds, from 0, side by side. 1 if not given.
    save
        Keep checkpoints in this folder, once a minute and at the end; `klopf page FOLDER` shows its learning curves.
    resume
        Go on from the checkpoints in this folder, and keep new ones there.
    plot
        Draw the learning curve: into curve.png in the folder of the lives, or into AGENT-ENVIRONMENT.png here.
    options
        On top of the agent's own, such as hidden=64x64,life=continual,replacement_rate=0.0001.
    world
        A world that changes: slippery (friction), gravity, action (its strength and sign) or reward.
    change_every
        Steps between two changes of the world; its own number if not given.
    published
        Treat a time limit as the end, as the published code does, instead of estimating what would have followed.
    cores
        Seeds that live side by side; as many as there are cores if not given.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from klopf.mind.rl import Task, change_for, env_only, lived, read_folder, ready, run_many, write_folder

    for name, value in (("steps", steps), ("seeds", seeds), ("cores", cores)):
        if value is not None and value < 1:
            raise MindError(f"--{name} {value}: at least 1 is needed")
    if change_every < 0:
        raise MindError(f"--change-every {change_every}: at least 1 is needed")
    if change_every and not world:
        raise MindError(f"--change-every {change_every} changes nothing without --world; say which world")
    kind = read_folder(resume)[0].agent if resume is not None else agent
    given = _options(options, kind or "stream-ac") | ({"time_out": "terminate"} if published else {})
    if resume is not None:
        if save is not None:
            raise MindError("--resume keeps its checkpoints where they are; leave --save out")
        task, count = read_folder(resume)
        change = change_for(world, change_every)
        asked = {"environment": environment, "agent": agent, "options": given, "change": change}
        for name, wanted in asked.items():
            if wanted and wanted != getattr(task, name):
                raise MindError(
                    f"{resume} holds another agent: its {name} is {getattr(task, name)!r}, not {wanted!r}; "
                    "leave that out to go on, or --save elsewhere to begin anew"
                )
        task = Task(task.environment, task.agent, steps or task.steps, 0, task.options, task.change)
        saved, count = count, seeds or count
        _say_what_is_left(resume, task, lived(resume, count), min(saved, count))
    else:
        saved = 0
        if not environment:
            raise MindError("name an environment, such as `klopf learn CartPole-v1 --agent stream-q`")
        task = Task(environment, agent or "stream-ac", steps or 100_000, 0, given, change_for(world, change_every))
        count = seeds or 1
    folder = resume or save
    if plot:
        _matplotlib()
    if save is not None and (save / "lives.json").exists():
        raise MindError(f"{save} holds lives already; go on with --resume {save}, or choose another folder")
    ready(task)  # what cannot be lived says so before anything is made
    alone = env_only(task, 1.0)
    if folder is not None:
        write_folder(folder, task, max(saved, count))
    lives = _with_progress(task, count, folder, resume is not None, cores or os.cpu_count() or 1, run_many)
    result = _result(task, lives, alone)
    if json_:
        print(json.dumps(result), flush=True)
    else:
        _print(result)
    if plot:
        picture = folder / "curve.png" if folder else Path(f"{task.agent}-{task.environment.replace('/', '-')}.png")
        _draw(lives, picture, f"{task.agent} in {task.environment}")
        print(f"the learning curve is in {picture}", file=sys.stderr)


def _say_what_is_left(folder: Path, task: Task, steps: list[int], saved: int) -> None:
    """What resuming will do, on the error stream: nothing in it is a surprise.

    Raises:
        MindError: a seed has lived longer than it is asked to.
    """
    if max(steps) > task.steps:
        raise MindError(
            f"seed {steps.index(max(steps))} in {folder} has lived {max(steps):,} steps already, more than the "
            f"{task.steps:,} of --steps; ask for more"
        )
    lines = [f"seed {seed} has no checkpoint in {folder}: it begins anew" for seed in range(saved) if not steps[seed]]
    if min(steps) == task.steps:
        lines.append(f"nothing is left to live: {folder} has lived its {task.steps:,} steps; ask for more with --steps")
    else:
        lines.append(f"going on from {', '.join(f'{n:,}' for n in steps)} to {task.steps:,} steps")
    print("\n".join(lines), file=sys.stderr)


def _options(given: str, agent: str) -> dict[str, Any]:
    """``a=1,b=true,hidden=64x64`` as a dict, checked against the settings that ``agent`` has."""
    from klopf.mind.rl import PPO, AgentSettings, PPOSettings

    known: dict[str, Any] = (PPOSettings() if agent == PPO.agent else AgentSettings()).as_dict()
    options: dict[str, Any] = {}
    for part in (p.strip() for p in given.split(",") if p.strip()):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign or name not in known:
            raise MindError(f"--options {part!r} does not set an option; {agent} has {', '.join(sorted(known))}")
        kind = type(known[name])
        try:
            if kind is list:
                options[name] = () if value in ("", "0") else tuple(int(n) for n in value.split("x"))
            else:
                options[name] = {"true": True, "false": False}[value.lower()] if kind is bool else kind(value)
        except (KeyError, ValueError) as error:
            example = "64x64" if kind is list else kind.__name__
            raise MindError(f"--options {part!r}: {name} must be like {example}") from error
    return options


def _with_progress(task: Task, seeds: int, folder: Path | None, resume: bool, cores: int, run_many: Any) -> list[Life]:
    """All seeds, with one line that says how far they are, what they earn and how fast they live."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    now: dict[int, tuple[int, float, float, float]] = {}
    kept = Curves(folder / NAME) if folder is not None else None
    with kept or nullcontext(), Progress(*columns, console=Console(file=sys.stderr)) as bar:
        line = bar.add_task(f"{task.agent} in {task.environment}", total=task.steps * seeds, told="")

        def show(seed: int, steps: int, earned: float, rate: float, speed: float) -> None:
            now[seed] = (steps, earned, rate, speed)
            if kept is not None:
                for what, value in (("return", earned), ("reward a step", rate), ("steps a second", speed)):
                    kept.put(f"{what}, seed {seed}", steps, value)
            _, returns, rates, speeds = (_mean(numbers)[0] for numbers in zip(*now.values(), strict=True))
            parts = [f"{rates:,.4g} a step"] if rates is not None and returns is None else []
            parts += [f"return {returns:,.1f}"] if returns is not None else []
            parts += [f"{speeds:,.0f} steps/s"] if speeds is not None else []
            bar.update(line, completed=sum(s for s, *_ in now.values()), told="  ".join(parts))

        lives: list[Life] = run_many(task, seeds, folder, resume, cores, progress=show)
        bar.update(line, completed=task.steps * seeds)
    return lives


def _result(task: Task, lives: list[Life], alone: float) -> dict[str, Any]:
    mean, error = _mean([life.final_return for life in lives])
    rate, rate_error = _mean([life.reward_rate for life in lives])
    return {
        "agent": task.agent, "environment": task.environment, "seeds": len(lives), "steps": task.steps,
        "final_return": mean, "stderr": error,
        "steps_per_second": sum(life.steps_per_second for life in lives) / len(lives),
        "env_only_steps_per_second": alone, "reward_rate": rate, "reward_rate_stderr": rate_error,
    }  # fmt: skip


def _mean(numbers: Iterable[float]) -> tuple[float | None, float | None]:
    """Mean and standard error of the numbers that are there; None where there are too few."""
    known = [n for n in numbers if not math.isnan(n)]
    if not known:
        return None, None
    mean = sum(known) / len(known)
    if len(known) == 1:
        return mean, None
    return mean, math.sqrt(sum((n - mean) ** 2 for n in known) / (len(known) - 1) / len(known))


def _print(result: dict[str, Any]) -> None:
    mean, error = result["final_return"], result["stderr"]
    rate, rate_error = result["reward_rate"], result["reward_rate_stderr"]
    speed, alone = result["steps_per_second"], result["env_only_steps_per_second"]
    print(f"{result['agent']} in {result['environment']}, {result['steps']:,} steps, {result['seeds']} seed(s)")
    if mean is not None:
        print(f"return {mean:,.1f}{f' ± {error:,.1f}' if error else ''} (mean of the last tenth of the episodes)")
    elif rate is not None:
        error_of_rate = f" ± {rate_error:,.2g}" if rate_error else ""
        print(f"no episode ended; reward {rate:,.4g}{error_of_rate} a step (mean of the last tenth of the steps)")
    print(f"{speed:,.0f} steps/s; the environment alone, under random actions, {alone:,.0f}")


def _matplotlib() -> Any:
    require("plot", "a plot")
    from matplotlib.figure import Figure

    return Figure


def _draw(lives: list[Life], file: Path, title: str) -> None:
    """Learning curves: each seed thin, their mean bold. Returns, or the reward a step where no episode ended."""
    import numpy as np

    figure = _matplotlib()(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    steps = np.linspace(0, max(life.steps for life in lives), 201)[1:]
    smooth = []
    endless = not any(len(life.curve) for life in lives)
    for life in lives:
        points = (life.rewards if endless else life.curve).array()
        if not len(points):
            continue
        ends, returns = points[:, 1], points[:, 2] / (points[:, 3] if endless else 1)
        curve = np.full(len(steps), np.nan)
        for k, step in enumerate(steps):
            near = (ends <= step) & (ends > step - 0.05 * steps[-1])
            if near.any():
                curve[k] = np.average(returns[near], weights=points[near, 0])
        smooth.append(curve)
        axes.plot(steps, curve, lw=0.8, alpha=0.5, color="tab:blue")
    if smooth:
        every = np.array(smooth)
        seen = ~np.isnan(every).all(0)
        axes.plot(steps[seen], np.nanmean(every[:, seen], 0), lw=2, color="tab:blue")
    change = lives[0].task.change
    if change is not None and steps[-1] / change.every <= 50:
        for at in range(change.every, int(steps[-1]), change.every):
            axes.axvline(at, color="tab:gray", lw=0.6, ls=":")
    axes.set_xlabel("steps")
    axes.set_ylabel("reward a step" if endless else "return")
    axes.set_title(title)
    figure.savefig(file)


def watch(
    folder: Path, *, seed: int = 0, out: Path | None = None, steps: int = 1000, every: int = 2, height: int = 240,
    json_: Json = False,
) -> None:  # fmt: skip
    """Render one episode of a saved agent to a GIF or MP4. It goes on learning meanwhile, but nothing is saved.

    Example: klopf watch cart --out cart.gif

    Parameters
    ----------
    folder
        What `klopf learn --save` wrote.
    seed
        Which seed's agent.
    out
        The film: a name that ends in .gif or .mp4; episode.gif in the folder if not given.
    steps
        Longest film, in steps.
    every
        One picture every so many steps.
    height
        Pictures are made smaller until they are at most so many pixels high.
    """
    from klopf.mind.rl import film

    out = out or folder / "episode.gif"
    earned, length = film(folder, seed, out, steps, every, height)
    if json_:
        print_json({"film": str(out), "steps": length, "return": earned})
    else:
        print(f"{out}: {length} steps, return {earned:,.1f}")


class Learn(Command):
    help = "Let an agent live in an environment and learn from every step, once."
    extra = "rl"
    run = staticmethod(learn)


class Watch(Command):
    help = "Render one episode of a saved agent to a GIF or MP4."
    extra = "rl"
    run = staticmethod(watch)
