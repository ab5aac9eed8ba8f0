"""What neurons claim to know, as the ledger had it when the model that answers was committed.

So all auditors of an epoch judge a neuron by the same domain, whenever they read, and nobody who declares another one
while it is asked makes honest auditors differ.
"""

from __future__ import annotations

from collections import defaultdict

from klopf.ledger.core.registry import ModelChanged, ModelCommitted, Registered, Registry
from klopf.peers import Domain

__all__ = ["Declared"]

Said = Registered | ModelChanged | ModelCommitted


class Declared:
    """Follows what the registry says about models from block ``since`` on."""

    def __init__(self, since: int) -> None:
        self._since = since
        self._said: dict[int, list[Said]] = defaultdict(list)

    def follow(self, registry: Registry, height: int, again: int) -> None:
        """Read on up to the block ``height``, and the last ``again`` blocks of it once more the next time: a chain may
        still change them."""
        for neuron, said in self._said.items():
            self._said[neuron] = [one for one in said if one.block < self._since]
        for event in registry.told(self._since, height):
            self._said[event.id].append(event)
        self._since = max(self._since, height + 1 - again)

    def domain(self, neuron: int, epoch: int) -> Domain:
        """What ``neuron`` claims to know in ``epoch``; of who had committed to no model by then, what it registered."""
        said = self._said.get(neuron, [])
        states = (k for k, one in enumerate(said) if isinstance(one, ModelCommitted) and one.epoch < epoch)
        answers = max(states, default=len(said))
        names = [one.model for one in said[:answers] if not isinstance(one, ModelCommitted)]
        if not names:
            return Domain()
        return Domain.of_told(names[0] if answers == len(said) else names[-1])
