"""What a neuron, its accusers and auditors do about cases on the ledger: everything they need is on the chain.

The card of the network goes with the pledge, the question is in the case, and the proof goes with the answer. So a
neuron shows what it must with nothing but its committed network (:func:`show`), and whoever likes finds out whether it
did (:func:`judged`), without asking anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from eth_hash.auto import keccak
from numpy.typing import NDArray

from klopf.errors import NotProven, ProofError
from klopf.ledger.packs import Sent
from klopf.ledger.proof import Cases
from klopf.ledger.proof.cases import Answered, Opened, Pledged, State
from klopf.peers import Classes, Numbers, Task
from klopf.proof.model import Answer, Card, Committed
from klopf.proof.neuron import holds

__all__ = ["card_of", "due", "judged", "pledge", "question_of", "show", "task_of", "to_bytes"]


def to_bytes(question: NDArray[Any]) -> bytes:
    """A question as it is hashed and sent: its numbers, little endian."""
    made = np.ascontiguousarray(question)
    return made.astype(made.dtype.newbyteorder("<"), copy=False).tobytes()


def task_of(answers: str, card: Card) -> Task:
    """The task of a neuron that answers with "classes" or "numbers" by the network with this card."""
    inputs = tuple(f"x{i}" for i in range(card.sizes[0]))
    outputs = tuple(f"y{i}" for i in range(card.sizes[-1]))
    return Classes(inputs, outputs) if answers == "classes" else Numbers(inputs, outputs, ("",) * len(outputs))


def pledge(cases: Cases, neuron: int, card: Card) -> Sent:
    """Promise to show any answer of the network with this card that is drawn, and publish the card."""
    return cases.pledge(neuron, bytes.fromhex(card.identity), card.to_json().encode())


def card_of(cases: Cases, pledged: Pledged) -> Card:
    """The card that was published with a pledge.

    Raises:
        NotProven: there is none, or another network's.
    """
    try:
        card = Card.parse(cases.beside(pledged))
    except ProofError:
        raise NotProven(f"neuron {pledged.neuron} published no card with its pledge") from None
    if bytes.fromhex(card.identity) != pledged.model:
        raise NotProven(f"neuron {pledged.neuron} published another network's card with its pledge")
    return card


def question_of(opened: Opened, card: Card) -> NDArray[Any]:
    """What was asked, ``(numbers,)``, of 32 bits each or of 64.

    Raises:
        NotProven: it was no question for the network with this card.
    """
    width = len(opened.question) // card.sizes[0]
    if width not in (4, 8) or len(opened.question) != width * card.sizes[0]:
        raise NotProven(f"what was asked is no question of {card.sizes[0]} numbers")
    return np.frombuffer(opened.question, f"<f{width}")


def due(cases: Cases, neuron: int, since: int, until: int) -> list[Opened]:
    """The cases, opened from block ``since`` to ``until``, that a neuron still has to answer."""
    opened = [e for e in cases.said(since, until) if isinstance(e, Opened) and e.neuron == neuron]
    return [e for e in opened if cases.get(e.id).state is State.OPEN]


def show(cases: Cases, opened: Sequence[Opened], committed: Committed) -> tuple[Sent | None, list[Opened]]:
    """Prove what can be proven of these cases, all at once, which counts as one proof, and answer them.

    Returns:
        What was sent, if anything, and the cases that were not answered: of another network, or of a question that it
        does not take.

    Raises:
        ProofError: the commitment has given all its proofs.
    """
    name, rows, mine, left = bytes.fromhex(committed.card.identity), [], [], []
    for one in opened:
        try:
            question = question_of(one, committed.card)
            committed.check(question)
        except ProofError:
            left.append(one)
            continue
        if one.model == name:
            rows.append(question)
            mine.append(one.id)
        else:
            left.append(one)
    sent = cases.answer(mine, committed.prove(np.array(rows)).to_bytes()) if mine else None
    return sent, left


def judged(cases: Cases, answers: str, pledged: Pledged, opened: Opened, answered: Answered) -> str:
    """Why an answer to a case shows nothing; empty where it shows that what was signed is the network's. ``answers``:
    "classes" or "numbers"."""
    data = cases.beside(answered)
    if bytes(keccak(data)) != answered.shown:
        return "what is shown did not come with the answer"
    try:
        card = card_of(cases, pledged)
        asked = question_of(opened, card)
        holds(task_of(answers, card), card, opened.model, asked, opened.values, Answer.parse(data))
    except NotProven as error:
        return str(error)
    return ""
