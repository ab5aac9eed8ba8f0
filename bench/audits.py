"""How often an audit costs an honest auditor stake: three auditors with samples of their own, one neuron.

``python bench/audits.py [--quick] [--json] [--audits N]``

Each auditor puts 120 questions about ten classes of its own choice to the same neuron, which knows the first ``k`` of
them and is right about a part of these. Scores are the shipped task's (``accuracy``), interval, median and bounds are
those of the contracts, by their second implementation. "slashed" is how many of a million findings lie so far from the
median that they cost stake, "passed" how often the median reaches the task's mark.
"""

from __future__ import annotations

import numpy as np
from figures import Report, arguments
from numpy.typing import NDArray

from klopf.audit import audit_tasks
from klopf.ledger.audit import _reference as ref
from klopf.peers import Classes

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


def audited(rng: np.random.Generator, known: int, right: float, audits: int) -> tuple[float, float, float]:
    """Mean median in [0, 1], findings in a million that cost stake, part of the audits that are passed."""
    task = audit_tasks(["accuracy"], Classes(("x",), tuple("0123456789")))["accuracy"]
    far, medians = 0, []
    for _ in range(audits):
        found = []
        for _ in range(AUDITORS):
            each = task.score(*answered(rng, known, right)).in_ten_thousandths(QUESTIONS)
            found.append(ref.interval(QUESTIONS, sum(each), sum(s * s for s in each)))
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
        report.say("knows  right  median  slashed in a million  passed")
        for known in (2, 3, 5, 10):
            for right in (0.7, 0.8, 0.9, 1.0):
                median, slashed, passed = audited(np.random.default_rng(known), known, right, audits)
                report.say(f"{known:>5}  {right:>5.1f}  {median:>6.2f}  {slashed:>20.0f}  {passed:>6.3f}")
                what = f"findings of a million that cost stake: {known} of 10 classes, right {right:.1f}"
                report.figure(what, slashed, "", at_most=1_000 if right >= 0.9 else None)


if __name__ == "__main__":
    main()
