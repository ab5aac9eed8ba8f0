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
_GONE = 3
"""Questions in a row without an answer, after which nothing more is asked: each can take all the time that an endpoint
is given."""


class Subject:
    """A model under audit.

    Args:
        name: for people.
        task: what it is for.
        model: what answers.
        ordinary: another door to the same model, as an ordinary requester finds it; where there is none, the same one.
        most: questions that it may be asked in all.
        patience: seconds that its answers may take in all.
        tries: how often a question is put before it counts as not answered: a fault of the network is nobody's. Who
            did not answer the last one is asked once; who was silent three times running, no more.

    ``ask`` may be called from several threads; the model is asked by one at a time.
    """

    def __init__(
        self, name: str, task: Task, model: Model, *, ordinary: Model | None = None, most: int = 2_000_000,
        tries: int = _TRIES, patience: float = float("inf"),
    ) -> None:  # fmt: skip
        self.name, self.task, self.asked, self.seconds = name, task, 0, 0.0
        self._model, self._ordinary, self._most, self._tries = model, ordinary or model, most, tries
        self._lock, self._silent, self._patience = threading.Lock(), 0, patience

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
            parts = [self._part(model, inputs[i : i + model.portion]) for i in range(0, len(inputs), model.portion)]
        return np.concatenate(parts)

    def _part(self, model: Model, inputs: NDArray[Any]) -> NDArray[Any]:
        if self.seconds > self._patience:
            raise AuditError(f"{self.name} took more than {self._patience:g} s for its answers, and is asked no more")
        if self._silent >= _GONE:
            raise AuditError(f"{self.name} was silent {_GONE} times running, and is asked no more: see that it runs")
        begun = time.perf_counter()
        try:
            return self._tried(model, inputs, begun + self._patience - self.seconds)
        finally:
            self.seconds += time.perf_counter() - begun

    def _tried(self, model: Model, inputs: NDArray[Any], until: float) -> NDArray[Any]:
        tries = 1 if self._silent else self._tries
        for tried in range(1, tries + 1):
            try:
                answers = _run(lambda: model.answer(inputs))
                self.task.check_answers(answers, len(inputs))
                self._silent = 0
                return np.asarray(answers)
            except KlopfError as error:
                if tried == tries or time.perf_counter() > until:
                    self._silent += 1
                    often = f" in {tried} tries" if tried > 1 else ""
                    raise AuditError(f"{self.name} gave no answer{often}: {error}") from None
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
