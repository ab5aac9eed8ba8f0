"""Which statement to ask whom next, against asking at random; and what the best that could be asked would give.

    python bench/dao_asking.py FOLDER          # conversations as Polis exports them, one in each folder; 5 halvings
    python bench/dao_asking.py FOLDER --quick  # 1 halving, forty members

Of members who cast thirty votes or more (where fewer than twenty did, eighteen), half of what they answered may be
asked, and the rest is forecast by a model of all others' votes. A line for each way of asking says how good forecasts
are before the first question and after each of ten; the error is that of the mean over members.

What could be reached, in two ways: "knows all" asks what tells most by a model of all votes, those that are to be
forecast among them. "Made" is a world in which the model is true and nothing about a statement is in doubt: places and
levels are drawn from what is believed of them, members say what these make likely, and whoever asks there knows every
statement's place and, "told", which ones will be forecast. What even that does not reach, no choice of questions will.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from figures import Report
from numpy.typing import NDArray

from klopf import dao

Array = NDArray[np.float64]
QUESTIONS, FEWER = 10, 6


@dataclass
class Asked:
    """A member who is asked: what it may be asked and says, what is forecast of it, and what it says there."""

    member: int
    says: dict[str, int]
    rest: NDArray[np.int64]
    agreed: NDArray[np.bool_]


Choose = Callable[[dao.Opinions, dao.Interview, Asked, int], str | None]


def halves(votes: dao.Votes, most: int, halvings: int) -> Iterator[tuple[dao.Opinions, list[Asked], int]]:
    """A model of all others' votes, those who are asked, and how many votes they cast at least."""
    cast = np.bincount(votes.who, minlength=len(votes.members))
    least = 30 if (cast >= 30).sum() >= 20 else 18
    for halving in range(halvings):
        rng = np.random.default_rng(halving)
        chosen = rng.permutation(np.flatnonzero(cast >= least))[:most]
        model, asked = dao.Opinions.fit(votes.where(~np.isin(votes.who, chosen))), []
        for i in chosen:
            own = rng.permutation(np.flatnonzero(votes.who == i))
            half = max(2 * least // 3, len(own) // 2)
            says = {votes.statements[votes.what[v]]: int(votes.said[v]) for v in own[:half]}
            asked.append(Asked(int(i), says, votes.what[own[half:]], votes.said[own[half:]] > 0))
        yield model, asked, least


def at_random(model: dao.Opinions, sitting: dao.Interview, one: Asked, step: int) -> str | None:
    return list(one.says)[step]


def tells_most(model: dao.Opinions, sitting: dao.Interview, one: Asked, step: int) -> str | None:
    return sitting.next(one.says)


def by(other: dao.Opinions) -> Choose:
    """What tells most by another model."""

    def choose(model: dao.Opinions, sitting: dao.Interview, one: Asked, step: int) -> str | None:
        known = dao.Interview(other, [(model.votes.statements[j], said) for j, said in sitting.answers.items()])
        return known.next(one.says)

    return choose


def told(model: dao.Opinions, sitting: dao.Interview, one: Asked, step: int) -> str | None:
    """What tells most of the statements that will be forecast."""
    aims = np.bincount(one.rest, minlength=len(model.statements)) * (len(model.statements) / len(one.rest))
    gains = dict(zip(model.votes.statements, sitting.gains(aims), strict=True))
    left = [name for name in one.says if model.statement(name) not in sitting.answers]
    return max(left, key=lambda name: gains[name])


class Course:
    """How good forecasts are, question by question, of a number of members."""

    def __init__(self) -> None:
        self.right: list[Array] = []
        self.loss: list[Array] = []
        self.count: list[int] = []

    def sit(self, model: dao.Opinions, one: Asked, choose: Choose) -> None:
        sitting, right, loss = dao.Interview(model), np.zeros(QUESTIONS + 1), np.zeros(QUESTIONS + 1)
        for step in range(QUESTIONS + 1):
            p = np.clip(sitting.probabilities()[one.rest], 1e-6, 1 - 1e-6)
            right[step] = ((p > 0.5) == one.agreed).sum()
            loss[step] = -np.log(np.where(one.agreed, p, 1 - p)).sum()
            if step < QUESTIONS:
                name = choose(model, sitting, one, step)
                assert name is not None
                sitting.hear(name, one.says[name])
        self.right.append(right)
        self.loss.append(loss)
        self.count.append(len(one.rest))

    def accuracy(self) -> Array:
        return np.asarray(np.sum(self.right, axis=0) / sum(self.count))

    def losses(self) -> Array:
        return np.asarray(np.sum(self.loss, axis=0) / sum(self.count))

    def ahead(self, other: Course) -> tuple[float, float]:
        """By how much accuracy after six questions is above that of ``other`` after ten; its standard error."""
        each = np.array([mine[FEWER] - theirs[QUESTIONS] for mine, theirs in zip(self.right, other.right, strict=True)])
        return float(each.sum() / sum(self.count)), float(each.std(ddof=1) * len(each) ** 0.5 / sum(self.count))


def reached(good: NDArray[np.bool_]) -> float:
    return float(good.argmax()) if good.any() else QUESTIONS + 1.0


def say(report: Report, name: str, courses: dict[str, Course], usual: str) -> None:
    for how, one in courses.items():
        report.say(f"{name:24s} {how:24s} accuracy " + " ".join(f"{x:.3f}" for x in one.accuracy()))
        report.say(f"{name:24s} {how:24s} log-loss " + " ".join(f"{x:.3f}" for x in one.losses()))
        if how != usual:
            ahead, error = one.ahead(courses[usual])
            than = f"after {FEWER}, accuracy above {usual} after {QUESTIONS}"
            report.say(f"{name:24s} {how:24s} {than}: {ahead:+.4f} ± {error:.4f}")


def asking(report: Report, name: str, votes: dao.Votes, most: int, halvings: int) -> None:
    """Ten questions among half of what members answered, forecasts of the rest."""
    votes = votes.where(votes.said != 0)
    cast = 0
    courses = {"at random": Course(), "what tells most": Course()}
    for model, asked, least in halves(votes, most, halvings):
        cast = least
        for one in asked:
            courses["at random"].sit(model, one, at_random)
            courses["what tells most"].sit(model, one, tells_most)
    say(report, name, courses, "at random")
    mine, usual = courses["what tells most"], courses["at random"]
    size = f"({len(mine.count) // halvings} members of {cast} votes)"
    report.figure(f"{name}: questions for the accuracy of ten at random {size}",
                  reached(mine.accuracy() >= usual.accuracy()[QUESTIONS]), "questions", at_most=FEWER)  # fmt: skip
    report.figure(f"{name}: questions for the log-loss of ten at random {size}",
                  reached(mine.losses() <= usual.losses()[QUESTIONS]), "questions", at_most=FEWER)  # fmt: skip


def ceiling(report: Report, name: str, votes: dao.Votes, most: int, halvings: int) -> None:
    """What the best choice of questions could give."""
    votes = votes.where(votes.said != 0)
    whole = dao.Opinions.fit(votes)
    courses = {how: Course() for how in ("at random", "knows all", "made, at random", "made", "made, told")}
    for halving, (model, asked, _) in enumerate(halves(votes, most, halvings)):
        rng = np.random.default_rng([halving, 1])
        world = made(whole, rng)
        for one in asked:
            courses["at random"].sit(model, one, at_random)
            courses["knows all"].sit(model, one, by(whole))
            there = says(whole, world, one, rng)
            courses["made, at random"].sit(world, there, at_random)
            courses["made"].sit(world, there, tells_most)
            courses["made, told"].sit(world, there, told)
    for usual, others in (("at random", ("knows all",)), ("made, at random", ("made", "made, told"))):
        say(report, name, {how: courses[how] for how in (usual, *others)}, usual)
        for how in others:
            enough = courses[how].accuracy() >= courses[usual].accuracy()[QUESTIONS]
            report.figure(f"{name}: questions for the accuracy of ten at random, {how}", reached(enough), "questions")


def made(whole: dao.Opinions, rng: np.random.Generator) -> dao.Opinions:
    """A world in which statements stand where they are drawn, and that is known."""
    world = copy.copy(whole)
    world.statements, world.slope = drawn(*whole.side(statements=True), rng), 1.0
    world._unsure = whole.unsure(statements=False), np.zeros_like(whole.unsure(statements=True))
    return world


def says(whole: dao.Opinions, world: dao.Opinions, one: Asked, rng: np.random.Generator) -> Asked:
    """The same member of that world, asked the same."""
    means, covs = whole.side(statements=False)
    place = drawn(means[[one.member]], covs[[one.member]], rng)[0]
    strength = place[0] + world.statements[:, 0] + world.statements[:, 1:] @ place[1:]
    agrees = rng.random(len(strength)) < 1 / (1 + np.exp(-strength))
    said = {name: 1 if agrees[world.statement(name)] else -1 for name in one.says}
    return Asked(one.member, said, one.rest, agrees[one.rest])


def drawn(mean: Array, cov: Array, rng: np.random.Generator) -> Array:
    return np.asarray(mean + np.einsum("rde,re->rd", np.linalg.cholesky(cov), rng.normal(size=mean.shape)))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", nargs="?", type=Path)
    asked.add_argument("--quick", action="store_true")
    asked.add_argument("--json", action="store_true")
    given = asked.parse_args()
    most, halvings = (40, 1) if given.quick else (120, 5)
    with Report(given.json) as report:
        for place in sorted(given.folder.iterdir()) if given.folder else ():
            if place.is_dir():
                votes = dao.Votes.read(place)
                asking(report, place.name, votes, most, halvings)
                ceiling(report, place.name, votes, most, halvings)


if __name__ == "__main__":
    main()
