"""Does a model keep its promises?"""

from __future__ import annotations

import asyncio
import copy
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.checks._borders import alone, no_pickles, pickled
from klopf.checks._promise import derived, promise
from klopf.peers import Classes, Model, Numbers, Task, create_model, load_model, save_model
from klopf.peers.models import awaited

__all__ = ["check_model"]

_EASY = Classes(features=("a", "b", "c", "d"), names=("left", "middle", "right"))

_Samples = tuple[NDArray[Any], NDArray[Any]]


def check_model(model: str | type[Model], task: Task = _EASY, settings: Mapping[str, Any] | None = None) -> None:
    """Try with ``model`` all that a network does with it, on easy samples of ``task``.

    Args:
        model: its name in a network file, or its class.
        task: what it is to learn; by default three classes from four numbers.
        settings: as the network file has them.

    Raises:
        AssertionError: a promise of :class:`klopf.peers.Model` is broken; one line says which.
    """
    if not isinstance(model, str):
        derived(model, Model, "check_model")
    name = model if isinstance(model, str) else f"{model.__module__}:{model.__qualname__}"
    with promise(name, model):
        asyncio.run(_check(name, task, dict(settings or {})))


def _easy_samples(task: Task, n: int, seed: int) -> _Samples:
    """``n`` samples that anything which learns gets better on: the same relation for every ``seed``."""
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(0)
    if not task.input_shape:
        words = np.array(["ant", "bee", "cat", "dog"])
        replies = np.array(["a small one", "it flies", "it purrs", "man's friend"])
        which = rng.integers(0, len(words), n)
        return words[which], replies[which]
    width = task.input_shape[0]
    if isinstance(task, Numbers):
        inputs = rng.normal(size=(n, width))
        slope = fixed.normal(size=(width, len(task.names)))
        return inputs.astype(np.float32), (30.0 + 5.0 * inputs @ slope).astype(np.float32)
    centres = fixed.normal(0.0, 2.0, (len(task.names), width))
    labels = rng.integers(0, len(task.names), n)
    return (centres[labels] + rng.normal(0.0, 0.5, (n, width))).astype(np.float32), labels.astype(np.int64)


async def _check(name: str, task: Task, settings: dict[str, Any]) -> None:
    create_model(name, task, 3, copy.deepcopy(settings))  # what is imported on the way may do what it likes
    model = _made(name, task, settings)
    assert isinstance(model, Model), f"{name}.create() gives {model!r:.80}: give a klopf.peers.Model"
    assert model.task == task, f"{name} was made for {task} and says it is for {model.task}: keep the task it is given"
    await _speaks(name, model)
    await _learns(name, model)
    await _speaks(name, model)
    await _is_reproducible(name, task, settings)
    await _is_whole(name, task, settings)
    _is_strict(name, task, settings)
    await _is_kept(name, model)
    await _refuses(name, model)


async def _said(name: str, model: Model, inputs: NDArray[Any]) -> NDArray[Any]:
    with alone(name, "answer"):
        return copy.copy(await awaited(model.answer(inputs)))  # it may be working memory


async def _taught(name: str, model: Model, inputs: NDArray[Any], targets: NDArray[Any]) -> None:
    with alone(name, "learn"):
        await awaited(model.learn(inputs, targets))


def _made(name: str, task: Task, settings: dict[str, Any]) -> Model:
    given = copy.deepcopy(settings)
    with alone(name, "create"):
        model = create_model(name, task, 3, given)
    assert given == settings, f"{name}.create() changes its settings, which others are made by too: copy them"
    return model


async def _hash(name: str, model: Model) -> bytes:
    with alone(name, "commitment"):
        found = await awaited(model.commitment())
    assert isinstance(found, bytes) and len(found) == 32, f"{name}.commitment() must be 32 bytes, not {found!r:.80}"
    return found


async def _speaks(name: str, model: Model) -> None:
    """Valid answers, to many and to one, that change nothing."""
    inputs, _ = _easy_samples(model.task, 40, 1)
    before = await _hash(name, model)
    for asked in (inputs, inputs[:1]):
        kept = asked.copy()
        answers = await _said(name, model, asked)
        try:
            model.task.check_answers(answers, len(asked))
        except Exception as error:
            raise AssertionError(f"{name}.answer() gives no answers of its task: {error}") from None
        assert np.array_equal(kept, asked), f"{name}.answer() changed its inputs: copy what it works on"
        same = np.array_equal(answers, await _said(name, model, asked))
        assert same, f"{name} answers the same question differently the second time: answering must change nothing"
    assert await _hash(name, model) == before, f"{name} has another commitment after it answered: it must not change"
    await _answers_each(name, model, inputs)


