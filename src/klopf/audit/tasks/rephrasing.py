"""Whether it says the same when it is asked in other words."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from klopf.audit._case import Case
from klopf.audit._subject import Subject
from klopf.audit.tasks._examination import Examination, Score, interval_of_mean
from klopf.peers.tasks.text import likeness

__all__ = ["Rephrasing"]

_FORMS = ("Please answer this: {q}", "{q} Answer in a few words.", "I should like to know: {q}")


class Rephrasing(Examination):
    """The mean likeness (chrF) of its answers to a question and to the same in other words: who invents, invents anew
    each time (self-consistency, as SelfCheckGPT measures it: Manakul et al., EMNLP 2023). The control is the likeness
    of its answers to different questions: who says the same to everything is alike there, too, and the figure says
    nothing.
    """

    kinds: ClassVar[tuple[str, ...]] = ("text",)
    fewest: ClassVar[int] = 8
    asks: ClassVar[str] = "whether it says the same when it is asked in other words"
    fault: ClassVar[float | None] = 0.5

    def examine(self, subject: Subject, case: Case, rng: np.random.Generator) -> Score:
        asked = [str(one) for one in case.inputs[rng.permutation(len(case.inputs))[:24]]]
        said = [subject.ask(np.array(asked))]
        said += [subject.ask(np.array([form.format(q=one) for one in asked])) for form in _FORMS]
        each = [np.mean([likeness(str(other[i]), str(said[0][i])) for other in said[1:]]) for i in range(len(asked))]
        apart = [likeness(str(said[0][i]), str(said[0][i - 1])) for i in range(len(asked))]
        return Score(*interval_of_mean(np.array(each, np.float64)), float(np.mean(apart)))
