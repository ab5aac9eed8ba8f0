"""A device: a folder with its key in a trusted part, and what it listens to. See docs/devices.md.

::

    from klopf.fleet import device

    device.create(folder, passphrase)
    device.join(folder, policy, folder=readings)
    device.serve(folder, key, once=True)
"""

from __future__ import annotations

from klopf.extras import require as _require

_require("network", "klopf.fleet.device")
_require("store", "klopf.fleet.device")

from klopf.fleet.device._describe import describe
from klopf.fleet.device._folder import create
from klopf.fleet.device._measure import Measured, SignedMeasure, measure
from klopf.fleet.device._serve import Signs, digest_of, serve, stored
from klopf.fleet.device._sources import Source, change, join, leave, sources
from klopf.fleet.device._thing import Thing

__all__ = [
    "Measured",
    "SignedMeasure",
    "Signs",
    "Source",
    "Thing",
    "change",
    "create",
    "describe",
    "digest_of",
    "join",
    "leave",
    "measure",
    "serve",
    "sources",
    "stored",
]
