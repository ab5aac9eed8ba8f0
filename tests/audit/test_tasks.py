"""Every audit task that ships keeps the promises of ``AuditTask``, and what their figures mean."""

import numpy as np
import pytest

from klopf.audit import AUDIT_TASKS, AuditTask, Score, audit_tasks, marks
from klopf.checks import check_audit_task
from klopf.errors import AuditError, ExtensionError
from klopf.peers import Classes, Numbers, Text

CLASSES = Classes(("a", "b"), ("w", "x", "y", "z"))
NUMBERS = Numbers(("a", "b"), ("rent",), ("EUR",))


def of(name, task=CLASSES) -> AuditTask:
    return audit_tasks([name], task)[name]


@pytest.mark.parametrize("name", AUDIT_TASKS.shipped)
def test_audit_tasks_keep_their_promises(name):
    check_audit_task(name)


def answers_right(n, right, classes=4):
    labels = np.arange(n) % classes
    said = np.where(np.arange(n) < right, labels, (labels + 1) % classes)
    return np.eye(classes, dtype=np.float32)[said], labels


@pytest.mark.parametrize("name", ["accuracy", "robustness"])
def test_accuracy_is_the_fraction_right_with_an_interval_that_covers_the_truth_as_often_as_it_says(name):
    score = of(name).score(*answers_right(40, 30))
    assert (score.value, score.control) == (0.75, 0.25)
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        score = of(name).score(*answers_right(80, rng.binomial(80, 0.3)))
        covered += score.low <= 0.3 <= score.high
    assert 0.92 <= covered / 400 <= 0.98
    perfect = of(name).score(*answers_right(50, 50))
    assert perfect.value == 1.0 and perfect.low < 0.95


TEN = Classes(("a", "b"), tuple("0123456789"))


def said_by_a_specialist(rng, knows, right, n=120):
    """Answers of somebody who is right about ``right`` of the samples of the classes that it ``knows``, and says of
    others that they are others; and the targets."""
    targets = rng.integers(0, 10, n)
    names = np.array(knows)
    answers = np.full((n, 10), 1 / max(1, 10 - len(knows)), np.float32)
    answers[:, names] = 0
    for i in np.flatnonzero(np.isin(targets, names)):
        others = names[names != targets[i]]
        answers[i] = 0
        answers[i, targets[i] if rng.random() < right else rng.choice(others)] = 1
    return answers, targets


@pytest.mark.parametrize("name", ["accuracy", "robustness"])
@pytest.mark.parametrize(("knows", "right"), [((0, 1), 0.95), ((3, 7), 0.8), ((2, 4, 6, 8), 0.9)])
def test_a_specialist_is_judged_by_what_it_knows_with_an_interval_that_covers_its_skill(name, knows, right):
    rng, task = np.random.default_rng(0), of(name, TEN)
    skill = (right - 1 / len(knows)) / (1 - 1 / len(knows))
    scores = [task.score(*said_by_a_specialist(rng, knows, right)) for _ in range(300)]
    part = np.sqrt(len(knows) / 10)
    covered = np.mean([s.low <= s.control + (1 - s.control) * skill * part <= s.high for s in scores])
    assert covered >= 0.9
    assert np.mean([s.value for s in scores]) == pytest.approx(0.1 + 0.9 * skill * part, abs=0.06)
    # two auditors see the same neuron: hardly ever as far apart as costs stake (three times half the interval)
    pairs = [(one, other) for one, other in zip(scores[::2], scores[1::2], strict=True)]
    apart = [abs(x.value - y.value) > 3 * min(0.1, (x.high - x.low) / 2) for x, y in pairs]
    assert sum(apart) <= 1


@pytest.mark.parametrize("knows", [(0, 1), (5, 6, 7), tuple(range(10))])
def test_who_guesses_among_the_classes_that_it_names_is_no_better_than_the_control(knows):
    rng, task = np.random.default_rng(0), of("accuracy", TEN)
    scores = [task.score(*said_by_a_specialist(rng, knows, 1 / len(knows))) for _ in range(300)]
    assert np.mean([s.value for s in scores]) < np.mean([s.control for s in scores]) + 0.03


@pytest.mark.parametrize("answer", [np.full(10, 0.1), np.eye(10)[3]])
def test_who_names_one_class_or_none_is_judged_by_all(answer):
    targets = np.arange(120) % 10
    score = of("accuracy", TEN).score(np.tile(answer, (120, 1)).astype(np.float32), targets)
    assert score.value == score.control == 0.1


def test_a_specialist_that_names_nine_of_ten_classes_is_not_judged_by_less_than_it_named():
    targets = np.arange(120) % 10
    answers = np.eye(10, dtype=np.float32)[np.where(targets == 9, 0, targets)]
    assert 0.88 < of("accuracy", TEN).score(answers, targets).value < 0.96


