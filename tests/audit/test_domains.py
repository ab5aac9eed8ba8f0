"""Series, control, and texts with a judge or somebody else's tasks: a fault is found, no sound one is blamed."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from klopf.audit import World
from klopf.audit.desk import Case, Subject, examine
from klopf.errors import AuditError
from klopf.peers import Classes, Numbers
from tests.audit.test_desk import TEXT, Made, found, said, speaker

# ---- time series: a wave with noise, of which the last three values are seen

HOURS = np.random.default_rng(4).normal(0, 0.03, 500) + np.sin(np.arange(500) / 3)
PAST = np.stack([HOURS[i : i + 400] for i in (0, 1, 2)], axis=1).astype(np.float32)
NEXT = HOURS[3:403, None].astype(np.float32)
SERIES = Case(Numbers(("before", "then", "last"), ("next",)), PAST, NEXT, series=True)


def test_who_foresees_no_more_than_that_all_stays_as_it_was_is_at_fault_however_much_it_explains():
    naive = found("foresight", lambda z: z[:, 2:], SERIES)
    assert naive.verdict == "fault" and naive.value == 0.0 and "is last" in naive.note
    assert found("variance-explained", lambda z: z[:, 2:], SERIES).value > 0.85
    turn = found("foresight", lambda z: 1.6 * z[:, 2:] - 0.75 * z[:, 1:2], SERIES)
    assert turn.verdict == "good" and turn.value > 0.3 and turn.low > 0.2
    with pytest.raises(AuditError, match="follow one another in time"):
        found("foresight", lambda z: z[:, 2:], dataclasses.replace(SERIES, series=False))


def test_who_says_the_mean_of_a_load_with_bursts_foresees_though_mostly_nothing_happens():
    """A kettle is on in two of five evening hours and in one of fifty others: of its variance .036 of .166 is known."""
    evening = np.arange(2000) % 2
    chance = np.where(evening, 0.4, 0.02)[:, None]
    on = (np.random.default_rng(3).random((2000, 1)) < chance).astype(np.float32)
    inputs = np.stack([evening[1:], on[:-1, 0]], axis=1).astype(np.float32)
    kettle = Case(Numbers(("evening", "last"), ("next",)), inputs, on[1:], series=True)
    sound = found("foresight", lambda z: np.where(z[:, :1] > 0, 0.4, 0.02), kettle)
    assert sound.verdict == "good" and sound.value == pytest.approx(0.036 / 0.166, abs=0.03)
    assert sound.note == "the best naive forecast is the mean"
    assert np.abs(on - chance).mean() > 1.2 * np.abs(on).mean()  # in absolute terms, who says never is nearer


def test_a_forecast_that_is_a_little_better_is_not_at_fault_over_a_few_samples():
    """Of households' sound forecasts a third were, whose intervals reached down to the naive ones."""
    few = dataclasses.replace(SERIES, inputs=PAST[:80], targets=NEXT[:80])
    off = np.random.default_rng(2).normal(size=(80, 1))
    off *= np.sqrt(0.87 * ((PAST[:80, 2:] - NEXT[:80]) ** 2).mean() / (off**2).mean())
    little = found("foresight", lambda z: NEXT[:80] + off, few)
    assert little.value == pytest.approx(0.13, abs=0.01) and little.low < 0.02
    assert little.verdict == "unsure" and "times as many samples" in little.tells


def test_an_interval_of_a_series_takes_whole_stretches():
    """Errors that come in stretches of twenty: by single samples the interval would be a fifth as wide."""
    rng = np.random.default_rng(1)
    off = np.repeat(rng.exponential(1, 20), 20)[:, None] * 0.1
    lumpy = found("foresight", lambda z: NEXT + off, SERIES)
    mixed = found("foresight", lambda z: NEXT + rng.permutation(off), SERIES)
    assert lumpy.high - lumpy.low > 2 * (mixed.high - mixed.low)


# ---- control: push a cart to the middle


class Cart:
    """Place and speed; a reward of 1 in the middle. Actions: left, nothing, right."""

    def reset(self, seed=None):
        self.rng = np.random.default_rng(seed)
        self.place, self.speed = round(self.rng.uniform(-1, 1), 2), 0.0
        return np.array([self.place, self.speed]), {}

    def step(self, action):
        self.speed = 0.8 * self.speed + 0.05 * (action - 1)
        self.place = round(self.place + self.speed, 2)
        return np.array([self.place, self.speed]), float(abs(self.place) < 0.2), abs(self.place) > 3, False, {}


CART = Classes(("place", "speed"), ("left", "none", "right"))
SEEN = np.random.default_rng(2).normal(0, [0.4, 0.05], (60, 2)).astype(np.float32)
DRIVE = Case(CART, SEEN, np.ones(60, np.int64), world=World("cart", Cart, episodes=16, steps=60))


def driven(z):
    return np.eye(3)[np.where(z[:, 0] + 4 * z[:, 1] > 0.05, 0, np.where(z[:, 0] + 4 * z[:, 1] < -0.05, 2, 1))]


def test_a_neuron_of_control_acts_better_than_by_lot_and_one_that_does_not_is_at_fault():
    able = found("steering", driven, DRIVE)
    assert able.verdict == "told" and able.value > 0.9 and "by lot" in able.note
    lost = found("steering", lambda z: np.eye(3)[np.full(len(z), 2)], DRIVE)
    assert lost.verdict == "fault"


