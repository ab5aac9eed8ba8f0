"""Where a Kalman learner keeps what it knows: kinds of layers, and places in the table of covariances.

Free of compiled code, because :mod:`klopf.mind._mind` lays the table out by these numbers.
"""

from __future__ import annotations

BLOCK, SHARED, SPREAD = 1, 2, 3
"""A matrix for each unit; one for all the layer's units; or only the diagonal of that one."""

WAITING = 8
"""Samples that wait until a shared matrix is rewritten (see ``_k_share``)."""

NUMBERS = 16
"""Length of a shared matrix's tail, which holds a few numbers, before the samples that wait."""

POWER, SCALE, RIDGE, COUNT, GAINS = range(5)
"""Places in the tail: the running power of the inputs, a, b, how many samples wait, and on from there their gains."""
