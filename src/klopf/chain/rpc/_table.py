"""The table of methods: every name that is answered, from its namespace's file."""

from __future__ import annotations

from klopf.chain.rpc import _debug, _evm, _net, _txpool, _web3, eth
from klopf.chain.rpc._method import Method

__all__ = ["methods"]

ALWAYS: dict[str, Method] = {**_debug.METHODS, **_net.METHODS, **_txpool.METHODS, **_web3.METHODS, **eth.METHODS}
DEVELOPMENT: dict[str, Method] = {**_evm.METHODS}


def methods(dev: bool) -> dict[str, Method]:
    """By name; those for development only where ``dev``."""
    return ALWAYS | DEVELOPMENT if dev else ALWAYS
