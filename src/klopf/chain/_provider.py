"""The chain as a web3.py provider in this process: no socket, no JSON text."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from web3.providers.base import BaseProvider

from ._rpc import Rpc

if TYPE_CHECKING:
    from web3.types import RPCEndpoint, RPCResponse

    from ._chain import Chain

__all__ = ["ChainProvider"]


class ChainProvider(BaseProvider):
    """``Web3(chain.provider())``. The chain stays open until :meth:`klopf.chain.Chain.close`."""

    def __init__(self, chain: Chain) -> None:
        super().__init__()
        self.chain = chain
        self.rpc = Rpc(chain)
        self._ids = itertools.count(1)

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """One request; an error comes back in the answer, as from a node."""
        return self.rpc.answer({"id": next(self._ids), "method": method, "params": list(params)})  # type: ignore[return-value]

    def make_batch_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse]:
        """Several requests, one after another."""
        return [self.make_request(method, params) for method, params in requests]

    def is_connected(self, show_traceback: bool = False) -> bool:
        """Whether the chain is open."""
        return not self.chain._store._closed
