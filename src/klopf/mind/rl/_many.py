"""The same task with many seeds, side by side, each in a process of its own, kept in one folder."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any

from klopf import files
from klopf.errors import MindError
from klopf.mind.rl._run import LOOK, Life, Task, load, ready, run
from klopf.mind.rl._worlds import Change

__all__ = ["lived", "read_folder", "run_many", "seed_file", "write_folder"]

_queue: Any = None
FORMAT = 1


def seed_file(folder: Path, seed: int) -> Path:
    """Where the checkpoint of one seed lies."""
    return folder / f"seed-{seed}.life"


def write_folder(folder: Path, task: Task, seeds: int) -> None:
    """Begin a folder of lives, or say what an old one is continued to.

    Raises:
        MindError: the folder cannot be written.
    """
    text = json.dumps({"kind": "lives", "format": FORMAT, "task": task.as_dict(), "seeds": seeds}, indent=1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.replace(folder / "lives.json", text)
    except OSError as error:
        raise MindError(f"cannot write to {folder}: {error.strerror}; choose a folder that can be written") from error


def read_folder(folder: Path) -> tuple[Task, int]:
    """The task and the number of seeds that a folder of lives was begun with.

    Raises:
        MindError: it is not a folder that ``klopf learn --save`` wrote.
    """
    try:
        content = json.loads((folder / "lives.json").read_text())
        if content["kind"] != "lives" or content["format"] != FORMAT:
            raise ValueError(content["format"])
        given = dict(content["task"])
        if given["change"]:
            given["change"] = Change(**given["change"])
        return Task(**given), int(content["seeds"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MindError(
            f"{folder} is not a folder that `klopf learn --save` wrote; it has no good lives.json"
        ) from error


def lived(folder: Path, seeds: int) -> list[int]:
    """How many steps each seed in a folder of lives has lived; 0 where it has no checkpoint.

    Raises:
        MindError: a checkpoint is damaged.
    """
    checkpoints = [seed_file(folder, seed) for seed in range(seeds)]
    return [load(file)[0].steps if file.exists() else 0 for file in checkpoints]


def run_many(
    task: Task,
    seeds: int,
    folder: Path | None = None,
    resume: bool = False,
    cores: int = 1,
    save_every: float = 60.0,
    progress: Callable[[int, int, float, float, float], None] | None = None,
) -> list[Life]:
    """Live ``task`` with ``seeds`` seeds from 0, ``cores`` at a time.

    ``progress(seed, steps, recent return, recent reward a step, steps a second)`` is called as they go.

    Raises:
        MindError: as ``run``; the other seeds are stopped, and every checkpoint stays as it was last.
    """
    tasks = [replace(task, seed=seed) for seed in range(seeds)]
    checkpoints = [seed_file(folder, t.seed) if folder is not None else None for t in tasks]
    going_on = [resume and file is not None and file.exists() for file in checkpoints]
    if cores == 1 or seeds == 1:

        def report(life: Life) -> None:
            if progress is not None:
                progress(*_news(life))

        alone = []
        for t, file, again in zip(tasks, checkpoints, going_on, strict=True):
            alone.append(run(t, file, again, save_every, report))
            report(alone[-1])
        return alone
    ready(task)  # compiled once: all seeds run the same code
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    lives: dict[int, Life] = {}
    with contextlib.ExitStack() as stack:
        scratch = folder or Path(stack.enter_context(_temporary()))
        pool = stack.enter_context(
            ProcessPoolExecutor(min(cores, seeds), context, initializer=_prepare, initargs=(queue,))
        )
        waiting = {
            pool.submit(_one, t, file or seed_file(scratch, t.seed), again, save_every): t.seed
            for t, file, again in zip(tasks, checkpoints, going_on, strict=True)
        }
        try:
            while len(lives) < seeds:
                for done in [f for f in waiting if f.done()]:
                    seed = waiting.pop(done)
                    try:
                        done.result()
                    except BrokenProcessPool as error:
                        raise MindError(
                            f"the process of seed {seed} was killed (out of memory?); go on with --resume, "
                            "and with fewer --cores"
                        ) from error
                    lives[seed] = load(seed_file(scratch, seed))[0]
                with contextlib.suppress(Exception):
                    news = queue.get(timeout=0.2)
                    if progress is not None:
                        progress(*news)
            with contextlib.suppress(Exception):  # what the last ones reported on leaving
                while progress is not None:
                    progress(*queue.get(timeout=0.05))
        except BaseException:
            for future in waiting:
                future.cancel()
            for process in list((pool._processes or {}).values()):
                process.terminate()
            raise
    return [lives[seed] for seed in range(seeds)]


def _temporary() -> Any:
    import tempfile

    return tempfile.TemporaryDirectory(prefix="klopf-")


def _prepare(queue: Any) -> None:
    global _queue
    _queue = queue
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _one(task: Task, file: Path, resume: bool, save_every: float) -> None:
    def report(life: Life) -> None:
        if life.steps % (16 * LOOK) < LOOK:
            _queue.put(_news(life))

    _queue.put(_news(run(task, file, resume, save_every, report)))


def _news(life: Life) -> tuple[int, int, float, float, float]:
    """What ``progress`` is called with."""
    return life.task.seed, life.steps, life.final_return, life.reward_rate, life.steps_per_second