async def _answers_each(name: str, model: Model, inputs: NDArray[Any]) -> None:
    """Whatever else is asked with a sample, its answer is the same, but for rounding."""
    together = await _said(name, model, inputs)
    order = np.random.default_rng(11).permutation(len(inputs))
    shuffled = np.empty_like(together)
    shuffled[order] = await _said(name, model, inputs[order])
    single = np.concatenate([await _said(name, model, inputs[i : i + 1]) for i in range(8)])
    for how, answers in (("in another order", shuffled), ("one by one", single)):
        assert _alike(answers, together[: len(answers)]), (
            f"{name} answers the same samples differently {how}: a sample's answer must not depend on its batch"
        )


def _alike(one: NDArray[Any], other: NDArray[Any]) -> bool:
    if one.dtype.kind not in "fiu":
        return np.array_equal(one, other)
    size = float(np.abs(other).max(initial=0.0)) or 1.0
    return np.allclose(one / size, other / size, rtol=1e-3, atol=1e-4)


async def _learns(name: str, model: Model) -> None:
    """A change of state is a change of commitment, and something is learned that a constant does not know; what says
    that it does not learn stays as it is."""
    task, before = model.task, await _hash(name, model)
    inputs, targets = _easy_samples(task, 2000, 2)
    given = inputs.copy(), targets.copy()
    said = await _said(name, model, inputs[:20])
    await _taught(name, model, *given)
    same = np.array_equal(given[0], inputs) and np.array_equal(given[1], targets)
    assert same, f"{name}.learn() changes its inputs or targets, which others read too: copy what it works on"
    if not model.learns:
        unchanged = await _hash(name, model) == before and np.array_equal(said, await _said(name, model, inputs[:20]))
        assert unchanged, f"{name} says that it does not learn, and learn() changes it: set learns"
        return
    assert await _hash(name, model) != before, f"{name} has learned and has the same commitment: hash the whole state"
    test, right = _easy_samples(task, 400, 4)
    score = task.score(task.decide(await _said(name, model, test)), right)
    constant = task.score(task.decide(task.know_nothing(targets, len(test))), right)
    assert score > constant, (
        f"{name} has learned nothing: its {task.measure} is {score:.3f} on easy samples, a constant's {constant:.3f}"
    )


async def _is_reproducible(name: str, task: Task, settings: dict[str, Any]) -> None:
    """The same seed and samples, the same state; other samples, another. No model learns what another one does."""
    pupil, newborn = (_made(name, task, settings) for _ in range(2))
    before = await _hash(name, newborn)
    await _taught(name, pupil, *_easy_samples(task, 60, 5))
    assert await _hash(name, newborn) == before, (
        f"{name} learns what another model of its kind does: keep state in self"
    )
    states = []
    for seed in (5, 5, 6):
        model = _made(name, task, settings)
        await _taught(name, model, *_easy_samples(task, 60, seed))
        states.append((await _hash(name, model), await _said(name, model, _easy_samples(task, 20, 7)[0])))
    (one, said), (again, same), (other, _) = states
    assert one == again and np.array_equal(said, same), (
        f"{name} comes to another state from the same seed and samples: draw everything random from the seed"
    )
    assert one != other or not newborn.learns, (
        f"{name} has the same commitment after other samples: hash the whole state"
    )


async def _is_whole(name: str, task: Task, settings: dict[str, Any]) -> None:
    """Models with one commitment learn on alike: nothing that learning depends on is left out of it. A model of
    numbers that learns its own answers may keep its answers and change in all else."""
    if not isinstance(task, Numbers):
        return
    one, other = (_made(name, task, settings) for _ in range(2))
    inputs, targets = _easy_samples(task, 60, 8)
    await _taught(name, other, inputs, await _said(name, other, inputs))
    if await _hash(name, one) != await _hash(name, other):
        return
    for model in (one, other):
        await _taught(name, model, inputs, targets)
    assert np.array_equal(await _said(name, one, inputs), await _said(name, other, inputs)), (
        f"{name} has one commitment in two states that learn on differently: hash the whole state"
    )


