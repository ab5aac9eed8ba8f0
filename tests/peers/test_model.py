"""What every model must do to be a neuron: the conformance test of ``Model``, and what creating one refuses."""

import numpy as np
import pytest

from klopf.errors import KlopfError, PeersError
from klopf.peers import Model, create_model, load_model, save_model

KINDS = {
    "mind": {"hidden": [16]},
    "sklearn:SGDClassifier": {"loss": "log_loss"},
    "sklearn:MLPClassifier": {"hidden_layer_sizes": [16]},
    "sklearn:GaussianNB": {},
    "free-rider": {},
    "liar": {"hidden": [16]},
    "perjurer": {"hidden": [16]},
    "litigant": {"hidden": [16]},
}


def samples(n=120, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    centres = np.array([[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0]])
    return (centres[labels] + rng.normal(0, 0.5, (n, 4))).astype(np.float32), labels.astype(np.int64)


@pytest.fixture(params=KINDS, ids=str)
def model(request) -> Model:
    return create_model(request.param, features=4, classes=5, seed=3, settings=KINDS[request.param])


def test_answers_are_probabilities_over_all_classes_even_before_learning(model):
    inputs, labels = samples()
    for _ in range(2):
        answers = model.answer(inputs)
        assert answers.shape == (len(inputs), 5)
        assert answers.dtype == np.float32
        assert np.isfinite(answers).all()
        assert (answers >= 0).all()
        assert answers.sum(axis=1) == pytest.approx(1.0, abs=1e-4)
        model.learn(inputs, labels)


def test_answering_changes_nothing(model):
    inputs, labels = samples()
    model.learn(inputs, labels)
    before, first = model.commitment(), model.answer(inputs)
    np.testing.assert_array_equal(first, model.answer(inputs))
    assert model.commitment() == before
    assert len(before) == 32


def test_a_saved_model_goes_on_to_the_bit(model, tmp_path):
    inputs, labels = samples()
    model.learn(inputs, labels)
    save_model(model, tmp_path / "state")
    back = load_model(tmp_path / "state")
    assert back.commitment() == model.commitment()
    more = samples(seed=1)
    model.learn(*more)
    back.learn(*more)
    np.testing.assert_array_equal(back.answer(inputs), model.answer(inputs))
    assert back.commitment() == model.commitment()


def test_learning_changes_the_commitment(model):
    if type(model).__name__ == "FreeRider":
        pytest.skip("a free-rider never learns")
    before = model.commitment()
    model.learn(*samples())
    assert model.commitment() != before


@pytest.mark.parametrize("name", ["mind", "sklearn:SGDClassifier", "sklearn:MLPClassifier", "sklearn:GaussianNB"])
def test_honest_models_learn(name):
    model = create_model(name, features=4, classes=3, seed=0, settings=KINDS[name])
    inputs, labels = samples(2000)
    model.learn(inputs, labels)
    test, truth = samples(500, seed=9)
    assert (model.answer(test).argmax(axis=1) == truth).mean() > 0.9


def test_a_liar_is_confident_and_wrong():
    liar = create_model("liar", features=4, classes=3, seed=0, settings={"hidden": [16]})
    liar.learn(*samples(2000))
    test, truth = samples(500, seed=9)
    answers = liar.answer(test)
    assert (answers.argmax(axis=1) == truth).mean() < 0.1
    assert answers.max(axis=1).min() > 0.9


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("sklearn:RandomForestClassifier", {}, "no online classifier called 'RandomForestClassifier'"),
        ("sklearn:Perceptron", {}, "no predict_proba"),
        ("sklearn:SGDClassifier", {"colour": 1}, "does not take these settings"),
        ("mind", {"colour": 1}, "no option 'colour'"),
        ("oracle", {}, "no model called 'oracle'"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(name, settings, said):
    with pytest.raises(KlopfError, match=said) as refused:
        create_model(name, features=4, classes=3, seed=0, settings=settings)
    assert "\n" not in str(refused.value)


def test_a_cut_off_save_is_refused(tmp_path):
    model = create_model("sklearn:GaussianNB", features=4, classes=3, seed=0)
    model.learn(*samples())
    save_model(model, tmp_path / "state")
    file = tmp_path / "state" / "estimator.skops"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(PeersError, match="no saved model can be read"):
        load_model(tmp_path / "state")


def test_types_from_elsewhere_are_never_loaded(tmp_path):
    import skops.io
    from sklearn.pipeline import FunctionTransformer

    model = create_model("sklearn:GaussianNB", features=4, classes=3, seed=0)
    save_model(model, tmp_path / "state")
    skops.io.dump(FunctionTransformer(print_everything), tmp_path / "state" / "estimator.skops")
    with pytest.raises(PeersError, match="does not load"):
        load_model(tmp_path / "state")


def print_everything(x):
    print(x)
