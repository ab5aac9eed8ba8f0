"""Devices, their sales, the nodes they join, the effort that is paid, and calls that somebody else carries."""

from klopf.ledger import _pack
from klopf.ledger.fleet.devices import Devices
from klopf.ledger.fleet.effort import Effort
from klopf.ledger.fleet.forwarder import Forwarder
from klopf.ledger.fleet.sales import Sales

__all__ = ["Devices", "Effort", "Fleet", "Forwarder", "Sales"]


class Fleet(_pack.Pack):
    """See this module's text."""

    name = "fleet"
    contracts = (Forwarder, Devices, Effort, Sales)
    requires = ("core", "market")
