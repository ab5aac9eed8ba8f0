"""That an answer came from a committed network, without showing the network (Z2).

A network in whole numbers is committed once: the card that is published has its sizes and the root of a tree over its
encoded weights. Each answer can then be proven against that card: layers by equations and products that nobody
sees (:mod:`klopf.proof._circuit`), these by an argument that needs no ceremony, only a hash function
(:mod:`klopf.proof._argument`). What is shown: sizes, input and answer. What is not: weights, and what units say. See
docs/proof.md.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> layers = Layers.of([rng.normal(size=(8, 4)), rng.normal(size=(2, 8))], [np.zeros(8), np.zeros(2)], "relu")
>>> model = Committed.of(layers)
>>> answer = model.prove([0.5, 0.25, 0.0, 1.0])
>>> verify(model.card, answer)
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
from klopf.mind import Mind
from klopf.nested import from_json
from klopf.proof import _field as field
from klopf.proof._argument import Segment, argued, checked, committed
from klopf.proof._circuit import Circuit
from klopf.proof._counted import few, one_more
from klopf.proof._hashed import HASH, Transcript
from klopf.proof._onnx import layers_in
from klopf.proof._quantised import ACTIVATIONS, LARGEST_INPUT, LARGEST_SUM, OF_SUMS, Layers, Whole, whole_inputs
from klopf.proof._shape import BITS, Shape, chosen

__all__ = ["BITS", "Answer", "Card", "Committed", "Hidden", "Layers", "layers_in", "layers_of", "verify"]

_KIND = "klopf proof card 1"
_MAGIC = b"klopf answer 1\n"
_FULL = ("this network", "commit the network anew, with more --proofs, or prove many answers at once")
_MOST_AT_ONCE = 2**16
"""Hidden units of all answers of one proof: what is looked up are not more than 2²⁰ numbers."""
_MOST_LAYERS, _MOST_UNITS, _MOST_NUMBERS, _MOST_PROOFS = 8, 4096, 4_000_000, 64


@dataclass(frozen=True)
class Card:
    """What is published of a committed network.

    ``sizes``: inputs, and units of each layer; ``activation`` of all layers but the last; ``proofs``: how many proofs
    may be given before the network must be committed anew; ``root``: 32 bytes.
    """

    sizes: tuple[int, ...]
    activation: str
    proofs: int
    root: bytes

    def __post_init__(self) -> None:
        ints = [isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in (*self.sizes, self.proofs)]
        if not all(ints) or not 2 <= len(self.sizes) <= _MOST_LAYERS + 1 or max(self.sizes) > _MOST_UNITS:
            raise ProofError(f"a network has 1 to {_MOST_LAYERS} layers of 1 to {_MOST_UNITS:,} units")
        if self.proofs > _MOST_PROOFS:
            raise ProofError(f"a commitment serves 1 to {_MOST_PROOFS} proofs, not {self.proofs}")
        if self.activation not in ACTIVATIONS or len(self.root) != HASH:
            raise ProofError(f"a card has an activation ({', '.join(ACTIVATIONS)}) and a root of {HASH} bytes")
        if self.circuit.model > _MOST_NUMBERS or self._shape is None:
            raise ProofError(f"a network of {self.circuit.model:,} numbers is too large for {self.proofs} proofs")

    @cached_property
    def circuit(self) -> Circuit:
        """The equations of such a network."""
        return Circuit(self.sizes, self.activation)

    @cached_property
    def hiding(self) -> Circuit:
        """The same where the input is not shown."""
        return Circuit(self.sizes, self.activation, hidden=True)

    @cached_property
    def _shape(self) -> Shape | None:
        return chosen(self.circuit.model, self.proofs, self.circuit.first, self.circuit.products)

    def laid(self, count: int, hidden: bool) -> tuple[Circuit, Shape]:
        """The equations of ``count`` answers at once, and how their proof is laid out: rows are as long as the
        network's.

        Raises:
            ProofError: they are too many.
        """
        if count == 1 and not hidden:
            return self.circuit, self.shape
        if not 1 <= count * sum(self.sizes[1:-1]) + count * self.sizes[0] // 16 + 1 <= _MOST_AT_ONCE or count < 1:
            raise ProofError(f"{count:,} answers of this network at once are too many, or none: prove fewer")
        c = self.hiding if hidden else Circuit(self.sizes, self.activation, count=count)
        inputs = self.sizes[0] if hidden else 0
        return c, Shape(self.shape.length, c.model, self.proofs, c.first, c.products, inputs)

    @property
    def shape(self) -> Shape:
        """How its proofs are laid out."""
        assert self._shape is not None
        return self._shape

    @property
    def identity(self) -> str:
        """32 bytes that name the network, as text: what was audited under this name is what is proven."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """As it is written and hashed."""
        return json.dumps({"kind": _KIND, "sizes": list(self.sizes), "activation": self.activation,
                           "proofs": self.proofs, "root": self.root.hex()}, separators=(",", ":"))  # fmt: skip

    @classmethod
    def parse(cls, data: bytes) -> Card:
        """The card in ``data``.

        Raises:
            ProofError: there is none.
        """
        try:
            said = from_json(data[:100_000])
            if said["kind"] != _KIND or set(said) != {"kind", "sizes", "activation", "proofs", "root"}:
                raise ValueError
            return cls(tuple(said["sizes"]), str(said["activation"]), said["proofs"], bytes.fromhex(said["root"]))
        except (ValueError, TypeError, KeyError):
            raise ProofError("this is no card of a committed network: klopf proof model setup writes one") from None


@dataclass(frozen=True)
class Answer:
    """``inputs`` as whole numbers of 2⁻¹², none where they are not shown; ``sums`` of the last layer as whole numbers
    of 2⁻²⁸; ``proof``: bytes. Both are a row, or (answers, numbers) where several are proven at once."""

    inputs: Whole
    sums: Whole
    proof: bytes

    @property
    def outputs(self) -> NDArray[np.float64]:
        """The last layer's sums: scores of classes before a softmax, or numbers."""
        return self.sums / 2.0**OF_SUMS

    def to_bytes(self) -> bytes:
        many = len(self.sums) if self.sums.ndim == 2 else 0
        sizes = np.array([many, self.inputs.shape[-1], self.sums.shape[-1]], "<u4").tobytes()
        return b"".join(
            [_MAGIC, sizes, self.inputs.astype("<i8").tobytes(), self.sums.astype("<i8").tobytes(), self.proof]
        )

    @classmethod
    def parse(cls, data: bytes) -> Answer:
        """The answer in ``data``; whether it is proven is another question.

        Raises:
            NotProven: there is none.
        """
        start = len(_MAGIC) + 12
        if len(data) < start or data[: len(_MAGIC)] != _MAGIC:
            raise NotProven("this is no answer with a proof: klopf proof model prove makes one")
        many, n, m = (int(size) for size in np.frombuffer(data[start - 12 : start], "<u4"))
        count = max(many, 1)
        end = start + 8 * count * (n + m)
        if n > _MOST_UNITS or m > _MOST_UNITS or many > _MOST_AT_ONCE or len(data) < end:
            raise NotProven("the answer ends too early")
        numbers = np.frombuffer(data[start:end], "<i8").astype(np.int64)
        inputs, sums = numbers[: count * n], numbers[count * n :]
        if many:
            inputs, sums = inputs.reshape(many, n), sums.reshape(many, m)
        return cls(inputs, sums, data[end:])