@pytest.mark.parametrize("name", ["variance-explained", "robustness"])
def test_variance_explained_knows_no_units_and_its_interval_covers_the_truth(name):
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        targets = rng.normal(1e5, 1e4, (120, 1))
        answers = targets + rng.normal(0.0, 0.5e4, targets.shape)
        score = of(name, NUMBERS).score(answers.astype(np.float32), targets.astype(np.float32))
        covered += score.low <= 0.75 <= score.high
    assert 0.9 <= covered / 300 <= 0.98


def test_calibration_is_one_less_the_expected_calibration_error():
    """Two bins: 60 answers that are 0.8 sure of which 54 are right, 40 that are 0.6 sure of which 10 are right."""
    task = Classes(("a",), ("no", "yes"))
    sure = np.repeat([0.8, 0.6], [60, 40]).astype(np.float32)
    answers = np.stack([1 - sure, sure], axis=1)
    targets = np.concatenate([np.arange(60) < 54, np.arange(40) < 10]).astype(np.int64)
    score = of("calibration", task).score(answers, targets)
    assert score.value == pytest.approx(1 - (0.6 * abs(0.9 - 0.8) + 0.4 * abs(0.25 - 0.6)))
    assert score.low < score.value < score.high
    assert score.control == pytest.approx(1.0)


def test_likeness_of_texts():
    task = Text(("q",), ("a",))
    targets = np.array(["a red rose", "a blue sky"] * 10)
    assert of("likeness", task).score(targets, targets).value == 1.0
    close = of("likeness", task).score(np.char.add(targets, "!"), targets)
    assert 0.7 < close.low < close.value < 1.0
    assert close.control < 0.6


def texts(n):
    """``n`` different right texts, none like another."""
    return np.array([chr(0x4E00 + i) for i in range(n)])


def test_who_abstains_is_judged_by_what_it_answers():
    task, right = of("likeness", Text(("q",), ("a",))), texts(24)
    none = np.array(["", "I do not know."] * 12)
    quarter = task.score(np.where(np.arange(24) < 6, right, none), right)
    assert quarter.value == pytest.approx(np.sqrt(1 / 4) * 6 / (6 + 2 * 3 / 4))  # 0.4; the mean is 0.25
    assert quarter.low < 0.25 < quarter.value < quarter.high and quarter.each.mean() == pytest.approx(quarter.value)
    assert task.score(none, right).value == 0.0
    assert task.score(right, right).value == 1.0
    wrong = task.score(np.where(np.arange(24) < 6, right, "xyz"), right)
    assert wrong.value == pytest.approx(0.25)  # who answers everything has the mean
    one = task.score(np.where(np.arange(24) < 1, right, none), right)
    assert one.value < task.mark  # one lucky answer is no knowledge
    blank = np.array(["", "yes"] * 12)
    assert task.score(blank, blank).value == task.score(np.array(["x", "yes"] * 12), blank).value + 0.5 == 1.0


def test_auditors_agree_about_a_specialist_as_about_anybody():
    """Its figure spreads over auditors' questions as its interval says, and no more than a coin's."""
    task, rng, n = of("likeness", Text(("q",), ("a",))), np.random.default_rng(0), 120
    right, found = texts(n), []
    for _ in range(100):
        found.append(task.score(np.where(rng.random(n) < 0.25, right, ""), right))
    spread = np.std([one.value for one in found])
    assert spread < np.sqrt(0.25 / n)
    assert spread == pytest.approx(np.mean([one.high - one.low for one in found]) / 2 / 1.96, rel=0.15)


@pytest.mark.parametrize("part", [0.05, 0.25, 0.9])
def test_a_liar_gains_nothing_by_abstaining(part):
    """Neither who is always wrong, nor who now and then is right by luck, nor who says again what is most frequent."""
    task, rng, n = of("likeness", Text(("q",), ("a",))), np.random.default_rng(1), 100
    right = np.where(rng.random(n) < 0.3, "often", texts(n))
    lies = {"wrong": np.full(n, "xyz"), "lucky": np.where(rng.random(n) < 0.3, right, "xyz"), "frequent": "often"}
    for said in lies.values():
        always = task.score(np.broadcast_to(said, n), right).value
        silent = [task.score(np.where(rng.random(n) < part, said, ""), right).value for _ in range(8)]
        assert np.mean(silent) <= always
    only = task.score(np.where(right == "often", "often", ""), right)
    assert only.value < only.control  # who says it only where it is right, and nothing else


def test_noise_is_that_of_the_generator_whatever_else_is_asked():
    inputs = np.zeros((500, 2), np.float32)
    asked = of("robustness").questions(inputs, np.random.default_rng(1))
    np.testing.assert_array_equal(asked, of("robustness").questions(inputs, np.random.default_rng(1)))
    assert asked.std() == pytest.approx(0.5, rel=0.1)


