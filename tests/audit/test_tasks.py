"""Audit tasks: the conformance test of ``AuditTask``, and what the figures mean."""

import numpy as np
import pytest

from klopf.audit import TASKS, AuditTask, Score
from klopf.errors import AuditError


@pytest.fixture(params=TASKS, ids=lambda task: task.name)
def task(request) -> AuditTask:
    return request.param


def answers_right(n, right, classes=4):
    labels = np.arange(n) % classes
    said = np.where(np.arange(n) < right, labels, (labels + 1) % classes)
    return np.eye(classes, dtype=np.float32)[said], labels


def test_questions_keep_their_shape_and_depend_on_the_generator_only(task):
    inputs = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    kept = inputs.copy()
    asked = task.questions(inputs, np.random.default_rng(1))
    assert asked.shape == inputs.shape
    assert asked.dtype == np.float32
    np.testing.assert_array_equal(asked, task.questions(inputs, np.random.default_rng(1)))
    np.testing.assert_array_equal(inputs, kept)


def test_a_score_lies_in_its_interval_and_the_interval_shrinks(task):
    few, many = (task.score(*answers_right(n, n * 3 // 4)) for n in (40, 4000))
    for score in (few, many):
        assert 0 <= score.low < score.value < score.high <= 1
        assert score.value == pytest.approx(0.75)
        assert score.control == pytest.approx(0.25)
    assert many.high - many.low < (few.high - few.low) / 5


def test_the_interval_covers_the_truth_about_as_often_as_it_says(task):
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        score = task.score(*answers_right(80, rng.binomial(80, 0.3)))
        covered += score.low <= 0.3 <= score.high
    assert 0.92 <= covered / 400 <= 0.98


def test_perfection_still_has_an_interval(task):
    score = task.score(*answers_right(50, 50))
    assert score.value == 1.0
    assert score.low < 0.95


def test_missing_answers_are_not_scored(task):
    answers, labels = answers_right(10, 5)
    with pytest.raises(AuditError, match="one answer to each"):
        task.score(answers[:-1], labels)
    with pytest.raises(AuditError):
        task.score(answers[:0], labels[:0])


def test_basis_points_round_the_interval_outward():
    assert Score(0.5, 0.43219, 0.56781, 0.1).basis_points() == (5000, 4321, 5679)
    assert Score(1.0, 0.99999, 1.0, 0.1).basis_points() == (10000, 9999, 10000)
    assert Score(0.0, 0.0, 0.0, 0.1).basis_points() == (0, 0, 0)
