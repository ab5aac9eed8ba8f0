"""What a neuron claims to know: it is told to everybody beside the name of its model, and audits judge it by that.

A domain is any of these: some of the network's ``classes``; a region of ``inputs``, by the name of a column, as a model
is given them (``klopf join``, ``klopf serve`` and run files take it in the units of a file); ``words`` of which a
question must hold one. A question is within it where all that is declared holds. Outside, whoever knows its limits does
not claim to know:

- of classes, it gives those that it declared together no more than half, or no class more than all others;
- of texts, it says nothing, or that it does not know;
- of numbers, nobody can abstain: only what is within is judged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.peers._familiar import Familiar
from klopf.peers.tasks import Classes, Numbers, Task, Text
from klopf.peers.tasks.text import withholds

__all__ = ["Domain", "Limits"]

MOST = 255
"""Bytes of a model's name on the ledger, with its domain."""
_MARK = " knows "


@dataclass(frozen=True)
class Domain:
    """See above. One that declares nothing claims everything.

    >>> told = Domain(classes=("low", "high")).told("sklearn:GaussianNB")
    >>> told
    'sklearn:GaussianNB knows {"classes":["low","high"]}'
    >>> Domain.of_told(told).classes
    ('low', 'high')
    """

    classes: tuple[str, ...] = ()
    inputs: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """By the name of a column, the least and the largest value."""
    words: tuple[str, ...] = ()

    @classmethod
    def of(cls, knows: Mapping[str, Any]) -> Self:
        """From settings, or from what somebody declared.

        Raises:
            PeersError: it is none; one line.
        """
        if not isinstance(knows, Mapping) or (more := sorted(map(str, set(knows) - {"classes", "inputs", "words"}))):
            what = f"has {more[0]!r:.40}" if isinstance(knows, Mapping) else f"is {knows!r:.40}"
            raise PeersError(f"what a neuron knows {what}: it takes classes, inputs and words")
        lists = {name: knows.get(name, []) for name in ("classes", "words")}
        for name, found in lists.items():
            if not isinstance(found, list | tuple) or not all(isinstance(one, str) and one for one in found):
                raise PeersError(f"{name} that a neuron knows must be a list of texts, not {found!r:.60}")
            if len(set(found)) < len(found):
                raise PeersError(f"{name} that a neuron knows are named twice: {', '.join(found):.60}")
        given = knows.get("inputs", {})
        good = isinstance(given, Mapping) and all(_is_range(name, one) for name, one in given.items())
        if not good:
            raise PeersError(f"inputs that a neuron knows must be {{column = [least, largest]}}, not {given!r:.60}")
        region = {name: (float(low), float(high)) for name, (low, high) in sorted(given.items())}
        return cls(tuple(lists["classes"]), region, tuple(one.lower() for one in lists["words"]))

    @classmethod
    def of_told(cls, model: str) -> Self:
        """From a model's name on the ledger; everything where that declares nothing that can be read."""
        _, mark, text = model.partition(_MARK)
        try:
            return cls.of(json.loads(text)) if mark else cls()
        except (PeersError, ValueError, RecursionError):
            return cls()

    def __bool__(self) -> bool:
        return bool(self.classes or self.inputs or self.words)

    def told(self, model: str) -> str:
        """The name of its model and its domain, as the registry tells both to everybody."""
        if not self:
            return model
        plain = {"classes": self.classes, "inputs": dict(self.inputs), "words": self.words}
        text = json.dumps({k: v for k, v in plain.items() if v}, separators=(",", ":"), ensure_ascii=False)
        told = model + _MARK + text
        if len(told.encode()) > MOST:
            raise PeersError(f"a model's name and what it knows have {len(told.encode())} bytes: {MOST} at most")
        return told

    @classmethod
    def registered(cls, knows: Mapping[str, Any], task: Task, model: str) -> str:
        """What the registry is told of a neuron with this ``model`` that claims to know this. PeersError where it
        cannot."""
        domain = cls.of(knows)
        domain.check(task)
        return domain.told(model)

    def check(self, task: Task) -> None:
        """PeersError where it names what ``task`` has not."""
        classes = set(task.names) if isinstance(task, Classes) else set()
        if unknown := [one for one in self.classes if one not in classes]:
            raise PeersError(f"there is no class {unknown[0]!r:.40} to know: choose from {', '.join(sorted(classes))}")
        if unknown := [one for one in self.inputs if one not in task.features or isinstance(task, Text)]:
            raise PeersError(f"there is no column {unknown[0]!r:.40} to know a region of")
        if self.words and not isinstance(task, Text):
            raise PeersError(f"words are of questions that are texts: this network's are {task.kind}")

    def holds(self, task: Task, inputs: NDArray[Any], targets: NDArray[Any] | None = None) -> NDArray[np.bool_]:
        """Which questions are within, ``(n,)``; by their inputs alone where ``targets`` are not given. What ``task``
        has not is passed over."""
        within = np.ones(len(inputs), np.bool_)
        if isinstance(task, Text):
            if self.words:
                within &= np.array([any(word in str(one).lower() for word in self.words) for one in inputs], np.bool_)
            return within
        places = {name: k for k, name in enumerate(task.features)}
        for name, (low, high) in self.inputs.items():
            if name in places:
                column = inputs[:, places[name]]
                within &= (column >= low) & (column <= high)
        own = self._places(task)
        if targets is not None and len(own):
            within &= np.isin(targets, own)
        return within

    def claimed(self, task: Task, answers: NDArray[Any]) -> NDArray[np.bool_]:
        """Which answers claim to know, ``(n,)``."""
        if isinstance(task, Text):
            return np.array([not withholds(str(one)) for one in answers], np.bool_)
        if isinstance(task, Numbers) or not len(answers):
            return np.ones(len(answers), np.bool_)
        said = np.asarray(answers, np.float64)
        alone = (said == said.max(axis=1, keepdims=True)).sum(axis=1) == 1
        own = self._places(task)
        return np.asarray(alone & (said[:, own].sum(axis=1) > 0.5) if len(own) else alone)

    def among(self, task: Task, answers: NDArray[Any]) -> NDArray[Any]:
        """``answers`` as they are between the classes that it declared; as they are where it declared none."""
        own = self._places(task)
        if not len(own):
            return answers
        kept = np.zeros(answers.shape, np.float64)
        kept[:, own] = np.asarray(answers, np.float64)[:, own] + 1e-12  # also of who gives them nothing
        return np.asarray(kept / kept.sum(axis=1, keepdims=True), np.float32)

    def share(self, task: Task) -> float:
        """Which part of the network's classes it declared; 1 where it declared none."""
        own = self._places(task)
        return len(own) / len(task.names) if isinstance(task, Classes) and len(own) else 1.0

    def _places(self, task: Task) -> NDArray[np.int64]:
        names = list(task.names) if isinstance(task, Classes) else []
        return np.array([names.index(one) for one in self.classes if one in names], np.int64)


