"""Text: a model answers a text with a text, and is more or less like what is right.

Likeness is measured by chrF (Popović 2015): precision and recall of the character n-grams up to length 6, white space
left out, each averaged over the lengths, and their harmonic mean. Texts cannot be mixed, so a listener chooses: the
neighbours vote for texts that are like their own,

    chosen = the text i with the largest   sum over k of a[k] * likeness(text k, text i),

which is the choice of least expected loss if one of the voters is right, with probability ``a`` (Kumar and Byrne 2004).
Who is good at one thing is rarely good at another, so how good neighbour ``k`` is depends on what is asked. With ``x``
the words of the question, each a place of ``_WORDS`` by its hash, scaled to length 1,

    good[k] = its mean likeness to the right texts + w[k]·x,    w[k] += _RATE (likeness - good[k]) x,

which is the least-mean-squares rule, normalised. The votes are the shares of the squares of what ``good`` exceeds that
of somebody who says again what was right the last time; ties go to the lower id. A newcomer has a small vote first,
that grows with its utility (R5); its utility (R1) is how much its vote supported what was chosen.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.peers._listening import Answers, Listener, Neighbour
from klopf.peers.tasks._task import Task, Tensors

__all__ = ["LONGEST", "Text", "TextListener", "likeness", "withholds"]

LONGEST = 1000
"""Characters in a text: so that a question and an answer are bounded."""
_ORDERS = 6
_WORDS = 128
"""Places for the words of a question: some share one."""
_RATE = 0.3
_NO_ANSWER = ("", "i do not know", "i don't know")
_PRIOR = 8.0
"""A neighbour begins as if it had been as good as somebody who knows nothing on so many samples."""


@dataclass(frozen=True)
class Text(Task):
    """What to say to a text. Inputs, targets and answers are arrays of text, dtype ``<U``, shape ``(n,)``.

    >>> Text(features=("question",), names=("answer",)).score(np.array(["Paris"]), np.array(["Paris"]))
    1.0
    """

    kind: ClassVar[str] = "text"

    @property
    def measure(self) -> str:
        return "likeness"

    @property
    def input_shape(self) -> tuple[int, ...]:
        return ()

    @property
    def output_shape(self) -> tuple[int, ...]:
        return ()

    def check_inputs(self, inputs: NDArray[Any]) -> None:
        _check("inputs", inputs)

    def check_targets(self, targets: NDArray[Any], n: int) -> None:
        _check("targets", targets, n)

    def check_answers(self, answers: NDArray[Any], n: int) -> None:
        _check("answers", answers, n)

    def pack_inputs(self, inputs: NDArray[Any]) -> Tensors:
        return _pack(inputs)

    def unpack_inputs(self, tensors: Tensors) -> NDArray[Any]:
        return _unpack(tensors)

    def pack_answers(self, answers: NDArray[Any]) -> Tensors:
        return _pack(answers)

    def unpack_answers(self, tensors: Tensors, n: int) -> NDArray[Any]:
        answers = _unpack(tensors)
        self.check_answers(answers, n)
        return answers

    def decide(self, answers: NDArray[Any]) -> NDArray[Any]:
        return answers

    def score(self, decisions: NDArray[Any], targets: NDArray[Any]) -> float:
        """The mean likeness to the right texts."""
        pairs = zip(decisions, targets, strict=True)
        return float(np.mean([likeness(str(said), str(right)) for said, right in pairs])) if len(targets) else 0.0

    def know_nothing(self, targets: NDArray[Any], n: int) -> NDArray[Any]:
        """The most frequent text, the first of equals."""
        counts = Counter(str(target) for target in targets)
        return np.full(n, counts.most_common(1)[0][0] if counts else "")

    def blend(self, answers: Mapping[int, NDArray[Any]], shares: Mapping[int, float]) -> NDArray[Any]:
        """The answer that is most like all, each counted by its share; who withholds one is not counted."""
        ids = sorted(answers)
        counts = {k: shares[k] for k in ids} if any(shares[k] > 0 for k in ids) else dict.fromkeys(ids, 1.0)
        rows = [[(counts[k], str(answers[k][i])) for k in ids] for i in range(len(answers[ids[0]]))]
        said = [[(share, text) for share, text in row if not withholds(text)] or row for row in rows]
        return np.array([max((text for _, text in row), key=lambda a: sum(share * likeness(t, a) for share, t in row))
                         for row in said], dtype=np.str_)  # fmt: skip

    def guises(self, answers: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """None: short right answers are the same, whoever found them."""
        return ()

    def listener(self) -> Listener:
        return TextListener(1)

    def read_listener(self, saved: Mapping[str, Any]) -> Listener:
        return TextListener.from_json(saved)


@dataclass
class TextListener(Listener):
    """Chooses by vote; a neighbour's ``weight`` is its decayed sum of likenesses to the right texts, and what each
    word of a question adds to or takes from its mean, shape ``(1 + _WORDS,)``."""

    last: str = ""
    """What was right the last time: what is said as long as nobody is heard."""
    constant: float = 0.0
    """Decayed sum of likenesses of saying that again."""
    seen: float = 0.0
    """Of how many texts, decayed."""

    def unheard(self) -> NDArray[np.float64]:
        return np.zeros(1 + _WORDS)

    def combine(self, answers: Answers, about: NDArray[Any] | None = None) -> NDArray[Any]:
        """The chosen texts, shape ``(n,)``."""
        ids = sorted(k for k in answers if k in self.neighbours)
        n = len(next(iter(answers.values()))) if answers else 0
        neighbours, asked = [self.neighbours[k] for k in ids], _words(about, n)
        texts = ([str(answers[k][i]) for k in ids] for i in range(n))
        chosen = [self._chosen(row, self._votes(neighbours, x, row)) for row, x in zip(texts, asked, strict=True)]
        return np.array(chosen, dtype=np.str_)

    def learn(self, answers: Answers, targets: NDArray[Any], about: NDArray[Any] | None = None) -> float:
        """Learn from the right texts; the loss is 1 - likeness of what was chosen."""
        if not answers or len(targets) == 0:
            return 0.0
        ids = sorted(answers)
        neighbours = [self.known(k) for k in ids]
        loss = 0.0
        for i, (target, asked) in enumerate(zip(map(str, targets), _words(about, len(targets)), strict=True)):
            texts = [str(answers[k][i]) for k in ids]
            mean, good = self._mean(neighbours), self._good(neighbours, asked)
            votes = self._votes(neighbours, asked, texts)
            chosen = self._chosen(texts, votes)
            loss += 1.0 - likeness(chosen, target)
            for one, text, usual, expected, vote in zip(neighbours, texts, mean, good, votes, strict=True):
                if withholds(text):  # it was of no use here, and is as good as before where it answers
                    one.weight = np.append(self.decay * one.weight[0] + usual, one.weight[1:])
                    self.hear(one, 0.0, 0.0)
                    continue
                like = likeness(text, target)
                one.weight = np.append(
                    self.decay * one.weight[0] + like, one.weight[1:] + _RATE * (like - expected) * asked
                )
                self.hear(one, likeness(text, chosen), float(vote))
            self.constant = self.decay * self.constant + likeness(self.last, target)
            self.seen = self.decay * self.seen + 1.0
            self.last = target
        return loss / len(targets)

    def _fade(self, one: Neighbour, part: float) -> None:
        """Likenesses fade with the samples that they are of: who was not asked for long is no better by that."""
        one.weight = np.append(part * one.weight[0], one.weight[1:])

    @property
    def _usual(self) -> float:
        """The likeness of somebody who says again what was right the last time."""
        return self.constant / self.seen if self.seen else 0.0

    def _mean(self, neighbours: Sequence[Neighbour]) -> NDArray[np.float64]:
        """How like the right text what each says is on average, shape ``(neighbours,)``."""
        heard = np.array([self._heard_on(one.age) for one in neighbours])
        return np.asarray((_PRIOR * self._usual + np.array([one.weight[0] for one in neighbours])) / (_PRIOR + heard))

    def _good(self, neighbours: Sequence[Neighbour], asked: NDArray[np.float64]) -> NDArray[np.float64]:
        """How like the right text what each says to a question is expected to be, shape ``(neighbours,)``."""
        return np.asarray(self._mean(neighbours) + np.array([one.weight[1:] @ asked for one in neighbours]))

    def _votes(
        self, neighbours: Sequence[Neighbour], asked: NDArray[np.float64], texts: Sequence[str]
    ) -> NDArray[np.float64]:
        """Shares of the vote, shape ``(neighbours,)``; all 0 if nobody who answers knows anything."""
        if not neighbours:
            return np.zeros(0)
        answers = np.array([not withholds(text) for text in texts])
        better = answers * np.maximum(0.0, self._good(neighbours, asked) - self._usual)
        votes: NDArray[np.float64] = self.step_sizes(neighbours) * better**2
        return votes / votes.sum() if votes.sum() > 0 else votes

    def _chosen(self, texts: Sequence[str], votes: NDArray[np.float64]) -> str:
        voters = [i for i in range(len(texts)) if votes[i] > 0]
        if not voters:
            return self.last
        support = [sum(votes[k] * likeness(texts[k], texts[i]) for k in voters) for i in voters]
        return texts[voters[int(np.argmax(support))]]

    def own_state(self) -> dict[str, Any]:
        return {"last": self.last, "constant": self.constant, "seen": self.seen}

    def take_own_state(self, saved: Mapping[str, Any]) -> None:
        self.last, self.constant, self.seen = saved["last"], saved["constant"], saved["seen"]
        for one in self.neighbours.values():  # saved before words counted: its mean alone
            one.weight = np.pad(one.weight, (0, 1 + _WORDS - len(one.weight)))


def _words(about: NDArray[Any] | None, n: int) -> NDArray[np.float64]:
    """The words of each of ``n`` questions, shape ``(n, _WORDS)``, each row of length 1, or 0 where nothing is known.
    All numbers are one word."""
    found = np.zeros((n, _WORDS))
    for row, question in zip(found, () if about is None else about, strict=False):
        words = {re.sub(r"\d+", "0", word) for word in re.findall(r"\w+", str(question).casefold())}
        row[[zlib.crc32(word.encode()) % _WORDS for word in words]] = 1.0
    return np.asarray(found / np.maximum(1.0, np.linalg.norm(found, axis=1, keepdims=True)))


def likeness(said: str, right: str) -> float:
    """chrF with precision and recall counting alike, in [0, 1].

    >>> likeness("forty two", "forty-two") > likeness("forty two", "seventeen")
    True
    >>> likeness("", "forty"), likeness("", "")
    (0.0, 1.0)
    """
    a, b = "".join(said.split()), "".join(right.split())
    if a == b:
        return 1.0
    precision = recall = 0.0
    orders = min(_ORDERS, max(len(a), len(b)))
    for order in range(1, orders + 1):
        mine, other = _grams(a, order), _grams(b, order)
        common = sum((mine & other).values())
        precision += common / max(1, mine.total())
        recall += common / max(1, other.total())
    return 2.0 * precision * recall / (precision + recall) / orders if precision + recall > 0 else 0.0


def withholds(text: str) -> bool:
    """Whether a text is no answer: nothing, or "I do not know" or "I don't know" and no more, points aside.

    >>> [withholds(one) for one in ("", "...", "I do not know.", "i don't know", "I do not know Paris", "unknown")]
    [True, True, True, True, False, False]
    """
    return re.sub(r"[\s.]+", " ", text).strip().casefold().replace("\u2019", "'") in _NO_ANSWER


def _grams(text: str, order: int) -> Counter[str]:
    return Counter(text[i : i + order] for i in range(len(text) - order + 1))


def _check(what: str, given: NDArray[Any], n: int | None = None) -> None:
    if not isinstance(given, np.ndarray) or given.dtype.kind != "U" or given.ndim != 1:
        shape = f"{given.dtype} of shape {given.shape}" if isinstance(given, np.ndarray) else type(given).__name__
        raise PeersError(f"{what} must be an array of text of shape (n,), not {shape}")
    if n is not None and len(given) != n:
        raise PeersError(f"{len(given)} {what} to {n} questions: one to each is needed")
    if len(given) and np.strings.str_len(given).max() > LONGEST:
        raise PeersError(f"{what} may have {LONGEST} characters each: one has more")
    try:
        "".join(given.tolist()).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can say and nobody can be sent
        raise PeersError(f"{what} must be text that can be written as UTF-8: one cannot") from None


def _pack(texts: NDArray[Any]) -> Tensors:
    """UTF-8, one text after another, and where each ends."""
    pieces = [str(text).encode() for text in texts]
    ends = np.cumsum([len(piece) for piece in pieces], dtype=np.int64)
    return {"text": np.frombuffer(b"".join(pieces), dtype=np.uint8), "ends": ends.reshape(-1)}


def _unpack(tensors: Tensors) -> NDArray[Any]:
    text, ends = tensors.get("text"), tensors.get("ends")
    if text is None or ends is None or text.dtype != np.uint8 or ends.dtype != np.int64 or text.ndim + ends.ndim != 2:
        raise PeersError("texts are sent as tensors text (uint8) and ends (int64)")
    places = [0, *ends.tolist()]
    lengths = np.diff(places)
    if (lengths < 0).any() or (lengths > 4 * LONGEST).any() or places[-1] != len(text):
        raise PeersError(f"the ends of the texts do not fit: none may have more than {LONGEST} characters")
    whole = text.tobytes()
    try:
        found = [whole[a:b].decode() for a, b in pairwise(places)]
    except UnicodeDecodeError:
        raise PeersError("texts must be UTF-8") from None
    texts = np.array(found, dtype=np.str_).reshape(-1)
    _check("texts", texts)
    return texts
