"""What a neuron, its accusers and auditors do about cases on the ledger: everything they need is on the chain.

The card of the network goes with the pledge, the question is in the case, and the proof goes with the answer. So a
neuron shows what it must with nothing but its committed network (:func:`show`), and whoever likes finds out whether it
did (:func:`judged`), without asking anybody.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from eth_hash.auto import keccak
from numpy.typing import NDArray

from klopf.errors import NotProven, ProofError
from klopf.ledger.proof import Cases
from klopf.ledger.proof.cases import Answered, Opened, Pledged, State
from klopf.peers import Task
from klopf.proof.model import Answer, Card, Committed
from klopf.proof.neuron import holds

__all__ = ["card_of", "due", "judged", "pledge", "question_of", "show", "to_bytes"]


def to_bytes(question: NDArray[np.float64]) -> bytes:
    """A question as it is hashed and sent: its numbers, 64 bits each, little endian."""
    return np.ascontiguousarray(question, "<f8").tobytes()


def pledge(cases: Cases, neuron: int, card: Card) -> None:
    """Promise to show any answer of the network with this card that is drawn, and publish the card."""
    cases.pledge(neuron, bytes.fromhex(card.identity), card.to_json().encode())


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


def question_of(opened: Opened) -> NDArray[np.float64]:
    """What was asked, ``(numbers,)``.

    Raises:
        NotProven: it was no numbers.
    """
    if len(opened.question) % 8:
        raise NotProven("what was asked is no question of numbers")
    return np.frombuffer(opened.question, "<f8")


def due(cases: Cases, neuron: int, since: int, until: int) -> list[Opened]:
    """The cases, opened from block ``since`` to ``until``, that a neuron still has to answer."""
    opened = [e for e in cases.said(since, until) if isinstance(e, Opened) and e.neuron == neuron]
    return [e for e in opened if cases.get(e.id).state is State.OPEN]


def show(cases: Cases, opened: Sequence[Opened], committed: Committed) -> list[Opened]:
    """Prove what can be proven of these cases, all at once, which counts as one proof, and answer them.

    Returns:
        The cases that were not answered: of another network, or of a question that it does not take.

    Raises:
        ProofError: the commitment has given all its proofs.
    """
    name, rows, mine, left = bytes.fromhex(committed.card.identity), [], [], []
    for one in opened:
        try:
            question = question_of(one)
            committed.check(question)
        except ProofError:
            left.append(one)
            continue
        if one.model == name:
            rows.append(question)
            mine.append(one.id)
        else:
            left.append(one)
    if mine:
        cases.answer(mine, committed.prove(np.array(rows)).to_bytes())
    return left


def judged(cases: Cases, task: Task, card: Card, opened: Opened, answered: Answered) -> str:
    """Why an answer to a case shows nothing; empty where it shows that what was signed is the network's."""
    data = cases.beside(answered)
    if bytes(keccak(data)) != answered.shown:
        return "what is shown did not come with the answer"
    try:
        holds(task, card, opened.model, question_of(opened), opened.values, Answer.parse(data))
    except NotProven as error:
        return str(error)
    return ""
