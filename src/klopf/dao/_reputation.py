"""How much a member's voice weighs, by what was really paid and kept: never by what anybody says of anybody.

A walk begins at members by ``start`` (what they have at risk), ends at each step with probability ``1 - decay`` where
it is, and otherwise goes on along a receipt, by amount. A member's weight is how likely the walk ends there
(personalised PageRank). So all weights are one together, and whatever a member and a thousand names of its own receipt
to each other, they have no more than what came in from others and what their own ``start`` is; with ``decay`` of a half
that is at most twice what the one name has that does not do so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from klopf.errors import DaoError

__all__ = ["reputation", "voices"]

_ENOUGH = 1e-12
_FAINT = 0.1


def reputation(
    receipts: Iterable[tuple[str, str, float]], start: Mapping[str, float], *, decay: float = 0.5
) -> dict[str, float]:
    """The weight of each member that ``receipts`` (payer, payee, amount above 0) or ``start`` (member, amount) names.

    Receipts to oneself count for nothing. Weights sum to 1.

    Raises:
        DaoError: an amount is none, nobody has a start, or ``decay`` is not between 0 and 1.
    """
    if not 0.0 <= decay < 1.0:
        raise DaoError(f"decay={decay}: from 0 to below 1")
    flows: dict[tuple[str, str], float] = {}
    for payer, payee, amount in receipts:
        if not (np.isfinite(amount) and amount > 0):
            raise DaoError(f"{payer} paid {payee} {amount!r}: a receipt has an amount above 0")
        if payer != payee:
            flows[payer, payee] = flows.get((payer, payee), 0.0) + float(amount)
    if any(not (np.isfinite(one) and one >= 0) for one in start.values()) or not sum(start.values()) > 0:
        raise DaoError("a walk must begin somewhere: give members what they have at risk, from 0")
    names = sorted({*start, *(name for pair in flows for name in pair)})
    place = {name: i for i, name in enumerate(names)}
    source = np.array([place[a] for a, _ in flows], np.int64)
    target = np.array([place[b] for _, b in flows], np.int64)
    amounts = np.array(list(flows.values()))
    out = np.bincount(source, amounts, len(names))
    share = amounts / out[source] if len(source) else amounts
    begins = np.array([start.get(name, 0.0) for name in names])
    begins /= begins.sum()
    here: NDArray[np.float64] = begins
    ended = np.zeros(len(names))
    while here.sum() > _ENOUGH:
        goes = np.where(out > 0, decay, 0.0) * here  # who paid nobody is where a walk ends
        ended += here - goes
        here = np.bincount(target, goes[source] * share, len(names)).astype(np.float64)
    return {name: float(one) for name, one in zip(names, ended / ended.sum(), strict=True)}


def voices(weights: Mapping[str, float], start: Mapping[str, float], members: Sequence[str]) -> NDArray[np.float64]:
    """(members,): how much each of ``members`` counts in a model, from 0 to 1.

    That is its weight by the median weight of those with a ``start``, one at most: half of those who have something at
    risk count whole, and who is rich counts no more. Below a tenth it is nothing: each of many names could have so
    little, and together they would be heard.
    """
    usual = median(weights[name] for name, amount in start.items() if amount > 0)
    each = np.array([min(1.0, weights.get(name, 0.0) / usual) for name in members])
    return np.where(each < _FAINT, 0.0, each)
