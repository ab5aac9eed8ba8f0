"""Every error that Klopf raises on purpose. ``str(error)`` is one line: what is wrong and how to mend it.

::

    KlopfError
    ├── MindError          a learner was given something it cannot use, or a saved one cannot be read
    ├── ChainError         the embedded chain refused or could not be read
    ├── LedgerError        a contract, key or deployment is not what it should be
    ├── WireError          a request or answer was refused, or did not arrive
    ├── PeersError         a network or a neuron in it is set up wrongly
    └── AuditError         an audit cannot be carried out
"""

from __future__ import annotations

__all__ = ["AuditError", "ChainError", "KlopfError", "LedgerError", "MindError", "PeersError", "WireError"]


class KlopfError(Exception):
    """Root of the tree: catch this to catch all of Klopf's own errors."""


class MindError(KlopfError):
    """A learner was given something it cannot use, or a saved one cannot be read."""


class ChainError(KlopfError):
    """The embedded chain refused or could not be read."""


class LedgerError(KlopfError):
    """A contract, key or deployment is not what it should be."""


class WireError(KlopfError):
    """A request or answer was refused, or did not arrive."""


class PeersError(KlopfError):
    """A network or a neuron in it is set up wrongly."""


class AuditError(KlopfError):
    """An audit cannot be carried out."""
