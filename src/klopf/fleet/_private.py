"""A change that tells little of any one record: the mean over groups of records, each clipped, with Gaussian noise.

A device's records are dealt into groups once; each round the model is trained on each group from the same parameters,
and each group's change is cut to a length of at most ``clip``. A record is in one group, so changing it moves the mean
by at most ``2 clip / groups``, whatever the model. The Gaussian mechanism on that is ρ-zCDP with ρ = sensitivity² /
2σ² (Bun and Steinke 2016); rounds add up, and ρ-zCDP is (ρ + 2 √(ρ ln 1/δ), δ)-differentially private."""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from klopf import files
from klopf.errors import BudgetSpent, FleetError

__all__ = ["Accountant", "Privacy", "noised"]


@dataclass(frozen=True)
class Privacy:
    """How much of one record the updates of one job may tell.

    epsilon, delta: of all ``rounds`` together, for a record exchanged for another one. clip: the length of one group's
    change. groups: at least 2; more of them need less noise and learn less each. 0: each record is one, and gives one
    step; that needs the least noise, and tells how many records there are, by which it is then weighed.
    """

    epsilon: float
    rounds: int
    delta: float = 1e-5
    clip: float = 1.0
    groups: int = 50

    def __post_init__(self) -> None:
        if not (0 < self.epsilon < 1e6 and 0 < self.delta < 0.1 and 0 < self.clip < 1e6):
            raise FleetError("privacy needs epsilon and clip above 0, and delta between 0 and 0.1")
        if self.rounds < 1 or self.groups == 1 or self.groups < 0:
            raise FleetError("privacy needs at least 1 round, and 2 groups or 0: a group for each record")

    @property
    def rho(self) -> float:
        """Of one round, in zCDP.

        >>> 0 < Privacy(1.0, 10).rho < Privacy(4.0, 10).rho
        True
        """
        log = math.log(1 / self.delta)
        return (math.sqrt(log + self.epsilon) - math.sqrt(log)) ** 2 / self.rounds

    def sigma(self, groups: int) -> float:
        """Standard deviation of the noise on each number of the mean of so many groups."""
        return (2 * self.clip / groups) / math.sqrt(2 * self.rho)


class Accountant:
    """What a device has spent, on the disk before anything is given, so that neither a restart nor another process of
    the device spends it twice.

    Args:
        path: a line is added for each round; beside it lies ``PATH.begun``, by which it is noticed if the file is gone.
            None keeps it in memory.
        epsilon, delta: the most that may ever be spent.

    Raises:
        FleetError: the file is gone or damaged, so what was spent cannot be told.
    """

    def __init__(self, path: Path | None, epsilon: float, delta: float = 1e-5) -> None:
        if not (0 < epsilon < 1e6 and 0 < delta < 0.1):
            raise FleetError("a budget needs epsilon above 0, and delta between 0 and 0.1")
        log = math.log(1 / delta)
        self._most = (math.sqrt(log + epsilon) - math.sqrt(log)) ** 2
        self._path, self._one, self._spent = path, threading.Lock(), 0.0
        self._spent = self._read()

    @property
    def left(self) -> float:
        """What is left, in zCDP."""
        return self._most - self._read()

    def spend(self, rho: float, what: str) -> None:
        """Spend ``rho``.

        Raises:
            BudgetSpent: less is left; nothing was spent.
            FleetError: ``rho`` is no amount, or what was spent cannot be told.
        """
        if not (math.isfinite(rho) and rho >= 0):
            raise FleetError(f"privacy: {rho} is no amount that can be spent")
        with self._one, self._alone() as begun:
            left = self.left  # read again: another process of the device may have spent meanwhile
            if rho > left * (1 + 1e-9):
                raise BudgetSpent(
                    f"privacy: {rho:.3g} is asked for and {max(0.0, left):.3g} left (zCDP); decline the job"
                )
            if self._path is not None:
                files.append_line(self._path, json.dumps({"rho": rho, "what": what}))
                files.sync(self._path.parent)
                if os.fstat(begun).st_size == 0:
                    os.write(begun, b"a budget has begun to be spent\n")
                    os.fsync(begun)
            self._spent += rho

    @contextlib.contextmanager
    def _alone(self) -> Iterator[int]:
        """While nobody else spends of the same file: ``PATH.begun``, held."""
        if self._path is None:
            yield -1
            return
        handle = os.open(self._begun(self._path), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
        finally:
            os.close(handle)

    @staticmethod
    def _begun(path: Path) -> Path:
        return path.with_name(path.name + ".begun")

    def _read(self) -> float:
        if self._path is None:
            return self._spent
        begun = self._begun(self._path)
        if not self._path.exists():
            if begun.exists() and begun.stat().st_size:
                raise FleetError(
                    f"{self._path} is gone, so what was spent cannot be told and nothing more is given: put it back"
                )
            return 0.0
        return sum(_amount(line, self._path) for line in self._path.read_bytes().split(b"\n")[:-1])


def _amount(line: bytes, path: Path) -> float:
    """What a line says was spent. A last one without an end is not asked for: nothing was given for it yet."""
    try:
        rho = json.loads(line)["rho"]
        if type(rho) in (int, float) and math.isfinite(rho) and rho >= 0:
            return float(rho)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        pass
    raise FleetError(f"{path} is damaged: what was spent cannot be told, so nothing more is given; put its backup back")


def noised(
    train: Callable[[NDArray[np.int64]], NDArray[np.float32]],
    records: int,
    privacy: Privacy,
    deal: np.random.Generator,
    noise: np.random.Generator,
    at_once: Callable[[float], NDArray[np.float64] | None] = lambda _: None,
) -> NDArray[np.float32]:
    """The noised mean change, shape ``(numbers,)``.

    train: the change of training on these places of the records. deal: the same in each round. noise: the device's own,
    which nobody else can draw again. at_once: where each record is a group, the sum of the changes, each cut to the
    length given; None where it is to be made one by one.

    Raises:
        FleetError: there are fewer records than groups.
    """
    groups = privacy.groups or records
    if records < groups:
        raise FleetError(f"{records} records do not fill {groups} groups: ask for fewer groups")
    total = at_once(privacy.clip) if not privacy.groups else None
    if total is None:
        for group in np.array_split(deal.permutation(records), groups):
            change = train(group).astype(np.float64)
            change *= min(1.0, privacy.clip / max(float(np.linalg.norm(change)), 1e-30))
            total = change if total is None else total + change
    assert total is not None
    return np.asarray(total / groups + noise.normal(0, privacy.sigma(groups), total.size), np.float32)
