"""How a node divides what it is paid among its devices, and what its leader tells each of them, signed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from klopf import files
from klopf.errors import FleetError
from klopf.fleet._device import Instructions
from klopf.fleet._pay import amounts
from klopf.fleet._statement import Statement

__all__ = ["Divided"]

_JOBS = 100
"""Jobs that are kept, the newest."""


class Divided:
    """The rule of a node: what is left of its pay after the leader's fee goes to its devices by the weight that their
    updates had in what the node gave, each round of the job alike. Kept in ``path``, so a leader that was killed goes
    on.

    Args:
        sign: 32 bytes, by the leader's key. fee: the leader's own part, from 0 to under 1.
    """

    def __init__(self, path: Path, sign: Callable[[bytes], bytes], fee: float = 0.0) -> None:
        if not 0 <= fee < 1:
            raise FleetError(f"a leader's fee of {fee:g}: the part of the node's pay that it keeps, from 0 to under 1")
        self._path, self._sign, self.fee = path, sign, fee
        self._jobs = _read(path, _checked)

    def note(self, wanted: Instructions, used: Mapping[str, float]) -> None:
        """Whose updates had which weight in a round (they sum to 1); of a round that is tried again, the last time."""
        which = _which(wanted.job, wanted.escrow)
        kept = self._jobs.pop(which, {"rounds": 0, "sums": {}, "round": 0, "last": {}})
        if kept["round"] != wanted.round:
            kept["rounds"] += bool(kept["last"])
            for name, weight in kept["last"].items():
                kept["sums"][name] = kept["sums"].get(name, 0.0) + weight
        kept.update(fee=self.fee, round=wanted.round, last={name: float(weight) for name, weight in used.items()})
        self._jobs[which] = kept
        self._jobs = dict(list(self._jobs.items())[-_JOBS:])
        files.replace(self._path, json.dumps(self._jobs, indent=1) + "\n")

    def parts(self, job: str, escrow: int = 0) -> dict[str, float]:
        """Of what a node is paid for a job, each device's part so far; with the fee that it had then they sum to 1."""
        kept = self._jobs.get(_which(job, escrow))
        if kept is None:
            return {}
        rounds = kept["rounds"] + bool(kept["last"])
        names = sorted({*kept["sums"], *kept["last"]})
        sums = {name: kept["sums"].get(name, 0.0) + kept["last"].get(name, 0.0) for name in names}
        return {name: (1 - kept["fee"]) * total / rounds for name, total in sums.items()}

    def due(self, job: str, escrow: int, paid: int) -> dict[str, int]:
        """Of ``paid`` units, each device's, rounded down; as it was said the first time, which is kept beside ``path``:
        whatever becomes of the parts later, no more than that is handed on."""
        place = self._path.with_name("handed.json")
        handed, which = _read(place, _amounts), _which(job, escrow)
        if which not in handed:
            parts = self.parts(job, escrow)
            handed[which] = amounts(parts, {name: name for name in parts}, paid)
            files.replace(place, json.dumps(handed, indent=1) + "\n")
        return handed[which]

    def escrows(self) -> list[tuple[str, int]]:
        """Of the jobs worked for, those whose pay is locked on a ledger: what each is called, and its number."""
        both = [(job, int(escrow)) for escrow, _, job in (which.partition(" ") for which in self._jobs)]
        return [(job, escrow) for job, escrow in both if escrow]

    def told(self, name: str, wanted: Instructions) -> Instructions:
        """The same instructions with the leader's word to a device in place of the server's to the node: its part of
        the value and of the share that the server told. As they are where the server tells nothing."""
        if not wanted.said:
            return wanted
        said = {key: value for key, value in wanted.said.items() if key != "signature"}
        node, kept = Statement(**said), self._jobs.get(_which(wanted.job, wanted.escrow), {})
        last = kept.get("last", {}) if kept.get("round") == node.round else {}
        value = node.value * (1 - self.fee) * last.get(name, 0.0)
        share = node.share * self.parts(wanted.job, wanted.escrow).get(name, 0.0)
        return replace(wanted, said=replace(node, name=name, value=value, share=share).signed(self._sign))


def _read(path: Path, checked: Callable[[str, Any], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of each job what is kept in a file; none where there is no file. Raises FleetError."""
    try:
        said = json.loads(path.read_text()) if path.exists() else {}
        if any(int(which.partition(" ")[0]) < 0 for which in said):
            raise ValueError("no job's number")
        return {which: checked(which, kept) for which, kept in said.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise FleetError(f"{path} does not say how a node divided: put it back, or begin with a new home") from None


def _checked(which: str, kept: Any) -> dict[str, Any]:
    """How a node divided a job so far, as :meth:`Divided.note` keeps it. Raises ValueError, TypeError, KeyError."""
    good = type(kept["rounds"]) is type(kept["round"]) is int
    weights = [*dict(kept["sums"]).values(), *dict(kept["last"]).values()]
    if not (good and kept["rounds"] >= 0 and all(0 <= weight < math.inf for weight in weights)):
        raise ValueError(which)
    if not 0 <= kept.get("fee", 0) < 1 or (kept["sums"] and not kept["rounds"]):
        raise ValueError(which)
    return dict(kept)


def _amounts(which: str, kept: Any) -> dict[str, Any]:
    if not all(type(amount) is int and amount >= 0 for amount in dict(kept).values()):
        raise ValueError(which)
    return dict(kept)


def _which(job: str, escrow: int) -> str:
    """Two demands may be called the same: what is locked for each is another."""
    return f"{escrow} {job}"
