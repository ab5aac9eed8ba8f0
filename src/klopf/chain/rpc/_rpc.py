"""Requests to answers, whichever way they came."""

from __future__ import annotations

import itertools
import json
import math
import re
import time
from typing import Any

from klopf.chain._development import DevelopmentChain
from klopf.chain._patience import TooLong
from klopf.chain.rpc._fields import INVALID_PARAMS, data, hexadecimal
from klopf.chain.rpc._node import Node
from klopf.chain.rpc._table import methods
from klopf.errors import ChainError, Rejected

__all__ = ["MAX_BATCH", "Rpc", "encode", "fault", "is_identity", "is_shallow", "refusal"]

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
NO_METHOD = -32601
INTERNAL = -32603
LIMIT = -32005
MAX_BATCH = 1000
BATCH_SECONDS = 60  # after which no further request of a batch is begun
MAX_DEPTH = 64
MAX_CALLS = 1024  # calls whose answers are kept, each with at most so many characters
MAX_KEPT = 8192
BRACKETS = re.compile(rb"[\[\]{}]")


class Rpc:
    """Answers JSON-RPC requests about one open chain, from any number of threads."""

    def __init__(self, chain: DevelopmentChain, dev: bool | None = None) -> None:
        """``dev``: whether what only a development chain does is offered (None: where the chain is one)."""
        self.chain = chain
        dev = chain.dev if dev is None else dev
        self.node = Node(chain, dev)
        self.methods = methods(dev)
        self._called: dict[tuple[bytes, str], str] = {}

    def reply(self, body: bytes) -> Any:
        """A request or a batch, as JSON's bytes, to its answer or answers; None where nothing is to be answered."""
        request, refused = self.read(body)
        return self.reply_to(request) if refused is None else refused

    def read(self, body: bytes) -> tuple[Any, dict[str, Any] | None]:
        """A request or a batch, parsed; or the answer where it is neither."""
        try:
            request = DECODER.decode(body.decode(json.detect_encoding(body))) if is_shallow(body) else None
        except ValueError:
            request = None
        if request is None:
            text = "not JSON, or nested too deep; send a JSON-RPC request"
            return None, refusal(None, Rejected(text, PARSE_ERROR))
        if isinstance(request, list) and not 0 < len(request) <= MAX_BATCH:
            text = f"a batch holds 1 to {MAX_BATCH} requests; split it"
            return None, refusal(None, Rejected(text, INVALID_REQUEST))
        return request, None

    def reply_to(self, request: Any) -> Any:
        """A parsed request or batch to its answer or answers; None where nothing is to be answered."""
        if not isinstance(request, list):
            answer = self.answer(request)
            return None if _is_notification(request) else answer
        answers = zip(request, self.answer_all(request), strict=True)
        return [answer for one, answer in answers if not _is_notification(one)] or None

    def sending(self, request: Any) -> list[Any] | None:
        """The requests of which it consists, where each sends a signed transaction and nothing else."""
        requests = request if isinstance(request, list) else [request]
        return requests if all(_is_sending(one) for one in requests) else None

    def answer(self, request: Any) -> dict[str, Any]:
        """One JSON-RPC request, as parsed JSON, to its answer; never raises."""
        identity = request.get("id") if isinstance(request, dict) else None
        try:
            if not isinstance(request, dict) or not isinstance(request.get("method"), str):
                raise Rejected("not a request: it needs a method", INVALID_REQUEST)
            if not is_identity(identity):
                identity = None
                raise Rejected("not a request: its id is a number or a text", INVALID_REQUEST)
            result = self.request(request["method"], request.get("params", []))
            return {"jsonrpc": "2.0", "id": identity, "result": result}
        except ChainError as error:
            return refusal(identity, error)

    def answer_all(self, requests: list[Any]) -> list[dict[str, Any]]:
        """A batch: its requests are answered in order, and signed transactions that follow each other in one write."""
        out: list[dict[str, Any]] = []
        until = time.monotonic() + BATCH_SECONDS
        for sending, group in itertools.groupby(requests, _is_sending):
            for part in [list(group)] if sending else ([request] for request in group):
                if time.monotonic() > until:
                    text = f"the batch has taken more than {BATCH_SECONDS} s; send what is left in another"
                    out += [_too_long(request, text) for request in part]
                else:
                    out += self.send_all(part) if sending else [self.answer(part[0])]
        return out

    def send_all(self, requests: list[Any], wait: bool = True) -> list[dict[str, Any]]:
        """Requests that send signed transactions, in one write; each is answered for itself.

        Where ``wait`` is False, raises :class:`~klopf.chain._patience.TooLong` instead of waiting for another writer.
        """
        raws: list[bytes | ChainError] = []
        for request in requests:
            try:
                raws.append(data(request["params"][0]))
            except Rejected as error:
                raws.append(named("eth_sendRawTransaction", error))
        try:
            sent = iter(self.chain.submit([raw for raw in raws if isinstance(raw, bytes)], wait))
        except TooLong:
            raise
        except Exception as error:
            failed = error if isinstance(error, ChainError) else fault("eth_sendRawTransaction", error)
            sent = itertools.repeat(failed)
        results = [next(sent) if isinstance(raw, bytes) else raw for raw in raws]
        return [
            {"jsonrpc": "2.0", "id": request.get("id"), "result": hexadecimal(result)}
            if isinstance(result, bytes)
            else refusal(request.get("id"), result if isinstance(result, ChainError) else ChainError(str(result)))
            for request, result in zip(requests, results, strict=True)
        ]

    def write(self, request: Any) -> bytes | None:
        """The same as :meth:`reply_to` as JSON's bytes."""
        if isinstance(request, dict) and "id" in request and is_identity(request["id"]):
            method, params = request.get("method"), request.get("params", [])
            handler = self.methods.get(method) if isinstance(method, str) else None
            if handler is not None and handler.has_text:
                try:
                    text = self.request(str(method), params, as_text=True)
                except ChainError as error:
                    return encode(refusal(request["id"], error))
                return f'{{"jsonrpc":"2.0","id":{json.dumps(request["id"])},"result":{text}}}'.encode("ascii")
            if method == "eth_call":
                return self._call(request["id"], params)
        answer = self.reply_to(request)
        return None if answer is None else encode(answer)

    def _call(self, identity: Any, params: Any) -> bytes:
        """An ``eth_call``: as long as nobody writes, the same question has the same answer."""
        asked = repr(params)
        with self.node.store.steady():
            head = self.node.store.head().hash
            result = self._called.get((head, asked))
            if result is None:
                try:
                    result = self.request("eth_call", params)
                except ChainError as error:
                    return encode(refusal(identity, error))
                if len(asked) + len(result) <= MAX_KEPT and "pending" not in asked:
                    if len(self._called) >= MAX_CALLS:
                        self._called.clear()
                    self._called[head, asked] = result
        name = identity if identity.__class__ is int else json.dumps(identity)
        return f'{{"jsonrpc":"2.0","id":{name},"result":"{result}"}}'.encode("ascii")

    def request(self, method: str, params: Any, as_text: bool = False) -> Any:
        """One method's result. Raises :class:`~klopf.errors.Rejected`, or another ``ChainError`` for the file; nothing
        else."""
        handler = self.methods.get(method)
        if handler is None:
            raise Rejected(f"the method {method} does not exist here; see docs/chain.md for those that do", NO_METHOD)
        if not isinstance(params, (list, tuple)):
            raise Rejected("params must be a list", INVALID_PARAMS)
        try:
            if handler.is_constant:
                return handler(self.node, params)
            with self.node.store.steady():
                return handler(self.node, params, as_text)
        except Rejected as error:
            if error.code == INVALID_PARAMS:
                raise named(method, error) from error
            raise
        except (ChainError, TooLong):
            raise
        except Exception as error:  # a fault of this program, whatever it is, is this request's alone
            raise fault(method, error) from error