@dataclass(frozen=True)
class Limits:
    """What keeps a neuron within the region that it declared, and says what it is familiar with."""

    task: Task
    domain: Domain
    familiar: Familiar | None

    @classmethod
    def of(cls, task: Task, domain: Domain, inputs: NDArray[Any], targets: NDArray[Any]) -> Self | Familiar | None:
        """From a neuron's own stream; None where it neither declared anything nor lacks a class."""
        familiar = Familiar.of(task, inputs, targets)
        bounded = bool(domain.inputs or domain.words) and not isinstance(task, Numbers)
        return cls(task, domain, familiar) if bounded else familiar

    @classmethod
    def in_stream(cls, task: Task, knows: Mapping[str, Any], data: Mapping[str, Any]) -> Self | Familiar | None:
        """The same from settings and a neuron's ``data``."""
        return cls.of(task, Domain.of(knows), data["inputs"], data["targets"])

    def hedged(self, inputs: NDArray[Any], answers: NDArray[Any]) -> NDArray[Any]:
        """``answers`` to ``inputs``, and none where they lie outside."""
        said = answers if self.familiar is None else self.familiar.hedged(inputs, answers)
        outside = ~self.domain.holds(self.task, inputs)
        if isinstance(self.task, Text):
            return np.where(outside, "", said)
        return np.asarray(np.where(outside[:, None], 1 / said.shape[1], said), np.float32)

    def bind(self, commitment: bytes) -> bytes:
        """The commitment of a model that answers with these: 32 bytes that name all."""
        bound = commitment if self.familiar is None else self.familiar.bind(commitment)
        return hashlib.sha256(b"klopf limits" + bound + self.domain.told("").encode()).digest()


def _is_range(name: Any, bounds: Any) -> bool:
    if not isinstance(name, str) or not isinstance(bounds, list | tuple) or len(bounds) != 2:
        return False
    low, high = bounds
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) and np.isfinite(x) for x in bounds)
    return numbers and low <= high
