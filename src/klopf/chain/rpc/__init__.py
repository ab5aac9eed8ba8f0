"""Ethereum's JSON-RPC over a chain: the same answers in process, over HTTP and over a websocket.

A file or folder a namespace; `_table` names every method with what its parameters must be.
"""

from __future__ import annotations

from klopf.chain.rpc._rpc import Rpc

__all__ = ["Rpc"]
