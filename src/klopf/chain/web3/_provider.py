"""The chain as a web3.py provider in this process: no socket, no JSON text."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from web3.providers.base import JSONBaseProvider

from klopf.chain.rpc import Rpc
from klopf.chain.web3._middlewares import compose
from klopf.nested import limited

if TYPE_CHECKING:
    from collections.abc import Callable

    from web3 import Web3
    from web3.middleware.base import MiddlewareOnion
    from web3.types import RPCEndpoint, RPCResponse

    from klopf.chain._development import DevelopmentChain

__all__ = ["ChainProvider"]

limited()


class ChainProvider(JSONBaseProvider):
    """``Web3(chain.provider())``. The chain stays open until :meth:`klopf.chain.Chain.close`."""

    def __init__(self, chain: DevelopmentChain) -> None:
        super().__init__()
        self.chain = chain
        self.rpc = Rpc(chain)
        self._ids = itertools.count(1)

    def request_func(self, w3: Web3, middleware_onion: MiddlewareOnion) -> Callable[..., RPCResponse]:
        """web3.py's middlewares around :meth:`make_request`; see :mod:`~klopf.chain.web3._middlewares`."""
        middleware: tuple[Any, ...] = middleware_onion.as_tuple_of_middleware()
        if self._request_func_cache[0] != middleware:
            self._request_func_cache = (middleware, compose(w3, middleware, self.make_request))
        return self._request_func_cache[1]

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """One request; an error comes back in the answer, as from a node."""
        return self.rpc.answer({"id": next(self._ids), "method": method, "params": list(params)})  # type: ignore[return-value]

    def make_batch_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse]:
        """Several requests, in their order; signed transactions that follow each other in one write."""
        return self.rpc.answer_all(  # type: ignore[return-value]
            [
                {"id": next(self._ids), "method": method, "params": list(params), "jsonrpc": "2.0"}
                for method, params in requests
            ]
        )

    def is_connected(self, show_traceback: bool = False) -> bool:
        """Whether the chain is open."""
        return not self.chain._store.closed
