"""Minds of minds: neurons that find by themselves who is good for which stage and which kind of question.

    python bench/dao_pipeline.py          # 5 seeds
    python bench/dao_pipeline.py --quick  # 1 seed

Questions are sums in strips of scikit-learn's handwritten digits (``klopf.dao._strips``); those held out show other
digits than those learned from, and judges have learned from others again. "By hand" is the best pipeline that whoever
knows all neurons can make, told which strips are inverted, which is nowhere in a question. "Alone" is the best neuron
of all with a decoder (forest or logistic regression) that learns the same questions from what it says and the kind of
question; "at once" those two, and a forest on the whole strip. Then the best judge goes bad: says of each digit what it
should say of another.
"""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
from figures import Report, arguments
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from klopf.dao import _strips as strips
from klopf.dao.pipeline import Forecaster, Neuron, Pipeline
from klopf.peers import Classes, create_model

EPOCHS, BEFORE, AFTER = 200, 8, 4
TASK = Classes(tuple(f"p{i}" for i in range(256)), ("0", "1", "2", "3"))
FUNCTIONS = ((strips.first, 256, 128), (strips.last, 256, 128), (strips.middle, 256, 128), (strips.add, 20, 19),
             (strips.differ, 20, 19), (strips.larger, 20, 19), (strips.fives, 19, 4), (strips.backwards, 19, 4),
             (strips.remainder, 19, 4))  # fmt: skip
Array = NDArray[Any]


class Judge:
    """A model of digits that can go bad."""

    def __init__(self, pool: str, few: int | None = None, shuffled: bool = False) -> None:
        images, shown = strips.digits(pool)
        shown = np.random.default_rng(0).permutation(shown) if shuffled else shown
        self.model, self.bad = LogisticRegression(max_iter=300).fit(images[:few], shown[:few]), False

    def answer(self, images: Array) -> Array:
        said = self.model.predict_proba(images)
        return np.roll(said, 3, axis=1) if self.bad else said


def decoded(said: list[tuple[Array, Array]], right: tuple[Array, Array]) -> float:
    """How well a decoder does that learns the answers from what somebody says: pairs of learned and held out."""
    learned, held = (np.concatenate(one, axis=1) for one in zip(*said, strict=True))
    makers = (RandomForestClassifier(300, random_state=0, n_jobs=1), LogisticRegression(max_iter=300))
    return max(float((m.fit(learned, right[0]).predict(held) == right[1]).mean()) for m in makers)


def one(report: Report, seed: int) -> tuple[float, float, float, float, int]:
    """Accuracy of the pipeline, by hand, alone and at once; epochs until the judge that went bad is out."""
    judges = {"up": Judge("upright"), "inv": Judge("inverted"), "few": Judge("upright", 60),
              "noise": Judge("upright", shuffled=True)}  # fmt: skip
    neurons = [Neuron(name, 64, 10, judge.answer) for name, judge in judges.items()]
    neurons += [Neuron(f.__name__, takes, gives, f) for f, takes, gives in FUNCTIONS]
    settings = {"n_neighbors": 25, "window": 1000}
    nora = Forecaster("nora", lambda task, own: create_model("sklearn:KNeighborsRegressor", task, own, settings))
    order = np.random.default_rng(seed).permutation(len(neurons))
    made = Pipeline(TASK, ("one", "two", "three", "four"), [neurons[i] for i in order], [nora], seed=seed)
    held, answers, kinds, inverted = strips.questions(1000, 1000 + seed, "held out")
    all_, right, asked, _ = strips.questions(EPOCHS * (BEFORE + AFTER), seed)

    def learn(epoch: int) -> Any:
        part = slice(epoch * EPOCHS, (epoch + 1) * EPOCHS)
        return made.learn(all_[part], right[part], asked[part])

    def score() -> float:
        return float((made.answer(held, kinds).argmax(1) == answers).mean())

    for epoch in range(BEFORE):
        learn(epoch)
    ours = score()
    of = [np.array([[kind == "last"] for kind in which], float) for which in (asked[: EPOCHS * BEFORE], kinds)]
    pair = np.where(of[1] > 0, held[:, 128:], held[:, :128]).reshape(-1, 64)
    read = np.where(np.repeat(inverted, 2)[:, None], judges["inv"].answer(pair), judges["up"].answer(pair))
    hand = float((strips.fives(strips.add(read.reshape(-1, 20))).argmax(1) == answers).mean())
    both, targets = (all_[: EPOCHS * BEFORE], held), (right[: EPOCHS * BEFORE], answers)
    alone = max(
        decoded([tuple(n.answer(x.reshape(-1, n.takes)).reshape(len(x), -1) for x in both), tuple(of)], targets)
        for n in neurons
        if 256 % n.takes == 0
    )
    direct = decoded([both, tuple(of)], targets)
    judges["up"].bad, out, after = True, AFTER + 1, []
    for epoch in range(BEFORE, BEFORE + AFTER):
        learned = learn(epoch)
        most = max(made.shares(kind)["two"].get("up", 0.0) for kind in strips.KINDS)
        after.append((most, learned.pay.get("up", 0.0)))
        if most < 0.05 and after[-1][1] < 0.02:
            out = min(out, epoch - BEFORE + 1)
    told = ", ".join(f"{heard:.3f} {paid:.3f}" for heard, paid in after)
    report.say(f"seed {seed}: pipeline {ours:.3f}, by hand {hand:.3f}, best alone {alone:.3f}, at once {direct:.3f}")
    report.say(f"        after one went bad it was heard and paid {told}; then the pipeline is {score():.3f}")
    return ours, hand, alone, direct, out


def main() -> None:
    given = arguments(__doc__).parse_args()
    with Report(given.json) as report:
        found = [one(report, seed) for seed in range(1 if given.quick else 5)]
        ours, hand, alone, direct, out = zip(*found, strict=True)
        report.figure("pipeline, held out, mean", statistics.mean(ours))
        report.figure("the best by hand minus the pipeline, points, at most",
                      100 * max(h - o for h, o in zip(hand, ours, strict=True)), "points", at_most=2)  # fmt: skip
        report.figure("the pipeline minus the best neuron alone, points, at least",
                      100 * min(o - a for a, o in zip(alone, ours, strict=True)), "points", at_least=10)  # fmt: skip
        report.figure("the pipeline minus learning it at once, points, at least",
                      100 * min(o - d for d, o in zip(direct, ours, strict=True)), "points")  # fmt: skip
        report.figure(
            "epochs until who went bad is heard under .05 and paid under .02", float(max(out)), "epochs", at_most=3
        )


if __name__ == "__main__":
    main()
