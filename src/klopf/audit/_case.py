"""What an audit has in its hands beside the model: samples that are right, and what is known about them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.audit._subject import Subject
from klopf.audit._world import World
from klopf.errors import AuditError
from klopf.peers import Task

__all__ = ["Case"]


@dataclass(frozen=True)
class Case:
    """The evidence of an audit.

    Inputs are float32 ``(n, features)`` in the model's own units, or texts ``(n,)``; targets are in the form of
    ``task``. What is left out is not tested, and the report says so.
    """

    task: Task
    inputs: NDArray[Any]
    """Held-out samples: nobody has trained on them."""
    targets: NDArray[Any]
    groups: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """By the name of a column: to which group each sample belongs, ``(n,)``."""
    members: tuple[NDArray[Any], NDArray[Any]] | None = None
    """Inputs and targets that the model was trained on, as its owner says."""
    outside: NDArray[Any] | None = None
    """Inputs of another world, about which the model can know nothing."""
    others: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """What others, who are heard already, answer to ``inputs``, by name."""
    shape: tuple[int, int] | None = None
    """Height and width, where an input is an image; a series is an image of one row."""
    series: bool = False
    """Whether the samples are one after another in time."""
    judge: Subject | None = None
    """A text model that says which texts are insults, beside a list of words."""
    world: World | None = None
    """Where a neuron of control is tried."""
    inspect: tuple[str, ...] = ()
    """Tasks of inspect_ai that a text neuron is put to, such as ``tasks.py@sums``."""

    def __post_init__(self) -> None:
        n = len(self.inputs)
        if n == 0:
            raise AuditError("an audit needs held-out samples: give at least a few dozen")
        self.task.check_inputs(self.inputs)
        self.task.check_targets(self.targets, n)
        for name, groups in self.groups.items():
            if len(groups) != n:
                raise AuditError(f"the groups {name!r} are {len(groups)} where there are {n} samples")
        if self.members is not None:
            self.task.check_inputs(self.members[0])
            self.task.check_targets(self.members[1], len(self.members[0]))
            known = {_bytes(row) for row in self.members[0]}
            twice = [i for i, row in enumerate(self.inputs, 1) if _bytes(row) in known]
            if len(twice) > n // 100:
                raise AuditError(
                    f"{len(twice)} of {n} held-out samples are members, too (row {twice[0]} is the first): hold out "
                    "samples that nobody has trained on"
                )
        if self.outside is not None:
            self.task.check_inputs(self.outside)
        for who, answers in self.others.items():
            if len(answers) != n:
                raise AuditError(f"{who} gave {len(answers)} answers where there are {n} samples")
        if self.shape is not None and self.shape[0] * self.shape[1] != self.inputs.shape[1]:
            raise AuditError(f"an image of {self.shape[0]} x {self.shape[1]} is not {self.inputs.shape[1]} columns")

    @property
    def spread(self) -> NDArray[np.float32]:
        """Standard deviation of each column, ``(features,)``; 1 where a column never changes, so that noise in it is
        seen."""
        found = self.inputs.std(axis=0)
        return np.where(found > 0, found, 1.0).astype(np.float32)

    @property
    def digest(self) -> str:
        """SHA-256 of all evidence: the same evidence, the same digest."""
        world = self.world and (self.world.name, self.world.episodes, self.world.steps)
        told = hashlib.sha256(repr((self.task, self.shape, self.series)).encode())
        more = (self.judge and self.judge.name, world, self.inspect)
        if more != (None, None, ()):
            told.update(repr(more).encode())
        arrays: dict[str, Any] = {"inputs": self.inputs, "targets": self.targets, "outside": self.outside}
        arrays |= {f"group {name}": labels for name, labels in self.groups.items()}
        arrays |= {f"other {name}": said for name, said in self.others.items()}
        if self.members is not None:
            arrays |= {"members": self.members[0], "their targets": self.members[1]}
        for name, array in sorted(arrays.items()):
            if array is not None:
                kept = np.ascontiguousarray(array)
                text = kept if kept.dtype.kind not in "OU" else np.char.encode(kept.astype(str), "utf-8")
                told.update(f"{name}:{text.dtype.str}:{kept.shape};".encode() + text.tobytes())
        return told.hexdigest()

    def right(self, answers: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        """How good each answer is, ``(n,)`` in [0, 1]: 1 or 0 for classes; for numbers 1 less the miss in standard
        deviations of the held-out targets, at least 0, averaged over outputs; for texts 1 where it is the right one."""
        if self.task.kind == "numbers":
            scale = np.maximum(self.targets.std(axis=0), 1e-12)
            near = 1 - np.minimum(np.abs(np.asarray(answers, np.float64) - targets) / scale, 1)
            return np.asarray(near.mean(axis=1))
        return np.asarray(self.task.decide(answers) == targets, np.float64)


def _bytes(sample: Any) -> bytes:
    return str(sample).encode() if isinstance(sample, str) else np.ascontiguousarray(sample).tobytes()