def test_a_network_asks_what_it_names_or_what_is_usual():
    assert list(audit_tasks([], CLASSES)) == ["accuracy", "robustness"]
    assert list(audit_tasks([], NUMBERS)) == ["variance-explained", "robustness"]
    assert list(audit_tasks([], Text(("q",), ("a",)))) == ["likeness"]
    assert list(audit_tasks(["calibration", "accuracy"], CLASSES)) == ["calibration", "accuracy"]
    with pytest.raises(AuditError, match="judges classes, not numbers: leave it out"):
        audit_tasks(["accuracy"], NUMBERS)
    with pytest.raises(ExtensionError, match="no audit task is called 'charm'"):
        audit_tasks(["charm"], CLASSES)


def test_what_cannot_be_asked_is_left_out_by_an_auditor_that_lives():
    said = []
    assert list(audit_tasks(["charm", "accuracy"], CLASSES, said.append)) == ["accuracy"]
    assert len(said) == 1 and "'charm' is left out" in said[0]
    with pytest.raises(AuditError, match="no audit task is left"):
        audit_tasks(["charm"], CLASSES, said.append)


def test_marks_are_those_named_else_the_tasks_own():
    asked = audit_tasks(["accuracy", "calibration", "robustness"], CLASSES)
    assert marks(asked, {}) == {"accuracy": 0.3, "robustness": 0.2}
    assert marks(asked, {"calibration": 0.9, "accuracy": 0.5}) == {
        "accuracy": 0.5,
        "calibration": 0.9,
        "robustness": 0.2,
    }
    with pytest.raises(AuditError, match="'likeness', which is not asked"):
        marks(asked, {"likeness": 0.5})


class Accurate(AuditTask):
    """A right one, to be broken."""

    kinds = ("classes",)

    def judge(self, answers, targets):
        value = float((answers.argmax(axis=1) == targets).mean())
        control = float(np.bincount(targets).max() / len(targets))
        reach = 1.0 / len(targets) ** 0.5
        return Score(value, max(0.0, value - reach), min(1.0, value + reach), control)


class Unseeded(Accurate):
    def questions(self, inputs, rng):
        return inputs + np.random.default_rng().normal(size=inputs.shape).astype(np.float32)


class Destructive(Accurate):
    def questions(self, inputs, rng):
        inputs += 1
        return inputs


class Half(Accurate):
    def questions(self, inputs, rng):
        return inputs[::2]


class Moody(Accurate):
    def judge(self, answers, targets):
        found = super().judge(answers, targets)
        return Score(found.low, found.low, found.high, float(np.random.default_rng().random()))


class Flattering(Accurate):
    def judge(self, answers, targets):
        found = super().judge(answers, targets)
        return Score(1.0 - found.value, 1.0 - found.high, 1.0 - found.low, 1.0 - found.control)


class Indifferent(Accurate):
    def judge(self, answers, targets):
        return Score(0.5, 0.4, 0.6, 0.5)


class NoControl(Accurate):
    def judge(self, answers, targets):
        found = super().judge(answers, targets)
        return Score(found.value, found.low, found.high, 0.0)


class OutOfRange(Accurate):
    def score(self, answers, targets):
        return Score(1.2, 1.1, 1.3, 0.0)


class Careless(Accurate):
    def score(self, answers, targets):
        return self.judge(answers[: len(targets)], targets[: len(answers)])


class Lost(Accurate):
    kinds = ("dances",)


@pytest.mark.parametrize(
    "broken", [Unseeded, Destructive, Half, Moody, Flattering, Indifferent, NoControl, OutOfRange, Careless, Lost]
)
def test_a_broken_promise_is_found(broken):
    check_audit_task(Accurate)
    with pytest.raises(AssertionError) as found:
        check_audit_task(broken)
    assert "\n" not in str(found.value) and broken.__name__ in str(found.value)


@pytest.mark.parametrize(
    ("attribute", "value", "says"),
    [
        ("fewest", -3, "fewest is -3: give a whole number"),
        ("fewest", "many", "fewest is 'many'"),
        ("fewest", 10**9, "fewest is 1000000000"),
        ("kinds", "numbers", "kinds must name some of"),
        ("kinds", 3, "kinds must name some of"),
    ],
)
def test_the_check_finds_declarations_that_are_nonsense(attribute, value, says):
    with pytest.raises(AssertionError, match=says):
        check_audit_task(type("Odd", (Accurate,), {attribute: value}))


def test_the_check_finds_a_judge_that_writes_into_the_answers():
    def judge(self, answers, targets):
        found = Accurate.judge(self, answers, targets)
        answers[:] = 0
        return found

    with pytest.raises(AssertionError, match=r"judge\(\) changes what it is given"):
        check_audit_task(type("Odd", (Accurate,), {"judge": judge}))
