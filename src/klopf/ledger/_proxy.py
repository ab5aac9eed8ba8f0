"""What is the same of every contract behind a proxy: the code that is there is the one that was put there last."""

from __future__ import annotations

from klopf.ledger._replay import Replay
from klopf.ledger.keys import checksum

__all__ = ["ProxyReplay"]

_IMPLEMENTATION = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"  # slot, EIP-1967


class ProxyReplay(Replay):
    """A subclass sets ``implementation`` in its handler of ``Upgraded``, and calls :meth:`compare` from its own."""

    implementation = ""

    def compare(self) -> None:
        word = self.run.ledger.rpc.request("eth_getStorageAt", self.address, _IMPLEMENTATION, "latest")
        self.differ(f"the contract's code behind {self.contract}", self.implementation, checksum("0x" + word[-40:]))
