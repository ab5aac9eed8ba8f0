"""A stranger's model at work in a thread of its own, held to what a model promises, and named where it fails."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from klopf.errors import KlopfError, PeersError
from klopf.extensions import said
from klopf.peers._domain import Limits
from klopf.peers._familiar import Familiar
from klopf.peers.models import MODELS, Model, awaited, public_name

__all__ = ["answers_of", "commitment_of", "learn", "train", "whose"]

T = TypeVar("T")


def whose(neuron: str, model: str) -> str:
    """What messages say of a neuron's model, which a stranger may have written."""
    package = MODELS.origin(model.partition(":")[0])
    return f"neuron {neuron}: model {public_name(model)}{f' of {package}' if package else ''}"


async def _call(whose: str, thread: ThreadPoolExecutor, call: Callable[..., Awaitable[T] | T], *arguments: Any) -> T:
    """A model's method: in ``thread`` if it works there, awaited here if it is a coroutine function.

    Raises:
        PeersError: it failed, by whatever it raises.
    """
    try:
        if inspect.iscoroutinefunction(call):
            return await awaited(call(*arguments))
        return await awaited(await asyncio.get_running_loop().run_in_executor(thread, call, *arguments))
    except KlopfError:
        raise
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise
    except BaseException as error:
        raise PeersError(f"{whose} failed in {call.__name__}(): {said(error)}") from error


async def answers_of(
    whose: str,
    thread: ThreadPoolExecutor,
    model: Model,
    inputs: NDArray[Any],
    familiar: Familiar | Limits | None = None,
) -> NDArray[Any]:
    """A model's answers, held to what is asked of a stranger's, as far as the neuron is ``familiar`` with the inputs.
    PeersError where they are none."""
    answers = await _call(whose, thread, model.answer, inputs.copy())  # which others are asked about too
    try:
        model.task.check_answers(answers, len(inputs))
    except PeersError as error:
        raise PeersError(f"{whose} gave no answers: {error}") from None
    answers = np.array(answers)  # its own may be working memory, which the next question overwrites
    if familiar is None:
        return answers
    return await asyncio.get_running_loop().run_in_executor(thread, familiar.hedged, inputs, answers)


async def answers_in_portions(
    whose: str,
    thread: ThreadPoolExecutor,
    model: Model,
    inputs: NDArray[Any],
    familiar: Familiar | Limits | None = None,
) -> NDArray[Any]:
    """As :func:`answers_of`, a portion of the inputs after another: others have their turn between two, and once nobody
    waits any more, no other one is begun."""
    size = max(1, int(model.portion))
    portions = [inputs[at : at + size] for at in range(0, len(inputs), size)] or [inputs]
    found = [await answers_of(whose, thread, model, one, familiar) for one in portions]
    return found[0] if len(found) == 1 else np.concatenate(found)


async def commitment_of(whose: str, model: Model, familiar: Familiar | Limits | None) -> bytes:
    """The hash of a model's state and of what it is familiar with. PeersError where a stranger's gives none."""
    try:
        found = await awaited(model.commitment())
    except (KlopfError, KeyboardInterrupt, asyncio.CancelledError):
        raise
    except BaseException as error:
        raise PeersError(f"{whose} failed in commitment(): {said(error)}") from error
    if not isinstance(found, bytes) or len(found) != 32:
        raise PeersError(f"{whose} gave {found!r:.80} in commitment(): it must give 32 bytes")
    return found if familiar is None else familiar.bind(found)


async def learn(
    whose: str, thread: ThreadPoolExecutor, model: Model, inputs: NDArray[Any], targets: NDArray[Any]
) -> None:  # fmt: skip
    """Have a model learn samples, in their order. PeersError where it fails."""
    await _call(whose, thread, model.learn, inputs, targets)


async def train(
    whose: str, thread: ThreadPoolExecutor, model: Model, data: dict[str, Any], seed: int, epoch: int, passes: int
) -> float:
    """Go through the own stream ``passes`` times, in an order drawn from the seed; returns the score on it before."""
    inputs, targets, task = data["inputs"], data["targets"], model.task
    before = task.score(task.decide(await answers_of(whose, thread, model, inputs)), targets)
    rng = np.random.default_rng([seed, epoch, 1])
    for _ in range(passes):
        order = rng.permutation(len(targets))
        await learn(whose, thread, model, inputs[order], targets[order])
    return before
