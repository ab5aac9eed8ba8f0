"""Do a model that is trained in rounds, and a strategy that combines updates, keep their promises?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.checks._promise import derived, promise
from klopf.fleet import MODELS, STRATEGIES, FleetModel, Strategy

__all__ = ["check_fleet_model", "check_strategy"]


def check_fleet_model(
    model: str | type[FleetModel], settings: Mapping[str, Any], inputs: NDArray[Any], targets: NDArray[Any]
) -> None:
    """Let ``model`` (a name of ``klopf.fleet.MODELS``, or a class) do what devices and servers do with it.

    Args:
        settings: what ``create`` is given. inputs, targets: records that it can learn, ``(n, features)`` and ``(n,)``;
            a hundred will do.

    Raises:
        AssertionError: a promise of :class:`klopf.fleet.FleetModel` is broken; one line says which.
    """
    with promise(f"the fleet model {model!r}"):
        kind = MODELS.load(model) if isinstance(model, str) else model
    derived(kind, FleetModel, "check_fleet_model")
    name = model if isinstance(model, str) else kind.__qualname__
    x, y = np.ascontiguousarray(inputs, np.float32), np.ascontiguousarray(targets, np.float32)
    with promise(name, kind):
        first = kind.create(dict(settings), 3)
        start = _parameters(name, first)
        assert _same(start, kind.create(dict(settings), 3).parameters()), f"{name}.create() differs for the same seed"
        start[0][...] += 1
        assert not _same(start, first.parameters()), f"{name}.parameters() gives no copy: what is done to it is kept"
        start[0][...] -= 1
        _goes_on_from_parameters(name, kind, settings, x, y)
        _learns(name, kind, settings, x, y)
        _refuses(name, kind, settings)


def _parameters(name: str, model: FleetModel) -> list[NDArray[np.float32]]:
    found = model.parameters()
    assert isinstance(found, list) and found, f"{name}.parameters() must be a list of arrays with something in it"
    for array in found:
        assert isinstance(array, np.ndarray) and array.dtype == np.float32, (
            f"{name}.parameters() has something else than float32 arrays: give copies as np.float32"
        )
        assert np.isfinite(array).all(), f"{name}.parameters() are not all finite"
    return found


def _same(one: list[NDArray[np.float32]], other: list[NDArray[np.float32]]) -> bool:
    return len(one) == len(other) and all(
        a.shape == b.shape and np.array_equal(a, b) for a, b in zip(one, other, strict=True)
    )


def _goes_on_from_parameters(
    name: str, kind: type[FleetModel], settings: Mapping[str, Any], x: NDArray[Any], y: NDArray[Any]
) -> None:
    """What another device or server makes of the same parameters is the same, whatever it did before."""
    before = x.copy(), y.copy()
    one, other = kind.create(dict(settings), 3), kind.create(dict(settings), 4)
    other.train(x, y, 2, np.random.default_rng(9))
    start = one.parameters()
    other.load([array.copy() for array in start])
    assert _same(start, other.parameters()), f"{name}.load() does not put back what parameters() gave"
    for model in (one, other):
        model.train(x, y, 2, np.random.default_rng(5))
    after = _parameters(name, one)
    assert not _same(start, after), f"{name}.train() changes no parameter"
    assert [a.shape for a in after] == [a.shape for a in start], f"{name}.train() changes the shapes of parameters"
    assert _same(after, other.parameters()), (
        f"{name} keeps something beside its parameters: after load() it trains otherwise than a new one"
    )
    assert all(np.array_equal(a, b) for a, b in zip(before, (x, y), strict=True)), f"{name}.train() changes records"


def _learns(name: str, kind: type[FleetModel], settings: Mapping[str, Any], x: NDArray[Any], y: NDArray[Any]) -> None:
    model = kind.create(dict(settings), 3)
    figures = [(model.loss(x, y), model.score(x, y))]
    model.train(x, y, 10, np.random.default_rng(5))
    figures.append((model.loss(x, y), model.score(x, y)))
    for loss, score in figures:
        assert isinstance(loss, float) and np.isfinite(loss) and loss >= 0, f"{name}.loss() must be finite, from 0"
        assert isinstance(score, float) and np.isfinite(score) and score <= 1, f"{name}.score() must be at most 1"
    assert figures[1][0] < figures[0][0], f"{name} learns nothing of these records: its loss is no smaller afterwards"


def _refuses(name: str, kind: type[FleetModel], settings: Mapping[str, Any]) -> None:
    try:
        kind.create({**settings, "no such setting": 1}, 3)
    except Exception:
        return
    raise AssertionError(f"{name}.create() takes a setting that it does not know: raise for it")


def check_strategy(strategy: str | type[Strategy]) -> None:
    """Let ``strategy`` (a name of ``klopf.fleet.STRATEGIES``, or a class) combine updates as rounds do: of one device
    and of many, of like and unlike ones, round after round.

    Raises:
        AssertionError: a promise of :class:`klopf.fleet.Strategy` is broken; one line says which.
    """
    with promise(f"the strategy {strategy!r}"):
        kind = STRATEGIES.load(strategy) if isinstance(strategy, str) else strategy
    derived(kind, Strategy, "check_strategy")
    name = strategy if isinstance(strategy, str) else kind.__qualname__
    with promise(name, kind):
        one, other = kind(), kind()
        for number, many in enumerate((1, 2, 5, 12, 12, 3)):
            changes, weights = _updates(number, many)
            given = {who: change.copy() for who, change in changes.items()}
            found = [made.combine(changes, weights) for made in (one, other)]
            assert all(np.array_equal(changes[who], given[who]) for who in given), f"{name}.combine() changes updates"
            for combined in found:
                _adds_up(name, combined, changes)
            assert np.array_equal(found[0].change, found[1].change), f"{name}.combine() differs for the same updates"


def _updates(seed: int, many: int) -> tuple[dict[str, NDArray[np.float32]], dict[str, float]]:
    """Of devices with something in common, one of them far away where there are many; and weights."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=40)
    rows = (common + rng.normal(size=(many, 40))).astype(np.float32)
    if many > 4:
        rows[2] *= -50
    return {f"d{i:02}": row for i, row in enumerate(rows)}, {f"d{i:02}": float(1 + i % 4) for i in range(many)}


def _adds_up(name: str, combined: Any, changes: Mapping[str, NDArray[np.float32]]) -> None:
    change, used, left_out = combined.change, combined.used, combined.left_out
    assert isinstance(change, np.ndarray) and change.dtype == np.float32 and change.shape == (40,), (
        f"{name}.combine() must give a float32 change of the updates' shape"
    )
    assert np.isfinite(change).all(), f"{name}.combine() gives what is not finite"
    assert used and all(weight >= 0 for weight in used.values()) and abs(sum(used.values()) - 1) < 1e-6, (
        f"{name}.combine(): the weights in used must be from 0, and 1 in all"
    )
    assert set(used) | set(left_out) == set(changes) and not set(used) & set(left_out), (
        f"{name}.combine() must say of each update that it is used, or why it is left out"
    )
    assert all(isinstance(why, str) and why for why in left_out.values()), f"{name}.combine() leaves out without a why"
