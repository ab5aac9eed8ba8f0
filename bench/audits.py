"""How often an audit costs an honest auditor stake: three auditors with samples of their own, one neuron.

``python bench/audits.py [--quick] [--json] [--audits N]``

Each auditor puts 120 questions about ten classes of its own choice to the same neuron, which knows the first ``k`` of
them and is right about a part of these. Scores are the shipped task's (``accuracy``), interval, median and bounds are
those of the contracts, by their second implementation. "slashed" is how many of a million findings lie so far from the
median that they cost stake, "passed" how often the median reaches the task's mark.

The same of texts (``likeness``), by a neuron that answers a part of the questions and says nothing to the others.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from figures import Report, arguments
from numpy.typing import NDArray

from klopf.audit import AuditTask, audit_tasks
from klopf.ledger.audit import _reference as ref
from klopf.peers import Classes, Text

CLASSES, QUESTIONS, AUDITORS = 10, 120, 3
FLOOR = 100
"""The least half of an interval, in 1/10,000, by the usual rules."""


def answered(rng: np.random.Generator, known: int, right: float) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """What the neuron says to one auditor's questions, and what would have been right."""
    targets = rng.integers(0, CLASSES, QUESTIONS)
    answers = np.full((QUESTIONS, CLASSES), 1.0 / max(1, CLASSES - known), np.float32)
    answers[:, :known] = 0.0
    for i in np.flatnonzero(targets < known):
        said = targets[i] if rng.random() < right else (targets[i] + rng.integers(1, known)) % known
        answers[i] = np.eye(CLASSES, dtype=np.float32)[said]
    return answers, targets


def said(rng: np.random.Generator, n: int, part: float, right: float) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """The same of ``n`` questions whose answers are texts: a ``part`` of them is answered."""
    targets, others = ([f"{one:03x}" for one in rng.integers(0, 4096, n)] for _ in range(2))
    says, knows = rng.random(n) < part, rng.random(n) < right
    rows = zip(says, knows, targets, others, strict=True)
    texts = [(target if k else other) if s else "" for s, k, target, other in rows]
    return np.array(texts), np.array(targets)


def audited(
    task: AuditTask, audits: int, answers: Callable[[], tuple[NDArray[Any], NDArray[Any]]]
) -> tuple[float, float, float]:
    """Mean median in [0, 1], findings in a million that cost stake, part of the audits that are passed."""
    far, medians = 0, []
    for _ in range(audits):
        found = []
        for _ in range(AUDITORS):
            given, targets = answers()
            each = task.score(given, targets).in_ten_thousandths(len(targets))
            found.append(ref.interval(len(targets), sum(each), sum(s * s for s in each)))
        median = ref.median([value for value, _, _ in found], [1] * AUDITORS)
        far += sum(ref.outlies(*one, median, FLOOR) for one in found)
        medians.append(median / 10_000)
    passed = np.mean([median >= (task.mark or 0.0) for median in medians])
    return float(np.mean(medians)), 1e6 * far / (audits * AUDITORS), float(passed)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--audits", type=int)
    options = parser.parse_args()
    audits = options.audits or (300 if options.quick else 6_000)
    with Report(options.json) as report:
        task = audit_tasks(["accuracy"], Classes(("x",), tuple("0123456789")))["accuracy"]
        report.say("knows  right  median  slashed in a million  passed")
        for known in (2, 3, 5, 10):
            for right in (0.7, 0.8, 0.9, 1.0):
                rng = np.random.default_rng(known)
                median, slashed, passed = audited(task, audits, partial(answered, rng, known, right))
                report.say(f"{known:>5}  {right:>5.1f}  {median:>6.2f}  {slashed:>20.0f}  {passed:>6.3f}")
                what = f"findings of a million that cost stake: {known} of 10 classes, right {right:.1f}"
                report.figure(what, slashed, "", at_most=1_000 if right >= 0.9 else None)
        task = audit_tasks(["likeness"], Text(("q",), ("a",)))["likeness"]
        report.say("texts: questions  answers  right  median  slashed in a million  passed")
        for n in (24, QUESTIONS):
            for part, right in ((0.1, 1.0), (0.25, 1.0), (0.25, 0.8), (0.5, 0.8), (1.0, 0.8), (1.0, 0.5), (0.25, 0.0)):
                rng = np.random.default_rng(n)
                median, slashed, passed = audited(task, max(1, audits // 10), partial(said, rng, n, part, right))
                report.say(f"{n:>16}  {part:>7.2f}  {right:>5.1f}  {median:>6.2f}  {slashed:>20.0f}  {passed:>6.3f}")
                what = f"findings of a million that cost stake: {part:.0%} of {n} texts answered, right {right:.1f}"
                report.figure(what, slashed, "", at_most=1_000 if n == QUESTIONS and right >= 0.8 else None)


if __name__ == "__main__":
    main()