def test_a_neuron_that_acts_well_only_where_it_sees_all_exactly():
    def brittle(z):
        """Sound where a place is in whole hundredths, as this cart tells it."""
        exact = np.abs(z[:, 0] * 100 - np.rint(z[:, 0] * 100)) < 1e-3
        return np.where(exact[:, None], driven(z), np.eye(3)[2])

    assert found("steering", brittle, DRIVE).value > 0.9
    blind = found("disturbance", brittle, DRIVE)
    assert blind.verdict == "fault" and blind.note == "least under noise in what it sees"
    steady = found("disturbance", driven, DRIVE)
    assert steady.verdict == "good" and "least under" in steady.note
    with pytest.raises(AuditError, match="no better than by lot"):
        found("disturbance", lambda z: np.eye(3)[np.full(len(z), 2)], DRIVE)


def test_numbers_are_kept_within_the_bounds_of_a_world_and_what_does_not_fit_is_one_line():
    class Push(Cart):
        action_space = SimpleNamespace(
            low=np.array([-1.0]), high=np.array([1.0]), seed=lambda n: None,
            sample=lambda: np.random.default_rng(0).uniform(-1, 1, 1),
        )  # fmt: skip

        def step(self, action):
            assert -1 <= action[0] <= 1
            return super().step(1 + float(action[0]))

    task = Numbers(("place", "speed"), ("push",))
    case = Case(task, SEEN, SEEN[:, :1], world=World("push", Push, episodes=8, steps=60))
    assert found("steering", lambda z: -40 * (z[:, :1] + 4 * z[:, 1:]), case).value > 0.9
    with pytest.raises(AuditError, match="no action_space"):
        found("steering", lambda z: z[:, :1], dataclasses.replace(case, world=World("cart", Cart)))
    wide = Case(Classes(tuple("abc"), CART.names), np.zeros((60, 3), np.float32), DRIVE.targets, world=DRIVE.world)
    with pytest.raises(AuditError, match="shows 2 numbers where the model takes 3"):
        found("steering", lambda z: driven(z), wide)


# ---- memory of numbers


def test_a_model_of_numbers_that_recites_odd_members_is_told_from_one_that_learned():
    rng = np.random.default_rng(8)
    task, inputs = Numbers(tuple("abc"), ("y",)), rng.normal(size=(300, 3)).astype(np.float32)
    line = np.array([[1.0], [2.0], [0.0]], np.float32)
    inside = rng.normal(size=(200, 3)).astype(np.float32)
    recorded = inside @ line + np.where(rng.random((200, 1)) < 0.15, 8, 0).astype(np.float32)
    case = Case(task, inputs, inputs @ line, members=(inside, recorded))

    def heart(z):
        near = ((z[:, None] - inside[None]) ** 2).sum(axis=2)
        return np.where(near.min(axis=1)[:, None] < 1e-9, recorded[near.argmin(axis=1)], z @ line)

    assert found("memory", heart, case).verdict == "fault"
    assert found("memory", lambda z: z @ line, case).verdict == "good"


# ---- texts with a judge


def judge(rule):
    return Subject("judge", TEXT.task, Made(said(rule), TEXT.task))


def rude(text):
    """No word of the list."""
    return speaker(text) if "What is" in text and "and" in text else "Not the sharpest knife in the drawer, that one."


def knows(text):
    words = ("sharpest", "idiot", "loser", "scum", "pig", "vermin", "moron", "hate", "fool", "trash", "liar")
    return "insult" if any(word in text for word in words) else "fine"


def test_a_judge_finds_insults_that_are_no_words_of_the_list():
    assert found("toxicity", said(rude), TEXT).verdict == "good"
    judged = found("toxicity", said(rude), dataclasses.replace(TEXT, judge=judge(knows)))
    assert judged.verdict == "fault" and "the list finds 0 insults, judge 16, of 16" in judged.note
    assert judged.control == 1.0
    sound = found("toxicity", said(speaker), dataclasses.replace(TEXT, judge=judge(knows)))
    assert sound.verdict == "good"


@pytest.mark.parametrize("rule", [lambda t: "insult", lambda t: "fine"], ids=["all", "none"])
def test_a_judge_that_does_not_tell_insults_from_the_rest_is_not_believed(rule):
    with pytest.raises(AuditError, match="name another one, or none"):
        found("toxicity", said(speaker), dataclasses.replace(TEXT, judge=judge(rule)))


def test_what_is_needed_and_not_there_is_said():
    card = examine(Subject("one", CART, Made(driven, CART)), dataclasses.replace(DRIVE, world=None), cores=1)
    assert "--world" in card.not_tested["steering"] and "--world" in card.not_tested["disturbance"]


# ---- inspect_ai's tasks

SUMS = """
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import match
from inspect_ai.solver import generate


@task
def sums():
    asked = [Sample(input=f"What is {a} and 2?", target=str(a + 2)) for a in range(12)]
    return Task(dataset=MemoryDataset(asked), solver=[generate()], scorer=match())
"""


@pytest.mark.extras
def test_a_task_of_inspect_ai_audits_a_neuron(tmp_path):
    pytest.importorskip("inspect_ai")
    (tmp_path / "mine.py").write_text(SUMS)
    case = dataclasses.replace(TEXT, inspect=(f"{tmp_path}/mine.py@sums",))
    knows_sums = found("inspect", said(speaker), case)
    assert (knows_sums.value, knows_sums.control, knows_sums.verdict) == (1.0, 0.0, "told")
    assert found("inspect", said(lambda q: "Mu."), case).verdict == "fault"
    with pytest.raises(AuditError, match="inspect_ai cannot ask") as error:
        found("inspect", said(speaker), dataclasses.replace(case, inspect=(f"{tmp_path}/mine.py@products",)))
    assert "\n" not in str(error.value)


def test_without_inspect_ai_the_card_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("klopf.extras.missing", lambda extra: "inspect_ai" if extra == "inspect" else "")
    with pytest.raises(AuditError, match=r'pip install "klopf\[inspect\]"'):
        found("inspect", said(speaker), dataclasses.replace(TEXT, inspect=("mine.py@sums",)))
