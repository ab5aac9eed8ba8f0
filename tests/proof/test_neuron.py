"""A committed network as a neuron's model: one name for what is audited, what answers and what is proven."""

import dataclasses

import numpy as np
import pytest

from klopf import checks
from klopf.errors import NotProven, PeersError
from klopf.peers import Classes, Numbers, create_model
from klopf.proof import model
from klopf.proof.neuron import bound

RNG = np.random.default_rng(0)
GOOD = model.Layers.of([RNG.normal(size=(5, 3)), RNG.normal(size=(2, 5))], [np.zeros(5), np.zeros(2)], "relu")
CLASSES = Classes(("a", "b", "c"), ("no", "yes"))
NUMBERS = Numbers(("a", "b", "c"), ("y", "z"), ("m", "m"))


@pytest.fixture
def folder(tmp_path):
    model.Committed.of(GOOD, proofs=8).save(tmp_path / "c")
    return tmp_path / "c"


@pytest.mark.parametrize("task", [CLASSES, NUMBERS], ids=["classes", "numbers"])
def test_it_is_a_model_as_any_other_and_named_by_its_card(folder, task):
    checks.check_model(f"committed:{folder}", task)
    made, card = create_model(f"committed:{folder}", task, 0), model.Card.parse((folder / "card.json").read_bytes())
    assert made.commitment().hex() == card.identity


@pytest.mark.parametrize("task", [CLASSES, NUMBERS], ids=["classes", "numbers"])
def test_a_signed_answer_is_the_networks_or_is_shown_not_to_be(folder, task):
    made, committed = create_model(f"committed:{folder}", task, 0), model.Committed.load(folder)
    name, x = made.commitment(), RNG.normal(size=(2, 3)).astype(np.float32)
    said = made.answer(x)
    for question, one in zip(x, said, strict=True):
        bound(task, committed.card, name, question, one, committed.prove(question))
    answer = committed.prove(x[0])
    bad = {
        "another model": (bytes(32), x[0], said[0], answer),
        "another question": (name, x[1], said[0], answer),
        "something else": (name, x[0], said[0] + np.array([0.05, -0.05], np.float32), answer),
        "no question": (name, np.full(3, np.inf), said[0], answer),
        "of another": (name, x[0, :2], said[0], answer),
        "no answer": (name, x[0], np.full(2, np.nan), answer),
        "else than was signed": (name, x[0], "a text", answer),
        "answers something": (name, x[0], said[0, :1], answer),
        "the proof|numbers|columns|not": (name, x[0], said[0], dataclasses.replace(answer, sums=answer.sums + 1)),
    }
    for why, given in bad.items():
        with pytest.raises(NotProven, match=why):
            bound(task, committed.card, *given)


def test_what_does_not_fit_is_said_in_a_line(folder, tmp_path):
    for name, task in ((f"committed:{tmp_path}/none", CLASSES), (f"committed:{folder}", Classes(("a",), ("n", "y"))),
                       (f"committed:{folder}", Numbers(("a", "b", "c"), ("y",), ("m",)))):  # fmt: skip
        with pytest.raises(PeersError) as raised:
            create_model(name, task, 0)
        assert "\n" not in str(raised.value)
