"""Devices, the nodes they join, the effort that is paid, and calls that somebody else carries."""

from klopf.ledger import _pack
from klopf.ledger.fleet.devices import Devices
from klopf.ledger.fleet.effort import Effort
from klopf.ledger.fleet.forwarder import Forwarder

__all__ = ["Devices", "Effort", "Fleet", "Forwarder"]


class Fleet(_pack.Pack):
    """See this module's text."""

    name = "fleet"
    contracts = (Forwarder, Devices, Effort)
    requires = ("core", "market")
