"""A reviewer's desk: any model, by itself, without a network or a ledger.

>>> import numpy as np
>>> from klopf.audit.desk import Case, Subject, examine
>>> from klopf.peers import Classes, create_model
>>> task = Classes(("a", "b"), ("low", "high"))
>>> rng = np.random.default_rng(0)
>>> inputs = rng.normal(size=(200, 2)).astype(np.float32)
>>> targets = (inputs[:, 0] > 0).astype(np.int64)
>>> model = create_model("sklearn:GaussianNB", task, 0)
>>> model.learn(inputs[:100], targets[:100])
>>> card = examine(Subject("bayes", task, model), Case(task, inputs[100:], targets[100:]), ["accuracy", "confidence"])
>>> card.quality.letter, [one.verdict for one in card.findings]
('A', ['told', 'good'])
"""

from klopf.audit._case import Case
from klopf.audit._subject import Subject
from klopf.audit._world import World
from klopf.audit.desk._card import Card, Earlier, Finding, Grade, history, read_card
from klopf.audit.desk._desk import examinations, examine
from klopf.audit.desk._files import read_case
from klopf.audit.desk._page import page
from klopf.audit.desk._probes import Probes, hold_out, mark_used, read_probes
from klopf.audit.desk._trace import Life, Moment, trace

__all__ = [
    "Card",
    "Case",
    "Earlier",
    "Finding",
    "Grade",
    "Life",
    "Moment",
    "Probes",
    "Subject",
    "World",
    "examinations",
    "examine",
    "history",
    "hold_out",
    "mark_used",
    "page",
    "read_card",
    "read_case",
    "read_probes",
    "trace",
]
