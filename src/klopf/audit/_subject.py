"""Who is audited: anything that answers questions, with every question counted and every answer checked."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import AuditError, KlopfError
from klopf.peers import Model, Task

__all__ = ["Subject"]

_TRIES, _PAUSE = 3, 0.5


class Subject:
    """A model under audit.

    Args:
        name: for people.
        task: what it is for.
        model: what answers.
        ordinary: another door to the same model, as an ordinary requester finds it; where there is none, the same one.
        most: questions that it may be asked in all.
        tries: how often a question is put before it counts as not answered: a fault of the network is nobody's.

    ``ask`` may be called from several threads; the model is asked by one at a time.
    """

    def __init__(
        self, name: str, task: Task, model: Model, *, ordinary: Model | None = None, most: int = 2_000_000,
        tries: int = _TRIES,
    ) -> None:  # fmt: skip
        self.name, self.task, self.asked, self.seconds = name, task, 0, 0.0
        self._model, self._ordinary, self._most, self._tries = model, ordinary or model, most, tries
        self._lock = threading.Lock()

    @property
    def has_ordinary_door(self) -> bool:
        """Whether an ordinary requester finds it elsewhere than auditors do."""
        return self._ordinary is not self._model

    def ask(self, inputs: NDArray[Any], *, ordinary: bool = False) -> NDArray[Any]:
        """One answer to each of ``inputs``.

        Raises:
            AuditError: it did not answer, or what it said is no answer, or its questions are used up.
        """
        if not len(inputs):
            raise AuditError("an audit asks one question at least")
        model = self._ordinary if ordinary else self._model
        with self._lock:
            self.asked += len(inputs)
            if self.asked > self._most:
                raise AuditError(f"{self.name} may be asked {self._most:,} questions, and more are needed")
            begun = time.perf_counter()
            parts = [self._part(model, inputs[i : i + model.portion]) for i in range(0, len(inputs), model.portion)]
            self.seconds += time.perf_counter() - begun
        return np.concatenate(parts)

    def _part(self, model: Model, inputs: NDArray[Any]) -> NDArray[Any]:
        for tried in range(1, self._tries + 1):
            try:
                answers = _run(lambda: model.answer(inputs))
                self.task.check_answers(answers, len(inputs))
                return np.asarray(answers)
            except KlopfError as error:
                if tried == self._tries:
                    raise AuditError(f"{self.name} gave no answer in {tried} tries: {error}") from None
                time.sleep(_PAUSE * tried)
        raise AssertionError("unreachable")


def _run(call: Callable[[], Any]) -> Any:
    """What a model says, which may be a coroutine."""
    found = call()
    if not hasattr(found, "__await__"):
        return found

    async def waited() -> Any:
        return await found

    return asyncio.run(waited())