def _is_strict(name: str, task: Task, settings: dict[str, Any]) -> None:
    """A setting that it does not have is refused."""
    try:
        create_model(name, task, 3, {**settings, "surely_no_setting_of_this_name": 1})
    except Exception:
        return
    raise AssertionError(f"{name}.create() takes settings that it does not have: refuse what you do not know")


async def _is_kept(name: str, model: Model) -> None:
    """A saved model goes on to the bit."""
    inputs, targets = _easy_samples(model.task, 60, 8)
    with tempfile.TemporaryDirectory() as place:
        save_model(model, name, Path(place) / "state")  # with all that is imported on the way
        with alone(name, "save"):
            save_model(model, name, Path(place) / "state")
        found = pickled(Path(place) / "state")
        assert not found, (
            f"{name}.save() writes a pickle into {found}, which whoever loads it runs: write numbers and text"
        )
        try:
            with no_pickles(name):
                load_model(Path(place) / "state", model.task, name)
            with alone(name, "load"):
                back = load_model(Path(place) / "state", model.task, name)
        except AssertionError:
            raise
        except (Exception, SystemExit) as error:
            raise AssertionError(
                f"{name}.load() cannot read what save() wrote: {type(error).__name__}: {error}"
            ) from None
        await _refuses_cut(name, model, Path(place) / "state")
    assert isinstance(back, Model), f"{name}.load() gives {back!r:.80}: give the model"
    assert back is not model, f"{name}.load() gives the model that was saved: read it from the folder"
    assert back.task == model.task, f"{name}.load() must give the model the task that it is given"
    for when in ("after load()", "when it learns on after load()"):
        assert await _hash(name, back) == await _hash(name, model), f"{name} has another commitment {when}: save it all"
        same = np.array_equal(await _said(name, back, inputs), await _said(name, model, inputs))
        assert same, f"{name} answers differently {when}: save it all"
        await _taught(name, model, inputs, targets)
        await _taught(name, back, inputs, targets)


async def _refuses_cut(name: str, model: Model, folder: Path) -> None:
    """A file that was cut in the middle is refused, and one in which a byte was altered never passes for the same."""
    inputs, _ = _easy_samples(model.task, 20, 8)
    state, said = await _hash(name, model), await _said(name, model, inputs)
    for file in [f for f in sorted(folder.rglob("*")) if f.is_file() and f.name not in ("kind", "package")][:8]:
        content = file.read_bytes()
        middle = len(content) // 2
        altered = [content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :] for i in (middle, len(content) * 3 // 4)]
        for wrong in (content[:middle], *(altered if content else ())):
            file.write_bytes(wrong)
            try:
                found = load_model(folder, model.task, name)
                one, answers = await _hash(name, found), await _said(name, found, inputs)
            except (Exception, SystemExit):
                continue  # refused, if only when it is used
            same = np.array_equal(answers, said)
            cut = len(wrong) < len(content)
            assert (one == state and same) or not cut, (
                f"{name}.load() takes {file.name} although it was cut: compare its length or hash"
            )
            assert one != state or same, (
                f"{name} has the same commitment after {file.name} was altered, and answers differently: hash all of it"
            )
        file.write_bytes(content)


async def _refuses(name: str, model: Model) -> None:
    """What does not fit is refused in one line, and changes nothing."""
    inputs, targets = _easy_samples(model.task, 6, 9)
    wrong = np.zeros((6, len(model.task.features) + 1), dtype=np.float32)
    before = await _hash(name, model)
    for what, call in (
        ("inputs of the wrong shape in answer()", lambda: model.answer(wrong)),
        ("inputs of the wrong shape in learn()", lambda: model.learn(wrong, targets)),
        ("fewer targets than inputs in learn()", lambda: model.learn(inputs, targets[:4])),
    ):
        try:
            await awaited(call())
        except Exception as error:
            said = str(error)
            assert said and "\n" not in said, f"{name} refuses {what} with {said!r:.80}: say what is wrong in one line"
        else:
            raise AssertionError(f"{name} takes {what}: begin with task.check_inputs() and task.check_targets()")
    assert await _hash(name, model) == before, f"{name} has changed although it refused: check before you change"
