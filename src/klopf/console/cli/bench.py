"""``klopf bench``: the learners of a mind compared on problems, and their speed against the machine's own limits."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from klopf.console.cli.command import CommandGroup, Json
from klopf.console.curves import NAME, Curves
from klopf.errors import MindError
from klopf.extras import require

if TYPE_CHECKING:
    from klopf.mind.bench import Run

__all__ = ["Bench"]

Learners = Annotated[
    str | None, Parameter(help="Names separated by commas; `all` or nothing for all of them. See klopf.mind.LEARNERS.")
]
Fast = Annotated[
    str | None, Parameter(help="Names separated by commas, or `all`; backprop,continual-backprop,klopf if not given.")
]
Seeds = Annotated[int, Parameter(help="How many seeds, from 0.")]
Steps = Annotated[int, Parameter(help="Length of the stream: samples, or tasks where the problem has tasks.")]
Plot = Annotated[Path | None, Parameter(help="Draw the error over the stream into this image file.")]
Resume = Annotated[Path | None, Parameter(help="Keep finished runs in this file, and make only those it lacks.")]
Tuned = Annotated[bool, Parameter(negative="", help="Use the options that tuning chose instead of the published ones.")]
Cores = Annotated[int | None, Parameter(help="Runs side by side; all cores if not given.")]
Data = Annotated[
    str,
    Parameter(
        help="Folder with MNIST's t10k files, or with downsampled ImageNet's .npz batches (or such files, separated by "
        "commas); scikit-learn's digits if not given."
    ),
]
Hidden = Annotated[str, Parameter(help="Hidden units by layer, such as 100,100,100; the problem's own if not given.")]
Options = Annotated[str, Parameter(help="Options on top of the learner's own: replacement_rate=0.001,activation=relu")]
Samples = Annotated[int, Parameter(help="Images a task; 0 for all.")]


class Bench(CommandGroup):
    help = "Compare learners on problems that never end, and measure their speed."

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {
            "regression": regression,
            "permuted": permuted,
            "binary-tasks": binary_tasks,
            "class-incremental": class_incremental,
            "growth": growth,
            "problem": problem,
            "speed": speed,
        }


def _names(given: str | None) -> list[str]:
    from klopf.mind import LEARNERS
    from klopf.mind.bench import COMPARED

    if given in (None, "all"):
        return list(COMPARED)
    names = [name.strip() for name in str(given).split(",") if name.strip()]
    for name in names:
        if name not in LEARNERS:
            raise MindError(f"no learner is called {name!r}; choose from {', '.join(LEARNERS)}")
    if not names:
        raise MindError("name at least one learner")
    return names


def _sizes(given: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(n) for n in given.split(",") if n.strip())
    except ValueError as error:
        raise MindError(f"--hidden {given!r} is not a list of numbers such as 100,100") from error
    if any(n < 1 for n in sizes):
        raise MindError(f"--hidden {given!r} has a layer without units")
    return sizes


def _options(given: str) -> dict[str, Any]:
    """``a=1,b=true,c=relu`` as a dict of numbers, booleans and words, checked against the settings there are."""
    from klopf.mind import Settings

    known: dict[str, Any] = Settings().as_dict()
    options: dict[str, Any] = {}
    for part in (p.strip() for p in given.split(",") if p.strip()):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign or name not in known:
            raise MindError(f"--options {part!r} does not set an option; write such as replacement_rate=0.001")
        kind = type(known[name])
        try:
            options[name] = {"true": True, "false": False}[value.lower()] if kind is bool else kind(value)
        except (KeyError, ValueError) as error:
            raise MindError(f"--options {part!r}: {name} must be a {kind.__name__}") from error
    return options


def _carry_out(
    runs: list[Run], json_: bool, plot: Path | None, resume: Path | None, cores: int | None, title: str
) -> None:
    """Make the runs with a progress bar, then print the table or the list, and draw the plot."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from klopf.mind.bench import summary, sweep

    if not runs:
        raise MindError("nothing to run: give at least one learner and one seed")
    if cores is not None and cores < 1:
        raise MindError(f"--cores {cores}: at least 1 is needed")
    if plot is not None:
        _can_draw(plot)
    results: list[tuple[Run, dict[str, Any]]] = []
    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    strangers_words = contextlib.redirect_stdout(sys.stderr)  # what a problem prints is no output of ours
    with strangers_words, Progress(*columns, console=console) as bar, _Kept(resume) as kept:
        task = bar.add_task(title, total=len(runs))

        def progress(done: float) -> None:
            bar.update(task, completed=done)

        for r, result in sweep(runs, file=resume, cores=cores, progress=progress, told=kept.told):
            results.append((r, result))
            kept.ended(r, result)
            bar.update(task, description=f"{title}: {r.learner}")
    table = summary(results)
    if json_:
        keys = ("learner", "setting", "seeds", "steps", "error", "stderr", "steps_per_second", "hyperparameters")
        clean = [{k: (None if row[k] != row[k] else row[k]) for k in keys} for row in table]
        print(json.dumps(clean, indent=1))
    else:
        _print(table, title)
    if plot is not None:
        sys.stdout.flush()  # what took hours is told, whatever becomes of the picture
        _draw(results, plot, title)


