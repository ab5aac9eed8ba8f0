"""Not every answer is proven, but any may have to be.

Answers are signed, and after that the beacon of their epoch says which must be proven: whoever has a signed answer can
see by itself whether it was drawn, and ask. Who then has no proof of it loses its stake. What that leaves a cheat is a
sum (:func:`gain`), and it says how much stake a rate needs (:func:`stake_for`). Amounts are in any unit, the same in
all.

>>> drawn(bytes(32), [b"one", b"two", b"three", b"four"], 0.5)
[1, 2, 3]
>>> round(gain(saving=1.0, rate=0.01, stake=150.0, answers=1000), 1)
-50.0
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable

from klopf.errors import ProofError

__all__ = ["drawn", "epochs", "gain", "stake_for"]


def drawn(beacon: bytes, answers: Iterable[bytes], rate: float) -> list[int]:
    """Which of ``answers`` must be proven.

    Args:
        beacon: what the ledger's beacon said after they were signed: 32 bytes.
        answers: each as it was signed, bytes.
        rate: the share that is drawn, in [0, 1]; each answer by itself, so that leaving some out changes nothing.

    Raises:
        ProofError: the rate is no share, or the beacon has other than 32 bytes.
    """
    if not 0 <= rate <= 1 or len(beacon) != 32:
        raise ProofError(f"a rate is between 0 and 1, not {rate!r}, and a beacon's value has 32 bytes")
    limit = int(rate * 2**64)
    return [i for i, answer in enumerate(answers) if _ticket(beacon, answer) < limit]


def _ticket(beacon: bytes, answer: bytes) -> int:
    signed = hashlib.sha256(answer).digest()
    return int.from_bytes(hashlib.sha256(b"klopf sampled" + beacon + signed).digest()[:8], "big")


def gain(saving: float, rate: float, stake: float, answers: int) -> float:
    """What a neuron gains, in expectation, that answers by a cheaper network until it is caught, at most ``answers``
    times: ``saving`` for each answer, less ``stake`` if it is caught. Cheating seldom changes how long that lasts, not
    its sign.

    Raises:
        ProofError: a rate outside [0, 1].
    """
    if not 0 <= rate <= 1:
        raise ProofError(f"a rate is between 0 and 1, not {rate!r}")
    if rate == 0:
        return saving * answers
    caught = -math.expm1(answers * math.log1p(-rate)) if rate < 1 else float(answers > 0)
    return caught * (saving / rate - stake)


def stake_for(saving: float, rate: float, margin: float = 2.0) -> float:
    """The stake at which cheating loses ``margin - 1`` times what it saves.

    Raises:
        ProofError: a rate outside (0, 1].
    """
    if not 0 < rate <= 1:
        raise ProofError(f"without a rate above 0 no stake is enough; this is {rate!r}")
    return margin * saving / rate


def epochs(rate: float, answers: int, missed: float = 1e-6) -> int:
    """Epochs, of ``answers`` each, after which a neuron whose answers are all another network's has been caught but for
    a probability of ``missed``.

    Raises:
        ProofError: nothing would ever be drawn.

    >>> epochs(0.01, 100)
    14
    """
    if not 0 < rate <= 1 or answers < 1 or not 0 < missed < 1:
        raise ProofError("a cheat is caught where a rate above 0 and at least one answer an epoch are given")
    return 1 if rate == 1 else math.ceil(math.log(missed) / (answers * math.log1p(-rate)))
