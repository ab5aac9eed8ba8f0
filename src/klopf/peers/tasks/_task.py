"""What a network is for: what goes in, what comes out, and what follows from that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.peers._listening import Listener

__all__ = ["Task", "Tensors", "check_vectors"]

Tensors = Mapping[str, NDArray[Any]]
"""Arrays by name, as the wire carries them."""


@dataclass(frozen=True)
class Task(ABC):
    """The declared task of a network: its kind, with names, shapes and units. Everybody in a network has the same.

    There are three kinds, a file each: :class:`~klopf.peers.Classes`, :class:`~klopf.peers.Numbers` and
    :class:`~klopf.peers.Text`. All that depends on the kind is here, so that nobody else asks which it is: what a
    valid input, target and answer is, how they travel, what an answer amounts to, how good it is, and how answers are
    listened to.

    *Inputs* are an array over ``n`` samples, *targets* what is right for each, *answers* what a model says to each (for
    classes their probabilities), *decisions* what an answer amounts to, in the form of the targets.
    """

    features: tuple[str, ...]
    """Names of what goes in."""
    names: tuple[str, ...]
    """Names of what comes out: the classes, or the numbers."""
    units: tuple[str, ...] = ()
    """Units of the numbers, in the order of ``names``; empty where there are none."""

    kind: ClassVar[str]

    @property
    @abstractmethod
    def measure(self) -> str:
        """What :meth:`score` is called."""

    # ---- shapes

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one input."""
        return (len(self.features),)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Of one answer."""
        return (len(self.names),)

    # ---- what is valid

    def check_inputs(self, inputs: NDArray[Any]) -> None:
        """Raises PeersError, one line, if these are no inputs of this task."""
        check_vectors("inputs", inputs, len(self.features))

    @abstractmethod
    def check_targets(self, targets: NDArray[Any], n: int) -> None:
        """Raises PeersError, one line, if these are no targets of ``n`` samples."""

    @abstractmethod
    def check_answers(self, answers: NDArray[Any], n: int) -> None:
        """Raises PeersError, one line, if these are no answers to ``n`` inputs."""

    # ---- on the wire

    def pack_inputs(self, inputs: NDArray[Any]) -> Tensors:
        """``inputs`` as a question carries them."""
        return {"inputs": np.ascontiguousarray(inputs, dtype=np.float32)}

    def unpack_inputs(self, tensors: Tensors) -> NDArray[Any]:
        """The inputs that a question carries. Raises PeersError, one line, if it carries none that are valid."""
        inputs = tensors.get("inputs")
        if inputs is None:
            raise PeersError("a question needs a tensor called inputs")
        self.check_inputs(inputs)
        return inputs

    @abstractmethod
    def pack_answers(self, answers: NDArray[Any]) -> Tensors:
        """``answers`` as they are sent back."""

    @abstractmethod
    def unpack_answers(self, tensors: Tensors, n: int) -> NDArray[Any]:
        """The answers to ``n`` inputs that came back. Raises PeersError, one line, if they are none."""

    # ---- what it amounts to

    @abstractmethod
    def decide(self, answers: NDArray[Any]) -> NDArray[Any]:
        """What ``answers`` amount to, in the form of targets."""

    @abstractmethod
    def score(self, decisions: NDArray[Any], targets: NDArray[Any]) -> float:
        """How good ``decisions`` are, by ``measure``: 1 is perfect; not below 0 but where a kind says so."""

    @abstractmethod
    def know_nothing(self, targets: NDArray[Any], n: int) -> NDArray[Any]:
        """The best ``n`` answers of somebody who knows the targets but not which question he is asked."""

    def loss(self, answers: NDArray[Any], targets: NDArray[Any]) -> float:
        """How far ``answers`` are from right, finer than a score where a kind can tell more; 0 is perfect."""
        return 1.0 - self.score(self.decide(answers), targets)

    def taught(self, answers: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Targets by which a model learns to answer like ``answers``: what they amount to or, where they leave it open,
        drawn by how likely they say it is."""
        return self.decide(answers)

    def unseen(self, targets: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of ``names`` none of ``targets`` is, ``(names,)``: what its owner cannot know. None where a kind says
        nothing."""
        return np.zeros(len(self.names), bool)

    def guises(self, answers: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """``answers`` as numbers ``(n, outputs)`` of which mixtures can be made, first as they are, then in other forms
        that say the same more quietly; none where answers cannot be mixed."""
        return (np.asarray(answers, np.float64).reshape(len(answers), -1),)

    def together(self, voices: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """What anybody could make of ``voices``, ``(voices, n, outputs)`` in the first form of :meth:`guises`, that is
        no mixture of them, but nothing new either; none where there is nothing."""
        return ()

    def aim(self, targets: NDArray[Any]) -> NDArray[np.float64]:
        """``targets`` as whoever knew them would answer, in the first form of :meth:`guises`."""
        return np.asarray(targets, np.float64).reshape(len(targets), len(self.names))

    def blend(self, answers: Mapping[int, NDArray[Any]], shares: Mapping[int, float]) -> NDArray[Any]:
        """The answers to the same questions, by who gave them, combined by how much each counts: for whoever has no
        samples to learn that from. ``shares`` are not negative; where all are 0, everybody counts alike."""
        total = sum(shares[k] for k in answers)
        parts = [(shares[k] / total if total > 0 else 1 / len(answers)) * answers[k] for k in sorted(answers)]
        return np.asarray(sum(parts), dtype=np.float32)

    @abstractmethod
    def listener(self) -> Listener:
        """A newborn listener to answers of this task."""

    @abstractmethod
    def read_listener(self, saved: Mapping[str, Any]) -> Listener:
        """The listener that :meth:`~klopf.peers.Listener.to_json` wrote."""


def check_vectors(what: str, given: NDArray[Any], width: int) -> None:
    """Raises PeersError unless ``given`` is float32 of shape ``(n, width)``."""
    if not isinstance(given, np.ndarray) or given.dtype != np.float32 or given.shape[1:] != (width,):
        shape = f"{given.dtype} of shape {given.shape}" if isinstance(given, np.ndarray) else type(given).__name__
        raise PeersError(f"{what} must be float32 of shape (n, {width}), not {shape}")
