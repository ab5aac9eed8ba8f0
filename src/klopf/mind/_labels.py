"""Names of classes and scales of numbers, as a mind's outputs: one kind of target each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import MindError
from klopf.mind._checked import shown
from klopf.mind.kernels.state import MOST

__all__ = ["Classes", "Groups", "Numbers"]


class _Named:
    """What both kinds of classes share."""

    declared: Any = None
    """All classes there are (of each output), where the first call said so."""
    _heard: Any = None
    """For each output, the weights of each class's rows so far."""

    def balanced(self, y: Any, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """How much each row must count beside its weight, ``(n,)``, so that all classes of what came so far do alike.

        It is the mean weight of a class's rows over that of its own class's; a product over several outputs.
        """
        columns = np.asarray(y).reshape(len(y), -1).T
        heard, out = [dict(each) for each in self._heard or [{} for _ in columns]], np.ones(len(weights))
        for column, each in zip(columns, heard, strict=True):
            names, at = np.unique(column, return_inverse=True)
            for name, much in zip(names.tolist(), np.bincount(at, weights).tolist(), strict=True):
                each[name] = each.get(name, 0.0) + much
            own = np.array([each[name] for name in names.tolist()])
            mean = sum(each.values()) / len(each)
            out *= np.divide(mean, own, out=np.zeros(len(own)), where=own > 0)[at]
        self._heard = heard
        return out


class Classes(_Named):
    """One output with names, ``(n,)``: a softmax over all of them that have been seen."""

    output = "softmax"

    def __init__(self) -> None:
        self.classes: Any = np.empty(0)
        self._outputs: Any = np.empty(0, np.int64)  # the output of each class

    @property
    def outputs(self) -> int:
        """How many the mind must have."""
        return max(2, len(self.classes))

    def declare(self, classes: Any) -> None:
        """These are all classes. Raises: ValueError, where it was said otherwise, or nothing was said at first."""
        names = np.unique(classes)
        if not len(self.classes):
            self.declared = names
        elif not np.array_equal(names, names if self.declared is None else self.declared):
            raise ValueError("classes are not those of the first call of partial_fit; leave them out after it")

    def check(self, y: Any) -> None:
        """Raises: MindError or ValueError, where ``y`` is not what was declared, or not of the kind that came."""
        if y.ndim != 1:
            raise MindError(f"y has {y.shape[1]} columns where the first call had one")
        if self.declared is not None and not np.isin(y, self.declared).all():
            raise ValueError(
                f"y has classes that were not declared: those of the first call are {self.declared.tolist()}"
            )
        if len(self.classes) and len(y) and (self.classes.dtype.kind in "OSU") != (y.dtype.kind in "OSU"):
            raise MindError(
                f"y has classes such as {shown(y[0])} where those of before are such as {shown(self.classes[0])}; "
                "name them all by texts or all by numbers"
            )

    def see(self, y: Any, order: Any) -> None:
        """Classes that are new get the next outputs."""
        del order
        found = np.unique(y)
        if not len(self.classes):
            self.classes, self._outputs = found, np.arange(len(found))
            return
        new = found[~np.isin(found, self.classes)]
        if len(new):
            every = np.concatenate([self.classes, new])
            outputs = np.append(self._outputs, np.arange(len(self.classes), len(every)))
            sort = np.argsort(every)
            self.classes, self._outputs = every[sort], outputs[sort]

    def table(self, y: Any) -> NDArray[np.float64]:
        """As numbers, ``(n, 1)``, that are equal where the classes are."""
        return np.asarray(np.unique(y, return_inverse=True)[1].reshape(-1, 1) + 1, np.float64)

    def coded(self, y: Any) -> NDArray[np.int64]:
        """The output of each row's class."""
        coded: NDArray[np.int64] = self._outputs[np.searchsorted(self.classes, y)]
        return coded

    def probabilities(self, out: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of each class in the order of ``classes``, from all of the mind's outputs."""
        p = out[:, self._outputs]
        return np.asarray(p / np.maximum(p.sum(1, keepdims=True), 1e-300))

    def decoded(self, p: NDArray[np.float64]) -> Any:
        """The likeliest."""
        return self.classes[p.argmax(1)]


class Groups(_Named):
    """Several outputs with names each, ``(n, outputs)``, or labels that hold or not: a logistic unit for each class of
    each of them, one where there are only two."""

    output = "logistic"

    def __init__(self) -> None:
        self.classes: list[Any] = []
        self._type: Any = None

    @property
    def outputs(self) -> int:
        """How many the mind must have."""
        return sum(self._units())

    def _units(self) -> list[int]:
        return [len(names) if len(names) > 2 else 1 for names in self.classes]

    def declare(self, classes: Any) -> None:
        """These are the classes of every output; or, a list of such, those of each.

        Raises:
            ValueError: it was said otherwise before.
        """
        each = len(classes) > 0 and all(np.ndim(names) == 1 for names in classes)
        found = [np.unique(names) for names in (classes if each else [classes])]
        if not self.classes:
            self.declared = found
            return
        found = found if each else found * len(self.classes)
        if len(found) != len(self.classes) or not all(map(np.array_equal, found, self.classes)):
            raise ValueError("classes are not those of the first call of partial_fit; leave them out after it")

    def check(self, y: Any) -> None:
        """Raises: MindError, where ``y`` has not as many outputs as before, or as were declared."""
        before = self.classes or (self.declared if self.declared and len(self.declared) > 1 else [])
        if y.ndim != 2 or (before and y.shape[1] != len(before)):
            columns = y.shape[1] if y.ndim == 2 else 1
            raise MindError(f"y has {columns} outputs where {len(before)} came first or were declared")

    def see(self, y: Any, order: Any) -> None:
        """The classes of each output, once; those must be complete.

        Raises:
            MindError: later, a class that is new.
        """
        del order
        y = np.asarray(y)
        if not self.classes:
            whole = y.dtype.kind in "biuf" and bool(np.isin(y, (0, 1)).all())
            two = np.array([0, 1]).astype(y.dtype)  # a label that never held is still one
            self.classes = [two if whole else np.unique(column) for column in y.T]
            if self.declared is not None:
                self.classes = list(self.declared) if len(self.declared) > 1 else self.declared * y.shape[1]
            self._type = np.result_type(y.dtype, *(names.dtype for names in self.classes))
        for k, (column, names) in enumerate(zip(y.T, self.classes, strict=True)):
            if not np.isin(column, names).all():
                raise MindError(f"output {k} has a class that the first call did not have; show or declare all in it")

    def table(self, y: Any) -> NDArray[np.float64]:
        """As numbers, ``(n, outputs)``, that are equal where the classes are."""
        return np.stack([np.unique(column, return_inverse=True)[1] + 1.0 for column in np.asarray(y).T], 1)

    def coded(self, y: Any) -> NDArray[np.float64]:
        """1 for the units of the classes that hold, ``(n, units)``."""
        columns = []
        for column, names, units in zip(np.asarray(y).T, self.classes, self._units(), strict=True):
            columns.append(column[:, None] == names if units > 1 else (column == names[-1])[:, None])
        return np.concatenate(columns, 1).astype(np.float64)

    def probabilities(self, out: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Of each output's classes."""
        found, at = [], 0
        for names, units in zip(self.classes, self._units(), strict=True):
            p = out[:, at : at + units]
            at += units
            if units == 1:
                found.append(np.concatenate([1 - p, p], 1) if len(names) > 1 else np.ones((len(p), 1)))
            else:
                found.append(p / np.maximum(p.sum(1, keepdims=True), 1e-300))
        return found

    def decoded(self, p: list[NDArray[np.float64]]) -> Any:
        """The likeliest of each output."""
        columns = [names[q.argmax(1)] for names, q in zip(self.classes, p, strict=True)]
        return np.stack(columns, 1).astype(self._type)


class Numbers:
    """Numbers, shifted and scaled: by the mean and deviation of the first table where the mind itself follows what is
    usual (``inside``), else by those of all."""

    output = "linear"

    def __init__(self, outputs: int, flat: bool, inside: bool) -> None:
        self.outputs = outputs
        self._inside = inside
        self._flat = flat
        self._count = 0.0
        self._mean = np.zeros(outputs)
        self._squares = np.zeros(outputs)

    def check(self, y: Any) -> None:
        """Raises: MindError, where ``y`` has not as many outputs as before, or is beyond all scale."""
        columns = 1 if y.ndim == 1 else y.shape[1]
        if columns != self.outputs:
            raise MindError(f"y has {columns} outputs where the first call had {self.outputs}")
        with np.errstate(all="ignore"):
            fine = np.abs(self.coded(y)) <= MOST if self._count else np.abs(y) < 1e150
        if not fine.all():
            raise MindError("y is too large, or too far from what came before; drop or scale it first")

    def see(self, y: Any, order: Any) -> None:
        """Mean and deviation take those rows in: Chan, Golub and LeVeque (1979)."""
        rows = np.asarray(y, np.float64).reshape(-1, self.outputs)[order]
        if not len(rows) or (self._count and getattr(self, "_inside", False)):  # an older one has no such attribute
            return
        n = len(rows)
        mean, squares = rows.mean(0), ((rows - rows.mean(0)) ** 2).sum(0)
        d, total = mean - self._mean, self._count + n
        self._squares = self._squares + squares + d * d * self._count * n / total
        self._mean = self._mean + d * n / total
        self._count = total

    @property
    def scale(self) -> NDArray[np.float64]:
        """The deviation of each output; 1 where nothing differs yet."""
        deviation = np.sqrt(self._squares / max(self._count, 1.0))
        return np.where(deviation > 1e-12 * np.maximum(np.abs(self._mean), 1e-200), deviation, 1.0)

    def table(self, y: Any) -> NDArray[np.float64]:
        """As they are, ``(n, outputs)``."""
        return np.asarray(y, np.float64).reshape(-1, self.outputs)

    def coded(self, y: Any) -> NDArray[np.float64]:
        """In deviations from the mean."""
        return np.asarray((np.asarray(y, np.float64).reshape(-1, self.outputs) - self._mean) / self.scale)

    def decoded(self, out: NDArray[np.float64]) -> NDArray[np.float64]:
        """From deviations back to numbers, in the shape in which they came."""
        y = self._mean + self.scale * out
        return y[:, 0] if self._flat else y
