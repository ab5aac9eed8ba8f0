"""A neuron's first state, and what its newest says, in this process: without a ledger, an axon or anybody else."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from klopf.peers._conduct import ConductSettings
from klopf.peers._distilling import parted
from klopf.peers._domain import Limits
from klopf.peers._home import ParticipantSettings, read_data
from klopf.peers._neuron import NeuronSettings
from klopf.peers._states import last_state, write_listener
from klopf.peers._thinking import answers_of, commitment_of, train, whose
from klopf.peers.models import create_model, load_model, save_model
from klopf.peers.tasks import Task

__all__ = ["answer", "birth"]


def birth(
    folder: Path, task: Task, seed: int, settings: NeuronSettings, conduct: ConductSettings | None = None
) -> bytes:
    """Make the neuron's first state in ``folder`` and return its commitment. It has gone through its stream once. What
    the model prints meanwhile goes to standard error."""
    with contextlib.redirect_stdout(sys.stderr):
        return asyncio.run(_birth(folder, task, seed, settings, conduct or ConductSettings()))


async def _birth(
    folder: Path, task: Task, seed: int, settings: NeuronSettings, conduct: ConductSettings
) -> bytes:  # fmt: skip
    data = read_data(folder)
    name, own = conduct.make(task).model(settings.model, settings.settings)
    model = create_model(name, task, seed, own)
    with ThreadPoolExecutor(1, "learner") as thread:
        studied, _ = parted(data, seed, settings.distil)
        await train(whose(folder.name, name), thread, model, studied, seed, epoch=0, passes=settings.passes)
    save_model(model, name, folder / "state" / "0" / "model")
    write_listener(folder, 0, task.listener())
    return await commitment_of(whose(folder.name, name), model, Limits.in_stream(task, settings.knows, data))


def answer(folder: Path, inputs: NDArray[Any]) -> NDArray[Any]:
    """What the newest model of the neuron in ``folder`` says to ``inputs``, in this process: nobody is asked or paid,
    and nothing changes.

    Raises:
        PeersError: there is no whole state, or the model has no answer.
    """
    settings = ParticipantSettings.read(folder)
    name, _ = settings.conduct.make(settings.task).model(settings.more["model"], settings.more["settings"])
    with contextlib.redirect_stdout(sys.stderr), ThreadPoolExecutor(1, "thinker") as thread:
        model = load_model(folder / "state" / str(last_state(folder)) / "model", settings.task, name)
        familiar = Limits.in_stream(settings.task, settings.more.get("knows", {}), read_data(folder))
        return asyncio.run(answers_of(whose(settings.name, name), thread, model, inputs, familiar))
