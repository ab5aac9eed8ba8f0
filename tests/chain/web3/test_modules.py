"""web3.py's own module tests, which ship inside its package, run as its integration tests do: in process and over HTTP,
and asynchronously over HTTP and the websocket. What does not apply is listed, with the reason, and so is the rest's.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from web3 import AsyncHTTPProvider, AsyncWeb3, Web3, WebSocketProvider
from web3._utils.contract_sources.contract_data.emitter_contract import EMITTER_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.math_contract import MATH_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.offchain_lookup import OFFCHAIN_LOOKUP_DATA
from web3._utils.contract_sources.contract_data.panic_errors_contract import PANIC_ERRORS_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.revert_contract import REVERT_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.storage_contract import STORAGE_CONTRACT_DATA
from web3._utils.module_testing import (
    AsyncEthModuleTest,
    EthModuleTest,
)
from web3._utils.module_testing.go_ethereum_txpool_module import (
    GoEthereumAsyncTxPoolModuleTest,
    GoEthereumTxPoolModuleTest,
)
from web3._utils.module_testing.net_module import AsyncNetModuleTest, NetModuleTest
from web3._utils.module_testing.persistent_connection_provider import PersistentConnectionProviderTest
from web3._utils.module_testing.utils import RequestMocker
from web3._utils.module_testing.web3_module import AsyncWeb3ModuleTest, Web3ModuleTest
from web3.middleware import SignAndSendRawMiddlewareBuilder, Web3Middleware

from klopf import chain

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

KEY = "0x58d23b55bc9cdce1f18c2500f40ff4ab7245df9a89505e9b1fa4851f623d241d"  # of the account in web3.py's tests
OWNER = Account.from_key(KEY)
CHAIN_ID = 131277322940537  # which they expect
SOURCES: dict[str, Any] = {
    "emitter_contract": EMITTER_CONTRACT_DATA,
    "math_contract": MATH_CONTRACT_DATA,
    "offchain_lookup_contract": OFFCHAIN_LOOKUP_DATA,
    "panic_errors_contract": PANIC_ERRORS_CONTRACT_DATA,
    "revert_contract": REVERT_CONTRACT_DATA,
    "storage_contract": STORAGE_CONTRACT_DATA,
}
NO_KEYS = "the chain holds no keys: nothing is signed there"
NAMES = "needs the contracts of the Ethereum Name Service on the chain"
AT_ONCE = "what is sent is mined at once: nothing stays unmined, to be replaced or waited for"
REASONS = {
    "test_eth_sign": NO_KEYS,
    "test_invalid_eth_sign_typed_data": NO_KEYS,
    "test_eth_replace_transaction": AT_ONCE,
    "test_eth_modify_transaction": AT_ONCE,
    "test_eth_get_transaction_receipt_unmined": AT_ONCE,
    "test_eth_wait_for_transaction_receipt_unmined": AT_ONCE,
    "test_eth_get_balance_with_ens_name": NAMES,
    "test_eth_get_storage_at_ens_name": NAMES,
    "test_eth_get_transaction_count_ens_name": NAMES,
    "test_eth_get_code_ens_address": NAMES,
    "test_solidity_keccak_ens": NAMES,
    "test_sign_authorization": "set-code transactions (EIP-7702) came after cancun",
    "test_eth_simulate_v1": "eth_simulateV1 is not offered: docs/chain.md says why",
    "test_gas_price_from_strategy_bypassed": "web3.py's signing middleware hands the strategy's price on to the signer",
    "test_web3_client_version": "every client's own test says what it is called",
}
SERVE = "import sys; from klopf import chain; chain.serve(sys.argv[1], port=0, ready=lambda u: print(u, flush=True))"


class Made:
    """The chain with everything that the tests expect in it, and its server."""

    def __init__(self, path: Path) -> None:
        self.chain = chain.create(path, chain_id=CHAIN_ID, allocation={OWNER.address: 10**24}, base_fee=10**9)
        self.w3 = signing(Web3(self.chain.provider()))
        self.hashes: dict[str, Any] = {}
        self.addresses: dict[str, Any] = {}
        for name, source in SOURCES.items():
            made = self.w3.eth.contract(abi=source["abi"], bytecode=source["bytecode"])
            self.hashes[name] = made.constructor().transact({"from": OWNER.address})
            self.addresses[name] = self.w3.eth.get_transaction_receipt(self.hashes[name])["contractAddress"]
        self.chain.mine()
        self.empty = self.chain.height
        fields: Any = {"from": OWNER.address, "to": OWNER.address, "value": 1, "gas": 21000, "gasPrice": 2 * 10**9}
        self.mined = self.w3.eth.send_transaction(fields)
        emitter = self.w3.eth.contract(address=self.addresses["emitter_contract"], abi=EMITTER_CONTRACT_DATA["abi"])
        self.logged = emitter.functions.logDouble(which=9, arg0=12345, arg1=54321).transact({"from": OWNER.address})

    def block_of(self, tx_hash: Any) -> Any:
        """The block that holds that transaction."""
        return self.w3.eth.get_block(self.w3.eth.get_transaction_receipt(tx_hash)["blockNumber"])


class Accounts(Web3Middleware):
    """Names OWNER as the node's account."""

    def response_processor(self, method: Any, response: Any) -> Any:
        return response | {"result": [OWNER.address]} if method == "eth_accounts" else response

    async def async_response_processor(self, method: Any, response: Any) -> Any:
        return self.response_processor(method, response)


