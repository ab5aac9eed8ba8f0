"""Requests to answers, whichever way they came."""

from __future__ import annotations

from typing import Any

from klopf.chain._base import BaseChain
from klopf.chain.rpc._fields import INVALID_PARAMS
from klopf.chain.rpc._node import Node
from klopf.chain.rpc._table import methods
from klopf.errors import ChainError, Rejected

__all__ = ["Rpc", "refusal"]

INVALID_REQUEST = -32600
NO_METHOD = -32601
INTERNAL = -32603


class Rpc:
    """Answers JSON-RPC requests about one open chain, from any number of threads."""

    def __init__(self, chain: BaseChain) -> None:
        self.chain = chain
        self.node = Node(chain)
        self.methods = methods(chain.dev)

    def answer(self, request: Any) -> dict[str, Any]:
        """One JSON-RPC request, as parsed JSON, to its answer; never raises."""
        identity = request.get("id") if isinstance(request, dict) else None
        try:
            if not isinstance(request, dict) or not isinstance(request.get("method"), str):
                raise Rejected("not a request: it needs a method", INVALID_REQUEST)
            result = self.request(request["method"], request.get("params", []))
            return {"jsonrpc": "2.0", "id": identity, "result": result}
        except ChainError as error:
            return refusal(identity, error)

    def request(self, method: str, params: Any) -> Any:
        """One method's result. Raises :class:`~klopf.errors.Rejected`, or another ``ChainError`` for the file; nothing
        else."""
        handler = self.methods.get(method)
        if handler is None:
            raise Rejected(f"the method {method} does not exist here; see docs/chain.md for those that do", NO_METHOD)
        if not isinstance(params, (list, tuple)):
            raise Rejected("params must be a list", INVALID_PARAMS)
        try:
            return handler(self.node, params)
        except Rejected as error:
            if error.code == INVALID_PARAMS:
                raise Rejected(f"{method}: {error}", INVALID_PARAMS) from error
            raise
        except ChainError:
            raise
        except Exception as error:  # a fault of this program, whatever it is, is this request's alone
            text = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            raise Rejected(f"{method} failed inside ({text}); please report it", INTERNAL) from error


def refusal(identity: Any, error: ChainError) -> dict[str, Any]:
    """The answer to a request that was refused, or that could not be answered."""
    body: dict[str, Any] = {"code": error.code if isinstance(error, Rejected) else INTERNAL, "message": str(error)}
    if isinstance(error, Rejected) and error.data is not None:
        body["data"] = error.data
    return {"jsonrpc": "2.0", "id": identity, "error": body}
