"""Every model that ships keeps the promises of ``Model``; what making and loading one refuses."""

import sys

import numpy as np
import pytest

from klopf.checks import check_model
from klopf.errors import ExtensionError, KlopfError, PeersError
from klopf.peers import Classes, Model, Numbers, Text, create_model, load_model, save_model

CLASSES = Classes(("a", "b", "c", "d"), ("x", "y", "z"))
NUMBERS = Numbers(("a", "b", "c"), ("rent",), ("EUR",))
TWO = Numbers(("a", "b", "c"), ("rent", "deposit"), ("EUR", "EUR"))


@pytest.mark.parametrize(
    ("name", "task", "settings"),
    [
        ("mind", CLASSES, {"hidden": [16], "learner": "continual-backprop", "step_size": 0.02}),
        ("sklearn:SGDClassifier", CLASSES, {"loss": "log_loss"}),
        ("sklearn:MLPClassifier", CLASSES, {"hidden_layer_sizes": [16]}),
        ("sklearn:GaussianNB", CLASSES, {}),
        ("sklearn:Perceptron", CLASSES, {}),
        ("sklearn:RandomForestClassifier", CLASSES, {"n_estimators": 3}),
        ("sklearn:RidgeClassifier", CLASSES, {}),
        ("sklearn:RandomForestRegressor", TWO, {"n_estimators": 3, "max_depth": 5}),
        ("sklearn:SVR", TWO, {"window": 300}),
        ("sklearn:tests.peers.models.foreign:scaled", CLASSES, {}),
        ("mind", NUMBERS, {"hidden": [16], "learner": "continual-backprop", "step_size": 0.02}),
        ("mind", TWO, {"hidden": [16], "learner": "continual-backprop", "step_size": 0.02}),
        ("sklearn:SGDRegressor", NUMBERS, {}),
        ("sklearn:MLPRegressor", TWO, {"hidden_layer_sizes": [16]}),
        ("tests.peers.models.memory:Memory", Text(("question",), ("answer",)), {}),
        ("tests.peers.models.memory:RemoteMemory", Text(("question",), ("answer",)), {}),
    ],
)
def test_models_keep_their_promises(name, task, settings):
    check_model(name, task, settings)


def samples(n=120, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    centres = np.array([[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0]])
    return (centres[labels] + rng.normal(0, 0.5, (n, 4))).astype(np.float32), labels.astype(np.int64)


@pytest.mark.parametrize("name", ["sklearn:SGDClassifier", "sklearn:MLPClassifier", "sklearn:GaussianNB"])
def test_classes_that_have_never_been_seen_are_answered_over(name):
    more = Classes(CLASSES.features, ("x", "y", "z", "never", "seen"))
    settings = {"loss": "log_loss"} if "SGD" in name else {}
    model = create_model(name, more, 3, settings)
    inputs, labels = samples()
    for _ in range(2):
        more.check_answers(model.answer(inputs), len(inputs))
        model.learn(inputs, labels)


def test_units_do_not_matter_to_a_regressor():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(600, 3)).astype(np.float32)
    targets = (4e6 + 2e5 * inputs[:, :1]).astype(np.float32)
    for name in ("mind", "sklearn:SGDRegressor"):
        settings = {"learner": "continual-backprop"} if name == "mind" else {}
        model = create_model(name, NUMBERS, 0, settings)
        model.learn(inputs, targets)
        assert NUMBERS.score(model.answer(inputs), targets) > 0.9