def signing(w3: Any) -> Any:
    """A Web3 that signs for OWNER, as a node would that holds its key."""
    w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(OWNER), layer=0)
    w3.middleware_onion.inject(Accounts, layer=0)
    w3.eth.default_account = OWNER.address
    return w3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("modules") / "chain.db")


@pytest.fixture(scope="module")
def url(made: Made) -> Iterator[str]:
    command = [sys.executable, "-c", SERVE, str(made.chain.path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def w3(request: pytest.FixtureRequest, made: Made) -> Any:
    if request.cls.way == "in process":
        return signing(Web3(made.chain.provider()))
    return signing(Web3(Web3.HTTPProvider(request.getfixturevalue("url"))))


@pytest.fixture
def async_w3(request: pytest.FixtureRequest, url: str) -> Any:
    if request.cls.way == "http":
        return signing(AsyncWeb3(AsyncHTTPProvider(url)))
    return signing(AsyncWeb3(WebSocketProvider(url.replace("http", "ws"))))


@pytest.fixture
def request_mocker() -> Any:
    return RequestMocker


def value(name: str, make: Any) -> Any:
    """A fixture of that name for both kinds of tests."""
    return pytest.fixture(name=name)(make)


def _contract(name: str, way: str) -> Any:
    def make(request: pytest.FixtureRequest, made: Made) -> Any:
        w3 = request.getfixturevalue(way)
        return w3.eth.contract(address=made.addresses[name], abi=SOURCES[name]["abi"])

    return make


def _same(read: Any) -> Any:
    def make(made: Made) -> Any:
        return read(made)

    return make


VALUES: dict[str, Any] = {
    "block_with_txn": lambda made: made.block_of(made.mined),
    "block_with_txn_with_log": lambda made: made.block_of(made.logged),
    "empty_block": lambda made: made.w3.eth.get_block(made.empty),
    "emitter_contract_address": lambda made: made.addresses["emitter_contract"],
    "keyfile_account_address": lambda made: OWNER.address,
    "keyfile_account_address_dual_type": lambda made: OWNER.address,
    "keyfile_account_pkey": lambda made: KEY,
    "math_contract_address": lambda made: made.addresses["math_contract"],
    "math_contract_deploy_txn_hash": lambda made: made.hashes["math_contract"],
    "mined_txn_hash": lambda made: made.mined,
    "skip_if_testrpc": lambda made: lambda w3: None,
    "txn_hash_with_log": lambda made: made.logged,
}
for _name in SOURCES:
    globals()[f"_{_name}"] = value(_name, _contract(_name, "w3"))
    globals()[f"_async_{_name}"] = value(f"async_{_name}", _contract(_name, "async_w3"))
for _name, _read in VALUES.items():
    globals()[f"_{_name}"] = value(_name, _same(_read))
    globals()[f"_async_{_name}"] = value(f"async_{_name}", _same(_read))


@pytest.fixture(autouse=True)
def applies(request: pytest.FixtureRequest) -> None:
    name = request.node.originalname.replace("_async_", "_")
    if request.cls is TestAsyncEthOverHttp and name.startswith("test_eth_call_offchain_lookup_tries_next_url"):
        pytest.skip("it replaces the POST that the provider itself asks with")
    for start, reason in REASONS.items():
        if name.startswith(start):
            pytest.skip(reason)


class TestEthInProcess(EthModuleTest):
    way = "in process"


class TestEthOverHttp(EthModuleTest):
    way = "http"


class TestAsyncEthOverHttp(AsyncEthModuleTest):
    way = "http"


class TestAsyncEthOverWebsocket(AsyncEthModuleTest):
    way = "websocket"


class TestNetInProcess(NetModuleTest):
    way = "in process"


class TestNetOverHttp(NetModuleTest):
    way = "http"


class TestAsyncNetOverHttp(AsyncNetModuleTest):
    way = "http"


class TestAsyncNetOverWebsocket(AsyncNetModuleTest):
    way = "websocket"


class TestWeb3InProcess(Web3ModuleTest):
    way = "in process"


class TestWeb3OverHttp(Web3ModuleTest):
    way = "http"


class TestAsyncWeb3OverHttp(AsyncWeb3ModuleTest):
    way = "http"


class TestAsyncWeb3OverWebsocket(AsyncWeb3ModuleTest):
    way = "websocket"


class TestTxPoolInProcess(GoEthereumTxPoolModuleTest):
    way = "in process"


class TestAsyncTxPoolOverWebsocket(GoEthereumAsyncTxPoolModuleTest):
    way = "websocket"


class TestSubscriptions(PersistentConnectionProviderTest):
    way = "websocket"

    @pytest.fixture(autouse=True)
    def blocks_come(self, made: Made) -> Iterator[None]:
        """A block every half a second, as from the node that they expect."""
        stop = threading.Event()

        def mine() -> None:
            while not stop.wait(0.5):
                made.chain.mine()

        miner = threading.Thread(target=mine)
        miner.start()
        yield
        stop.set()
        miner.join()
