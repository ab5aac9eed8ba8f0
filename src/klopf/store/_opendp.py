"""Noise by OpenDP: discrete Laplace, drawn exactly, from the system's randomness. The only file that knows it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import StoreError
from klopf.extras import require

__all__ = ["discrete_laplace"]


def discrete_laplace(values: NDArray[Any], scale: float) -> NDArray[Any]:
    """``values``, whole numbers, each with its own discrete Laplace noise: P(noise = x) ∝ exp(−|x| / scale).

    Raises:
        MissingExtra: OpenDP is not installed.
        StoreError: OpenDP itself says that this scale does not give what it should.
    """
    require("noise", "noise")
    import opendp.prelude as dp

    dp.enable_features("contrib")
    give: Any = dp.m.make_laplace(dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64"), scale=scale)
    if not 0 <= give.map(d_in=1) <= 1 / scale * (1 + 1e-9):
        raise StoreError(f"OpenDP gives epsilon {give.map(d_in=1):g} a step for the scale {scale:g}")
    return np.array(give([int(value) for value in values]), dtype=np.int64)
