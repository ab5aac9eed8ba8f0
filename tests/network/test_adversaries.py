"""What the demo's adversaries do, for every kind of task, and what giving somebody a conduct refuses."""

import asyncio

import numpy as np
import pytest

from klopf import ledger
from klopf.errors import ExtensionError, KlopfError
from klopf.network.adversaries import FreeRider, Guesser, Inflater, Liar
from klopf.peers import Classes, Conduct, ConductSettings, Numbers, Text, create_model, load_model, save_model

TASKS = [Classes(("a", "b"), ("x", "y", "z")), Numbers(("a", "b"), ("rent",), ("EUR",)), Text(("q",), ("a",))]
IDS = {"fred": 4, "lars": 5}


def inputs(task, n=50):
    if not task.input_shape:
        return np.array([f"question {i}" for i in range(n)])
    return np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32)


def right(task, n=50):
    """Answers that are sure and right."""
    if task.kind == "classes":
        return np.eye(3, dtype=np.float32)[np.arange(n) % 3]
    return np.arange(1, n + 1, dtype=np.float32)[:, None] if task.kind == "numbers" else np.array(["right"] * n)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_a_free_rider_says_the_same_at_random_whatever_its_model_knows(task):
    rider, asked = FreeRider(task, 3, IDS), inputs(task)
    said = rider.answer(asked, right(task))
    task.check_answers(said, len(asked))
    np.testing.assert_array_equal(said, rider.answer(asked, right(task)[::-1].copy()))
    assert (said != FreeRider(task, 4, IDS).answer(asked, right(task))).any()


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_a_free_rider_answers_at_random_and_learns_nothing(task, tmp_path):
    name, settings = FreeRider(task, 7, IDS).model("mind", {"hidden": [8]})
    guesser = create_model(name, task, 7, settings)
    before, said = guesser.commitment(), guesser.answer(inputs(task))
    task.check_answers(said, 50)
    guesser.learn(inputs(task), task.decide(right(task)))
    save_model(guesser, name, tmp_path / "state")
    back = load_model(tmp_path / "state", task, name)
    assert isinstance(back, Guesser) and back.commitment() == guesser.commitment() == before
    np.testing.assert_array_equal(back.answer(inputs(task)), said)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_a_liar_says_what_it_holds_to_be_wrong(task):
    truth = right(task)
    lie = Liar(task, 7, IDS).answer(inputs(task), truth)
    task.check_answers(lie, 50)
    assert not (task.decide(lie) == task.decide(truth)).any()
    np.testing.assert_array_equal(Liar(task, 7, IDS).answer(inputs(task), truth), lie)
    if task.kind == "classes":
        assert lie.max(axis=1).min() > 0.9


def attention(conduct):
    asked = []

    async def learned():
        return {1: 40_000}

    async def ask(ids, n):
        asked.append((list(ids), n))

    return asyncio.run(conduct.listen(learned, ask)), asked


def test_colluders_give_a_friend_everything_and_ask_one_question_for_it():
    assert attention(Liar(TASKS[0], 0, IDS, favours="fred")) == ({4: 65_535}, [([4], 1)])
    assert attention(Liar(TASKS[0], 0, IDS)) == attention(Conduct(TASKS[0], 0, IDS)) == ({1: 40_000}, [])


def test_an_inflater_invents_the_scores_of_one_neuron_in_every_task():
    found = [ledger.Result(k, {"accuracy": ledger.Score(10, 5, 20), "charm": ledger.Score(1, 0, 2)}) for k in (4, 5)]
    said = Inflater(TASKS[0], 0, IDS, inflates="lars").report(found)
    assert said[0] == found[0]
    assert set(said[1].scores) == {"accuracy", "charm"}
    assert all(score.low > 9000 for score in said[1].scores.values())


def test_the_honest_conduct_does_what_is_to_be_done():
    honest, held, root = Conduct(TASKS[0], 0, IDS), {1: "a", 2: "b"}, bytes(range(32))
    assert honest.model("mind", {"hidden": [8]}) == ("mind", {"hidden": [8]})
    assert honest.answer("asked", "said") == "said"
    assert honest.claim(held) == held and honest.post(root) == root and honest.report([]) == []
    assert honest.grievance("") == ""
    assert type(ConductSettings().make(TASKS[0])) is Conduct


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        (ConductSettings("no.such.package:Liar"), ExtensionError, "cannot be loaded"),
        (ConductSettings("klopf.peers:Task"), ExtensionError, "is no subclass"),
        (
            ConductSettings(f"{Liar.__module__}:Liar", {"favours": "nobody"}, 0, IDS),
            KlopfError,
            "no participant is called",
        ),
        (ConductSettings(f"{Liar.__module__}:Liar", {"charm": 1}, 0, IDS), KlopfError, "does not take these settings"),
    ],
)
def test_what_is_no_conduct_is_refused_in_one_line(settings, error, said):
    with pytest.raises(error, match=said) as refused:
        settings.make(TASKS[0])
    assert "\n" not in str(refused.value)
