"""That a training step came from committed data, without showing the data (Z2).

A batch of samples is committed before anybody knows on which weights it will be used. Later its owner takes one step
of gradient descent from weights that are shown to weights that are shown, and proves that the step is this batch's: of
a layer of linear units (squared error) or of sigmoid ones (cross-entropy), alone or the last of a network whose others
stay.
What is shown: sizes, start, rate and end. What is not: inputs and targets, but for what the step itself tells. See
docs/proof.md.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> batch = Batch.of(rng.uniform(-1, 1, (16, 4)), rng.integers(0, 2, (16, 1)), "sigmoid")
>>> start = Layer.of(np.zeros((1, 4)), np.zeros(1))
>>> step = batch.prove(start, rate=0.5, about=b"round 1")
>>> verify(batch.card, start, 0.5, step, about=b"round 1")
"""

from __future__ import annotations

import hashlib
import io
import json
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import files
from klopf.errors import NotProven, ProofError
from klopf.nested import from_json
from klopf.proof import _field as field
from klopf.proof._argument import argued, checked, committed
from klopf.proof._counted import few, one_more
from klopf.proof._hashed import HASH, Transcript
from klopf.proof._quantised import OF_INPUTS, OF_SUMS, OF_WEIGHTS, Whole, units_say
from klopf.proof._shape import Shape, chosen
from klopf.proof._step import LARGEST, ROUNDED, StepCircuit

__all__ = ["UNITS", "Batch", "Card", "Layer", "Step", "verify"]

UNITS = ("linear", "sigmoid")
_KIND = "klopf proof batch 1"
_MAGIC = b"klopf step 1\n"
_OF_RATE = 16
"""A rate for each sample is a whole number of 2⁻¹⁶."""
_LARGEST_RATE = 2**22
"""Of the rate for a whole batch, 64: no sum in a step reaches 2⁶², half of p."""
_MOST_UNITS, _MOST_SAMPLES, _MOST_PROOFS, _MOST_LOOKED_UP = 4096, 65_536, 64, 2**20
_MOST_WEIGHT, _MOST_BIAS = 2 ** (11 + OF_WEIGHTS), 2 ** (11 + OF_SUMS)
_FULL = ("this batch", "commit it anew, with more proofs")


