"""Distillation: a model learns what others say together, and keeps it only where it is a gain."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from klopf import peers
from klopf.peers import Classes, Gain, Lesson, Numbers, create_model, gains, load_model, save_model
from klopf.peers._distilling import distilled, keep_gain, parted, probes

TASK = Classes(("x", "y"), ("a", "b"), ())


def points(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    inputs = np.random.default_rng(seed).standard_normal((n, 2)).astype(np.float32)
    return inputs, (inputs[:, 0] > 0).astype(np.int64)


def right(inputs: np.ndarray) -> np.ndarray:
    sure = np.where(inputs[:, :1] > 0, 0.9, 0.1)
    return np.concatenate([1 - sure, sure], axis=1).astype(np.float32)


def lesson_done(tmp_path, answers) -> tuple[peers.Model, Gain]:
    """A newborn model taught ``answers``, judged on samples of its own."""
    save_model(create_model("mind", TASK, 0, {"hidden": [8]}), "mind", tmp_path / "m")
    strange, (inputs, targets) = points(200, 1)[0], points(100, 2)
    with ThreadPoolExecutor(1) as thread:
        lesson, held = Lesson(strange, answers(strange)), {"inputs": inputs, "targets": targets}
        load = partial(load_model, tmp_path / "m", TASK, "mind")
        return asyncio.run(distilled("it", thread, load, lesson, 8, None, held, (0, 1)))


def test_who_knows_teaches_and_who_lies_is_not_kept(tmp_path):
    model, gain = lesson_done(tmp_path, right)
    assert gain.kept
    assert gain.after < gain.before / 1.5
    inputs, targets = points(100, 3)
    assert TASK.score(TASK.decide(model.answer(inputs)), targets) > 0.9
    _, gain = lesson_done(tmp_path, lambda x: 1 - right(x))
    assert not gain.kept


def test_classes_are_drawn_as_often_as_the_answer_says():
    answers = np.tile(np.float32([0.2, 0.8]), (20_000, 1))
    drawn = TASK.taught(answers, np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(0.8, abs=0.01)
    sure = np.float32([[1, 0], [0, 1]])
    assert TASK.taught(sure, np.random.default_rng(0)).tolist() == [0, 1]
    numbers = Numbers(("x",), ("y",), ("",))
    amounts = np.float32([[1.5], [2.5]])
    assert (numbers.taught(amounts, np.random.default_rng(0)) == amounts).all()


def test_a_fifth_is_held_out_for_life_and_nothing_where_nothing_is_distilled():
    inputs, targets = points(50, 0)
    data = {"inputs": inputs, "targets": targets}
    studied, held = parted(data, 7, 64)
    assert (len(studied["targets"]), len(held["targets"])) == (40, 10)
    assert (parted(data, 7, 1)[1]["inputs"] == held["inputs"]).all()
    assert not {tuple(x) for x in held["inputs"]} & {tuple(x) for x in studied["inputs"]}
    studied, held = parted(data, 7, 0)
    assert (len(studied["targets"]), len(held["targets"])) == (50, 0)


def test_probes_are_near_and_bounded():
    inputs, _ = points(50, 0)
    strange = probes(inputs, 4_096, (0, 1))
    assert strange.shape == inputs.shape
    assert strange.dtype == np.float32
    assert not {tuple(x) for x in strange} & {tuple(x) for x in inputs}
    texts = np.array(["one", "two"])
    assert set(probes(texts, 2, (0, 1))) <= set(texts)


def test_gains_are_kept_and_a_line_that_a_crash_cut_off_is_passed_over(tmp_path, capsys):
    keep_gain(tmp_path, 3, Gain(0.5, 0.25))
    keep_gain(tmp_path, 3, Gain(0.5, 0.75))
    with (tmp_path / "gained.jsonl").open("a") as file:
        file.write('{"epoch": 4, "bef')
    assert gains(tmp_path) == {3: Gain(0.5, 0.75)}
    assert gains(tmp_path / "nobody") == {}
    assert "0.5000 -> 0.2500, kept" in capsys.readouterr().out
