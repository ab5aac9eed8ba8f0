"""A chain behind its JSON-RPC: an embedded file in this process, or any node's URL."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import threading
import time
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

from klopf.errors import ChainError, LedgerError, Reverted, Unanswered
from klopf.ledger import _abi, _reply

if TYPE_CHECKING:
    from klopf.chain import Chain
    from klopf.ledger.keys import Key

__all__ = ["Rpc", "Where", "open_rpc"]

Where = str | os.PathLike[str]

_TRIES = 8
_FREE_GAS = 15_000_000  # gas limit where gas costs nothing; under the 2**24 that newer forks allow a transaction
_MOST_GAS = 2**24
"""What a transaction may use where the newest forks are; ours are made to need less."""
_DEAREST = 200.0
"""Gwei for a unit of gas: what a client signs at most, where KLOPF_MAX_GAS_PRICE says nothing else."""
_GWEI = 10**9
_AGAIN = ("nonce too low", "nonce too high", "replacement transaction underpriced", "already imported", "gapped")
_KNOWN = ("already known", "known transaction", "already imported")


class Rpc:
    """Requests to one chain. Safe to share between threads; reads and sends are repeated through faults of the link."""

    def __init__(self, provider: Any, where: str, chain: Chain | None = None, confirmations: int = 0) -> None:
        self.provider = provider
        self.confirmations = 0 if chain is not None else confirmations
        """How many blocks must follow a transaction's before it counts; an embedded chain is final at once."""
        self.where = where
        self.chain = chain
        """The embedded chain, where this is one."""
        self.dearest = _dearest()
        """Wei for a unit of gas: more is never signed, whatever the node says."""
        self._lock = threading.RLock()
        self._nonces: dict[str, int] = {}
        self._fees: dict[str, tuple[float, int, int]] = {}
        self._chain_id: int | None = None

    def request(self, method: str, *params: Any) -> Any:
        """The result of one request. Reverted where a contract refused it, Unanswered where the node failed."""
        answer, _ = self._answer(method, params)
        if answer.get("error") is not None:
            raise _failure(method, answer["error"])
        return answer["result"]

    def _answer(self, method: str, params: tuple[Any, ...]) -> tuple[dict[str, Any], bool]:
        """What the node says in the end, and whether the link failed before: then it may have been asked twice."""
        for attempt in range(_TRIES):
            try:
                return _reply.check(method, params, self.provider.make_request(method, list(params))), attempt > 0
            except ChainError:
                raise
            except _reply.Malformed as error:
                if attempt == _TRIES - 1:
                    raise Unanswered(
                        f"{self.where} answers {method} with {error}, as no node should; check the address, or use "
                        "another node"
                    ) from None
                self._pause(attempt)
            except Exception as error:  # every HTTP library has its own; the link is at fault, not the request
                if attempt == _TRIES - 1:
                    raise Unanswered(
                        f"no answer from {self.where} ({type(error).__name__}); check the address and that it runs"
                    ) from None
                self._pause(attempt)
        raise AssertionError("unreachable")

    @staticmethod
    def _pause(attempt: int) -> None:
        time.sleep(min(2.0, 0.05 * 2**attempt) * (0.5 + random.random()))

    def _of(self, record: dict[str, Any], name: str) -> str:
        """A field that not every use of a reply needs."""
        if record.get(name) is None:
            raise Unanswered(f"a reply of {self.where} lacks {name}; use another node")
        return str(record[name])

    def height(self) -> int:
        """Number of the latest block."""
        return int(self.request("eth_blockNumber"), 16)

    def chain_id(self) -> int:
        """The chain's id."""
        if self._chain_id is None:
            self._chain_id = int(self.request("eth_chainId"), 16)
        return self._chain_id

    def block_hash(self, number: int) -> str:
        """Hash of a block by its number."""
        block = _abi.one(self.request("eth_getBlockByNumber", hex(number), False), f"block {number}")
        return str(block["hash"])

    def time_of(self, block: int | str) -> int:
        """When a block was made (or ``"pending"`` would be), in seconds since 1970."""
        place = block if isinstance(block, str) else hex(block)
        found = _abi.one(self.request("eth_getBlockByNumber", place, False), f"block {block}")
        return int(self._of(found, "timestamp"), 16)

    def gas_price(self) -> int:
        """What the node asks for a unit of gas, in wei. Unanswered where that is more than the user would pay."""
        price = int(self.request("eth_gasPrice"), 16)
        if price > self.dearest:
            raise Unanswered(
                f"{self.where} asks {price / _GWEI:,g} gwei for a unit of gas, and the limit is "
                f"{self.dearest / _GWEI:,g}: wait, use another node, or raise the limit with KLOPF_MAX_GAS_PRICE (gwei)"
            )
        return price

    def gas_of(self, message: dict[str, Any]) -> int:
        """What the node says that a transaction would use. Reverted where the contract would refuse it."""
        gas = int(self.request("eth_estimateGas", message), 16)
        if gas > _MOST_GAS:
            raise Unanswered(
                f"{self.where} says that a transaction would use {gas:,} units of gas, and none may use more than "
                f"{_MOST_GAS:,}; use another node"
            )
        return gas

    def code(self, address: str) -> bytes:
        """The code at an address."""
        return bytes.fromhex(self.request("eth_getCode", address, "latest")[2:])

    def balance(self, address: str) -> int:
        """Native coin of an address, in wei."""
        return int(self.request("eth_getBalance", address, "latest"), 16)

    def call(self, to: str, data: bytes, sender: str | None = None, block: str = "latest") -> bytes:
        """What a view answers."""
        message = {"to": to, "data": "0x" + data.hex(), "gas": hex(_FREE_GAS * 2)}
        if sender is not None:
            message["from"] = sender
        return bytes.fromhex(self.request("eth_call", message, block)[2:])

    def send(self, key: Key, to: str | None, data: bytes, value: int = 0) -> dict[str, Any]:
        """Send a transaction and wait for its receipt. Reverted where the contract refuses it.

        A transaction that the link lost is sent again, the same bytes, so it can never count twice. A nonce that
        another process used in the meantime is fetched again; but where an answer was lost, only once that other
        transaction was seen (Unanswered if neither it nor this one is found).
        """
        message: dict[str, Any] = {"from": key.address, "data": "0x" + data.hex()}
        if to is not None:
            message["to"] = to
        if value:
            message["value"] = hex(value)
        fee, tip = self.price_for(key.address)
        gas = _FREE_GAS if fee == 0 else min(self.gas_of(message) * 6 // 5, _MOST_GAS)
        # Two processes with one key may mean to pay the same twice. Signatures are deterministic: both would hold one
        # transaction and each take it for its own. A little gas that is never used tells them apart.
        gas += secrets.randbelow(1_000_000 if fee == 0 else 50_000)
        with self._lock:
            for attempt in range(_TRIES):
                nonce = self._nonces.get(key.address)
                if nonce is None:
                    nonce = int(self.request("eth_getTransactionCount", key.address, "pending"), 16)
                raw = _signed(key, self.chain_id(), nonce, tip, fee, gas, to, value, data)
                digest = "0x" + bytes(keccak(raw)).hex()
                try:
                    answer, unsure = self._answer("eth_sendRawTransaction", ("0x" + raw.hex(),))
                except Unanswered as silence:
                    self._nonces.pop(key.address, None)
                    raise Unanswered(f"{silence}; look for transaction {digest} before you send it again") from None
                if answer.get("error") is not None:
                    error = _failure("eth_sendRawTransaction", answer["error"])
                    line = str(error).lower()
                    if not any(text in line for text in _KNOWN):
                        self._nonces.pop(key.address, None)
                        if not any(text in line for text in _AGAIN) and "nonce" not in line:
                            raise error
                        if not self._arrived(digest, key.address, nonce, unsure):
                            if attempt == _TRIES - 1:
                                raise error
                            time.sleep(0.02 * (attempt + 1) * random.random())
                            continue
                self._nonces[key.address] = nonce + 1
                break
        receipt = self._final(digest, raw)
        if int(receipt["status"], 16) != 1:
            block = int(receipt["blockNumber"], 16)
            try:
                self.request("eth_call", {**message, "gas": hex(gas)}, hex(max(0, block - 1)))
            except Reverted as reason:
                raise Reverted(str(reason), reason.name) from None
            raise Reverted(f"transaction {digest} failed: the state changed under it; try again")
        if to is None:
            self._of(receipt, "contractAddress")
        return receipt

    def _arrived(self, digest: str, sender: str, nonce: int, unsure: bool, patience: float = 15.0) -> bool:
        """Whether the node has this transaction, though it says that its nonce is used.

        Where the link did not fail it was refused before anything could happen, so one look is enough. Otherwise it may
        have arrived, and the node that is asked now may be behind the one that took it.
        """
        until = time.monotonic() + patience
        while True:
            if self.request("eth_getTransactionReceipt", digest) is not None:
                return True
            if not unsure:
                return False
            if self.request("eth_getTransactionByHash", digest) is not None:
                return True
            used = self._who_used(sender, nonce)
            if used is not None:
                return used == digest
            if time.monotonic() > until:
                raise Unanswered(
                    f"the answer to transaction {digest} was lost and its nonce is used; look for it, then send again"
                )
            time.sleep(0.2)

    def _who_used(self, sender: str, nonce: int, back: int = 64) -> str | None:
        """Hash of the transaction with this nonce in the last ``back`` blocks; None if it is not there."""
        height = self.height()
        for number in range(height, max(-1, height - back), -1):
            block = self.request("eth_getBlockByNumber", hex(number), True)
            for sent in block["transactions"] if block else []:
                if sent["from"].lower() == sender.lower() and int(sent["nonce"], 16) == nonce:
                    return str(sent["hash"])
        return None

    def _final(self, digest: str, raw: bytes) -> dict[str, Any]:
        """The receipt once it stands: under ``confirmations`` blocks, in a block that was not reorganised away."""
        receipt = self._receipt(digest, raw)
        while self.confirmations:
            if self.height() < int(receipt["blockNumber"], 16) + self.confirmations:
                time.sleep(0.2)
                continue
            again = self.request("eth_getTransactionReceipt", digest)
            if again is not None and again["blockHash"] == receipt["blockHash"]:
                break
            receipt = self._receipt(digest, raw)
        return receipt

    def _receipt(self, digest: str, raw: bytes, patience: float = 180.0) -> dict[str, Any]:
        wait, until = 0.005, time.monotonic() + patience
        remind = time.monotonic() + 3.0
        while True:
            receipt: dict[str, Any] | None = self.request("eth_getTransactionReceipt", digest)
            if receipt is not None and receipt.get("blockNumber") is not None:
                return receipt
            if time.monotonic() > until:
                raise Unanswered(f"transaction {digest} is in no block after {patience:.0f} s; look for it again later")
            if time.monotonic() > remind:  # a node may have dropped it, a reorganisation lost it
                with contextlib.suppress(LedgerError):
                    self.request("eth_sendRawTransaction", "0x" + raw.hex())
                remind = time.monotonic() + 3.0
            time.sleep(wait)
            wait = min(0.5, wait * 1.5)

    def price_for(self, sender: str) -> tuple[int, int]:
        """Highest fee and tip per gas, in wei: twice today's price, so that a rising base fee does not strand it, but
        never more than the limit.

        Nothing where gas is free, or where the node asks only for a tip and the sender owns no coin to give one.
        """
        known = self._fees.get(sender)
        if known is None or time.monotonic() - known[0] > 5.0:
            price, tip = self.gas_price(), 0
            if price:
                base = int(self.request("eth_getBlockByNumber", "latest", False).get("baseFeePerGas") or "0x1", 16)
                if base == 0 and self.balance(sender) == 0:
                    price = 0
                else:
                    tip = min(price, int(self.request("eth_maxPriorityFeePerGas"), 16))
            known = self._fees[sender] = (time.monotonic(), min(2 * price, self.dearest), tip)
        return known[1], known[2]

    def close(self) -> None:
        """Let go of the chain."""
        if self.chain is not None:
            self.chain.close()


def open_rpc(where: Where, confirmations: int = 0) -> Rpc:
    """The chain at ``where``: ``http(s)://...`` is a node's RPC URL, anything else the path of an embedded chain."""
    text = os.fspath(where)
    if text.startswith(("http://", "https://")):
        from klopf.ledger import _http

        return Rpc(_http.provider(text), text, confirmations=confirmations)
    if "://" in text:
        raise LedgerError(f"{text} is no RPC URL; give one that starts with http:// or https://, or a file's path")
    from klopf import chain

    opened = chain.open(text)
    return Rpc(opened.provider(), text, opened)


def _dearest() -> int:
    """The user's limit for a unit of gas, in wei."""
    text = os.environ.get("KLOPF_MAX_GAS_PRICE") or str(_DEAREST)
    try:
        gwei = float(text)
        if not 0 <= gwei <= 1e12:
            raise ValueError
    except ValueError:
        raise LedgerError(f"KLOPF_MAX_GAS_PRICE is {text!r}, which is no price; give gwei, such as 50") from None
    return round(gwei * _GWEI)


def contract_address(creator: str, nonce: int) -> bytes:
    """Address of the contract that ``creator`` makes with its transaction number ``nonce``."""
    import rlp

    return bytes(keccak(rlp.encode([bytes.fromhex(creator[2:]), _whole(nonce)]))[12:])


def _whole(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _signed(
    key: Key, chain_id: int, nonce: int, tip: int, fee: int, gas: int, to: str | None, value: int, data: bytes
) -> bytes:
    """An EIP-1559 transaction, signed."""
    import rlp

    fields: list[Any] = [_whole(n) for n in (chain_id, nonce, tip, fee, gas)]
    fields += [b"" if to is None else bytes.fromhex(to[2:]), _whole(value), data, []]
    signature = key.sign(bytes(keccak(b"\x02" + rlp.encode(fields))))
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    return b"\x02" + bytes(rlp.encode([*fields, _whole(signature[64] - 27), _whole(r), _whole(s)]))


def _failure(method: str, error: Any) -> LedgerError:
    """The exception for a JSON-RPC error."""
    message, data = _reply.plain(str(error.get("message", error))), error.get("data")
    if isinstance(data, dict):  # some nodes nest it
        data = data.get("data") or data.get("result")
    if _reply.is_bytes(data) and (len(data) > 2 or "revert" in message):
        name, line = _abi.error_text(bytes.fromhex(data[2:]))
        return Reverted(_reply.plain(line), name)
    if "revert" in message.lower() and method in ("eth_call", "eth_estimateGas"):
        return Reverted(_abi.error_text(b"")[1])
    return Unanswered(f"{method}: {message}")