@dataclass(frozen=True)
class Layer:
    """What a step begins and ends with: ``weights`` (units, inputs) as whole numbers of 2⁻¹⁶, ``biases`` (units) of
    2⁻²⁸."""

    weights: Whole
    biases: Whole

    @classmethod
    def of(cls, weights: Any, biases: Any) -> Layer:
        """The nearest layer in whole numbers.

        Raises:
            ProofError: shapes that do not fit, or numbers of 2,048 and more.
        """
        try:
            w, b = np.asarray(weights, np.float64), np.asarray(biases, np.float64)
        except (TypeError, ValueError):
            raise ProofError("a layer is numbers: weights (units, inputs), and a bias for each unit") from None
        if w.ndim != 2 or 0 in w.shape or b.shape != w.shape[:1]:
            raise ProofError("a layer has weights (units, inputs), and a bias for each unit")
        if any(not np.isfinite(one).all() or np.abs(one).max(initial=0) >= 2**11 for one in (w, b)):
            raise ProofError("weights and biases must be finite and below 2,048")
        return cls(np.rint(w * 2**OF_WEIGHTS).astype(np.int64), np.rint(b * 2**OF_SUMS).astype(np.int64))

    @property
    def floats(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights and biases, exactly."""
        return self.weights / 2.0**OF_WEIGHTS, self.biases / 2.0**OF_SUMS

    @property
    def both(self) -> tuple[Whole, Whole]:
        return self.weights, self.biases

    def to_bytes(self) -> bytes:
        """As they are hashed and written."""
        return self.weights.astype("<i8").tobytes() + self.biases.astype("<i8").tobytes()

    @property
    def bounded(self) -> bool:
        """Whether these are weights and biases below 2,048."""
        return bool(
            ((self.weights < _MOST_WEIGHT) & (self.weights > -_MOST_WEIGHT)).all()
            and ((self.biases < _MOST_BIAS) & (self.biases > -_MOST_BIAS)).all()
        )


@dataclass(frozen=True)
class Card:
    """What is published of a committed batch.

    ``inputs``, ``outputs``: numbers of each sample; ``samples``; ``units``: "linear" or "sigmoid"; ``proofs``: how many
    steps it may prove before it must be committed anew; ``root``: 32 bytes.
    """

    inputs: int
    outputs: int
    samples: int
    units: str
    proofs: int
    root: bytes

    def __post_init__(self) -> None:
        sizes = (self.inputs, self.outputs, self.samples, self.proofs)
        if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in sizes):
            raise ProofError("a batch has inputs, outputs, samples and proofs, one of each at least")
        if max(sizes[:2]) > _MOST_UNITS or self.samples > _MOST_SAMPLES or self.proofs > _MOST_PROOFS:
            raise ProofError(
                f"a batch has at most {_MOST_UNITS:,} inputs and outputs, {_MOST_SAMPLES:,} samples and "
                f"{_MOST_PROOFS} proofs"
            )
        if self.units not in UNITS or len(self.root) != HASH:
            raise ProofError(f"a batch has units ({' or '.join(UNITS)}) and a root of {HASH} bytes")
        most = 2 * self.samples * (self.inputs + self.outputs) + 3 * self.inputs * self.outputs
        if most > _MOST_LOOKED_UP or self.circuit.lookups > _MOST_LOOKED_UP or self._shape is None:
            raise ProofError("this batch is too large for one proof: take fewer samples, or fewer proofs")

    @cached_property
    def circuit(self) -> StepCircuit:
        """The equations of such a step."""
        return StepCircuit(self.inputs, self.outputs, self.samples, self.units)

    @cached_property
    def _shape(self) -> Shape | None:
        c = self.circuit
        return chosen(c.model, self.proofs, c.first, c.products)

    @property
    def shape(self) -> Shape:
        """How its proofs are laid out."""
        assert self._shape is not None
        return self._shape

    def rate(self, rate: float) -> float:
        """``rate`` as it is taken: the nearest whole number of 2⁻¹⁶ for each sample.

        Raises:
            ProofError: it is none from one such number to 64.
        """
        return _rate(self, rate) * self.samples / (1 << _OF_RATE)

    @property
    def identity(self) -> str:
        """32 bytes that name the batch, as text: what is declared before training."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """As it is written and hashed."""
        return json.dumps({"kind": _KIND, "inputs": self.inputs, "outputs": self.outputs, "samples": self.samples,
                           "units": self.units, "proofs": self.proofs, "root": self.root.hex()},
                          separators=(",", ":"))  # fmt: skip

    @classmethod
    def parse(cls, data: bytes) -> Card:
        """The card in ``data``.

        Raises:
            ProofError: there is none.
        """
        try:
            said = from_json(data[:100_000])
            if said.pop("kind") != _KIND or set(said) != {"inputs", "outputs", "samples", "units", "proofs", "root"}:
                raise ValueError
            return cls(**{**said, "units": str(said["units"]), "root": bytes.fromhex(said["root"])})
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ProofError("this is no card of a committed batch: klopf proof step commit writes one") from None


@dataclass(frozen=True)
class Step:
    """``end``: the layer after the step; ``proof``: bytes."""

    end: Layer
    proof: bytes

    def to_bytes(self) -> bytes:
        sizes = np.array(self.end.weights.shape[::-1], "<u4").tobytes()
        return b"".join([_MAGIC, sizes, self.end.to_bytes(), self.proof])

    @classmethod
    def parse(cls, data: bytes) -> Step:
        """The step in ``data``; whether it is proven is another question.

        Raises:
            NotProven: there is none.
        """
        start = len(_MAGIC) + 8
        if len(data) < start or data[: len(_MAGIC)] != _MAGIC:
            raise NotProven("this is no step with a proof: klopf proof step prove makes one")
        m, n = (int(size) for size in np.frombuffer(data[start - 8 : start], "<u4"))
        end = start + 8 * (m * n + n)
        if not 1 <= m <= _MOST_UNITS or not 1 <= n <= _MOST_UNITS or len(data) < end:
            raise NotProven("the step ends too early")
        numbers = np.frombuffer(data[start:end], "<i8").astype(np.int64)
        return cls(Layer(numbers[: m * n].reshape(n, m), numbers[m * n :]), data[end:])


class Batch:
    """Samples that were committed, by whoever has them. Make one by :meth:`of` or :meth:`load`.

    It counts its proofs, in its folder where it has one, and gives no more than its card says.
    """

    def __init__(self, numbers: Whole, outputs: int, units: str, proofs: int, seed: bytes) -> None:
        self._numbers, self._seed, self._given = numbers, seed, 0
        self._folder: Path | None = None
        samples, width = numbers.shape
        draft = Card(width - outputs, outputs, samples, units, proofs, bytes(HASH))
        shape = draft.shape
        of = draft.to_json().encode() + numbers.astype("<i8").tobytes()
        hiding = hashlib.sha256(b"klopf batch" + hashlib.sha256(seed).digest() + of).digest()
        self._segment = committed(field.unsigned(numbers.ravel()), shape.model_data, shape.length, b"batch" + hiding)
        self.card = Card(width - outputs, outputs, samples, units, proofs, self._segment.tree.root)

    @classmethod
    def of(cls, inputs: Any, targets: Any, units: str, proofs: int = 4, seed: bytes = b"") -> Batch:
        """Commit samples.

        Args:
            inputs: (samples, inputs), from -8 to below 8, in steps of 2⁻¹².
            targets: (samples, outputs), as well; 0 or 1 for sigmoid units.
            units: "linear" or "sigmoid", of the layer that will be trained.
            proofs: how many steps tell nothing of the samples but what the steps' ends tell.
            seed: 32 secret random bytes for this batch alone; drawn where none are given. Whoever is given samples,
                units, proofs and seed can make the card again, and so see what was committed.

        Raises:
            ProofError: they are no such numbers, or too many for one proof.
        """
        x, y = _whole(inputs), _whole(targets)
        if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or 0 in x.shape or 0 in y.shape:
            raise ProofError("a batch is inputs (samples, inputs) and targets (samples, outputs), one at least of each")
        return cls(np.concatenate([x, y], axis=1), y.shape[1], units, proofs, seed or secrets.token_bytes(32))

    def step(self, start: Layer, rate: float) -> Layer:
        """Where a step from ``start`` ends, without a proof.

        Raises:
            ProofError: as :meth:`prove`.
        """
        return self._stepped(start, _rate(self.card, rate))[0]

    def _stepped(self, start: Layer, whole: int) -> tuple[Layer, Whole, Whole, Whole]:
        """The end; what units heard, what they said, and what rounding took of each weight's change."""
        card = self.card
        if start.weights.shape != (card.outputs, card.inputs) or not start.bounded:
            raise ProofError(f"the batch is for a layer of {card.outputs} units with {card.inputs} inputs")
        x, y = self._numbers[:, : card.inputs], self._numbers[:, card.inputs :]
        sums = x @ start.weights.T + start.biases
        said = units_say(sums, card.units)
        off = said - y
        moved = whole * (off.T @ x) + (1 << (ROUNDED - 1))
        end = Layer(start.weights - (moved >> ROUNDED), start.biases - whole * off.sum(0))
        if not end.bounded:
            raise ProofError("the step leads to a weight or bias of 2,048 and more: take a smaller rate")
        return end, sums, said, moved & (1 << ROUNDED) - 1

    def prove(self, start: Layer, rate: float, about: bytes = b"", seed: bytes = b"") -> Step:
        """Take a step of gradient descent from ``start``, and prove it.

        Args:
            rate: what the mean gradient over the samples is multiplied with; taken as the nearest whole number of
                2⁻¹⁶ for each sample (:meth:`Card.rate` says which).
            about: what the proof is for, the device's name and the round, say: it holds for nothing else.
            seed: 32 secret random bytes; drawn where none are given.

        Raises:
            ProofError: a layer of another size, a rate that is none, a unit that hears or a step that is too much; or
                it had as many proofs as it may.
        """
        card = self.card
        whole = _rate(card, rate)
        end, sums, said, rest = self._stepped(start, whole)
        if self._folder is None:
            few(self._given, card.proofs, *_FULL)
            self._given += 1
        else:
            one_more(self._folder, card.proofs, *_FULL)
        statement = _statement(card, start, end, whole, about)
        own = b"".join(hashlib.sha256(one).digest() for one in (self._seed, seed or secrets.token_bytes(32), statement))
        hiding = hashlib.sha256(b"klopf step" + own).digest()  # a seed that comes twice hides two steps apart
        circuit, shape = card.circuit, card.shape
        numbers = circuit.said_first(self._numbers, sums, said, rest)
        first = committed(numbers, shape.data, shape.length, b"first" + hiding)
        transcript = Transcript(statement)
        transcript.say(first.tree.root)
        asked = circuit.asked(transcript)
        proof = argued(
            shape, transcript, (self._segment, first), circuit.factors(self._numbers, numbers, asked),
            lambda draw: circuit.equations(start.both, end.both, whole, asked, draw), hiding,
        )  # fmt: skip
        return Step(end, first.tree.root + proof)

    def save(self, folder: Path) -> None:
        """Write ``card.json``, which is published, and ``secret.npz``, which is not, into a folder that is not there.

        Raises:
            ProofError: it is there, or cannot be written.
        """
        try:
            folder.mkdir(parents=True)
            files.replace(folder / "card.json", self.card.to_json() + "\n")
            held = io.BytesIO()
            np.savez(held, numbers=self._numbers, seed=np.frombuffer(self._seed, np.uint8))
            files.replace(folder / "secret.npz", held.getvalue(), private=True)
            if self._given:
                files.replace(folder / "proofs", f"{self._given}\n")
            self._folder = folder
        except OSError as error:
            raise ProofError(f"cannot write {folder}: {error.strerror}") from None

    @classmethod
    def load(cls, folder: Path) -> Batch:
        """What :meth:`save` wrote.

        Raises:
            ProofError: it is not there, or damaged.
        """
        try:
            card = Card.parse((folder / "card.json").read_bytes())
            held = files.arrays(folder / "secret.npz")
            numbers, seed = held["numbers"].astype(np.int64), held["seed"].tobytes()
        except (OSError, ValueError, KeyError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise ProofError(
                f"cannot read the committed batch in {folder}: {why}; name a folder of klopf proof step commit"
            ) from None
        if numbers.shape != (card.samples, card.inputs + card.outputs):
            raise ProofError(f"{folder}/secret.npz is not the batch of its card: restore it from a copy")
        made = cls(numbers, card.outputs, card.units, card.proofs, seed)
        if made.card != card:
            raise ProofError(f"{folder}/secret.npz is not the batch of its card: restore it from a copy")
        made._folder = folder
        return made


def verify(card: Card, start: Layer, rate: float, step: Step, about: bytes = b"") -> None:
    """Go on where ``step`` is proven to lead from ``start`` by the batch of ``card``.

    Args:
        start: where it had to begin: what the verifier itself gave.
        rate: at which.
        about: what the proof had to be for.

    Raises:
        NotProven: it is not, whatever its bytes are.
    """
    try:
        whole = _rate(card, rate)
    except ProofError as error:
        raise NotProven(str(error)) from None
    for one in (start, step.end):
        if one.weights.shape != (card.outputs, card.inputs) or one.biases.shape != (card.outputs,) or not one.bounded:
            raise NotProven("start or end is no layer of this batch's size with weights below 2,048")
    if len(step.proof) < HASH:
        raise NotProven("the proof ends too early")
    circuit, end = card.circuit, step.end
    said = Transcript(_statement(card, start, end, whole, about))
    root = step.proof[:HASH]
    said.say(root)
    asked = circuit.asked(said)
    checked(
        card.shape, said, (card.root, root),
        lambda draw: circuit.equations(start.both, end.both, whole, asked, draw),
        memoryview(step.proof)[HASH:],
    )  # fmt: skip


def _rate(card: Card, rate: float) -> int:
    """The rate for each sample, in whole numbers of 2⁻¹⁶."""
    try:
        whole = round(float(rate) / card.samples * (1 << _OF_RATE))
    except (TypeError, ValueError, OverflowError):
        whole = 0
    if whole < 1 or whole * card.samples > _LARGEST_RATE:
        least = card.samples / (1 << _OF_RATE)
        raise ProofError(f"a rate for {card.samples:,} samples is from {least:.2g} to 64, not {rate!r}")
    return whole


def _statement(card: Card, start: Layer, end: Layer, rate: int, about: bytes) -> bytes:
    parts = (card.to_json().encode(), start.to_bytes(), end.to_bytes(), rate.to_bytes(8, "big"), about)
    return b"klopf step" + b"".join(hashlib.sha256(part).digest() for part in parts)


def _whole(numbers: Any) -> Whole:
    try:
        given = np.asarray(numbers, np.float64)
    except (TypeError, ValueError):
        raise ProofError("a batch is numbers: inputs and targets in rows") from None
    scaled = np.rint(np.where(np.isfinite(given), given, np.inf) * 2**OF_INPUTS)
    if ((scaled >= LARGEST) | (scaled < -LARGEST)).any():
        raise ProofError("inputs and targets must be finite, from -8 to below 8: scale them")
    made: Whole = scaled.astype(np.int64)
    return made
