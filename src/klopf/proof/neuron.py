"""A committed network as a neuron's model, so that what is audited, what answers and what is proven have one name (A7).

``model = "committed:FOLDER"`` answers by the network in a folder of ``klopf proof model setup``. What it commits to on
the ledger is its card's identity: auditors score answers that were signed under that name, and :func:`bound` tells of
any signed answer, by a proof and without the network, whether it is the network's.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.errors import NotProven, PeersError, ProofError
from klopf.ledger.evidence import contrary
from klopf.peers import Classes, Numbers, Task, values_of
from klopf.peers.models._frozen import Frozen, as_answers, taken
from klopf.proof._quantised import OF_SUMS, whole_inputs
from klopf.proof.model import Answer, Card, Committed, verify

__all__ = ["CommittedModel", "bound", "holds"]

_COPY = "committed"
_FILES = ("card.json", "secret.npz")


class CommittedModel(Frozen):
    """Answers in whole numbers, so that each is the same on every machine. Proofs are given by the folder that it was
    made from, which counts them, not by the copy that a neuron keeps."""

    def __init__(self, task: Task, settings: Mapping[str, Any], folder: Path) -> None:
        super().__init__(task, settings)
        try:
            self.committed = Committed.load(folder)
        except ProofError as error:
            raise PeersError(str(error)) from None
        self._folder, card = folder, self.committed.card
        if not isinstance(task, Classes | Numbers) or task.output_shape != card.sizes[-1:]:
            raise PeersError(f"{folder} answers with {card.sizes[-1]} numbers, which is no answer to this task")
        if int(np.prod(task.input_shape)) != card.sizes[0]:
            raise PeersError(f"{folder} takes {card.sizes[0]} numbers, and this task has other inputs")

    @classmethod
    def create(cls, task: Task, seed: int, settings: Mapping[str, Any]) -> Self:
        return cls(task, taken(settings, {}, "a committed network"), Path(cls.variant).absolute())

    @classmethod
    def opened(cls, task: Task, settings: Mapping[str, Any], folder: Path) -> Self:
        return cls(task, settings, folder / _COPY)

    def says(self, inputs: NDArray[Any]) -> Any:
        x = whole_inputs(inputs.reshape(len(inputs), -1))
        return _answers(self.task, self.committed.layers.run(x)[0][-1] / 2.0**OF_SUMS)

    def identity(self) -> Mapping[str, Any]:
        return {"card": self.committed.card.identity}

    def commitment(self) -> bytes:
        return bytes.fromhex(self.committed.card.identity)

    def save(self, folder: Path) -> None:
        super().save(folder)
        (folder / _COPY).mkdir()
        for name in _FILES:
            shutil.copy2(self._folder / name, folder / _COPY / name)


def bound(task: Task, card: Card, model: bytes, question: NDArray[Any], said: Any, answer: Answer) -> None:
    """Go on where an answer that was signed is that of the committed network.

    Args:
        task: of the neuron.
        card: as it was published.
        model: 32 bytes that the neuron signed with, and committed to on the ledger when it was audited.
        question: what it was asked, one.
        said: what it signed that it answers.
        answer: the network's own, with its proof; of this question, or of several, this one among them.

    Raises:
        NotProven: another network signed it, the proof shows nothing, is of another question, or the network says
            something else: then question, signature and proof together are the evidence of it.
    """
    try:
        signed = values_of(said)
    except (ValueError, TypeError, OverflowError):
        raise NotProven("what was signed is no answer of numbers") from None
    holds(task, card, model, question, signed, answer)


def holds(
    task: Task, card: Card, model: bytes, question: NDArray[Any], signed: Sequence[int] | None, answer: Answer
) -> None:
    """As :func:`bound`, of what was ``signed`` in millionths, as a ledger's case has it."""
    if bytes.fromhex(card.identity) != model:
        raise NotProven("the answer was signed with another model than this card's")
    verify(card, answer)
    try:
        asked = whole_inputs(np.ravel(question))
    except (ValueError, TypeError, OverflowError, ProofError):
        raise NotProven("what was asked is no question of numbers") from None
    rows, outputs = np.atleast_2d(answer.inputs), np.atleast_2d(answer.outputs)
    found = np.flatnonzero((rows == asked).all(axis=1)) if rows.shape[1:] == asked.shape == card.sizes[:1] else ()
    if not len(found):
        raise NotProven("the proof is of another question")
    proven = values_of(as_answers(task, _answers(task, outputs[found[:1]]), 1)[0])
    if proven is None or signed is None or contrary(proven, signed):
        raise NotProven("the network answers something else than was signed")


def _answers(task: Task, sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """The last layer's sums, or probabilities of them where classes are asked for; (answers, numbers)."""
    if not isinstance(task, Classes):
        return sums
    raised = np.exp(sums - sums.max(axis=-1, keepdims=True))
    made: NDArray[np.float64] = raised / raised.sum(axis=-1, keepdims=True)
    return made
