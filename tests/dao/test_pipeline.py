"""Neurons in a row find by themselves who is good for which stage; who fails or copies is not heard."""

import json

import numpy as np
import pytest

from klopf.dao import _strips as strips
from klopf.dao._declared import Declared
from klopf.dao.pipeline import Forecaster, Neuron, Pipeline
from klopf.errors import DaoError, PeersError
from klopf.peers import Classes, Numbers, create_model

TASK = Classes(("a", "b", "c", "d"), ("no", "yes"))


def pick(*at):
    return lambda x: x[:, list(at)]


def above(x):
    """Whether the first is above the second, for sure."""
    return np.eye(2, dtype=np.float32)[(x[:, 0] > x[:, 1]).astype(int)]


def below(x):
    return above(-x)


def asked(n, seed):
    """Of kind "left" whether a > b, of kind "right" whether c > d."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    kinds = [("left", "right")[i] for i in rng.integers(0, 2, n)]
    right = [row[0] > row[1] if kind == "left" else row[2] > row[3] for row, kind in zip(x, kinds, strict=True)]
    return x, np.array(right, np.int64), kinds


def made(*more, seed=0, **changed):
    all_ = {
        "ab": Neuron("ab", 4, 2, pick(0, 1)), "cd": Neuron("cd", 4, 2, pick(2, 3)),
        "ad": Neuron("ad", 4, 2, pick(0, 3)),
        "above": Neuron("above", 2, 2, above), "below": Neuron("below", 2, 2, below),
    } | changed  # fmt: skip
    return Pipeline(TASK, ("retrieve", "judge"), [*all_.values(), *more], seed=seed)


def learned(pipeline, epochs=4, first=0):
    return [pipeline.learn(*asked(120, 50 + first + e)) for e in range(epochs)]


def right(pipeline):
    x, targets, kinds = asked(400, 9)
    return float((pipeline.answer(x, kinds).argmax(1) == targets).mean())


def test_it_finds_who_is_good_for_which_stage_and_kind():
    one = made()
    pay = learned(one)[-1].pay
    assert right(one) > 0.97
    for kind, who in (("left", "ab"), ("right", "cd")):
        stages = one.shares(kind).values()  # judging first and retrieving then is as good
        assert {name for shares in stages for name, share in shares.items() if share > 0.9} == {who, "above"}
    assert sum(pay.values()) == pytest.approx(1.0) and pay.get("below", 0.0) < 0.02


def test_the_same_questions_make_the_same_pipeline():
    x, _, kinds = asked(50, 3)
    said = []
    for _ in range(2):
        one = made()
        learned(one, 3)
        said.append(one.answer(x, kinds).tobytes())
    assert said[0] == said[1]


def test_who_goes_bad_is_out_within_three_epochs_where_another_can_do_it():
    bad = [False]
    one = made(Neuron("spare", 2, 2, above), above=Neuron("above", 2, 2, lambda x: (below if bad[0] else above)(x)))
    learned(one)
    bad[0] = True
    last = learned(one, 3, first=10)[-1]
    assert right(one) > 0.97
    assert last.pay.get("above", 0.0) < 0.02 < last.pay["spare"]
    assert all(shares.get("above", 0.0) < 0.05 for kind in ("left", "right") for shares in one.shares(kind).values())


def test_who_fails_is_not_heard_and_named():
    def raises(x):
        raise RuntimeError("no\nmore")

    faults = {"raises": raises, "nan": lambda x: np.full((len(x), 2), np.nan), "narrow": lambda x: x[:, :1]}
    one = made(*(Neuron(name, 2, 2, answer) for name, answer in faults.items()))
    last = learned(one)[-1]
    assert right(one) > 0.97 and not set(faults) & set(last.pay) and set(last.troubles) == set(faults)
    assert last.troubles["raises"] == "RuntimeError: no more"


def test_when_all_of_a_stage_fail_the_answer_is_of_who_knows_nothing():
    gone = [False]

    def fails(x):
        if gone[0]:
            raise OSError("away")
        return above(x)

    one = made(above=Neuron("above", 2, 2, fails))
    one.neurons.pop("below")
    learned(one)
    gone[0] = True
    x, _, kinds = asked(5, 1)
    np.testing.assert_allclose(one.answer(x, kinds), 0.5)
    np.testing.assert_allclose(one.answer(x, ["never"] * 5), 0.5)


def test_a_copy_does_not_take_the_pay_of_whom_it_copies():
    one = made()
    copied = made(Neuron("copy", 2, 2, above))
    alone, both = learned(one)[-1].pay, learned(copied)[-1].pay
    assert both.get("copy", 0.0) < 0.02 and both["above"] > alone["above"] - 0.05


def test_a_forecaster_is_paid_only_where_context_helps():
    """Half of all questions have minus a and b: each judge is right of half, and only d tells which."""
    rng = np.random.default_rng(0)

    def strange(n):
        x = rng.normal(size=(n, 4)).astype(np.float32)
        return x, ((x[:, 0] > x[:, 1]) == (x[:, 3] > 0)).astype(np.int64)

    def nearest(task, seed):
        return create_model("sklearn:RandomForestRegressor", task, seed, {"n_estimators": 30})

    def constant(task, seed):
        return create_model("sklearn:DummyRegressor", task, seed, {})

    judges = [Neuron("ab", 4, 2, pick(0, 1)), Neuron("above", 2, 2, above), Neuron("below", 2, 2, below)]
    with_, without = (
        Pipeline(TASK, ("retrieve", "judge"), judges, forecasters)
        for forecasters in ([Forecaster("context", nearest), Forecaster("constant", constant)], [])
    )
    for _ in range(6):
        x, targets = strange(150)
        last = with_.learn(x, targets)
        without.learn(x, targets)
    x, targets = strange(400)
    scores = [float((one.answer(x).argmax(1) == targets).mean()) for one in (with_, without)]
    assert scores[0] > 0.8 and scores[0] > scores[1] + 0.2
    assert last.pay["context"] > 0.1 and last.pay.get("constant", 0.0) == 0.0
    plain = Pipeline(TASK, ("retrieve", "judge"), made().neurons.values(), [Forecaster("context", nearest)])
    assert learned(plain)[-1].pay.get("context", 0.0) < 0.05


def test_numbers_are_answered_too():
    task = Numbers(("a", "b"), ("product",))
    neurons = [Neuron("logs", 2, 2, lambda x: np.log(x)), Neuron("ones", 2, 2, lambda x: x * 0 + 1),
               Neuron("add", 2, 1, lambda x: x.sum(axis=1, keepdims=True)),
               Neuron("less", 2, 1, lambda x: x[:, :1] - x[:, 1:]), Neuron("exp", 1, 1, np.exp)]  # fmt: skip
    one = Pipeline(task, ("in", "middle", "out"), neurons)
    rng = np.random.default_rng(0)
    for _ in range(3):
        x = rng.uniform(1, 3, (80, 2)).astype(np.float32)
        one.learn(x, x.prod(axis=1, keepdims=True))
    x = rng.uniform(1, 3, (80, 2)).astype(np.float32)
    assert task.score(one.answer(x), x.prod(axis=1, keepdims=True)) > 0.9


def test_what_is_no_pipeline_and_no_question():
    with pytest.raises(DaoError, match="no row of 2 neurons leads from 4 numbers to 2"):
        Pipeline(TASK, ("one", "two"), [Neuron("ab", 4, 2, pick(0, 1))])
    with pytest.raises(DaoError, match="a name of its own"):
        made(Neuron("ab", 4, 2, pick(0, 1)), **{"x": Neuron("ab", 4, 2, pick(0, 1))})
    x, targets, kinds = asked(20, 0)
    with pytest.raises(DaoError, match="19 kinds of 20 questions"):
        made().answer(x, kinds[1:])
    with pytest.raises(PeersError, match="inputs must be float32"):
        made().learn(x[:, :3], targets, kinds)
    with pytest.raises(PeersError, match="targets must be"):
        made().learn(x, targets + 1, kinds)
    assert made().learn(x[:3], targets[:3], kinds[:3]).pay == {}


def test_at_a_terminal(tmp_path, capsys, klopf):
    assert klopf("dao", "pipeline", "--example", str(tmp_path / "strips")) == 0
    told = capsys.readouterr().out.split()
    assert told[:3] == ["klopf", "dao", "pipeline"]
    file = tmp_path / "strips" / "pipeline.toml"
    text = file.read_text().replace("epoch = 200", "epoch = 100")
    file.write_text(text)
    learn = tmp_path / "strips" / "learn.csv"
    learn.write_text("\n".join(learn.read_text().splitlines()[:301]) + "\n")
    assert klopf("dao", "pipeline", str(file), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["epochs"]) == 3 and set(found["heard"]) <= set(strips.KINDS) and found["pay"]["add"] > 0
    for change, says in (
        (('"combine", ', ""), "no row of 3 neurons leads"),
        (('kind = "asks"', 'kind = "ask"'), "no column 'ask'"),
        (("stages = [", "floors = ["), "stages: Field required"),
        (("epoch = 100", 'epoch = "many"'), "questions.epoch"),
        (('learns = "few.csv"\n', ""), "either learns and answer"),
        (('"klopf.dao._strips:first"', '"klopf.dao._strips:none"'), "none"),
        (("stages =", "stages"), "cannot be read"),
    ):
        file.write_text(text.replace(*change, 1))
        assert klopf("dao", "pipeline", str(file)) == 2, change
        error = capsys.readouterr().err.strip()
        assert says in error and "\n" not in error
    with pytest.raises(DaoError, match="cannot be read"):
        Declared.read(tmp_path / "nothing.toml")
    assert klopf("dao", "pipeline", "--example", str(tmp_path)) == 2
    assert klopf("dao", "pipeline") == 2
