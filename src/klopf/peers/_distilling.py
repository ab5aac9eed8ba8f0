"""Distillation (P3, P9): what others say together, taught to one's own model, and kept only where that is a gain.

A model learns targets, not opinions, so it is shown targets drawn by the combined answers, anew each time it goes
through them (``Task.taught``): on average that is the gradient of the cross-entropy to the combined answer itself.
Whether it helped is measured on samples that it never learns from. A lesson is bounded by what was asked, so nobody can
teach more.

A neuron is taught about *probes*: its own inputs with some noise, whose answers nobody but its neighbours has.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import files
from klopf.peers._participant import log
from klopf.peers._thinking import answers_of, learn
from klopf.peers.models import Model

__all__ = ["PASSES", "Gain", "Lesson", "distilled", "gains", "keep_gain", "parted", "probes", "said_by", "teach"]

_FILE = "gained.jsonl"

PASSES = 24
"""How often a lesson is gone through by somebody who learns from nothing else."""
PART, MOST_HELD = 5, 200
"""One of so many own samples is held out, and so many at most."""
NOISE = 0.5
"""Of a probe, in standard deviations of each input."""


@dataclass(frozen=True)
class Lesson:
    """What is taught: ``n`` inputs and the combined answers to them."""

    inputs: NDArray[Any]
    answers: NDArray[Any]


@dataclass(frozen=True)
class Gain:
    """What a lesson did to the loss on held-out samples (``Task.loss``)."""

    before: float
    after: float

    @property
    def kept(self) -> bool:
        """Whether it is to be kept."""
        return self.after < self.before

    @property
    def text(self) -> str:
        """For a line of a log."""
        return f"held-out loss {self.before:.4f} -> {self.after:.4f}, {'kept' if self.kept else 'not kept'}"


def parted(data: dict[str, Any], seed: int, distil: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The samples of ``data`` that are learned from, and those that are held out, the same for life; none where nothing
    is distilled."""
    samples = len(data["targets"])
    count = min(MOST_HELD, samples // PART) if distil else 0
    out = np.zeros(samples, bool)
    out[np.random.default_rng([seed, 11]).permutation(samples)[:count]] = True
    return {name: array[~out] for name, array in data.items()}, {name: array[out] for name, array in data.items()}


def probes(inputs: NDArray[Any], count: int, seed: tuple[int, int]) -> NDArray[Any]:
    """``count`` inputs like these, of which nobody has the targets; texts are as they are."""
    rng = np.random.default_rng([*seed, 12])
    drawn = inputs[rng.integers(0, len(inputs), min(count, len(inputs)))]
    if inputs.dtype.kind != "f":
        return drawn
    return np.asarray(drawn + NOISE * inputs.std(axis=0) * rng.standard_normal(drawn.shape), inputs.dtype)


async def _teach(
    whose: str, thread: ThreadPoolExecutor, model: Model, lesson: Lesson, passes: int, seed: tuple[int, int],
    own: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """Take ``model`` through ``lesson``, ``passes`` times, and through as many of its ``own`` samples between, so that
    it does not forget those.

    Raises:
        PeersError: the model failed.
    """
    rng, count = np.random.default_rng([*seed, 13]), len(lesson.inputs)
    for _ in range(passes):
        inputs, targets = lesson.inputs, model.task.taught(lesson.answers, rng)
        if own is not None and len(own["targets"]):
            drawn = rng.integers(0, len(own["targets"]), count)
            inputs = np.concatenate([inputs, own["inputs"][drawn]])
            targets = np.concatenate([targets, own["targets"][drawn]])
        order = rng.permutation(len(targets))
        await learn(whose, thread, model, inputs[order], targets[order])


async def _loss_of(
    whose: str, thread: ThreadPoolExecutor, model: Model, inputs: NDArray[Any], targets: NDArray[Any]
) -> float:
    """The loss of ``model`` on samples. PeersError where it has no answer."""
    return model.task.loss(await answers_of(whose, thread, model, inputs), targets)


async def distilled(
    whose: str, thread: ThreadPoolExecutor, load: Callable[[], Model], lesson: Lesson, passes: int,
    studied: dict[str, Any] | None, held: dict[str, Any], seed: tuple[int, int],
) -> tuple[Model, Gain]:  # fmt: skip
    """The model that ``load`` gives, taught beside what it ``studied``, and what that did on the ``held`` samples."""
    model = load()
    before = await _loss_of(whose, thread, model, held["inputs"], held["targets"])
    await _teach(whose, thread, model, lesson, passes, seed, studied)
    return model, Gain(before, await _loss_of(whose, thread, model, held["inputs"], held["targets"]))


def teach(
    whose: str, model: Model, lesson: Lesson, exam: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:  # fmt: skip
    """Take somebody's ``model`` through ``lesson``, ``PASSES`` times; what it says to the ``exam``'s inputs before and
    after that.

    Raises:
        PeersError: the model failed.
    """

    async def done() -> tuple[NDArray[Any], NDArray[Any]]:
        with ThreadPoolExecutor(1, "learner") as thread:
            before = await answers_of(whose, thread, model, exam)
            await _teach(whose, thread, model, lesson, PASSES, (secrets.randbelow(2**32), 0))
            return before, await answers_of(whose, thread, model, exam)

    return asyncio.run(done())


def said_by(whose: str, model: Model, inputs: NDArray[Any]) -> NDArray[Any]:
    """What somebody's ``model`` says to ``inputs``. PeersError where it has no answer."""
    with ThreadPoolExecutor(1, "thinker") as thread:
        return asyncio.run(answers_of(whose, thread, model, inputs))


def keep_gain(folder: Path, epoch: int, gain: Gain) -> None:
    """Keep in a participant's ``folder`` what an epoch's lesson did, and say so."""
    log(f"epoch {epoch}: distilled what it heard: {gain.text}")
    files.append_line(folder / _FILE, json.dumps({"epoch": epoch, "before": gain.before, "after": gain.after}))


def gains(folder: Path) -> dict[int, Gain]:
    """What the lessons did, by epoch; of one that was given again the last."""
    try:
        lines = (folder / _FILE).read_text().splitlines()
    except OSError:
        return {}
    found: dict[int, Gain] = {}
    for line in lines:
        try:
            told = json.loads(line)
            found[int(told["epoch"])] = Gain(float(told["before"]), float(told["after"]))
        except (ValueError, KeyError, TypeError):
            continue  # a crash cut it off
    return found
