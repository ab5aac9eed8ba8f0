"""``web3``: who answers, and a hash."""

from __future__ import annotations

from eth_hash.auto import keccak

from klopf import __version__
from klopf.chain.rpc._fields import data, hexadecimal
from klopf.chain.rpc._method import Method

__all__ = ["METHODS"]

METHODS = {
    "web3_clientVersion": Method(lambda node: f"klopf/{__version__}"),
    "web3_sha3": Method(lambda node, hashed: hexadecimal(keccak(hashed)), data),
}
