"""``web3``: who answers, and a hash."""

from __future__ import annotations

from klopf import __version__
from klopf.chain._keccak import keccak
from klopf.chain.rpc._fields import data, hexadecimal
from klopf.chain.rpc._method import Method
from klopf.chain.rpc._node import Node

__all__ = ["METHODS"]


def client_version(node: Node) -> str:
    """``web3_clientVersion``. Tools of development ask it whether they may ask for hardhat's and anvil's methods."""
    return f"anvil/klopf-{__version__}" if node.dev else f"klopf/{__version__}"


METHODS = {
    "web3_clientVersion": Method(client_version),
    "web3_sha3": Method(lambda node, hashed: hexadecimal(keccak(hashed)), data),
}