class _Kept:
    """The errors of runs, beside their results, for `klopf page`: as they go on, and of those that were done before."""

    def __init__(self, resume: Path | None) -> None:
        self._file = resume and resume.with_name(f"{resume.name}.{NAME}")
        self._out: Curves | None = None
        self._lock, self._begun = Lock(), set[str]()

    def __enter__(self) -> _Kept:
        return self

    def __exit__(self, *_: object) -> None:
        if self._out is not None:
            self._out.close()

    def told(self, r: Run, step: int, error: float) -> None:
        """Of a run that is being made; from many threads."""
        if self._file is None:
            return
        with self._lock:
            self._begun.add(r.key)
            if self._out is None:  # the results that are there come again
                self._file.unlink(missing_ok=True)
                self._out = Curves(self._file)
            self._out.put(f"error, {r.learner}, {r.setting}, seed {r.seed}", step, error)

    def ended(self, r: Run, result: dict[str, Any]) -> None:
        """Of a run that was made before, from its result."""
        curve = result["curve"]
        if r.key not in self._begun:
            for at, error in enumerate(curve, start=1):
                self.told(r, at * r.steps // len(curve), error)
            self._begun.discard(r.key)


def _can_draw(path: Path) -> None:
    """Refuse, before anything runs, what the plot would fail with after it."""
    require("plot", "a plot")
    from matplotlib.figure import Figure

    if not path.absolute().parent.is_dir():
        raise MindError(f"there is no folder {path.parent} to draw into")
    if path.is_dir() or not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise MindError(f"cannot draw into {path}: it is a folder, or cannot be written")
    kinds = Figure().canvas.get_supported_filetypes()
    if path.suffix.lower().lstrip(".") not in kinds:
        raise MindError(f"--plot {path}: the name must end in one of .{', .'.join(sorted(kinds))}")


def _print(table: list[dict[str, Any]], title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    early = any(row["recovery"] is not None for row in table)
    view = Table(title=title)
    for column in ("learner", "setting", "error ± s.e.", "seeds", "steps/s", "dormant"):
        view.add_column(column, justify="left" if column in ("learner", "setting") else "right")
    if early:
        view.add_column("error just after a change", justify="right")
        view.add_column("samples to recover", justify="right")
    view.add_column("options")
    for row in table:
        error = "diverged" if row["error"] != row["error"] else f"{row['error']:.3f}"
        if row["stderr"] == row["stderr"]:  # with one seed, or a diverged one, there is none
            error += f" ± {row['stderr']:.3f}"
        cells = [
            row["learner"], row["setting"], error, str(row["seeds"]), f"{row['steps_per_second']:,.0f}",
            "" if row["dormant"] is None else f"{row['dormant']:.1%}",
        ]  # fmt: skip
        if early:
            cells.append("" if row["early_error"] is None else f"{row['early_error']:.3f}")
            cells.append("" if row["recovery"] is None else f"{row['recovery']:.0f}")
        cells.append(", ".join(f"{k}={v}" for k, v in row["overrides"].items()))
        view.add_row(*cells)
    Console(width=max(120, Console().width)).print(view)


def _draw(results: list[tuple[Run, dict[str, Any]]], path: Path, title: str) -> None:
    import numpy as np
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    curves: dict[str, list[list[float]]] = {}
    for r, result in results:
        curves.setdefault(f"{r.learner}, {r.setting}", []).append(result["curve"])
    for name, members in curves.items():
        length = min(len(c) for c in members)
        axes.plot(np.linspace(0, 1, length), np.mean([c[:length] for c in members], 0), label=name)
    axes.set(xlabel="part of the stream", ylabel="error", title=title)
    axes.legend(fontsize="small")
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise MindError(f"cannot draw into {path}: {error}") from error


def _runs(
    problem: str,
    setting: str,
    learners: str | None,
    seeds: int,
    steps: int,
    tuned: bool,
    options: str = "",
    **more: Any,
) -> list[Run]:
    from klopf.mind.bench import Run, options_for, problem_called

    known = problem_called(problem).settings
    if setting not in (*known, "both"):
        raise MindError(f"--setting {setting} is not one of {', '.join(known)}, both")
    if seeds < 1 or steps < 1:
        raise MindError("--seeds and --steps must be at least 1")
    settings = known[:2] if setting == "both" else (setting,)
    return [
        Run(
            problem,
            s,
            name,
            seed,
            steps,
            {**options_for(problem, s, name, tuned, more.get("data", "")), **_options(options)},
            **more,
        )
        for s in settings
        for name in _names(learners)
        for seed in range(seeds)
    ]


def regression(
    *,
    setting: str = "redraw",
    learners: Learners = None,
    seeds: Seeds = 20,
    steps: Steps = 1_000_000,
    tuned: Tuned = False,
    options: Options = "",
    json_: Json = False,
    plot: Plot = None,
    resume: Resume = None,
    cores: Cores = None,
) -> None:
    """The slowly-changing regression: 20 bits, 5 hidden units, one output; mean squared error of the last tenth.

    Example: klopf bench regression --seeds 3 --plot regression.png

    Parameters
    ----------
    setting
        `redraw` (all slow bits anew at every change), `flip-one` (one of them flips), or `both`.
    """
    runs = _runs("regression", setting, learners, seeds, steps, tuned, options)
    _carry_out(runs, json_, plot, resume, cores, "slowly-changing regression")


def permuted(
    *,
    setting: str = "input",
    learners: Learners = None,
    seeds: Seeds = 3,
    steps: Steps = 50,
    data: Data = "",
    hidden: Hidden = "",
    samples: Samples = 0,
    tuned: Tuned = False,
    options: Options = "",
    json_: Json = False,
    plot: Plot = None,
    resume: Resume = None,
    cores: Cores = None,
) -> None:
    """Images whose pixels or labels are permuted anew in each task; share of wrong answers in the last tenth of tasks.

    Example: klopf bench permuted --seeds 2

    Parameters
    ----------
    setting
        `input` (pixels), `label` (the classes' names), or `returning` (three permutations of pixels that come back).
    """
    more = {"data": data, "hidden": _sizes(hidden), "samples": samples}
    runs = _runs("permuted", setting, learners, seeds, steps, tuned, options, **more)
    _carry_out(runs, json_, plot, resume, cores, f"{setting}-permuted images")


def binary_tasks(
    *,
    learners: Learners = None,
    seeds: Seeds = 3,
    steps: Steps = 500,
    data: Data = "",
    hidden: Hidden = "",
    tuned: Tuned = False,
    options: Options = "",
    json_: Json = False,
    plot: Plot = None,
    resume: Resume = None,
    cores: Cores = None,
) -> None:
    """Endless tasks of telling two classes apart (Continual ImageNet's protocol); wrong on held-out images.

    Example: klopf bench binary-tasks --seeds 2
    """
    runs = _runs("binary-tasks", "images", learners, seeds, steps, tuned, options, data=data, hidden=_sizes(hidden))
    _carry_out(runs, json_, plot, resume, cores, "binary tasks")


def class_incremental(
    *,
    learners: Learners = None,
    seeds: Seeds = 5,
    steps: Steps = 3,
    data: Data = "",
    hidden: Hidden = "",
    tuned: Tuned = False,
    options: Options = "",
    json_: Json = False,
    plot: Plot = None,
    resume: Resume = None,
    cores: Cores = None,
) -> None:
    """Images whose classes arrive two at a time and stay; share of wrong answers in the last stage, with all classes.

    Example: klopf bench class-incremental --seeds 2

    Parameters
    ----------
    steps
        How often each stage shows all images of the classes that have arrived.
    """
    more = {"data": data, "hidden": _sizes(hidden)}
    runs = _runs("class-incremental", "images", learners, seeds, steps, tuned, options, **more)
    _carry_out(runs, json_, plot, resume, cores, "class-incremental images")


def growth(
    *,
    setting: str = "redraw",
    seeds: Seeds = 5,
    steps: Steps = 300_000,
    budget: int = 20,
    every: int = 2_000,
    json_: Json = False,
    plot: Plot = None,
    resume: Resume = None,
    cores: Cores = None,
) -> None:
    """A network that starts from the sensors and one output unit and adds units, against fixed ones of several sizes.

    Example: klopf bench growth --seeds 2

    Parameters
    ----------
    setting
        `redraw` (all slow bits anew at every change), `flip-one` (one of them flips), or `both`.
    budget
        Most hidden units that may be grown.
    every
        Steps between two new units.
    """
    from klopf.mind.bench import Run, problem_called

    known = problem_called("growth").settings
    if setting not in (*known, "both"):
        raise MindError(f"--setting {setting} is not one of {', '.join(known)}, both")
    if budget < 1 or every < 1 or seeds < 1 or steps < 1:
        raise MindError("--budget, --every, --seeds and --steps must be at least 1")
    kinds: list[tuple[int, dict[str, Any]]] = [
        (budget, {"grow_every": every, "shortcut": True}),
        (budget, {"shortcut": True}),
        (max(1, budget // 4), {"shortcut": True}),
    ]
    runs = [
        Run("growth", s, "klopf", seed, steps, options, hidden=(units,))
        for s in (known if setting == "both" else (setting,))
        for units, options in kinds
        for seed in range(seeds)
    ]
    _carry_out(runs, json_, plot, resume, cores, "growth")


def problem(
    name: str,
    *,
    steps: Steps,
    setting: str = "",
    learners: Learners = None,
    seeds: Seeds = 5,
    hidden: Hidden = "",
    options: Options = "",
    data: str = "",
    json_: Json = False,
    plot: Plot = None,
    resume: Resume = None,
    cores: Cores = None,
) -> None:
    """Any problem by its name, those of other packages too (see CONTRIBUTING.md).

    Example: klopf bench problem regression --steps 10000

    Parameters
    ----------
    name
        Its name; one that is not known is answered with those that are.
    setting
        One of the problem's settings; its default if not given.
    data
        Where the problem's data are, if it needs any.
    """
    from klopf.mind.bench import problem_called

    setting = setting or problem_called(name).settings[0]
    runs = _runs(name, setting, learners, seeds, steps, False, options, data=data, hidden=_sizes(hidden))
    _carry_out(runs, json_, plot, resume, cores, name)


def speed(*, learners: Fast = None, seconds: float = 2.0, wide: bool = True, json_: Json = False) -> None:
    """Steps per second on one core, beside the machine's own limits and, where it is installed, PyTorch's step.

    Example: klopf bench speed --seconds 2

    Parameters
    ----------
    seconds
        How long each measurement lasts.
    wide
        Measure the network with three layers of 2,000 too.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from klopf.mind.speed import measure

    if seconds <= 0:
        raise MindError("--seconds must be above 0")
    rows = measure(seconds, wide, _names(learners) if learners else ["backprop", "continual-backprop", "klopf"])
    if json_:
        print(json.dumps(rows, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    view = Table(title="speed on one core")
    for column in ("what", "network", "per second", "against", "ratio"):
        view.add_column(column, justify="right" if column in ("per second", "ratio") else "left")
    for row in rows:
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        rate = "" if row["per_second"] is None else f"{row['per_second']:,.3g}"
        view.add_row(row["what"], row["network"], rate, row["against"], ratio)
    Console(width=max(110, Console().width)).print(view)
