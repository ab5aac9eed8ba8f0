"""A life of PPO whose file was altered, each field by itself and with the right checksum: one line, and no life."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from klopf.errors import MindError
from klopf.mind import _file
from klopf.mind.rl import PPO, Task, load, run
from klopf.mind.rl._kernels import batch_layout as at

OPTIONS = {"hidden": (4,), "rollout": 16, "minibatch": 8, "epochs": 1}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("ppo") / "a.life"
    run(Task("CartPole-v1", "ppo", 150, 1, OPTIONS), file)
    return file


def altered(saved: Path, folder: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> Path:
    header, arrays = copy.deepcopy(_file.read(saved))
    change(header, arrays)
    _file.write(folder / "b.life", _file.pack(header, arrays))
    return folder / "b.life"


def put(name: str, place: Any, value: float) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def change(header: dict[str, Any], arrays: dict[str, Any]) -> None:
        arrays[name][place] = value

    return change


def say(*path: str, value: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def change(header: dict[str, Any], arrays: dict[str, Any]) -> None:
        for step in path[:-1]:
            header = header[step]
        header[path[-1]] = value

    return change


ARRAYS = ("weights", "units", "senses", "counts", "seen", "done", "rollout", "noise", "row", "course")
NUMBERS = {
    "weights": put("weights", (at.SECOND, 0), -1.0), "ages": put("units", (at.AGE, 0), 2.5),
    "ages under 0": put("units", (at.AGE, 0), -1.0), "utilities": put("units", (at.UTILITY, 0), -1.0),
    "born": put("units", (at.BORN, 0), 0.5), "squares": put("senses", (at.S_SQUARES, 0), -1.0),
    "trace": put("counts", at.TRACE_SQUARES, -1.0), "clipped": put("counts", at.CLIPPED, 2.0),
    "ends": put("rollout", (0, at.ENDS), 0.5), "a choice too many": put("done", (0, 0), 2.0),
    "half a choice": put("done", (0, 0), 0.5), "a choice under 0": put("done", (0, 0), -1.0),
    "noise of 1": put("noise", (0, 0), 1.0), "the next action": put("next action", 0, 7.0),
    **{f"count {n}": put("counts", n, -1.0) for n in (at.STEPS, at.BIRTHS, at.SEEN, at.REWARDS)},
}  # fmt: skip
WORDS = {
    "now under 0": say("agent", "now", value=-1), "now beyond": say("agent", "now", value=16),
    "now half": say("agent", "now", value=1.5), "now true": say("agent", "now", value=True),
    "every 0": say("agent", "every", value=0), "rollouts": say("agent", "rollouts", value=-1),
    "dtype": say("agent", "dtype", value="float16"), "low": say("agent", "low", value=["x"]),
    "high": say("agent", "high", value=None), "observations": say("agent", "observations", value=5),
    "choices": say("agent", "choices", value=1), "seed": say("agent", "seed", value=-1),
    "random": say("agent", "random", value={"bit_generator": "MT19937"}),
    "random's state": say("agent", "random", "state", value={"state": -1, "inc": 2**200}),
    "settings": say("agent", "settings", "rollout", value=0), "no such option": say("agent", "settings", "x", value=1),
    "no settings": say("agent", "settings", value=[]), "no agent": say("agent", value="ppo"),
    "agent": say("agent", "agent", value="sarsa"), "agent's kind": say("agent", "agent", value=[]),
    "steps": say("steps", value=-1), "seconds": say("seconds", value=float("nan")), "total": say("total", value="x"),
    "infinite total": say("total", value=float("inf")), "length": say("length", value=-3),
    "stretch": say("stretch", value=[0.0, -1]), "between": say("between", value="no"), "world": say("world", value=3),
}  # fmt: skip


@pytest.mark.parametrize("change", [*NUMBERS.values(), *WORDS.values()], ids=[*NUMBERS, *WORDS])
def test_what_no_agent_can_come_to_is_refused_in_one_line(saved: Path, tmp_path: Path, change: Any) -> None:
    file = altered(saved, tmp_path, change)
    with pytest.raises(MindError) as raised:
        run(Task("CartPole-v1", "ppo", 200, 1, OPTIONS), file, resume=True)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 400


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_that_is_not_finite_or_fits_not_is_refused(saved: Path, tmp_path: Path, name: str) -> None:
    for value in (np.nan, np.inf):

        def spoil(header: dict[str, Any], arrays: dict[str, Any], value: float = value) -> None:
            arrays[name] = np.full_like(arrays[name], value) if arrays[name].size else np.full((1, 9), value)

        with pytest.raises(MindError, match=f"{name} are not all finite"):
            load(altered(saved, tmp_path, spoil))
    with pytest.raises(MindError, match=name):
        load(altered(saved, tmp_path, lambda _, arrays: arrays.pop(name)))
    with pytest.raises(MindError, match=name):
        load(altered(saved, tmp_path, lambda _, arrays: arrays.update({name: arrays[name].ravel()[:3]})))
    with pytest.raises(MindError, match=name):
        load(altered(saved, tmp_path, lambda _, arrays: arrays.update({name: arrays[name].astype(np.int64)})))


def test_what_was_not_altered_is_taken(saved: Path, tmp_path: Path) -> None:
    life, _, _ = load(altered(saved, tmp_path, lambda *_: None))
    assert isinstance(life.agent, PPO) and life.steps == 150
