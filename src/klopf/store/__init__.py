"""Records by their content: cleaned, desensitised, sliced and stored under identifiers that a real IPFS node gives.

A library by itself: no network, no chain. See docs/store.md.
"""

from __future__ import annotations

from klopf.extras import require as _require

_require("store", "klopf.store")

from klopf.store._build import PROFILES
from klopf.store._car import verify as verify_archive
from klopf.store._check import Checked, check
from klopf.store._cid import Cid
from klopf.store._picture import bars, draw
from klopf.store._policy import EXAMPLE, Policy
from klopf.store._record import Record
from klopf.store._store import Added, Store

__all__ = [
    "EXAMPLE",
    "PROFILES",
    "Added",
    "Checked",
    "Cid",
    "Policy",
    "Record",
    "Store",
    "bars",
    "check",
    "draw",
    "verify_archive",
]
