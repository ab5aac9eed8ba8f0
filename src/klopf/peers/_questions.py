"""What a question says beside its samples, and about which samples a neuron asks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from klopf import wire

__all__ = ["Asked", "asked", "asked_about", "key_of"]


def asked_about(seed: int, epoch: int, count: int, samples: int) -> NDArray[np.int64]:
    """Which of ``samples`` samples are asked about in ``epoch``, ``count`` at most, in an order drawn from the seed.

    None is asked about a second time before all were: whoever was asked may remember what others answered.
    """
    count = min(count, samples)
    place = (epoch - 1) * count + np.arange(count)
    orders = {r: np.random.default_rng([seed, r, 2]).permutation(samples) for r in set((place // samples).tolist())}
    return np.array([orders[p // samples][p % samples] for p in place.tolist()], np.int64)


@dataclass(frozen=True)
class Asked:
    """The payload of a question: the epoch, the fee for a sample and the conversation."""

    epoch: int
    offer: int
    conversation: str


def asked(request: wire.Request) -> Asked:
    """The payload of a question, checked."""
    try:
        epoch, offer = int(request.payload["epoch"]), int(request.payload["offer"])
        conversation = str(request.payload["conversation"])
    except (KeyError, TypeError, ValueError):
        raise wire.Decline("ask with epoch, offer and conversation") from None
    if not (0 <= epoch < 2**32 and 0 <= offer < 2**96 and len(conversation) <= 32):
        raise wire.Decline("epoch, offer or conversation out of range")
    return Asked(epoch, offer, conversation)


def key_of(request: wire.Request) -> bytes:
    """The seal that is to be opened."""
    try:
        return bytes.fromhex(request.payload["seal"])
    except (KeyError, TypeError, ValueError):
        raise wire.Decline("ask with the seal that is to be opened") from None
