"""JSON-RPC: Ethereum's methods over a :class:`~klopf.chain._chain.Chain`, for the provider and for the server."""

from __future__ import annotations

import functools
import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from eth_hash.auto import keccak

from klopf import __version__
from klopf.errors import ChainError, Rejected

from ._block import Header
from ._chain import Chain, Stand
from ._executor import Frame, Log, Outcome
from ._overrides import Overridden
from ._store import StoredBlock
from ._transaction import Transaction, decode

__all__ = ["Rpc"]

INVALID_PARAMS = -32602
NO_METHOD = -32601
REVERTED = 3
ZERO_ADDRESS = bytes(20)
MAX_FILTERS = 1024
MAX_TRACE = 128
MAX_RANGE_LOGS = 200_000
WORDS = {"OutOfGas": "out of gas", "InvalidInstruction": "invalid opcode", "InvalidJumpDestination": "invalid jump"}
LATEST = ("latest", "safe", "finalized")


class Rpc:
    """Answers requests. Its filters live in memory, as in every node; everything else is in the file."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self._store = chain._store
        self._filters: OrderedDict[int, dict[str, Any]] = OrderedDict()
        self._snapshots: dict[int, int] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self.methods: dict[str, Callable[..., Any]] = {
            "web3_clientVersion": lambda: f"klopf/{__version__}",
            "web3_sha3": lambda data: _hex(keccak(_data(data))),
            "net_version": lambda: str(chain.chain_id),
            "net_listening": lambda: True,
            "net_peerCount": lambda: "0x0",
            "eth_chainId": lambda: hex(chain.chain_id),
            "eth_protocolVersion": lambda: "0x44",
            "eth_syncing": lambda: False,
            "eth_mining": lambda: False,
            "eth_hashrate": lambda: "0x0",
            "eth_accounts": lambda: [],
            "eth_coinbase": lambda: _hex(self._head().header.coinbase),
            "eth_blockNumber": lambda: hex(chain.height),
            "eth_gasPrice": lambda: hex(self._head().header.base_fee),
            "eth_maxPriorityFeePerGas": lambda: "0x0",
            "eth_blobBaseFee": lambda: "0x1",
            "eth_feeHistory": self.fee_history,
            "eth_getBalance": self.get_balance,
            "eth_getTransactionCount": self.get_transaction_count,
            "eth_getCode": self.get_code,
            "eth_getStorageAt": self.get_storage_at,
            "eth_getProof": self.get_proof,
            "eth_call": self.call,
            "eth_estimateGas": self.estimate_gas,
            "eth_sendRawTransaction": lambda raw: _hex(chain.send(_data(raw))),
            "eth_getBlockByNumber": self.get_block_by_number,
            "eth_getBlockByHash": self.get_block_by_hash,
            "eth_getBlockTransactionCountByNumber": lambda at: self._count(self._block_at(at)),
            "eth_getBlockTransactionCountByHash": lambda h: self._count(self._store.block_by_hash(_data(h, 32))),
            "eth_getUncleCountByBlockNumber": lambda at: None if self._block_at(at) is None else "0x0",
            "eth_getUncleCountByBlockHash": lambda h: (
                None if self._store.block_by_hash(_data(h, 32)) is None else "0x0"
            ),
            "eth_getTransactionByHash": self.get_transaction,
            "eth_getTransactionByBlockNumberAndIndex": lambda at, i: self._indexed(self._block_at(at), i),
            "eth_getTransactionByBlockHashAndIndex": lambda h, i: self._indexed(
                self._store.block_by_hash(_data(h, 32)), i
            ),
            "eth_getRawTransactionByHash": self.get_raw_transaction,
            "eth_getTransactionReceipt": self.get_receipt,
            "eth_getBlockReceipts": self.get_block_receipts,
            "debug_traceCall": self.trace_call,
            "debug_traceTransaction": self.trace_transaction,
            "eth_getLogs": lambda criteria: self._logs(criteria),
            "eth_newFilter": self.new_filter,
            "eth_newBlockFilter": lambda: self._add_filter({"kind": "block"}),
            "eth_newPendingTransactionFilter": lambda: self._add_filter({"kind": "transaction"}),
            "eth_uninstallFilter": self.uninstall_filter,
            "eth_getFilterChanges": self.get_filter_changes,
            "eth_getFilterLogs": self.get_filter_logs,
        }
        if chain.dev:
            self.methods |= {
                "evm_increaseTime": lambda seconds: hex(chain.move_clock(_quantity(seconds))),
                "evm_setNextBlockTimestamp": lambda at: chain.set_next_timestamp(_quantity(at)),
                "evm_mine": self.mine,
                "anvil_mine": self.mine_many,
                "hardhat_mine": self.mine_many,
                "evm_snapshot": self.snapshot,
                "evm_revert": self.rewind,
            }

    def answer(self, request: Any) -> dict[str, Any]:
        """One JSON-RPC request, as parsed JSON, to its answer; never raises for what the request holds."""
        identity = request.get("id") if isinstance(request, dict) else None
        try:
            if not isinstance(request, dict) or not isinstance(request.get("method"), str):
                raise Rejected("not a request: it needs a method", -32600)
            result = self.request(request["method"], request.get("params", []))
            return {"jsonrpc": "2.0", "id": identity, "result": result}
        except Rejected as error:
            body: dict[str, Any] = {"code": error.code, "message": str(error)}
            if error.data is not None:
                body["data"] = error.data
            return {"jsonrpc": "2.0", "id": identity, "error": body}
        except ChainError as error:
            return {"jsonrpc": "2.0", "id": identity, "error": {"code": -32603, "message": str(error)}}

    def request(self, method: str, params: Any) -> Any:
        """One method's result. Raises :class:`~klopf.errors.Rejected`, or another ``ChainError`` for the file."""
        handler = self.methods.get(method)
        if handler is None:
            raise Rejected(f"the method {method} does not exist here; see docs/chain.md for those that do", NO_METHOD)
        if not isinstance(params, (list, tuple)):
            raise Rejected("params must be a list", INVALID_PARAMS)
        try:
            return handler(*params)
        except ChainError:
            raise
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise Rejected(f"{method}: wrong parameters ({error})", INVALID_PARAMS) from error

    # blocks

    def _head(self) -> StoredBlock:
        return self._store.head()

    def _number(self, at: Any) -> int | None:
        """The number that a block identifier names; None for the pending block."""
        if at is None or at in LATEST:
            return self.chain.height
        if at == "pending":
            return None
        if at == "earliest":
            return 0
        if isinstance(at, dict):
            if "blockHash" in at:
                at = at["blockHash"]
            else:
                return self._number(at.get("blockNumber"))
        if isinstance(at, str) and len(at) == 66:
            at = bytes.fromhex(at[2:])
        if isinstance(at, bytes):
            block = self._store.block_by_hash(bytes(at))
            if block is None:
                raise Rejected(f"no block has the hash 0x{at.hex()}")
            return block.header.number
        number = _quantity(at)
        if number > self.chain.height:
            raise Rejected(f"there is no block {number} yet; the newest is {self.chain.height}")
        return number

    def _state_number(self, at: Any) -> int:
        number = self._number(at)
        return self.chain.height if number is None else number

    def _block_at(self, at: Any) -> StoredBlock | None:
        if at == "pending":
            return self._head()
        try:
            number = self._number(at)
        except Rejected as error:
            if error.code == INVALID_PARAMS:
                raise
            return None
        return None if number is None else self._store.block(number)

    @staticmethod
    def _count(block: StoredBlock | None) -> str | None:
        return None if block is None else hex(int(block.raw is not None))

    def get_block_by_number(self, at: Any, full: bool = False) -> dict[str, Any] | None:
        """``eth_getBlockByNumber``."""
        block = self._block_at(at)
        return None if block is None else self._block_json(block, full)

    def get_block_by_hash(self, block_hash: Any, full: bool = False) -> dict[str, Any] | None:
        """``eth_getBlockByHash``."""
        block = self._store.block_by_hash(_data(block_hash, 32))
        return None if block is None else self._block_json(block, full)

    def _block_json(self, block: StoredBlock, full: bool) -> dict[str, Any]:
        h = block.header
        transactions: list[Any] = []
        size = _size(h)
        if block.raw is not None:
            size += len(block.raw)
            transactions = [self._transaction_json(block) if full else _hex(block.tx_hash or b"")]
        return {
            "number": hex(h.number),
            "hash": _hex(block.hash),
            "parentHash": _hex(h.parent),
            "nonce": "0x0000000000000000",
            "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
            "logsBloom": _hex(h.bloom),
            "transactionsRoot": _hex(h.transactions_root),
            "stateRoot": _hex(h.state_root),
            "receiptsRoot": _hex(h.receipts_root),
            "miner": _hex(h.coinbase),
            "difficulty": "0x0",
            "totalDifficulty": "0x0",
            "extraData": "0x",
            "size": hex(size),
            "gasLimit": hex(h.gas_limit),
            "gasUsed": hex(h.gas_used),
            "timestamp": hex(h.timestamp),
            "transactions": transactions,
            "uncles": [],
            "mixHash": _hex(h.prev_randao),
            "baseFeePerGas": hex(h.base_fee),
            "withdrawals": [],
            "withdrawalsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
            "blobGasUsed": "0x0",
            "excessBlobGas": "0x0",
            "parentBeaconBlockRoot": "0x" + "00" * 32,
        }

    # transactions and receipts

    def get_transaction(self, tx_hash: Any) -> dict[str, Any] | None:
        """``eth_getTransactionByHash``."""
        block = self._store.block_of_transaction(_data(tx_hash, 32))
        return None if block is None else self._transaction_json(block)

    def get_raw_transaction(self, tx_hash: Any) -> str | None:
        """``eth_getRawTransactionByHash``."""
        block = self._store.block_of_transaction(_data(tx_hash, 32))
        return None if block is None or block.raw is None else _hex(block.raw)

    def _indexed(self, block: StoredBlock | None, index: Any) -> dict[str, Any] | None:
        if block is None or block.raw is None or _quantity(index) != 0:
            return None
        return self._transaction_json(block)

    def _transaction_json(self, block: StoredBlock) -> dict[str, Any]:
        assert block.raw is not None
        t = decode(block.raw)
        out: dict[str, Any] = {
            "blockHash": _hex(block.hash),
            "blockNumber": hex(block.header.number),
            "transactionIndex": "0x0",
            "hash": _hex(t.hash),
            "type": hex(t.kind),
            "nonce": hex(t.nonce),
            "from": _hex(t.sender),
            "to": _hex(t.to) if t.to else None,
            "value": hex(t.value),
            "gas": hex(t.gas),
            "gasPrice": hex(t.gas_price(block.header.base_fee)),
            "input": _hex(t.data),
            "v": hex(t.v),
            "r": hex(t.r),
            "s": hex(t.s),
        }
        if t.chain_id is not None:
            out["chainId"] = hex(t.chain_id)
        if t.kind:
            out["yParity"] = hex(t.v)
            out["accessList"] = [
                {"address": _hex(address), "storageKeys": [f"0x{slot:064x}" for slot in slots]}
                for address, slots in t.access_list
            ]
        if t.kind == 2:
            out["maxFeePerGas"] = hex(t.max_fee)
            out["maxPriorityFeePerGas"] = hex(t.tip)
        return out

    def get_receipt(self, tx_hash: Any) -> dict[str, Any] | None:
        """``eth_getTransactionReceipt``."""
        block = self._store.block_of_transaction(_data(tx_hash, 32))
        return None if block is None else self._receipt_json(block)

    def get_block_receipts(self, at: Any) -> list[dict[str, Any]] | None:
        """``eth_getBlockReceipts``."""
        block = self._block_at(at)
        if block is None:
            return None
        return [] if block.raw is None else [self._receipt_json(block)]

    def _receipt_json(self, block: StoredBlock) -> dict[str, Any]:
        assert block.raw is not None
        t = decode(block.raw)
        h = block.header
        logs = self._store.logs(h.number, h.number) if any(h.bloom) else []
        return {
            "type": hex(t.kind),
            "status": "0x1" if block.status else "0x0",
            "transactionHash": _hex(t.hash),
            "transactionIndex": "0x0",
            "blockHash": _hex(block.hash),
            "blockNumber": hex(h.number),
            "from": _hex(t.sender),
            "to": _hex(t.to) if t.to else None,
            "contractAddress": _hex(block.created) if block.created else None,
            "cumulativeGasUsed": hex(h.gas_used),
            "gasUsed": hex(h.gas_used),
            "effectiveGasPrice": hex(t.gas_price(h.base_fee)),
            "logsBloom": _hex(h.bloom),
            "logs": [_log_json(log, i, block) for _, i, log in logs],
        }

    # state

    def get_balance(self, address: Any, at: Any = None) -> str:
        """``eth_getBalance``, now or after a past block."""
        return hex(self._store.view(self._state_number(at)).account(_data(address, 20)).balance)

    def get_transaction_count(self, address: Any, at: Any = None) -> str:
        """``eth_getTransactionCount``; nothing waits, so pending is the same as latest."""
        return hex(self._store.view(self._state_number(at)).account(_data(address, 20)).nonce)

    def get_code(self, address: Any, at: Any = None) -> str:
        """``eth_getCode``."""
        account = self._store.view(self._state_number(at)).account(_data(address, 20))
        return _hex(self._store.code(account.code_hash))

    def get_storage_at(self, address: Any, slot: Any, at: Any = None) -> str:
        """``eth_getStorageAt``."""
        if isinstance(slot, bytes):
            slot = int.from_bytes(slot, "big")
        return f"0x{self._store.view(self._state_number(at)).storage(_data(address, 20), _quantity(slot)):064x}"

    def get_proof(self, *_: Any) -> None:
        """``eth_getProof``: refused, see docs/chain.md."""
        raise Rejected(
            "there are no proofs of the state here: stateRoot commits to every change, and is no trie's root; "
            "replay the chain instead (Chain.verify), or ask a chain with a trie",
            NO_METHOD,
        )

    def fee_history(self, count: Any, newest: Any, percentiles: Any = None) -> dict[str, Any]:
        """``eth_feeHistory``."""
        last = self._state_number(newest)
        first = max(0, last - min(_quantity(count), 1024) + 1)
        headers = [block.header for n in range(first, last + 1) if (block := self._store.block(n)) is not None]
        out: dict[str, Any] = {
            "oldestBlock": hex(first),
            "baseFeePerGas": [hex(h.base_fee) for h in headers] + [hex(headers[-1].base_fee)] if headers else [],
            "gasUsedRatio": [h.gas_used / h.gas_limit for h in headers],
            "baseFeePerBlobGas": ["0x1"] * (len(headers) + 1),
            "blobGasUsedRatio": [0.0] * len(headers),
        }
        if percentiles:
            out["reward"] = [self._tips(h.number, h.base_fee, len(percentiles)) for h in headers]
        return out

    def _tips(self, number: int, base_fee: int, count: int) -> list[str]:
        block = self._store.block(number)
        tip = 0 if block is None or block.raw is None else decode(block.raw).gas_price(base_fee) - base_fee
        return [hex(tip)] * count

    # calls

    def _call_of(self, request: dict[str, Any], stand: Stand) -> Transaction:
        limit = stand.environment.gas_limit
        sender = _data(request["from"], 20) if request.get("from") is not None else ZERO_ADDRESS
        to = _data(request["to"], 20) if request.get("to") else b""
        data = request.get("input") if request.get("input") is not None else request.get("data")
        price = request.get("maxFeePerGas")
        price = request.get("gasPrice") if price is None else price
        max_fee = 0 if price is None else _quantity(price)
        tip = request.get("maxPriorityFeePerGas")
        account = stand.view.account(sender)
        value = _quantity(request.get("value") or 0)
        gas = _quantity(request["gas"]) if request.get("gas") is not None else limit
        gas = min(gas, limit)
        if max_fee and request.get("gas") is None:
            gas = min(gas, max(0, account.balance - value) // max_fee)
        access = tuple(
            (_data(entry["address"], 20), tuple(int(_hex(_data(key, 32)), 16) for key in entry["storageKeys"]))
            for entry in request.get("accessList") or []
        )
        return Transaction(
            kind=2,
            chain_id=self.chain.chain_id,
            nonce=account.nonce,
            gas=gas,
            max_fee=max_fee,
            tip=max_fee if tip is None else min(_quantity(tip), max_fee),
            to=to,
            value=value,
            data=b"" if data is None else _data(data),
            access_list=access,
            sender=sender,
        )

    def _stand(self, at: Any, overrides: Any) -> Stand:
        stand = self.chain.stand(self._number(at))
        if not overrides:
            return stand
        return stand._replace(view=Overridden(stand.view, overrides, _data, _quantity))

    def call(self, request: dict[str, Any], at: Any = None, overrides: Any = None) -> str:
        """``eth_call``: on a past block, the latest (its number and time), or ``pending`` (as the next block would)."""
        stand = self._stand(at, overrides)
        outcome = self.chain.call(self._call_of(request, stand), stand)
        if not outcome.status:
            raise _failure(outcome)
        return _hex(outcome.output)

    def estimate_gas(self, request: dict[str, Any], at: Any = "pending", overrides: Any = None) -> str:
        """``eth_estimateGas``: the least gas found with which the call does what it does with plenty."""
        stand = self._stand(at, overrides)
        call = self._call_of(request, stand)
        full = self.chain.call(call, stand)
        if not full.status:
            raise _failure(full)
        if not overrides:
            self.chain.foresee(call, stand, full)
        peak = full.gas_used + full.refund
        if full.least_gas - (call.gas - peak) > 2300:  # with just enough gas it takes the same course (EIP-2200)
            return hex(peak)

        def enough(gas: int, exactly: bool = False) -> bool:
            """Whether it does as much with that gas; a call inside that fails for want of gas may go unnoticed."""
            if gas < call.intrinsic_gas():
                return False
            tried = self.chain.call(_with_gas(call, gas), stand)
            alike = tried.gas_used == full.gas_used if exactly else len(tried.logs) == len(full.logs)
            return tried.status and alike

        if peak >= call.gas or enough(peak, exactly=True):
            return hex(min(peak, call.gas))
        # the program looks at its gas, or holds some back for a call (EIP-150): search between
        low, high = peak, min(call.gas, (peak + 2300) * 64 // 63)
        while high < call.gas and not enough(high):
            low, high = high, min(call.gas, high * 2)
        while high - low > max(1, high // 256):
            middle = (low + high) // 2
            if enough(middle):
                high = middle
            else:
                low = middle
        return hex(high)

    def trace_call(self, request: dict[str, Any], at: Any = None, options: Any = None) -> dict[str, Any]:
        """``debug_traceCall`` with geth's ``callTracer``: every message, and where and why it failed."""
        _call_tracer(options)
        number = self._number(at)
        stand = self.chain.stand(number)
        return _frame_json(self.chain.trace(self._call_of(request, stand), stand)[1])

    def trace_transaction(self, tx_hash: Any, options: Any = None) -> dict[str, Any]:
        """``debug_traceTransaction`` with geth's ``callTracer``."""
        _call_tracer(options)
        traced = self.chain.trace_sent(_data(tx_hash, 32))
        if traced is None:
            raise Rejected("transaction not found")
        return _frame_json(traced[1])

    # logs and filters

    def _criteria(self, criteria: dict[str, Any]) -> tuple[list[bytes] | None, list[list[bytes] | None]]:
        address = criteria.get("address")
        addresses = None
        if address is not None:
            addresses = [_data(a, 20) for a in address] if isinstance(address, (list, tuple)) else [_data(address, 20)]
            addresses = addresses or None
        topics: list[list[bytes] | None] = []
        for topic in criteria.get("topics") or []:
            if topic is None or topic == []:
                topics.append(None)
            elif isinstance(topic, (list, tuple)):
                topics.append(None if None in topic else [_data(t, 32) for t in topic])
            else:
                topics.append([_data(topic, 32)])
        if len(topics) > 4:
            raise Rejected("a log has at most four topics", INVALID_PARAMS)
        return addresses, topics

    def _logs(
        self, criteria: dict[str, Any], first: int | None = None, last: int | None = None
    ) -> list[dict[str, Any]]:
        addresses, topics = self._criteria(criteria)
        if first is None or last is None:
            if criteria.get("blockHash") is not None:
                block = self._store.block_by_hash(_data(criteria["blockHash"], 32))
                if block is None:
                    raise Rejected("no block has that hash")
                first = last = block.header.number
            else:
                first = self._bound(criteria.get("fromBlock"))
                last = self._bound(criteria.get("toBlock"))
        blocks: dict[int, StoredBlock] = {}
        out = []
        for number, position, log in self._store.logs(first, last, addresses, topics, MAX_RANGE_LOGS + 1):
            if number not in blocks:
                found = self._store.block(number)
                if found is None:  # undone since (development only)
                    continue
                blocks[number] = found
            out.append(_log_json(log, position, blocks[number]))
        if len(out) > MAX_RANGE_LOGS:
            raise Rejected(f"more than {MAX_RANGE_LOGS} logs match; ask for fewer blocks at a time", -32005)
        return out

    def _bound(self, at: Any) -> int:
        if at is None or at in LATEST or at == "pending":
            return self.chain.height
        return 0 if at == "earliest" else _quantity(at)

    def _add_filter(self, entry: dict[str, Any]) -> str:
        with self._lock:
            number = next(self._numbers)
            self._filters[number] = {**entry, "next": self.chain.height + 1}
            while len(self._filters) > MAX_FILTERS:
                self._filters.popitem(last=False)
        return hex(number)

    def new_filter(self, criteria: dict[str, Any]) -> str:
        """``eth_newFilter``."""
        self._criteria(criteria)
        return self._add_filter({"kind": "log", "criteria": dict(criteria)})

    def uninstall_filter(self, number: Any) -> bool:
        """``eth_uninstallFilter``."""
        with self._lock:
            return self._filters.pop(_quantity(number), None) is not None

    def _filter(self, number: Any) -> dict[str, Any]:
        entry = self._filters.get(_quantity(number))
        if entry is None:
            raise Rejected("filter not found; make it again")
        return entry

    def get_filter_changes(self, number: Any) -> list[Any]:
        """``eth_getFilterChanges``: what came since the last time it was asked."""
        with self._lock:
            entry = self._filter(number)
            first, last = entry["next"], self.chain.height
            entry["next"] = last + 1
        if entry["kind"] == "log":
            criteria = entry["criteria"]
            if criteria.get("fromBlock") not in (None, "latest", "pending"):
                first = max(first, self._bound(criteria["fromBlock"]))
            if criteria.get("toBlock") not in (None, "latest", "pending"):
                last = min(last, self._bound(criteria["toBlock"]))
            return self._logs(criteria, first, last) if first <= last else []
        blocks = [block for n in range(first, last + 1) if (block := self._store.block(n)) is not None]
        if entry["kind"] == "block":
            return [_hex(block.hash) for block in blocks]
        return [_hex(block.tx_hash) for block in blocks if block.tx_hash is not None]

    def get_filter_logs(self, number: Any) -> list[Any]:
        """``eth_getFilterLogs``: all that the filter matches."""
        with self._lock:
            entry = self._filter(number)
        if entry["kind"] != "log":
            raise Rejected("that filter does not hold logs")
        return self._logs(entry["criteria"])

    # development

    def mine(self, _: Any = None) -> str:
        """``evm_mine``."""
        self.chain.mine()
        return "0x0"

    def mine_many(self, count: Any = 1, interval: Any = 0) -> None:
        """``anvil_mine``: ``count`` blocks, ``interval`` seconds apart."""
        for i in range(_quantity(count)):
            if i and _quantity(interval):
                self.chain.move_clock(_quantity(interval))
            self.chain.mine()

    def snapshot(self) -> str:
        """``evm_snapshot``: a mark to come back to."""
        with self._lock:
            number = next(self._numbers)
            self._snapshots[number] = self.chain.height
        return hex(number)

    def rewind(self, number: Any) -> bool:
        """``evm_revert``: undo every block since the mark; the marks made since are gone, and so is this one."""
        mark = _quantity(number)
        with self._lock:
            height = self._snapshots.get(mark)
            if height is None:
                return False
            self._snapshots = {n: h for n, h in self._snapshots.items() if n < mark}
        self.chain.rewind(height)
        return True


def _call_tracer(options: Any) -> None:
    if (options or {}).get("tracer", "callTracer") != "callTracer":
        raise Rejected('only {"tracer": "callTracer"} is supported; ask for that', INVALID_PARAMS)


def _frame_json(frame: Frame, depth: int = 0) -> dict[str, Any]:
    if depth > MAX_TRACE:
        raise Rejected(f"the calls nest deeper than {MAX_TRACE}; too deep to show")
    out: dict[str, Any] = {
        "type": frame.kind,
        "from": _hex(frame.sender),
        "to": _hex(frame.to) if frame.to else None,
        "gas": hex(frame.gas),
        "gasUsed": hex(frame.gas_used),
        "input": _hex(frame.input),
    }
    if frame.kind != "STATICCALL":
        out["value"] = hex(frame.value)
    if frame.output:
        out["output"] = _hex(frame.output)
    if frame.error is not None:
        out["error"] = "execution reverted" if frame.reverted else WORDS.get(frame.error, frame.error)
        if frame.reverted and (reason := revert_reason(frame.output)) is not None:
            out["revertReason"] = reason
    if frame.frames:
        out["calls"] = [_frame_json(child, depth + 1) for child in frame.frames]
    return out


def _with_gas(call: Transaction, gas: int) -> Transaction:
    import dataclasses

    return dataclasses.replace(call, gas=gas)


def _failure(outcome: Outcome) -> Rejected:
    """What ``eth_call`` answers for a program that failed, as geth words it."""
    if not outcome.reverted:
        return Rejected(WORDS.get(outcome.error or "", outcome.error or "execution failed"), -32000)
    reason = revert_reason(outcome.output)
    message = "execution reverted" + (f": {reason}" if reason else "")
    return Rejected(message, REVERTED, _hex(outcome.output))


def revert_reason(output: bytes) -> str | None:
    """The text in Solidity's ``Error(string)``, where ``output`` is one."""
    if output[:4] != b"\x08\xc3\x79\xa0" or len(output) < 68:
        return None
    start = 4 + int.from_bytes(output[4:36], "big")
    length = int.from_bytes(output[start : start + 32], "big")
    return output[start + 32 : start + 32 + length].decode("utf-8", "replace")


def _log_json(log: Log, position: int, block: StoredBlock) -> dict[str, Any]:
    return {
        "address": _hex(log.address),
        "topics": [_hex(topic) for topic in log.topics],
        "data": _hex(log.data),
        "blockHash": _hex(block.hash),
        "blockNumber": hex(block.header.number),
        "blockTimestamp": hex(block.header.timestamp),
        "transactionHash": _hex(block.tx_hash or b""),
        "transactionIndex": "0x0",
        "logIndex": hex(position),
        "removed": False,
    }


@functools.lru_cache(maxsize=1024)
def _size(header: Header) -> int:
    return len(header.encode())


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _data(value: Any, size: int | None = None) -> bytes:
    if isinstance(value, str):
        try:
            value = bytes.fromhex(value.removeprefix("0x"))
        except ValueError:
            raise Rejected(f"{value[:80]!r} is not hexadecimal", INVALID_PARAMS) from None
    if not isinstance(value, (bytes, bytearray)):
        raise Rejected(f"expected hexadecimal data, got {type(value).__name__}", INVALID_PARAMS)
    if size is not None and len(value) != size:
        raise Rejected(f"expected {size} bytes, got {len(value)}", INVALID_PARAMS)
    return bytes(value)


def _quantity(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise Rejected(f"expected a number, got {type(value).__name__}", INVALID_PARAMS)
    if isinstance(value, str):
        try:
            value = int(value, 16) if value.startswith("0x") else int(value)
        except ValueError:
            raise Rejected(f"{value[:80]!r} is not a number", INVALID_PARAMS) from None
    number = int(value)
    if not 0 <= number < 2**256:
        raise Rejected("a number is out of range", INVALID_PARAMS)
    return number
