"""What a neuron says it knows, from the units of its file to those of models.

An owner knows its columns as its file has them: an age in years, a date, a colour. Models are given each less its mean,
by its spread. By the network's plan, which everybody has, the one becomes the other, bound by bound, in the same
arithmetic as samples do: whoever is 18 exactly is within "up to 18".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from klopf.errors import PeersError, TableError
from klopf.network._columns import moments
from klopf.network._features import Feature
from klopf.network._schema import Schema
from klopf.tables import Table

__all__ = ["prepared"]


def prepared(knows: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """``knows`` as :class:`klopf.peers.Domain` takes it, where ``inputs`` are regions of the columns of a file: numbers
    in the column's unit, dates as text.

    Raises:
        PeersError: a bound is none, or a column has no order; one line.
    """
    given = knows.get("inputs") if isinstance(knows, Mapping) else None
    if not isinstance(given, Mapping):
        return dict(knows) if isinstance(knows, Mapping) else knows  # which Domain refuses
    features = {one.name: one for one in schema.features}
    return dict(knows) | {"inputs": {name: _bounds(features, str(name), one) for name, one in given.items()}}


def _bounds(features: Mapping[str, Feature], name: str, given: Any) -> list[float]:
    feature = features.get(name)
    if feature is None:
        raise PeersError(f"there is no column {name!r:.40} to know a region of: choose from {_ordered(features)}")
    if feature.kind == "category":
        raise PeersError(f"{name!r:.40} is a category, which has no region: choose from {_ordered(features)}")
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise PeersError(f"the region of {name!r:.40} must be [least, largest], not {given!r:.60}")
    if feature.kind == "date":
        return [_scaled(feature, day) for day in _days(name, given)]
    for one in given:
        if isinstance(one, bool) or not isinstance(one, int | float) or not abs(one) <= 3e38:
            unit = f" in {feature.unit}" if feature.unit else ""
            raise PeersError(f"the region of {name!r:.40} must be two numbers{unit}, as in a file, not {given!r:.60}")
    return [_scaled(feature, one) for one in given]


def _days(name: str, given: Any) -> list[float]:
    try:
        days = moments(Table("the region", {name: list(given)}), name)
    except TableError:
        days = None
    if days is None or not all(isinstance(one, str) for one in given):
        raise PeersError(f"the region of {name!r:.40} must be two dates such as 2024-12-31, not {given!r:.60}")
    return [float(day) for day in days]


def _scaled(feature: Feature, value: float) -> float:
    """As a sample's is, in 32 bits, and written as short as these allow: the ledger has 255 bytes for all."""
    made = (np.float32(value) - np.float32(feature.mean)) / np.float32(feature.spread)
    if not np.isfinite(made):
        raise PeersError(f"{value:g} is too far from what {feature.name!r:.40} usually is: name a nearer bound")
    return float(str(made))


def _ordered(features: Mapping[str, Feature]) -> str:
    names = [name for name, one in features.items() if one.kind != "category"]
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
