"""What a hostile or broken node says: nothing dear is signed, and whatever is no reply is one line."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import rlp
from ledger_helpers import Net, secret

from klopf import ledger
from klopf.errors import LedgerError, Reverted, Unanswered
from klopf.ledger import _http, _rpc

GWEI = 10**9
HERE, THERE = "0x" + "11" * 20, "0x" + "22" * 20
WORD = "0x" + "33" * 32
HONEST = {
    "eth_blockNumber": "0x1",
    "eth_call": "0x",
    "eth_chainId": "0x1",
    "eth_estimateGas": hex(200_000),
    "eth_gasPrice": hex(2 * GWEI),
    "eth_getBalance": hex(10**18),
    "eth_getBlockByNumber": {"hash": WORD, "baseFeePerGas": hex(GWEI), "timestamp": "0x5"},
    "eth_getCode": "0x60",
    "eth_getLogs": [],
    "eth_getTransactionCount": "0x0",
    "eth_getTransactionReceipt": {"status": "0x1", "blockNumber": "0x1", "blockHash": WORD},
    "eth_maxPriorityFeePerGas": hex(GWEI),
    "eth_sendRawTransaction": WORD,
}


class Node:
    """Says what an honest node would, but for ``lies``."""

    def __init__(self, lies: dict[str, Any] | None = None) -> None:
        self.answers, self.sent, self.asked = HONEST | (lies or {}), list[str](), 0

    def make_request(self, method: str, params: Any) -> Any:
        self.asked += 1
        if method == "eth_sendRawTransaction":
            self.sent.append(params[0])
        return {"result": self.answers[method]}


def rpc_of(node: Any) -> _rpc.Rpc:
    return _rpc.Rpc(node, "http://node")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_rpc.Rpc, "_pause", staticmethod(lambda attempt: None))
    monkeypatch.delenv("KLOPF_MAX_GAS_PRICE", raising=False)


def signed(node: Node) -> tuple[int, int, int]:
    """Tip and highest fee for a unit of gas, in wei, and how many units, of what was sent last."""
    fields = rlp.decode(bytes.fromhex(node.sent[-1][4:]))
    tip, fee, gas = (int.from_bytes(field, "big") for field in fields[2:5])
    return tip, fee, gas


def one_line(error: BaseException, *texts: str) -> None:
    assert "\n" not in str(error) and str(error).isprintable()
    for text in texts:
        assert text in str(error)


# ---- what is signed


@pytest.mark.parametrize("gwei", [0.01, 1, 30, 150, 200])
def test_usual_prices_are_paid_and_never_more_than_the_limit(gwei: float) -> None:
    price = hex(round(gwei * GWEI))
    node = Node({"eth_gasPrice": price, "eth_maxPriorityFeePerGas": hex(10**20)})
    rpc_of(node).send(secret(0), HERE, b"")
    tip, fee, _ = signed(node)
    assert tip == int(price, 16) and fee == min(2 * tip, 200 * GWEI)


def test_a_price_beyond_the_limit_is_refused_before_anything_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node({"eth_gasPrice": hex(2000 * GWEI), "eth_maxPriorityFeePerGas": hex(2000 * GWEI)})
    with pytest.raises(Unanswered) as caught:
        rpc_of(node).send(secret(0), HERE, b"")
    one_line(caught.value, "2,000 gwei", "the limit is 200", "KLOPF_MAX_GAS_PRICE")
    assert not node.sent
    monkeypatch.setenv("KLOPF_MAX_GAS_PRICE", "2500.5")
    rpc_of(node).send(secret(0), HERE, b"")
    assert signed(node)[:2] == (2000 * GWEI, 2500 * GWEI + GWEI // 2)
    monkeypatch.setenv("KLOPF_MAX_GAS_PRICE", "1")
    with pytest.raises(Unanswered, match="asks 2 gwei for a unit of gas, and the limit is 1:"):
        rpc_of(Node()).send(secret(0), HERE, b"")


@pytest.mark.parametrize("text", ["much", "-1", "nan", "inf", "1e99"])
def test_a_limit_that_is_no_price_is_one_line(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLOPF_MAX_GAS_PRICE", text)
    with pytest.raises(LedgerError) as caught:
        rpc_of(Node())
    one_line(caught.value, repr(text), "such as 50")


@pytest.mark.parametrize("gas", [2**24 + 1, 2**200])
def test_more_gas_than_a_transaction_may_use_is_refused(gas: int) -> None:
    node = Node({"eth_estimateGas": hex(gas)})
    with pytest.raises(Unanswered) as caught:
        rpc_of(node).send(secret(0), HERE, b"")
    one_line(caught.value, "16,777,216")
    assert not node.sent


# ---- what is no reply

NUMBERS = [None, "zz", 5, [], {}, "", "0x", "0xg", "1", True, 1.5, "0x" + "f" * 65, "0x1\n"]
BYTES = [None, "zz", 5, [], {}, "", "0x1", "0xzz", "0x 1 ", "0x12\n"]
LOG = {
    "address": HERE, "topics": [WORD], "data": "0x", "blockNumber": "0x1", "logIndex": "0x0", "transactionHash": WORD,
    "blockHash": WORD,
}  # fmt: skip
QUERY = {"address": [HERE], "fromBlock": "0x1", "toBlock": "0x5"}


def send(rpc: _rpc.Rpc) -> object:
    return rpc.send(secret(0), HERE, b"")


def logs(rpc: _rpc.Rpc) -> object:
    return rpc.request("eth_getLogs", QUERY)


def reds(rpc: _rpc.Rpc) -> object:
    return rpc.request("eth_getLogs", QUERY | {"topics": [[WORD]]})


def but(record: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (record | changes).items() if value != "left out"}


RECEIPT: Any = HONEST["eth_getTransactionReceipt"]
BLOCK: Any = HONEST["eth_getBlockByNumber"]
CASES: list[tuple[str, Any, Callable[[_rpc.Rpc], object]]] = [
    *(("eth_gasPrice", value, send) for value in NUMBERS),
    *(("eth_maxPriorityFeePerGas", value, send) for value in NUMBERS),
    *(("eth_chainId", value, send) for value in NUMBERS),
    *(("eth_estimateGas", value, send) for value in NUMBERS),
    *(("eth_getTransactionCount", value, send) for value in NUMBERS),
    *(("eth_blockNumber", value, lambda rpc: rpc.height()) for value in NUMBERS),
    *(("eth_getBalance", value, lambda rpc: rpc.balance(HERE)) for value in NUMBERS),
    *(("eth_getCode", value, lambda rpc: rpc.code(HERE)) for value in BYTES),
    *(("eth_call", value, lambda rpc: rpc.call(HERE, b"")) for value in BYTES),
    *(
        ("eth_getBlockByNumber", value, send)
        for value in (None, [], "0x1", 5, {}, but(BLOCK, hash=5), but(BLOCK, baseFeePerGas="zz"))
    ),
    *(("eth_getBlockByNumber", value, lambda rpc: rpc.block_hash(3)) for value in ([], "0x1", 5, {}, {"hash": None})),
    *(
        ("eth_getBlockByNumber", value, lambda rpc: rpc.time_of(3))
        for value in (but(BLOCK, timestamp="left out"), but(BLOCK, timestamp=None), but(BLOCK, timestamp=7))
    ),
    *(
        ("eth_getTransactionReceipt", value, send)
        for value in ([], "0x1", 5, {}, *(but(RECEIPT, **{name: bad}) for name in RECEIPT for bad in ("left out", 1)))
    ),
    *(("eth_getTransactionReceipt", but(RECEIPT, logs=value), send) for value in (5, {}, [5], [{}])),
    *(
        ("eth_getLogs", value, logs)
        for value in (None, {}, "0x", [None], [[]], *([but(LOG, **{n: bad})] for n in LOG for bad in ("left out", 5)))
        if value != [but(LOG, blockHash="left out")]
    ),
    ("eth_getLogs", [but(LOG, address=THERE)], logs),
    ("eth_getLogs", [but(LOG, blockNumber="0x6")], logs),
    ("eth_getLogs", [but(LOG, topics=[HERE])], logs),
    ("eth_getLogs", [but(LOG, topics=["0x" + "44" * 32])], reds),
]  # fmt: skip


@pytest.mark.parametrize(("method", "value", "act"), CASES)
def test_a_malformed_reply_is_one_line(method: str, value: Any, act: Callable[[_rpc.Rpc], object]) -> None:
    with pytest.raises(Unanswered) as caught:
        act(rpc_of(Node({method: value})))
    one_line(caught.value, "http://node")


def test_what_is_asked_for_is_given() -> None:
    node = Node({"eth_getLogs": [LOG, but(LOG, blockHash="left out")]})
    assert logs(rpc_of(node)) == node.answers["eth_getLogs"]
    assert rpc_of(Node()).time_of(3) == 5 and rpc_of(Node()).block_hash(3) == WORD
    with pytest.raises(LedgerError, match="the chain has no block 3"):
        rpc_of(Node({"eth_getBlockByNumber": None})).block_hash(3)


class Says:
    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def make_request(self, method: str, params: Any) -> Any:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.mark.parametrize(
    "answer", [None, [], "0x1", 5, {}, {"error": None}, {"error": "no"}, {"error": []}, [{"result": "0x1"}]]
)
def test_no_reply_at_all_is_one_line_and_asked_for_again(answer: Any) -> None:
    with pytest.raises(Unanswered) as caught:
        rpc_of(Says(answer)).height()
    one_line(caught.value, "http://node", "eth_blockNumber")
    assert rpc_of(Says(answer, {"result": "zz"}, {"result": "0x7"})).height() == 7


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        ({"message": "a\n\x1b[2Jb"}, Unanswered, "a [2Jb"),
        ({}, Unanswered, "eth_call"),
        ({"message": ["x"], "data": "0xabc"}, Unanswered, "x"),
        ({"message": "x" * 10**6}, Unanswered, "xxx..."),
        ({"message": "execution reverted", "data": "0xzz"}, Reverted, "without a reason"),
        ({"message": "execution reverted", "data": "0x08c379a0ff"}, Reverted, "cannot be read"),
        ({"message": "execution reverted", "data": {"data": 5}}, Reverted, "without a reason"),
    ],
)
def test_an_error_of_any_form_is_one_line(error: Any, kind: type[LedgerError], text: str) -> None:
    with pytest.raises(kind) as caught:
        rpc_of(Says({"error": error})).call(HERE, b"")
    one_line(caught.value, text)
    assert len(str(caught.value)) < 1_200


def test_what_does_not_decode_is_one_line(net: Net) -> None:
    class Short:
        def __init__(self, provider: Any) -> None:
            self.provider = provider

        def make_request(self, method: str, params: Any) -> Any:
            return {"result": "0x" + "ff" * 33} if method == "eth_call" else self.provider.make_request(method, params)

    liar = _rpc.Rpc(Short(net.admin.rpc.provider), "http://node")
    with pytest.raises(Unanswered) as caught:
        ledger.Ledger(liar, net.admin.deployment).registry.all()
    one_line(caught.value, "use another node")


def test_text_that_is_no_utf8_hides_nobody(net: Net) -> None:
    """Of a participant, not of a node: but everybody reads it."""
    a = net.join(ledger.Role.NEURON)
    registry = net.clients[a].registry
    said = registry._functions["changeModel"].call_data((a, "Q" * 255))
    net.clients[a].send(registry.address, said.replace(b"Q" * 255, b"\xff" * 254 + b"m"))
    assert [p.model for p in net.admin.registry.all()] == ["?" * 254 + "m"]
    assert ledger.verify(net.admin, []) == []


# ---- a body that does not end


@contextlib.contextmanager
def drip(piece: bytes, wait: float, chunked: bool) -> Iterator[str]:
    """A server whose every answer is ``piece`` again and again."""

    class Drip(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(10**12))))
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
                    time.sleep(wait)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Drip) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.block_on_close = False


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize(("piece", "wait"), [(b" " * 65_536, 0.0), (b" ", 0.02)])
def test_a_body_without_an_end_is_one_line(
    piece: bytes, wait: float, chunked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_rpc, "_TRIES", 2)
    monkeypatch.setattr(_http, "LARGEST", 10**6)
    monkeypatch.setattr(_http, "LONGEST", 0.3)
    with drip(piece, wait, chunked) as url, pytest.raises(Unanswered) as caught:
        _rpc.open_rpc(url).height()
    one_line(caught.value, url)