class Hidden:
    """An input that was committed and is not shown: its owner publishes ``root``, 32 bytes, and keeps this.

    It serves networks whose cards have the same length of rows and number of proofs, as often as that number says:
    each proof opens 232 columns of it, whichever network answers.

    Args:
        card: a network that is to answer it.
        inputs: its numbers, from -256 to below 256.
        seed: 32 secret random bytes for this input alone; drawn where none are given. For cards of another shape they
            make another commitment, which has nothing in common with this one.

    Raises:
        ProofError: the inputs are too many, too few, or too large.
    """

    def __init__(self, card: Card, inputs: Any, seed: bytes = b"") -> None:
        self.inputs = whole_inputs(inputs)
        if self.inputs.shape != card.sizes[:1] or (self.inputs == LARGEST_INPUT).any():
            raise ProofError(f"this network takes a row of {card.sizes[0]} numbers from -256 to below 256")
        shape = card.shape
        self.proofs, self._given = card.proofs, 0
        of = np.array([card.proofs, shape.length, *self.inputs], "<i8").tobytes()
        hiding = _hashed(b"input", seed or secrets.token_bytes(32), of)
        self.segment = committed(field.unsigned(self.inputs), shape.model_data, shape.length, b"input" + hiding)

    @property
    def root(self) -> bytes:
        """What commits to the input."""
        return self.segment.tree.root

    def give(self) -> None:
        """Count one more proof.

        Raises:
            ProofError: its columns were opened as often as that tells nothing of it.
        """
        if self._given >= self.proofs:
            raise ProofError(f"this input has had {self._given} proofs, after which more would tell of it: "
                             "commit it anew")  # fmt: skip
        self._given += 1


