"""Nobody is ever replaced."""

from __future__ import annotations

from klopf.mind.kernels.part import Life


class NoLife(Life):
    """Units live as long as the network."""

    name = "none"
    records = False
