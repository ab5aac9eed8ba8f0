"""What a network's company has learned: arrays by name. Free of compiled code."""

from __future__ import annotations

from typing import Any, NamedTuple

NETWORK, MEMORY, TREES, LATELY, VOICES = range(5)
"""The voices, in their order, and how many there are."""
SPANS = 3
"""How many answers the memory has: of all that it holds, of the latest third, of the latest ninth."""
TRUST, OFF = range(2)
"""Rows of what is kept of a span: by how much it is listened to, and its running absolute error (numbers)."""
SEEN, SPREAD, CLASSES = range(3)
"""Places among the counters: samples learned, running squared error of the stack, classes (0 where numbers come)."""
LEAF = -1

# columns of the table of nodes: the input that it asks about (LEAF for none), its first child (the other follows it),
# its place among those that look for a question (-1 for none)
ASKS, CHILD, PLACE = range(3)
# columns of the numbers of a node: threshold, weight of samples that came, and how many had come when it last judged
THRESHOLD, CAME, JUDGED = range(3)


class Company(NamedTuple):
    """Sizes: ``d`` sensors, ``W`` samples remembered, ``q`` classes, or 3 sums (count, sum, squares) for numbers; ``T``
    trees of ``n`` nodes, of which ``g`` look for a question at a time among ``c`` candidates each."""

    inputs: Any
    """The samples remembered, float32 ``(d, W)``: one sensor after another, so that distances are few vector sums."""
    targets: Any
    """Their targets or classes, float32 ``(W,)``."""
    sensed: Any
    """Running mean, variance and count of every sensor, float64 ``(3, d)``."""
    nodes: Any
    """int32 ``(T, n, 3)``."""
    numbers: Any
    """float32 ``(T, n, 3)``."""
    sums: Any
    """What came to each node: by class, or the three sums, float32 ``(T, n, q)``."""
    used: Any
    """By tree: nodes it has, int32 ``(T,)``."""
    looking: Any
    """By place: the node that looks for a question there, or -1, int32 ``(T, g)``."""
    asked: Any
    """By candidate: the input that it asks about, or -1, int32 ``(T, g, c)``."""
    thresholds: Any
    """float32 ``(T, g, c)``."""
    sides: Any
    """What came to each side of it, float32 ``(T, g, c, 2, q)``."""
    lately: Any
    """Running shares of the classes, or the last target, float64 ``(q,)``."""
    weights: Any
    """By which the stack hears each voice, float64 ``(VOICES,)``."""
    precision: Any
    """How sure it is of them, float64 ``(VOICES, VOICES)``."""
    trusts: Any
    """Shares of the voices and, last, of their stack in what is said, float64 ``(VOICES + 1,)``."""
    errors: Any
    """Their running errors, float64 ``(VOICES + 1,)``."""
    spans: Any
    """Of each of the memory's spans, float64 ``(2, SPANS)``."""
    counters: Any
    """float64 ``(3,)``."""
    rng: Any
    """uint64 ``(1,)``."""