@pytest.mark.parametrize(
    ("name", "task", "settings", "said"),
    [
        ("sklearn:RandomForestClassifer", CLASSES, {}, "no classifier called .*: RandomForestClassifier"),
        ("sklearn:SGDClassifier", NUMBERS, {}, "no regressor called 'SGDClassifier'"),
        ("sklearn:SGDRegressor", TWO, {}, "learns one number, not 2"),
        ("sklearn", CLASSES, {}, "no classifier called ''"),
        ("sklearn:StackingClassifier", CLASSES, {}, "does not take these settings: .*estimators"),
        ("sklearn:RandomForestClassifier", CLASSES, {"window": 1}, "a window is a whole number of samples from 2"),
        ("sklearn:SGDClassifier", CLASSES, {"colour": 1}, "does not take these settings"),
        ("sklearn:SGDClassifier", CLASSES, {"loss": "logg"}, "does not take these settings: .*'loss'"),
        ("sklearn:GaussianNB", Text(("q",), ("a",)), {}, "learn classes or numbers, not text"),
        ("mind", CLASSES, {"colour": 1}, "no option 'colour'"),
        ("mind", Text(("q",), ("a",)), {}, "learns classes or numbers, not text"),
        ("oracle", CLASSES, {}, "no model is called 'oracle'"),
        ("no.such.package:Oracle", CLASSES, {}, "there is no package 'no' here: install it, or"),
        ("klopf.peers.tasks:Classes", CLASSES, {}, "is no subclass of"),
        ("tests.peers.models.memory:Moody", CLASSES, {}, "does not take these settings: ZeroDivisionError"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(name, task, settings, said):
    with pytest.raises(KlopfError, match=said) as refused:
        create_model(name, task, 0, settings)
    assert "\n" not in str(refused.value)


@pytest.fixture
def saved(tmp_path):
    model = create_model("sklearn:GaussianNB", CLASSES, 0)
    model.learn(*samples())
    save_model(model, "sklearn:GaussianNB", tmp_path / "state")
    return tmp_path / "state"


def test_a_cut_off_save_is_refused(saved):
    file = saved / "estimator.skops"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(PeersError, match="no saved model can be read"):
        load_model(saved, CLASSES, "sklearn:GaussianNB")


def test_types_from_elsewhere_are_never_loaded(saved):
    import skops.io
    from sklearn.pipeline import FunctionTransformer

    skops.io.dump(FunctionTransformer(print_everything), saved / "estimator.skops")
    with pytest.raises(PeersError, match="is not loaded"):
        load_model(saved, CLASSES, "sklearn:GaussianNB")


def print_everything(x):
    print(x)


def test_a_saved_file_never_chooses_what_is_imported(saved):
    (saved / "kind").write_text("tests.peers.models.memory:Memory")
    with pytest.raises(PeersError, match="was saved by the model"):
        load_model(saved, CLASSES, "sklearn:GaussianNB")


def test_a_model_whose_package_has_gone_is_named_in_one_line(saved):
    (saved / "kind").write_text("forest")
    (saved / "package").write_text("klopf-forest")
    with pytest.raises(ExtensionError, match=r"no model is called 'forest'.*install klopf-forest") as refused:
        load_model(saved, CLASSES, "forest")
    assert "\n" not in str(refused.value)


def test_a_save_replaces_what_was_there_at_once(saved):
    model = create_model("sklearn:GaussianNB", CLASSES, 0)
    save_model(model, "sklearn:GaussianNB", saved)
    assert load_model(saved, CLASSES, "sklearn:GaussianNB").commitment() == model.commitment()
    assert [p.name for p in saved.parent.iterdir()] == ["state"]


class Broken:
    """Ways to break each promise, by name: each must be found, and named in one line."""

    def other_task(self):
        self.task = TWO

    def short_commitment(self):
        self.commitment = lambda: b"short"

    def constant_commitment(self):
        self.commitment = lambda: bytes(32)

    def learns_nothing(self):
        self.learn = lambda inputs, targets: setattr(self, "steps", getattr(self, "steps", 0) + 1)
        self.commitment = lambda: getattr(self, "steps", 0).to_bytes(32, "big")

    def no_probabilities(self):
        self.answer = lambda inputs: np.ones((len(inputs), 3), np.float32)

    def double_precision(self):
        honest = self.answer
        self.answer = lambda inputs: honest(inputs).astype(np.float64)

    def changes_by_answering(self):
        honest, rng = self.answer, np.random.default_rng(0)
        self.answer = lambda inputs: np.roll(honest(inputs), rng.integers(1, 3), axis=1)

    def takes_anything(self):
        honest = self.answer
        self.answer = lambda inputs: honest(inputs[:, :4])

    def forgets_when_saved(self):
        self._estimator_kept, self.save = (
            None,
            lambda folder: create_model("sklearn:GaussianNB", CLASSES, 0).save(folder),
        )


@pytest.mark.parametrize("fault", [name for name in vars(Broken) if not name.startswith("_")])
def test_a_broken_promise_is_found(fault, monkeypatch):
    from klopf.checks import model as check

    def make(*arguments) -> Model:
        made = create_model(*arguments)
        getattr(Broken, fault)(made)
        return made

    monkeypatch.setattr(check, "create_model", make)
    with pytest.raises(AssertionError) as found:
        check_model("sklearn:GaussianNB", CLASSES)
    assert "\n" not in str(found.value) and "sklearn:GaussianNB" in str(found.value)


def _sound():
    from klopf.peers.models.sklearn import SklearnModel

    return SklearnModel


@pytest.mark.parametrize(
    ("method", "wrong", "says"),
    [
        ("create", classmethod(lambda *told: None), "gives None in create"),
        ("create", classmethod(lambda *told: sys.exit(3)), "does not take these settings: SystemExit: 3"),
        ("load", classmethod(lambda *told: 3), "gives 3 in load"),
        ("load", classmethod(lambda *told: 1 / 0), "cannot be loaded from .*: ZeroDivisionError"),
        ("save", lambda self, folder: sys.exit("two\nlines"), "cannot be saved: SystemExit: two lines"),
    ],
)
def test_whatever_a_strangers_model_does_is_one_line(monkeypatch, tmp_path, method, wrong, says):
    name = "sklearn:GaussianNB"
    model = create_model(name, CLASSES, 1)
    save_model(model, name, tmp_path / "state")
    monkeypatch.setattr(_sound(), method, wrong)
    with pytest.raises(PeersError, match=says) as caught:
        create_model(name, CLASSES, 1)
        save_model(model, name, tmp_path / "again")
        load_model(tmp_path / "state", CLASSES, name)
    assert "sklearn" in str(caught.value) and "\n" not in str(caught.value)


def test_the_check_finds_a_model_that_writes_into_what_it_learns_from(monkeypatch):
    learn = _sound().learn

    def wrong(self, inputs, targets):
        learn(self, inputs, targets)
        inputs[:] = 0

    monkeypatch.setattr(_sound(), "learn", wrong)
    with pytest.raises(AssertionError, match=r"learn\(\) changes its inputs or targets"):
        check_model("sklearn:GaussianNB", CLASSES)


def test_the_check_finds_a_model_that_is_kept_in_memory(monkeypatch):
    kept = []
    save = _sound().save
    monkeypatch.setattr(_sound(), "save", lambda self, folder: (kept.append(self), save(self, folder)))
    monkeypatch.setattr(_sound(), "load", classmethod(lambda *told: kept[-1]))
    with pytest.raises(AssertionError, match=r"load\(\) gives the model that was saved"):
        check_model("sklearn:GaussianNB", CLASSES)