def named(method: str, error: Rejected) -> Rejected:
    """Wrong parameters, with the method whose they are."""
    return Rejected(f"{method}: {error}", INVALID_PARAMS)


def fault(method: str, error: Exception) -> Rejected:
    """What to say of an error that nobody foresaw."""
    text = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return Rejected(f"{method} failed inside ({text}); please report it", INTERNAL)


def _no_number(name: str) -> float:
    """NaN and infinities are not JSON; an answer that repeats one could not be read."""
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


DECODER = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)
ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)


def encode(answer: Any) -> bytes:
    """An answer as JSON's bytes."""
    return ENCODER.encode(answer).encode()


def is_shallow(body: bytes) -> bool:
    """Whether brackets nest at most 64 deep: the machine raises Python's recursion limit, so the parser has none."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return True
    depth = 0
    for bracket in BRACKETS.finditer(body):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MAX_DEPTH:
            return False
    return True


def _too_long(request: Any, text: str) -> dict[str, Any]:
    return refusal(request.get("id") if isinstance(request, dict) else None, Rejected(text, LIMIT))


def is_identity(value: Any) -> bool:
    """Whether it can be the ``id`` of a request: a text, a number or nothing."""
    return not isinstance(value, (bool, dict, list))


def _is_notification(request: Any) -> bool:
    """Whether it is a request without an ``id``, which JSON-RPC does not answer."""
    return isinstance(request, dict) and isinstance(request.get("method"), str) and "id" not in request


def _is_sending(request: Any) -> bool:
    """Whether it is ``eth_sendRawTransaction`` with one parameter."""
    return (
        isinstance(request, dict)
        and request.get("method") == "eth_sendRawTransaction"
        and isinstance(request.get("params"), list)
        and len(request["params"]) == 1
        and is_identity(request.get("id"))
    )


def refusal(identity: Any, error: ChainError) -> dict[str, Any]:
    """The answer to a request that was refused, or that could not be answered."""
    body: dict[str, Any] = {"code": error.code if isinstance(error, Rejected) else INTERNAL, "message": str(error)}
    if isinstance(error, Rejected) and error.data is not None:
        body["data"] = error.data
    return {"jsonrpc": "2.0", "id": identity, "error": body}
