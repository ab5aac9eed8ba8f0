"""Minds of minds: neurons in a row, of which none can do alone what they do together.

A pipeline has stages. What a stage is given is what the one before it said (the first: the question; the last says the
answer). Every neuron may stand in every stage where its numbers fit; nobody is told which belongs where. One that takes
64 numbers and is given 128 answers twice, side by side.

Who is heard where is told by the end alone. The *voice* of a neuron in a stage is the answer that the whole pipeline
would give if the neuron had the stage to itself and all others stood as they do; a stage is a listener to those voices,
by the shared rule of ``klopf.peers``: who only repeats others is not heard (``peers._adding``), who turned is another,
and each is heard and paid by what it is worth times what it adds. There is a listener for each stage and each kind of
question. Where nobody is heard yet no voice says anything, for all other stages are wrong: so whole rows of neurons
knock, drawn by lot, and the one that errs a tenth less than those who are heard takes their place.

A *forecaster of context* says of each question how far each neuron of a stage will be off; its voice is that of the
others mixed by its forecasts, question by question (as Allora's forecasters; Kruijssen et al. 2024). It joins a stage
as anybody does and is heard only if that adds something; half of its pay goes on to those whom it chose.

Needs ``pip install "klopf[network]"``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import DaoError
from klopf.extensions import said
from klopf.extras import require

require("network", "pipelines of neurons")

from scipy.optimize import nnls

from klopf.peers import Listener, Model, Numbers, Task, Text
from klopf.peers._adding import adding

__all__ = ["Forecaster", "Learned", "Neuron", "Pipeline"]

_Array = NDArray[Any]

_MARGIN = 0.1
"""By what part a row that knocks must err less than those who are heard: as a challenger for a seat."""
_SURE = 0.05
"""Of what is off where nothing is known: no forecast counts as nearer to right than this."""
_PASSED_ON = 0.5
"""Of a forecaster's pay."""
_CONTEXT = 0.02
"""By how much (standard deviation) a forecaster's choice must differ from question to question: who chooses the same
for all forecasts no context, and has no voice."""
_LEAST = 8
"""Questions of one kind from which somebody can be judged."""


@dataclass(frozen=True)
class Neuron:
    """Somebody who may stand in a stage."""

    name: str
    takes: int
    """Numbers that it is given at once."""
    gives: int
    """Numbers that it answers to them."""
    answer: Callable[[_Array], _Array]
    """(n, takes) float32 -> (n, gives); the same to the same question. What it raises leaves it unheard."""


@dataclass(frozen=True)
class Forecaster:
    """Somebody who forecasts how far the neurons of a stage will be off."""

    name: str
    make: Callable[[Numbers, int], Model]
    """A newborn model, for the task of telling each neuron's error (1: as who knows nothing), and a seed. Each stage
    and each kind of question has one of its own."""


@dataclass(frozen=True)
class Learned:
    """What came of an epoch."""

    score: float
    """Of the answers before anything was learned from these questions."""
    pay: dict[str, float]
    """What part of the epoch's pay each gets; 1 in all, 0 where nobody is heard."""
    knocked: tuple[str, ...]
    """Kinds of question for which another row of neurons took the place of those who were heard."""
    troubles: dict[str, str]
    """Of neurons that gave no answer: why."""


@dataclass
class _Stage:
    """A stage, for one kind of question."""

    listener: Listener
    width: int
    """Numbers that it says: all in it say as many."""
    shares: dict[str, float]
    """How much each is heard; 1 in all."""
    forecasts: dict[str, Model] = field(default_factory=dict)
    among: tuple[str, ...] = ()
    """Of whom forecasts are, in order: all neurons whose numbers fit."""


