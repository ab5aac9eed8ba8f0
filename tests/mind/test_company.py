"""The company of a network: a memory, trees, what came lately, and how they are listened to."""

import copy
from pathlib import Path

import numpy as np
import pytest

from klopf.errors import MindError
from klopf.mind import Mind, _file
from klopf.mind._company import company_for
from klopf.mind._settings import settings_for

IN_COMPANY = {"memory": 50, "trees": 3, "normalise_inputs": True}


def _classes(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three classes by thresholds on two of four inputs."""
    x = np.random.default_rng(seed).normal(size=(n, 4))
    return x, (x[:, 1] > 0.3).astype(int) + (x[:, 2] > 1.0)


def test_a_stream_may_be_cut_anywhere_and_saved_there(tmp_path: object) -> None:
    x, y = _classes(400)
    whole, cut = (Mind(4, 3, hidden=(8,), seed=3, **IN_COMPANY) for _ in range(2))
    errors = whole.learn(x, y)
    first = cut.learn(x[:170], y[:170])
    cut.save(f"{tmp_path}/cut.mind")
    cut = Mind.load(f"{tmp_path}/cut.mind")
    assert np.array_equal(errors, np.concatenate([first, cut.learn(x[170:], y[170:])]))
    assert cut.commitment() == whole.commitment()
    assert np.array_equal(cut.predict_proba(x), whole.predict_proba(x))


def test_predicting_changes_nothing_and_is_what_learning_reports() -> None:
    x, y = _classes(200)
    m = Mind(4, 3, hidden=(8,), memory=50, trees=3)
    for i in range(60):
        before = m.commitment()
        p = m.predict_proba_one(x[i])
        assert p.sum() == pytest.approx(1.0, abs=1e-5)
        assert m.commitment() == before
        assert m.learn(x[i : i + 1], y[i : i + 1])[0] == (p.argmax() != y[i])


def test_it_is_ahead_of_the_network_alone_where_thresholds_decide() -> None:
    x, y = _classes(4000)
    alone = Mind(4, 3, hidden=(16,), normalise_inputs=True).learn(x, y)
    together = Mind(4, 3, hidden=(16,), normalise_inputs=True, memory=200, trees=10).learn(x, y)
    assert together[1000:].mean() < 0.7 * alone[1000:].mean()


def test_what_came_lately_is_heard_where_targets_move_slowly() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2000, 3)), np.cumsum(rng.normal(size=2000)) / 30
    alone = Mind(3, 1, output="linear").learn(x, y)
    together = Mind(3, 1, output="linear", memory=100, trees=3).learn(x, y)
    assert together[500:].mean() < 0.3 * alone[500:].mean()


def test_the_memory_says_what_plain_neighbours_say() -> None:
    from klopf.mind.kernels.company.memory import recall, remember
    from klopf.mind.kernels.company.state import SEEN

    company = company_for(settings_for("klopf", memory=30, trees=1), 3, 1, "linear")
    assert company is not None
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(80, 3)).astype(np.float32), rng.normal(size=80)
    x[::7, 1] = np.nan
    for t in range(80):
        remember(company, x[t], y[t])
        company.counters[SEEN] += 1
    said = np.empty((3, 1))
    recall(company, x[5], said)
    for span, since in enumerate((50, 70, 70)):  # 30, a third of it, and never fewer than ten
        apart = (x[since:] - x[5]) ** 2 / np.nanvar(x, axis=0)
        distance = np.where(np.isnan(apart), 2.0, apart).sum(1)
        near = distance.argsort()[:10]
        voice = 1 / (0.1 + distance[near] / distance[near].max())
        assert said[span, 0] == pytest.approx((voice @ y[since:][near]) / voice.sum(), abs=1e-4)


def test_trees_learn_sooner_from_what_the_memory_holds() -> None:
    """A class by a band of one input, and within it by another's: questions that must be found one after another."""
    from klopf.mind.kernels.company.memory import remember
    from klopf.mind.kernels.company.state import SEEN
    from klopf.mind.kernels.company.trees import ask_trees, grow_trees

    wrong = dict.fromkeys((1, 500), 0)
    for held in wrong:
        for seed in range(4):
            company = company_for(settings_for("klopf", memory=held, trees=10), 6, 2, "softmax")
            assert company is not None
            company.rng[0] = 77 + seed
            x = np.random.default_rng(seed).random((800, 6)).astype(np.float32)
            y = (np.abs(x[:, 0] - 0.5) > 0.2) & (x[:, 1] > 0.3)
            said = np.empty(2)
            for t in range(800):
                ask_trees(company, x[t], said)
                wrong[held] += said.argmax() != y[t]
                grow_trees(company, x[t], float(y[t]), 1.0)
                remember(company, x[t], float(y[t]))
                company.counters[SEEN] += 1
    assert wrong[500] < 0.8 * wrong[1], wrong


@pytest.mark.parametrize("at", [3, 20, 200])
def test_one_value_far_out_leaves_distances_in_the_memory_as_they_were(at: int) -> None:
    from klopf.mind.kernels.company.memory import remember
    from klopf.mind.kernels.company.state import SEEN

    rng = np.random.default_rng(1)
    x = np.c_[rng.normal(size=400), rng.random(400) < 0.01, np.full(400, 7.0)].astype(np.float32)
    x[300:, 2] = rng.normal(size=100)
    shocked = x.copy()
    shocked[at, 0] = 1e8
    sensed = []
    for given in (x, shocked):
        company = company_for(settings_for("klopf", memory=100, trees=1), 3, 1, "linear")
        assert company is not None
        for t in range(400):
            remember(company, given[t], 0.0)
            company.counters[SEEN] += 1
        sensed.append(company.sensed[1])
    usual = x.var(axis=0)
    assert np.abs(np.log(sensed[0] / usual)).max() < 0.3  # what is rare is data, and so is what begins to change
    assert np.abs(np.log(sensed[1] / usual)).max() < 0.5


def test_how_long_what_came_holds_the_stream_decides() -> None:
    """Classes by where a sample lies on a wheel: one that turns soon, and one that stands still."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 2))
    angle = np.arctan2(x[:, 1], x[:, 0])
    for turns, trusted, most in ((1.0, 2, 0.18), (0.0, 0, 0.06)):
        y = ((angle + turns * np.linspace(0, 2 * np.pi, 3000)) % (2 * np.pi) * 6 / (2 * np.pi)).astype(int)
        m = Mind(2, 6, hidden=(2,), normalise_inputs=True, memory=1000, trees=1)
        errors = m.learn(x, y)
        company = m._tables.company
        assert company is not None and company.spans[0].argmax() == trusted
        assert errors[1500:].mean() < most


def test_a_learner_of_before_there_were_spans_lives_on(tmp_path: Path) -> None:
    x, y = _classes(300)
    m = Mind(4, 3, hidden=(8,), **IN_COMPANY)
    m.learn(x[:200], y[:200])
    state = m.__getstate__()
    del state["arrays"]["company spans"]
    old = Mind.__new__(Mind)
    old.__setstate__(state)
    m.save(tmp_path / "m")
    header, arrays = _file.read(tmp_path / "m")
    del arrays["company spans"]
    _file.write(tmp_path / "old", _file.pack(header, arrays))
    for other in (old, Mind.load(tmp_path / "old")):
        said = other.predict(x[200:])
        assert (said == m.predict(x[200:])).mean() > 0.9
        other.learn(x[200:], y[200:])
        assert other.finite


def test_what_a_question_tells() -> None:
    from klopf.mind.kernels.company.trees import told

    sides = np.array([[30.0, 10.0], [5.0, 45.0]])
    by_hand = 2 * sum(n * np.log(n / s.sum()) for s in sides for n in s)
    by_hand -= 2 * sum(n * np.log(n / 90) for n in sides.sum(0))
    assert told(sides, 2) == pytest.approx(by_hand)
    y = np.random.default_rng(0).normal(size=40) + np.repeat([0.0, 2.0], 20)
    halves = np.array([[len(h), h.sum(), (h**2).sum()] for h in (y[:20], y[20:])])
    assert told(halves, 0) == pytest.approx(40 * np.log(y.var() / (0.5 * (y[:20].var() + y[20:].var()))))
    assert told(np.array([[4.0, 0.0], [0.0, 90.0]]), 2) == 0.0


def test_it_is_widened_by_sensors_and_classes() -> None:
    x, y = _classes(300)
    m = Mind(4, 3, hidden=(8,), **IN_COMPANY)
    m.learn(x, y)
    wide = m.widened(6, 5)
    more = np.concatenate([x, np.zeros((300, 2))], 1)
    assert (wide.predict(more) == m.predict(x)).mean() > 0.97
    wide.learn(np.random.default_rng(0).normal(size=(200, 6)), np.arange(200) % 5)
    assert wide.finite


def test_trees_that_are_full_are_born_anew_and_many_classes_are_borne() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(30_000, 1))
    errors = Mind(1, 2, hidden=(2,), memory=1, trees=2).learn(x, (x[:, 0] * 400).astype(int) % 2)
    assert errors[-10_000:].mean() < 0.5
    many = Mind(3, 100, hidden=(4,), memory=10, trees=10)
    many.learn(rng.normal(size=(50, 3)), rng.integers(0, 100, 50))
    assert many.predict_proba_one(np.zeros(3)).sum() == pytest.approx(1.0, abs=1e-4)


def test_a_row_of_weight_0_is_predicted_only() -> None:
    x, y = _classes(60)
    m = Mind(4, 3, hidden=(8,), memory=50, trees=3)
    m.learn(x, y)
    before = m.commitment()
    m.learn(x, y, np.zeros(60))
    assert m.commitment() == before


@pytest.mark.parametrize(("outputs", "output"), [(2, "linear"), (1, "logistic")])
def test_it_is_for_classes_or_one_number(outputs: int, output: str) -> None:
    with pytest.raises(MindError, match="set both to 0"):
        Mind(3, outputs, output=output, memory=5)


@pytest.mark.parametrize("output", ["softmax", "linear"])
def test_who_predicts_before_learning_learns_the_same(output: str) -> None:
    """What memory and trees said last is used again only for that very sample, and while nothing was learned."""
    r = np.random.default_rng(0)
    X = r.normal(size=(150, 3)).round(1)
    X[::7, 1] = np.nan
    y = (X[:, 0] > 0).astype(int) if output == "softmax" else X[:, 0] * X[:, 2]
    outputs = 2 if output == "softmax" else 1
    asking, silent = (Mind(3, outputs, (4,), output=output, **IN_COMPANY) for _ in range(2))
    for t in range(len(X)):
        first = asking.predict_proba(X[t : t + 1])
        if t % 3 == 0:
            asking.predict_proba(X[t - 1 : t + 1])
        if t % 5 == 0:
            asking.predict_proba(np.zeros((1, 3)))
        assert (asking.predict_proba(X[t : t + 1]) == first).all()
        errors = [m.learn(X[t : t + 1], y[t : t + 1]) for m in (asking, silent)]
        assert errors[0] == errors[1]
        fresh = copy.deepcopy(asking)  # which was never asked
        assert (asking.predict_proba(X[t : t + 1]) == fresh.predict_proba(X[t : t + 1])).all()
    assert asking.commitment() == silent.commitment()
    asking.predict_proba(X[:1])
    for m in (asking, silent):
        m._tables.forget_sensor(0)
    assert (asking.predict_proba(X[:1]) == silent.predict_proba(X[:1])).all()
