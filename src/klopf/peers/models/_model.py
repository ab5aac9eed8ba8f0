"""What a neuron is made of: the interface that every model speaks."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from klopf.peers.tasks import Task

__all__ = ["Model", "absorb", "awaited"]

T = TypeVar("T")


class Model(ABC):
    """A model that learns a declared task from a stream, answers, and can name and keep its own state.

    To add one, write a subclass, here in a file of its own::

        from klopf.errors import PeersError
        from klopf.peers import Model

        class Nearest(Model):
            @classmethod
            def create(cls, task, seed, settings): ...   # a newborn, with its task in self.task
            def learn(self, inputs, targets): ...        # some samples, in their order
            def answer(self, inputs): ...                # one answer to each, changing nothing
            def commitment(self): ...                    # 32 bytes that name the state
            def save(self, folder): ...                  # all of it, into files
            @classmethod
            def load(cls, folder, task): ...             # back, to the bit, with its task

    and give it a name: in this package a line in ``MODELS`` (``models/__init__.py``), elsewhere an entry point in your
    package's ``pyproject.toml``::

        [project.entry-points."klopf.models"]
        nearest = "my_package.nearest:Nearest"

    ``klopf.checks.check_model`` tells whether it keeps its promises; a network file then says ``model = "nearest"``.

    What is an input, a target and an answer is for ``self.task`` to say: it has their shapes, names and units, and
    ``task.check_inputs(inputs)``, ``task.check_targets(targets, n)`` and ``task.check_answers(answers, n)`` refuse in
    one clear line what is none. Raise what they raise, or a :class:`~klopf.errors.PeersError` of your own.

    ``learn``, ``answer`` and ``commitment`` may be coroutine functions, for a model that is elsewhere. Those that are
    not are called from one thread at a time and may use working memory of their own; a coroutine ``answer`` may be
    called again before it has answered. No method seeds or draws from a generator that others share (``numpy.random``'s
    own, ``random``'s own), or changes what it is given; what one model learns, no other has learned.
    """

    task: Task
    """What it was made for."""
    learns: bool = True
    """Whether it learns. One that does not (a file, an endpoint) checks what it is given to learn from, and stays as it
    is."""
    portion: int = 4096
    """Inputs that it is asked at a time where others wait for their answers: few for a slow one, so that who asks much,
    or has gone, holds up nobody."""
    variant: ClassVar[str] = ""
    """What stands after the colon in the name that the settings have, for :meth:`load`: what is imported or asked is
    for the operator to say, not for a saved file."""

    @classmethod
    @abstractmethod
    def create(cls, task: Task, seed: int, settings: Mapping[str, Any]) -> Self:
        """A newborn model.

        Args:
            task: what to learn; refuse a kind that this model cannot.
            seed: of everything random in it: the same seed, the same model.
            settings: what the network file says under ``settings``; refuse those that this model does not have. In
                ``model = "nearest:cosine"``, what stands after the colon comes as the setting ``variant``.

        Raises:
            PeersError: the task or the settings do not suit it.
        """

    @abstractmethod
    def learn(self, inputs: NDArray[Any], targets: NDArray[Any]) -> Awaitable[None] | None:
        """Learn from samples, in their order."""

    @abstractmethod
    def answer(self, inputs: NDArray[Any]) -> Awaitable[NDArray[Any]] | NDArray[Any]:
        """One answer to each of ``inputs``, from the first day on, the same whatever else is asked with it, but for
        rounding. Changes nothing."""

    @abstractmethod
    def commitment(self) -> Awaitable[bytes] | bytes:
        """32 bytes that name all that has been learned: equal states, equal bytes, and only those."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the whole state into ``folder``, which exists and is empty; no pickles."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """The model that :meth:`save` wrote, to the bit. Its files may be a stranger's: load nothing that can run,
        and refuse one that was cut."""


async def awaited(value: Awaitable[T] | T) -> T:
    """``value``, or what it comes to if it has to be awaited."""
    return await value if inspect.isawaitable(value) else value


def absorb(digest: Any, value: Any) -> None:
    """Feed ``value`` to a hash unambiguously: type, length, content, with the keys of mappings in order.

    >>> import hashlib
    >>> one, other = hashlib.sha256(), hashlib.sha256()
    >>> absorb(one, {"a": [1, 2], "b": np.zeros(3)}); absorb(other, {"b": np.zeros(3), "a": [1, 2]})
    >>> one.digest() == other.digest()
    True
    """
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, np.ndarray):
        content = np.ascontiguousarray(value)
        digest.update(f"{kind}:{content.dtype.str}:{content.shape};".encode())
        if content.dtype == object:
            for item in content.ravel():
                absorb(digest, item)
        else:
            digest.update(content.tobytes())
    elif isinstance(value, np.random.RandomState):
        absorb(digest, value.get_state(legacy=True))
    elif isinstance(value, dict):
        digest.update(f"{kind}:{len(value)};".encode())
        for key in sorted(value, key=repr):
            absorb(digest, key)
            absorb(digest, value[key])
    elif isinstance(value, list | tuple):
        digest.update(f"{kind}:{len(value)};".encode())
        for item in value:
            absorb(digest, item)
    elif hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value):
        digest.update(f"{kind}{{".encode())
        absorb(digest, vars(value))
    elif value is None or isinstance(value, bool | int | float | str | bytes | np.generic):
        text = repr(value.item() if isinstance(value, np.generic) else value)
        digest.update(f"{kind}:{len(text)}:{text};".encode())
    else:
        digest.update(f"{kind};".encode())
