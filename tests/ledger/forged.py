"""A transcript as no honest auditor makes it: any leaves in any places, and of every node its maker's own claims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from klopf.ledger import Answered, Transcript
from klopf.ledger.audit.transcript import Node


class Forged(Transcript):
    """``answered`` as they stand; ``claim`` says what a node, given its level and place, pretends to be."""

    def __init__(self, answered: Sequence[Answered], claim: Callable[[int, int, Node], Node] | None = None) -> None:
        self.answered = tuple(answered)
        self.claim = claim or (lambda level, place, node: node)

    @property
    def _levels(self) -> list[list[Node]]:  # type: ignore[override]
        levels = [[self.claim(0, i, one.node) for i, one in enumerate(self.answered)]]
        while len(level := levels[-1]) > 1:
            joined = [level[i] + level[i + 1] for i in range(0, len(level) - 1, 2)]
            rest = level[len(level) - len(level) % 2 :]
            levels.append([self.claim(len(levels), i, node) for i, node in enumerate(joined)] + rest)
        return levels


def hidden(place: int) -> Callable[[int, int, Node], Node]:
    """Claims by which what stands at ``place`` can be shown, whatever the others are: all of them lie on their side."""

    def claim(level: int, at: int, node: Node) -> Node:
        if at == place >> level:
            return node
        further = 16 - level if at < place >> level else 2**256 - 17 + level
        bound = further.to_bytes(32)
        return replace(node, first=bound, last=bound)

    return claim