class Committed:
    """A network that was committed, by whoever has it. Make one by :meth:`of` or :meth:`load`.

    It counts its proofs, in its folder where it has one, and gives no more than its card says.
    """

    def __init__(self, layers: Layers, seed: bytes, proofs: int) -> None:
        self.layers = layers
        self._seed, self._given = seed, 0
        self._folder: Path | None = None
        draft = Card(layers.sizes, layers.activation, proofs, bytes(HASH))
        shape = draft.shape
        self._segment: Segment = committed(field.unsigned(layers.flat()), shape.model_data, shape.length, seed)
        self.card = Card(layers.sizes, layers.activation, proofs, self._segment.tree.root)

    @classmethod
    def of(cls, layers: Layers, proofs: int = 4, seed: bytes = b"") -> Committed:
        """Commit ``layers``.

        Args:
            proofs: how many proofs tell nothing of the weights, and are given: each opens 232 columns of them, and
                one or two more may tell all. More make proofs larger; many answers in one proof count as one.
            seed: 32 secret random bytes for this network alone; drawn where none are given.

        Raises:
            ProofError: it is too large.
        """
        return cls(layers, seed or secrets.token_bytes(32), proofs)

    def prove(self, inputs: Any, seed: bytes = b"") -> Answer:
        """Answer ``inputs``, and prove it: one row of numbers, or several at once (rows, numbers), which costs less
        than each by itself and counts as one proof.

        Args:
            seed: 32 secret random bytes; drawn where none are given. Those that come twice hide two answers apart.

        Raises:
            ProofError: the inputs are too many, too few, or too large; or it had as many proofs as it may.
        """
        return self._proven(self._rows(inputs), None, seed or secrets.token_bytes(32))

    def prove_hidden(self, hidden: Hidden, seed: bytes = b"") -> Answer:
        """Answer an input that was committed, and prove it without showing the input; ``seed`` as for :meth:`prove`.

        Raises:
            ProofError: it was committed for a network of another shape, or had as many proofs as it may.
        """
        self._fits(hidden)
        return self._proven(hidden.inputs, hidden, seed or secrets.token_bytes(32))

    def check(self, inputs: Any) -> None:
        """Whether ``inputs``, as :meth:`prove` takes them, or a :class:`Hidden` can be answered: who counts an input's
        proofs elsewhere asks here first, so that none is spent on what cannot.

        Raises:
            ProofError: they cannot, as :meth:`prove` and :meth:`prove_hidden` say.
        """
        if isinstance(inputs, Hidden):
            self._fits(inputs)
        else:
            self._rows(inputs)

    def _fits(self, hidden: Hidden) -> None:
        shape = hidden.inputs.shape, hidden.segment.code.shape[1], hidden.proofs
        if shape != (self.card.sizes[:1], self.card.shape.points, self.card.proofs):
            raise ProofError("this input was committed for a network of another shape: commit it for this card")

    def _rows(self, inputs: Any) -> Whole:
        x = whole_inputs(inputs)
        if x.ndim not in (1, 2) or x.shape[-1] != self.card.sizes[0]:
            given = " x ".join(map(str, x.shape)) or "one alone"
            raise ProofError(f"this network takes rows of {self.card.sizes[0]} numbers, not of {given}")
        return x

    def _proven(self, x: Whole, hidden: Hidden | None, seed: bytes) -> Answer:
        rows = np.atleast_2d(x)
        circuit, shape = self.card.laid(len(rows), hidden is not None)
        sums, heard = self.layers.run(rows)
        if hidden:
            hidden.give()
        self._give()  # after all that may be refused
        numbers = circuit.said_first(sums, heard)
        said_of = sums[-1] if x.ndim == 2 else sums[-1][0]
        answer = Answer(np.zeros(0, np.int64) if hidden else x, said_of, b"")
        statement = _statement(self.card, answer, hidden.root if hidden else b"")
        seed = _hashed(b"proof", self._seed, seed, statement)  # one that comes twice hides two answers apart
        first = committed(numbers, shape.data, shape.length, b"first" + seed)
        said = Transcript(statement)
        said.say(first.tree.root)
        asked = circuit.asked(said)
        before = (self._segment, *([hidden.segment] if hidden else []), first)
        proof = argued(
            shape, said, before, circuit.factors(self.layers, numbers, asked),
            lambda draw: circuit.equations(rows, sums[-1], asked, draw), seed,
        )  # fmt: skip
        return Answer(answer.inputs, answer.sums, first.tree.root + proof)

    def _give(self) -> None:
        """Count one more proof, before it is made: in the folder, which other processes may use as well."""
        if self._folder is None:
            few(self._given, self.card.proofs, *_FULL)
            self._given += 1
        else:
            one_more(self._folder, self.card.proofs, *_FULL)

    def save(self, folder: Path) -> None:
        """Write ``card.json``, which is published, and ``secret.npz``, which is not, into a folder that is not there.

        Raises:
            ProofError: it is there, or cannot be written.
        """
        try:
            folder.mkdir(parents=True)
            files.replace(folder / "card.json", self.card.to_json() + "\n")
            held = io.BytesIO()
            np.savez(held, flat=self.layers.flat(), seed=np.frombuffer(self._seed, np.uint8))
            files.replace(folder / "secret.npz", held.getvalue(), private=True)
            if self._given:
                files.replace(folder / "proofs", f"{self._given}\n")
            self._folder = folder
        except OSError as error:
            raise ProofError(f"cannot write {folder}: {error.strerror}") from None

    @classmethod
    def load(cls, folder: Path) -> Committed:
        """What :meth:`save` wrote.

        Raises:
            ProofError: it is not there, or damaged.
        """
        try:
            card = Card.parse((folder / "card.json").read_bytes())
            held = files.arrays(folder / "secret.npz")
            flat, seed = held["flat"].astype(np.int64), held["seed"].tobytes()
        except (OSError, ValueError, KeyError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise ProofError(
                f"cannot read the committed network in {folder}: {why}; name a folder of klopf proof model setup"
            ) from None
        if flat.shape != (card.circuit.model,):
            raise ProofError(f"{folder}/secret.npz is not the network of its card: restore it from a copy")
        weights, biases, at = [], [], 0
        for m, n in zip(card.sizes[:-1], card.sizes[1:], strict=True):
            weights.append(flat[at : at + m * n].reshape(n, m))
            biases.append(flat[at + m * n : at + m * n + n])
            at += m * n + n
        made = cls(Layers(tuple(weights), tuple(biases), card.activation), seed, card.proofs)
        if made.card != card:
            raise ProofError(f"{folder}/secret.npz is not the network of its card: restore it from a copy")
        made._folder = folder
        return made


def verify(card: Card, answer: Answer, hidden: bytes = b"") -> None:
    """Go on where ``answer`` is proven to be that of the network of ``card``.

    Args:
        hidden: where the input is not shown, the root that committed to it (:attr:`Hidden.root`).

    Raises:
        NotProven: it is not, whatever its bytes are.
    """
    many = answer.sums.shape[:-1]
    shown = (*many, 0 if hidden else card.sizes[0])
    if answer.inputs.shape != shown or answer.sums.shape != (*many, card.sizes[-1]) or len(hidden) not in (0, HASH):
        raise NotProven("the answer has other sizes than the network of this card, or hides its input, or does not")
    if len(many) > 1 or (hidden and many):
        raise NotProven("answers are rows, and a hidden input is answered alone")
    try:
        circuit, shape = card.laid(many[0] if many else 1, bool(hidden))
    except ProofError as error:
        raise NotProven(str(error)) from None
    for numbers, most in ((answer.inputs, LARGEST_INPUT), (answer.sums, LARGEST_SUM)):
        if ((numbers > most) | (numbers < -most)).any():
            raise NotProven("the answer holds a number that is larger than any that can be proven")
    if len(answer.proof) < HASH:
        raise NotProven("the proof ends too early")
    said = Transcript(_statement(card, answer, hidden))
    root = answer.proof[:HASH]
    said.say(root)
    asked = circuit.asked(said)
    inputs, sums = np.atleast_2d(answer.inputs), np.atleast_2d(answer.sums)
    checked(
        shape, said, (card.root, *([hidden] if hidden else []), root),
        lambda draw: circuit.equations(inputs, sums, asked, draw), memoryview(answer.proof)[HASH:],
    )  # fmt: skip


def _hashed(*parts: bytes) -> bytes:
    """32 bytes of these, each told from the next."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()


def _statement(card: Card, answer: Answer, hidden: bytes) -> bytes:
    numbers = np.concatenate([answer.inputs.ravel(), answer.sums.ravel()]).astype("<i8").tobytes()
    many = len(answer.sums) if answer.sums.ndim == 2 else 0
    return card.to_json().encode() + bytes([len(hidden)]) + hidden + many.to_bytes(4, "big") + numbers


def layers_of(mind: Mind) -> Layers:
    """A learner of Klopf's as it is now, in whole numbers.

    Raises:
        ProofError: it has parts that are not proven: say, a stage, a memory, or normalised inputs.
    """
    s = mind.settings
    more = {"a stage": mind.stage is not None, "layer_norm": s.layer_norm, "normalise_inputs": s.normalise_inputs,
            "shortcut": s.shortcut, "memory": bool(s.memory), "trees": bool(s.trees),
            "scale_targets": s.scale_targets and mind.output == "linear"}  # fmt: skip
    if wrong := [name for name, there in more.items() if there]:
        raise ProofError(f"this learner has {wrong[0]}, which is not proven: train one without")
    with mind.held():
        held = [mind.weights(i) for i in range(len(mind.hidden) + 1)]
    return Layers.of([w[:-1].T for w in held], [w[-1] for w in held], s.activation)
