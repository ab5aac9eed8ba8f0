"""A device's end of a demand: a folder with its key, and a table of records that it trains on."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Any

from klopf import files, wire
from klopf.errors import FleetError, TableError
from klopf.fleet._device import Application, Instructions, TrainingDevice, Update
from klopf.fleet._members import NAME
from klopf.fleet._parameters import Parameters
from klopf.fleet._post import Post
from klopf.fleet._private import Accountant, Privacy
from klopf.fleet._records import read_records
from klopf.tables import read

__all__ = ["Home", "TableDevice"]

_LOG = logging.getLogger("klopf.fleet")


class Home:
    """A device's key and certificate on the disk; its address on the wire stays the same from start to start."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name

    @classmethod
    def open(cls, path: Path, name: str) -> Home:
        """As it is, or made, whole or not at all; the folder is its owner's alone to read.

        Raises:
            FleetError: something else is there, or ``name`` is none of a device.
        """
        if not re.fullmatch(NAME, name):
            raise FleetError(f"{name[:70]!r} is no name of a device: letters, digits and . + - _, at most 64 (--name)")
        if not path.exists():
            with files.replaced_folder(path) as draft:
                draft.chmod(0o700)
                files.create(draft / "device.key", os.urandom(32), private=True)
                wire.Certificate.new(name).save(draft)
        if not (path / "device.key").is_file():
            raise FleetError(f"{path} is no device's home: name a new folder, or one that this command made")
        return cls(path, name)

    def secret(self) -> bytes:
        """Its key, whose address is paid where its card names no other."""
        return (self.path / "device.key").read_bytes()

    def post(self) -> Post:
        """Its place on the wire."""
        return Post(self.name, secret=self.secret(), certificate=wire.Certificate.load(self.path))


class TableDevice:
    """A device whose records are a CSV or Parquet file, of which each demand names its columns and its target.
    ``privacy``, ``accountant``: as :class:`TrainingDevice` takes them.

    Raises:
        TableError: the file cannot be read.
    """

    def __init__(
        self, name: str, path: Path, *, privacy: Privacy | None = None, accountant: Accountant | None = None
    ) -> None:
        self.name, self._path, self._privacy, self._accountant = name, path, privacy, accountant
        self._many = len(read(path))
        self._devices: dict[tuple[Any, ...], TrainingDevice] = {}

    def __len__(self) -> int:
        return self._many

    def apply(self, wanted: Instructions) -> Application:
        """As :meth:`Device.apply`."""
        return self._of(wanted).apply(wanted)

    def fit(self, parameters: Parameters, wanted: Instructions) -> Update:
        """As :meth:`Device.fit`."""
        return self._of(wanted).fit(parameters, wanted)

    def _of(self, wanted: Instructions) -> TrainingDevice:
        if not wanted.target:
            raise FleetError("the demand does not name its target, and this device holds a table: have it named")
        ranges = {name: (float(low), float(high)) for name, (low, high) in wanted.ranges.items()}
        which = wanted.target, tuple(wanted.columns), tuple(sorted(ranges.items())), tuple(wanted.classes)
        if which not in self._devices:
            try:
                inputs, targets, _ = read_records(self._path, wanted.target, wanted.columns, ranges, wanted.classes)
            except TableError as error:
                _LOG.warning("%s", error)  # for its owner alone: what is wrong with a cell says what is in it
                raise FleetError(
                    "its file lacks a column that is wanted, or has something else than numbers there"
                ) from None
            device = TrainingDevice(self.name, inputs, targets, privacy=self._privacy, accountant=self._accountant)
            self._devices = {which: device}
        return self._devices[which]
