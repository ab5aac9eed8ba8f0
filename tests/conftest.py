"""Fixtures that several rooms share: the second chain (anvil), and one endpoint over each chain."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3 import Web3

collect_ignore = ["not_dead.py"]  # a list of names for `make lint`, which nobody runs

CHAIN_ID = 1337
FUNDS = 10**24
ANVIL_HOME = Path(__file__).parent / ".anvil"


def anvil_binary() -> Path | None:
    """The anvil program that ``tests/bring_anvil.py`` installed, or None."""
    return next(iter(sorted(ANVIL_HOME.glob("node_modules/@foundry-rs/anvil-*/bin/anvil*"))), None)


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Anvil:
    """A running anvil."""

    url: str
    process: subprocess.Popen[bytes]


def start_anvil(*arguments: str, free_gas: bool = True) -> Anvil:
    """Start anvil on a free loopback port and wait until it answers; end it with :func:`end`."""
    binary = anvil_binary()
    if binary is None:
        pytest.skip("anvil is not installed; run tests/bring_anvil.py where npm is there")
    port = free_port()
    gas = ["--gas-price", "0", "--base-fee", "0"] if free_gas else []
    place = ["--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        [str(binary), *place, "--chain-id", str(CHAIN_ID), "--hardfork", "cancun", *gas, "--silent", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    probe = urllib.request.Request(
        url,
        b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}',
        {"Content-Type": "application/json"},
    )
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(probe, timeout=5):
                return Anvil(url, process)
        except (urllib.error.URLError, OSError):
            if process.poll() is not None or time.monotonic() > deadline:
                end(process)
                pytest.fail(f"anvil did not start (exit status {process.poll()})")
            time.sleep(0.02)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that a test started, by its id."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
    if process.poll() is None:
        process.kill()
        process.wait(5)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file() -> Iterator[None]:
    """Doctests are looked for in the sources alone. Looked for here, a test file that cannot be imported was skipped,
    as a source file may be of which an extra is not installed, and what was left of it had no tests."""
    found = yield
    return [one for one in found if type(one).__name__ != "DoctestModule"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs over anvil is of ``make test-extras``, which brings it."""
    for item in items:
        given = item.callspec.params if hasattr(item, "callspec") else {}
        if "anvil" in getattr(item, "fixturenames", ()) or given.get("chain_endpoint") == "anvil":
            item.add_marker("extras")
    patience: dict[Path, float] = defaultdict(float)
    for item in items:
        if asked := item.get_closest_marker("timeout"):
            patience[item.path] = max(patience[item.path], float(asked.args[0]))
    # a file that asks for more time is begun earlier: begun last, it would keep one core busy while others idle
    items.sort(key=lambda item: -patience[item.path])


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    """A fresh anvil with free gas, cancun rules and chain id 1337; skips where it is not installed."""
    running = start_anvil()
    yield running
    end(running.process)


@dataclass
class Endpoint:
    """One chain seen through web3, whichever it is.

    ``accounts`` are ten local accounts with 10**24 wei each. Reading again through ``connect()`` gives a new Web3 on
    the same chain. ``location`` is what other processes open: a path of a chain file, or an RPC URL.
    """

    kind: str
    location: str
    connect: Callable[[], Web3]
    accounts: list[LocalAccount]
    w3: Web3 = field(init=False)

    def __post_init__(self) -> None:
        self.w3 = self.connect()

    def rpc(self, method: str, *params: Any) -> Any:
        """One raw request; raises AssertionError where it is answered with an error."""
        answer = self.w3.provider.make_request(method, list(params))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    def pass_time(self, seconds: int) -> None:
        """Let the chain's clock go forward, and mine a block so that reads see it."""
        self.rpc("evm_increaseTime", hex(seconds))
        self.rpc("evm_mine")

    def send(self, account: LocalAccount, transaction: dict[str, Any]) -> Any:
        """Fill, sign and send a transaction from a local account; returns the receipt."""
        filled = {
            "chainId": CHAIN_ID,
            "nonce": self.w3.eth.get_transaction_count(account.address, "pending"),
            "maxFeePerGas": 0,
            "maxPriorityFeePerGas": 0,
            "value": 0,
            **transaction,
        }
        if "gas" not in filled:
            filled["gas"] = self.w3.eth.estimate_gas({**filled, "from": account.address})
        signed = account.sign_transaction(filled)
        return self.w3.eth.wait_for_transaction_receipt(
            self.w3.eth.send_raw_transaction(signed.raw_transaction), poll_latency=0.01
        )


def _accounts() -> list[LocalAccount]:
    from eth_account import Account

    return [Account.from_key(number.to_bytes(32, "big")) for number in range(0xA11CE, 0xA11CE + 10)]


@contextlib.contextmanager
def endpoint(kind: str, folder: Path) -> Iterator[Endpoint]:
    """A fresh chain of that kind ("embedded" or "anvil")."""
    from web3 import Web3

    accounts = _accounts()
    if kind == "embedded":
        from klopf import chain

        path = folder / "chain.db"
        opened = chain.create(path, chain_id=CHAIN_ID, allocation={a.address: FUNDS for a in accounts}, dev=True)
        with opened:
            yield Endpoint(kind, str(path), lambda: Web3(opened.provider()), accounts)
        return
    running = start_anvil()
    try:
        made = Endpoint(kind, running.url, lambda: Web3(Web3.HTTPProvider(running.url)), accounts)
        for account in accounts:
            made.rpc("anvil_setBalance", account.address, hex(FUNDS))
        yield made
    finally:
        end(running.process)


@pytest.fixture(params=["embedded", "anvil"])
def chain_endpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Endpoint]:
    """The same test over both chains: the embedded one, and anvil behind an RPC URL (skipped where it is missing)."""
    with endpoint(request.param, tmp_path) as made:
        yield made