class Pipeline:
    """Stages, and who is heard in each for each kind of question: learned from right answers to whole questions."""

    def __init__(
        self,
        task: Task,
        stages: Sequence[str],
        neurons: Sequence[Neuron],
        forecasters: Sequence[Forecaster] = (),
        *,
        seed: int = 0,
        rows: int = 64,
    ) -> None:
        """``task``: what a question and its answer are; ``stages``: their names; ``rows``: that knock in an epoch.

        Raises:
            DaoError: names are not each once, or no row of neurons leads from a question to an answer.
        """
        names = [*(one.name for one in neurons), *(one.name for one in forecasters)]
        if not stages or len(set(stages)) < len(stages) or len(set(names)) < len(names):
            raise DaoError("a pipeline has at least one stage, and each stage and each neuron a name of its own")
        if isinstance(task, Text):
            raise DaoError("texts cannot be mixed: a pipeline answers in classes or numbers")
        self.task, self.stages, self.seed, self.rows = task, tuple(stages), seed, rows
        self.neurons = {one.name: one for one in neurons}
        self.forecasters = {one.name: one for one in forecasters}
        self.pay = dict.fromkeys(names, 0.0)
        """What each has got so far, in epochs' pay."""
        self._ids = {name: i for i, name in enumerate(names)}
        self._heard: dict[str, list[_Stage]] = {}
        self._epoch = 0
        self._troubles: dict[str, str] = {}
        self._ways = cache(self._count)
        if not self._ways(0, len(task.features)):
            raise DaoError(
                f"no row of {len(self.stages)} neurons leads from {len(task.features)} numbers to "
                f"{len(task.names)}: look at what each takes and gives"
            )

    # --- answering ----------------------------------------------------------------------------------------------------

    def answer(self, inputs: _Array, kinds: Sequence[str] | None = None) -> _Array:
        """(n, outputs): the answers to questions ``inputs`` (n, features) of ``kinds``; to a kind that was never
        learned, as whoever knows nothing."""
        kinds = self._checked(inputs, kinds)
        said = np.tile(self._nothing(), (len(inputs), 1))
        for kind in sorted(set(kinds) & set(self._heard)):
            own = np.array([one == kind for one in kinds])
            said[own] = self._through(self._heard[kind], inputs[own], 0, inputs[own])
        return said

    def shares(self, kind: str = "") -> dict[str, dict[str, float]]:
        """How much each is heard, by stage, for questions of a kind; {} for one that was never learned."""
        heard = self._heard.get(kind, [])
        return {name: dict(stage.shares) for name, stage in zip(self.stages, heard, strict=False)}

    # --- learning -----------------------------------------------------------------------------------------------------

    def learn(self, inputs: _Array, targets: _Array, kinds: Sequence[str] | None = None) -> Learned:
        """An epoch: questions with their right answers. Of a kind with fewer than eight nothing is learned.

        Raises:
            PeersError: these are no questions or targets of the task.
        """
        kinds = self._checked(inputs, kinds)
        self.task.check_targets(targets, len(inputs))
        self._epoch, self._troubles, knocked = self._epoch + 1, {}, []
        score = self.task.score(self.task.decide(self.answer(inputs, kinds)), targets)
        pay: dict[str, float] = {}
        learned = {kind: np.array([one == kind for one in kinds]) for kind in sorted(set(kinds))}
        learned = {kind: own for kind, own in learned.items() if own.sum() >= _LEAST}
        for kind, own in learned.items():
            asked, right = inputs[own], targets[own]
            if self._knock(kind, asked, right):
                knocked.append(kind)
            if kind in self._heard:
                part = float(own.sum()) / sum(int(one.sum()) for one in learned.values()) / len(self.stages)
                for name, share in self._listen(kind, asked, right):
                    pay[name] = pay.get(name, 0.0) + part * share
        for name, share in pay.items():
            self.pay[name] += share
        return Learned(score, pay, tuple(knocked), dict(self._troubles))

    def _knock(self, kind: str, asked: _Array, right: _Array) -> bool:
        """Let whole rows knock, drawn by lot; whether one takes the place of those who are heard."""
        rng = np.random.default_rng([self.seed, self._epoch, *kind.encode()])
        least = np.inf  # the first may know nothing alone, and yet be what a forecaster chooses among
        if kind in self._heard:
            least = self._loss(self._through(self._heard[kind], asked, 0, asked), right) * (1 - _MARGIN)
        best: tuple[str, ...] | None = None
        states: dict[tuple[str, ...], _Array | None] = {(): asked}
        for row in sorted({self._drawn(rng, len(asked[0])) for _ in range(self.rows)}):
            for end in range(1, len(row) + 1):
                if row[:end] not in states:
                    before = states[row[: end - 1]]
                    states[row[:end]] = None if before is None else self._say(row[end - 1], before)
            said = states[row]
            if said is not None and (loss := self._loss(self._valid(said), right)) < least:
                best, least = row, loss
        if best is None:
            return False
        self._heard[kind], width = [], asked.shape[1]
        for name in best:
            width = self._after(name, width)
            self._heard[kind].append(_Stage(self.task.listener(), width, {name: 1.0}))
        return True

    def _listen(self, kind: str, asked: _Array, right: _Array) -> list[tuple[str, float]]:
        """Hear every voice of every stage, and who is heard from now on; who is paid which part of a stage's pay."""
        heard, state = self._heard[kind], asked
        news: list[dict[str, float]] = []
        paid: list[tuple[str, float]] = []
        for at, stage in enumerate(heard):
            said = self._those(stage, state)
            voices = {name: self._through(heard, one, at + 1, asked) for name, one in said.items()}
            chosen = {}
            if len(said) > 1 and self.forecasters:
                self._born(at, kind, stage, tuple(said))
                for name in stage.forecasts:
                    use = self._chosen(stage, name, list(said), asked)
                    if use.std(axis=0).max() < _CONTEXT:
                        continue
                    chosen[name] = use
                    mixed = np.einsum("nk,knd->nd", chosen[name], np.stack(list(said.values())))
                    voices[name] = self._through(heard, mixed.astype(np.float32), at + 1, asked)
            shares, worth, turned = self._judged(stage.listener, voices, right)
            if turned:  # what was forecast of it is of another: as all else about it, forgotten
                stage.forecasts.clear()
                self._born(at, kind, stage, tuple(said))
            self._teach(stage, {name: self._off(voices[name], right) for name in said}, asked)
            news.append(shares or stage.shares)
            for name, share in worth.items():
                if name in chosen:
                    use = chosen[name].mean(axis=0)
                    paid += [(other, _PASSED_ON * share * float(part)) for other, part in zip(said, use, strict=True)]
                    share *= 1 - _PASSED_ON
                paid.append((name, share))
            state = self._stage(stage, state, asked)
        for stage, shares in zip(heard, news, strict=True):
            stage.shares = shares
        return paid

    def _judged(
        self, listener: Listener, voices: Mapping[str, _Array], right: _Array
    ) -> tuple[dict[str, float], dict[str, float], bool]:
        """How much each is heard in a stage from now on, what part of its pay each gets ({} where nobody adds
        anything), and whether somebody has turned.

        A voice is heard (R1) by its weight in the mixture of voices that is nearest to what is right, none below zero.
        """
        names = {self._ids[name]: name for name in voices}
        answers = {self._ids[name]: voice for name, voice in voices.items()}
        before = {k: listener.neighbours.get(k) for k in answers}
        listener.round += 1
        new, adds = adding(self.task, answers, listener, right)
        turned = any(one is not None and listener.neighbours[k] is not one for k, one in before.items())
        columns = np.column_stack([_centred(self.task.guises(answers[k])[0]) for k in new])
        listening, _ = nnls(columns, _centred(self.task.aim(right)))
        size = np.sqrt((columns**2).mean(axis=0))
        for k in answers:
            for _ in range(len(right)):
                at = new.index(k) if k in new else -1
                listener.hear(listener.known(k), *((float(size[at]), float(listening[at])) if at >= 0 else (0.0, 0.0)))
        found = listener.shares([k for k in new if adds[k] > 0]), listener.shares_by(adds, sorted(answers))
        heard, worth = ({names[k]: float(share) for k, share in one.items() if share > 0} for one in found)
        return heard, worth, turned

    # --- forecasters ------------------------------------------------------------------------------------------------

    def _born(self, at: int, kind: str, stage: _Stage, among: tuple[str, ...]) -> None:
        """A stage's own forecasters are made when there is first somebody to choose among."""
        stage.among = stage.among or among
        seed = int(np.random.SeedSequence([self.seed, at, *kind.encode()]).generate_state(1)[0])
        for name, one in self.forecasters.items():
            if name not in stage.forecasts and name not in self._troubles:
                try:
                    stage.forecasts[name] = one.make(Numbers(self.task.features, stage.among), seed)
                except Exception as error:  # whatever a stranger's model raises
                    self._troubles[name] = said(error)

    def _chosen(self, stage: _Stage, name: str, among: list[str], asked: _Array) -> _Array:
        """(n, among): how much a forecaster listens to each, question by question: by precision beyond who knows
        nothing, as numbers are listened to (``peers.tasks.numbers``)."""
        even = np.full((len(asked), len(among)), 1.0 / len(among))
        try:
            off = np.asarray(stage.forecasts[name].answer(asked), np.float64).reshape(len(asked), len(stage.among))
        except Exception as error:  # whatever a stranger's model raises
            self._troubles[name] = said(error)
            return even
        places = [stage.among.index(one) if one in stage.among else -1 for one in among]
        off = np.where(np.isfinite(off), off, 1.0)[:, places]
        off[:, [k < 0 for k in places]] = 1.0
        weight = np.maximum(0.0, 1.0 / np.maximum(off, _SURE) - 1.0)
        total = weight.sum(axis=1, keepdims=True)
        return np.where(total > 0, weight / np.where(total > 0, total, 1.0), even)

    def _teach(self, stage: _Stage, off: Mapping[str, _Array], asked: _Array) -> None:
        """Forecasters learn how far each was off; who gave no answer was off as who knows nothing."""
        known = np.ones((len(asked), len(stage.among)), np.float32)
        for column, name in enumerate(stage.among):
            if name in off:
                known[:, column] = off[name]
        for name, model in stage.forecasts.items():
            try:
                model.learn(asked, known)
            except Exception as error:
                self._troubles[name] = said(error)

    # --- through the stages -------------------------------------------------------------------------------------------

    def _through(self, heard: Sequence[_Stage], state: _Array, first: int, asked: _Array) -> _Array:
        """The answers that follow from what stage ``first`` is given."""
        for stage in heard[first:]:
            state = self._stage(stage, state, asked)
        return self._valid(state)

    def _stage(self, stage: _Stage, state: _Array, asked: _Array) -> _Array:
        """What a stage says: its neurons by how much each is heard; what nobody says is nothing (zeros)."""
        mixing = any(name in stage.forecasts for name in stage.shares)
        said = self._those(stage, state, None if mixing else set(stage.shares))
        if not said:
            return np.zeros((len(state), stage.width), np.float32)
        names = list(said)
        weights = np.tile([stage.shares.get(name, 0.0) for name in names], (len(state), 1))
        for name, share in stage.shares.items():
            if name in stage.forecasts:
                weights += share * self._chosen(stage, name, names, asked)
        total = weights.sum(axis=1, keepdims=True)
        weights = np.where(total > 0, weights / np.where(total > 0, total, 1.0), 1.0 / len(names))
        return np.asarray(np.einsum("nk,knd->nd", weights, np.stack(list(said.values()))), np.float32)

    def _those(self, stage: _Stage, state: _Array, among: set[str] | None = None) -> dict[str, _Array]:
        """What each neuron whose numbers fit says to ``state``."""
        fit = [name for name in self.neurons if self._after(name, state.shape[1]) == stage.width]
        said = {name: self._say(name, state) for name in fit if among is None or name in among}
        return {name: one for name, one in said.items() if one is not None}

    def _after(self, name: str, width: int) -> int:
        """How many numbers a neuron says to ``width``; 0 where they do not fit."""
        one = self.neurons[name]
        return width // one.takes * one.gives if width % one.takes == 0 else 0

    def _say(self, name: str, state: _Array) -> _Array | None:
        """What a neuron says to the rows of ``state``, several times where it takes less; None where it fails."""
        one = self.neurons[name]
        try:
            parts = np.ascontiguousarray(state, np.float32).reshape(-1, one.takes)
            with np.errstate(all="ignore"):
                found = np.asarray(one.answer(parts), np.float32)
            if found.shape != (len(parts), one.gives) or not np.isfinite(found).all():
                raise ValueError(f"it gave {found.shape} or what is no number, not {(len(parts), one.gives)}")
        except Exception as error:  # whatever a stranger's neuron raises
            self._troubles[name] = said(error)
            return None
        return found.reshape(len(state), -1)

    # --- rows -------------------------------------------------------------------------------------------------------

    def _count(self, at: int, width: int) -> int:
        """How many rows lead from ``width`` numbers before stage ``at`` to an answer."""
        if at == len(self.stages):
            return int(width == len(self.task.names))
        return sum(self._ways(at + 1, after) for name in self.neurons if (after := self._after(name, width)))

    def _drawn(self, rng: np.random.Generator, width: int) -> tuple[str, ...]:
        """One of all rows that fit, each as likely."""
        row: list[str] = []
        for at in range(len(self.stages)):
            after = {name: self._after(name, width) for name in self.neurons}
            ways = [float(self._ways(at + 1, to)) if to else 0.0 for to in after.values()]
            row.append(list(after)[int(rng.choice(len(ways), p=np.array(ways) / sum(ways)))])
            width = after[row[-1]]
        return tuple(row)

    # --- answers ------------------------------------------------------------------------------------------------------

    def _checked(self, inputs: _Array, kinds: Sequence[str] | None) -> Sequence[str]:
        self.task.check_inputs(inputs)
        kinds = [""] * len(inputs) if kinds is None else kinds
        if len(kinds) != len(inputs):
            raise DaoError(f"{len(kinds)} kinds of {len(inputs)} questions: give one to each, or none")
        return kinds

    def _nothing(self) -> _Array:
        """The answer of who knows nothing, one row."""
        width = len(self.task.names)
        return np.full((1, width), 1.0 / width if self.task.kind == "classes" else 0.0, np.float32)

    def _valid(self, state: _Array) -> _Array:
        """What the last stage said as answers: of classes probabilities."""
        if self.task.kind != "classes":
            return state
        positive = np.maximum(np.asarray(state, np.float64), 0.0)
        total = positive.sum(axis=1, keepdims=True)
        even = 1.0 / state.shape[1]
        return np.where(total > 0, positive / np.where(total > 0, total, 1.0), even).astype(np.float32)

    def _loss(self, answers: _Array, right: _Array) -> float:
        return float(self._off(answers, right).mean())

    def _off(self, answers: _Array, right: _Array) -> NDArray[np.float64]:
        """(n,): how far each answer is off; 1 is what the mean of what is right is off by."""
        aim = self.task.aim(right)
        usual = ((aim - aim.mean(axis=0)) ** 2).sum(axis=1).mean() or 1.0
        return np.asarray(((self.task.guises(answers)[0] - aim) ** 2).sum(axis=1) / usual)


def _centred(voice: _Array) -> _Array:
    return np.asarray(voice - voice.mean(axis=0)).ravel()
