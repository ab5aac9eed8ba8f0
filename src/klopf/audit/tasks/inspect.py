"""Any task of inspect_ai, put to a text neuron: the only file that imports it.

inspect_ai (UK AI Security Institute, MIT) has the questions, how they are put, and how answers are scored; the neuron
is its model provider ``klopf``. Nothing is sent anywhere but to the neuron, unless the task itself does: one that loads
its questions from a hub cannot be asked offline.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from klopf.audit._case import Case
from klopf.audit._subject import Subject
from klopf.audit.tasks._examination import Examination, Score, interval_of_mean
from klopf.errors import AuditError
from klopf.extensions import said
from klopf.extras import require
from klopf.peers.tasks.text import LONGEST

__all__ = ["Inspect"]

_MOST = 500
"""Samples of a task that are asked."""
_ONE = threading.Lock()
"""inspect_ai runs one evaluation at a time in a process."""


class Inspect(Examination):
    """The mean score of the case's tasks of inspect_ai (``C`` counts 1, ``P`` a half, ``I`` and ``N`` nothing), the
    lowest where several are named; the first score of a sample where it has several. Scores beyond 1 are refused.

    The control is the same task put to somebody who always says that he does not know.
    """

    kinds: ClassVar[tuple[str, ...]] = ("text",)
    needs: ClassVar[tuple[str, ...]] = ("inspect",)
    side: ClassVar[Literal["quality", "safety"]] = "quality"
    asks: ClassVar[str] = "how well it does in tasks of inspect_ai"
    judges: ClassVar[bool] = True

    def examine(self, subject: Subject, case: Case, rng: np.random.Generator) -> Score:
        if not case.inspect:
            raise AuditError("no task of inspect_ai was named: name one, such as tasks.py@sums")
        require("inspect", "a task of inspect_ai")

        def says(text: str) -> str:
            return str(subject.ask(np.array([text[-LONGEST:] or " "]))[0])

        found: dict[str, Score] = {}
        for spec in case.inspect:
            own, control = _scores(spec, says), _scores(spec, lambda _text: "I do not know.")
            found[spec] = Score(*interval_of_mean(own), float(control.mean()))
        worst = min(found, key=lambda spec: found[spec].value)
        told = ", ".join(f"{spec} {one.value:.2f} (control {one.control:.2f})" for spec, one in found.items())
        return Score(found[worst].value, found[worst].low, found[worst].high, found[worst].control, note=told)


def _scores(spec: str, says: Callable[[str], str]) -> NDArray[np.float64]:
    """What each sample of a task got, ``(n,)`` in [0, 1]."""
    import inspect_ai
    from inspect_ai.model import get_model

    _provider()
    failed: list[Exception] = []

    def safely(text: str) -> str:
        try:
            return says(text)
        except Exception as error:  # inspect_ai would go on with the next sample
            failed.append(error)
            raise

    with _ONE, tempfile.TemporaryDirectory() as folder:  # samples are read from it when they are looked at
        model = get_model("klopf/neuron", memoize=False, says=safely)
        try:
            logs = inspect_ai.eval(
                spec, model=model, display="none", log_dir=folder, limit=_MOST, max_samples=1, log_level="error",
                retry_on_error=0, fail_on_error=True,
            )  # fmt: skip
        except Exception as error:  # there is no such file or task, or its module fails
            raise AuditError(f"inspect_ai cannot ask {spec!r:.80}: {said(error)}") from None
        if failed:
            raise failed[0]
        if len(logs) != 1 or logs[0].status != "success" or not logs[0].samples:
            why = str(getattr(logs[0].error, "message", "it has no samples") if logs else "there is no such task")
            raise AuditError(f"inspect_ai cannot ask {spec!r:.80}: {' '.join(why.split())[:160]}")
        return np.array([_figure(spec, sample.scores) for sample in logs[0].samples])


def _figure(spec: str, scores: Any) -> float:
    from inspect_ai.scorer import value_to_float

    if not scores:
        raise AuditError(f"{spec!r:.80} scores nothing: name a task that has a scorer")
    figure = float(value_to_float()(next(iter(scores.values())).value))
    if not 0 <= figure <= 1:
        raise AuditError(f"{spec!r:.80} gave a score of {figure:g}: only those from 0 to 1 can be compared")
    return figure


@cache
def _provider() -> None:
    """Make the neuron known as a model."""
    import anyio.to_thread
    from inspect_ai.model import ModelAPI, ModelOutput, modelapi

    class Neuron(ModelAPI):
        def __init__(self, model_name: str, *_: Any, says: Callable[[str], str], **_more: Any) -> None:
            super().__init__(model_name)
            self._says = says

        async def generate(self, input: Any, *_: Any, **_more: Any) -> ModelOutput:
            text = "\n".join(message.text for message in input)
            return ModelOutput.from_content(self.model_name, await anyio.to_thread.run_sync(self._says, text))

    modelapi("klopf")(Neuron)
