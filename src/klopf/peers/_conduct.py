"""What a participant does where the rules leave it a choice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from numpy.typing import NDArray

from klopf import ledger
from klopf.errors import PeersError
from klopf.extensions import imported
from klopf.peers.tasks import Task

__all__ = ["Conduct", "ConductSettings"]

T = TypeVar("T")
Weights = Mapping[int, int]
"""Out of 65,535, by the id of who is listened to."""


class Conduct:
    """A participant's conduct, given to it from outside. This one is honest: whatever is to be done is done.

    A subclass is a strategy. It overrides what it does otherwise, each method being one choice that the rules cannot
    take away; nobody but the one who follows it knows. Networks are tried with strategies that live off others: the run
    file names one by ``conduct = "package.module:Class"``, and its settings are the keyword arguments.

    Args:
        task: what the network is for.
        seed: of everything random in it.
        ids: everybody's number on the ledger, by the name that the run file gives him.
    """

    def __init__(self, task: Task, seed: int, ids: Mapping[str, int]) -> None:
        self.task = task
        self.seed = seed
        self.ids = ids

    # ---- a neuron as a speaker

    def model(self, name: str, settings: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Which model learns and answers, and its settings, given those that the run file names."""
        return name, settings

    async def consult(
        self, inputs: NDArray[Any], answers: NDArray[Any],
        ask: Callable[[NDArray[Any]], Awaitable[Mapping[int, NDArray[Any]]]],
    ) -> NDArray[Any]:  # fmt: skip
        """What is held to be the answer to ``inputs``, given what the model answers. ``ask(inputs)`` puts them to all
        neighbours and gives what each said: who uses it is late where answers are sealed."""
        return answers

    def answer(self, inputs: NDArray[Any], answers: NDArray[Any]) -> NDArray[Any]:
        """What is said to ``inputs``, given what the model answers."""
        return answers

    def signed(self, auditor: int, said: NDArray[Any] | None, answer: NDArray[Any]) -> NDArray[Any]:
        """What is signed as the answer to an ``auditor``'s question, given what was said to it first in this epoch, to
        whichever auditor (None for nothing yet), and what would be said now: the same again, since two contrary answers
        cost stake."""
        return answer if said is None else said

    def claim(self, receipts: dict[int, T]) -> dict[int, T]:
        """Which receipts are claimed, of those held, by listener."""
        return receipts

    def grievance(self, found: str) -> str:
        """Why a receipt that was not counted is disputed; ``found`` is what is wrong, empty where nothing is."""
        return found

    # ---- a neuron as a listener

    async def listen(
        self, learned: Callable[[], Awaitable[Weights]], ask: Callable[[Sequence[int], int], Awaitable[Any]]
    ) -> Weights:
        """How it divides its attention. ``learned()`` asks neighbours and learns whom to listen to; ``ask(ids, n)``
        merely asks about ``n`` samples, without which there is no receipt."""
        return await learned()

    def post(self, root: bytes) -> bytes:
        """The Merkle root that is posted, given that of the receipts that were handed over."""
        return root

    # ---- an auditor

    def report(self, results: list[ledger.Result]) -> list[ledger.Result]:
        """What an auditor commits to and reveals, given what it found."""
        return results


@dataclass(frozen=True)
class ConductSettings:
    """What a participant's folder says about its conduct; by default it is honest."""

    place: str = "klopf.peers._conduct:Conduct"
    """``package.module:Class``, of the operator's choice."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    ids: Mapping[str, int] = field(default_factory=dict)

    def make(self, task: Task) -> Conduct:
        """The conduct itself.

        Raises:
            ExtensionError: there is no such class.
            PeersError: it does not take these settings.
        """
        kind = imported(self.place, "klopf.peers._conduct:Conduct", f"the conduct {self.place!r}")
        try:
            made: Conduct = kind(task, self.seed, self.ids, **self.settings)
        except Exception as error:  # whatever a stranger's class raises
            said = f"{type(error).__name__}: {error}".splitlines()[0]
            raise PeersError(f"the conduct {self.place!r} does not take these settings: {said}") from error
        return made
