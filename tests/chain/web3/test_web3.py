"""What web3.py users do, the same over the embedded chain and over anvil."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from web3 import Web3
from web3.exceptions import ContractCustomError, ContractLogicError, ContractPanicError, TransactionNotFound
from web3.middleware import SignAndSendRawMiddlewareBuilder

from tests.chain.evm import asm, deploy

# one contract: stores what it is sent and logs it; its first byte chooses to revert, in the three ways Solidity has
STORE = Web3.keccak(text="store(uint256)")[:4]
LOAD = Web3.keccak(text="load()")[:4]
FAIL = Web3.keccak(text="fail(uint256)")[:4]
STORED = Web3.keccak(text="Stored(address,uint256)")
TOO_SMALL = Web3.keccak(text="TooSmall(uint256,uint256)")[:4]
ABI: list[dict[str, Any]] = [
    {
        "type": "function",
        "name": "store",
        "stateMutability": "payable",
        "inputs": [{"name": "value", "type": "uint256"}],
        "outputs": [],
    },
    {
        "type": "function",
        "name": "load",
        "stateMutability": "view",
        "inputs": [],
        "outputs": [{"name": "", "type": "uint256"}],
    },
    {
        "type": "function",
        "name": "fail",
        "stateMutability": "nonpayable",
        "inputs": [{"name": "how", "type": "uint256"}],
        "outputs": [],
    },
    {
        "type": "event",
        "name": "Stored",
        "anonymous": False,
        "inputs": [
            {"name": "who", "type": "address", "indexed": True},
            {"name": "value", "type": "uint256", "indexed": False},
        ],
    },
    {
        "type": "error",
        "name": "TooSmall",
        "inputs": [{"name": "have", "type": "uint256"}, {"name": "need", "type": "uint256"}],
    },
]


def _branch(selector: bytes, target: int) -> bytes:
    return asm("DUP1", selector, "EQ") + bytes([0x61]) + target.to_bytes(2, "big") + asm("JUMPI")


def _runtime() -> bytes:
    store = asm("JUMPDEST", 4, "CALLDATALOAD DUP1 PUSH0 SSTORE PUSH0 MSTORE CALLER", STORED, 32, "PUSH0 LOG2 STOP")
    load = asm("JUMPDEST PUSH0 SLOAD PUSH0 MSTORE", 32, "PUSH0 RETURN")
    custom = TOO_SMALL + (3).to_bytes(32, "big") + (9).to_bytes(32, "big")
    text = (
        Web3.keccak(text="Error(string)")[:4]
        + (32).to_bytes(32, "big")
        + (4).to_bytes(32, "big")
        + b"nope".ljust(32, b"\0")
    )
    panic = Web3.keccak(text="Panic(uint256)")[:4] + (0x11).to_bytes(32, "big")

    def revert(data: bytes) -> bytes:
        out = b""
        for start in range(0, len(data), 32):
            out += asm(data[start : start + 32].ljust(32, b"\0"), start, "MSTORE")
        return asm("JUMPDEST") + out + asm(len(data), "PUSH0 REVERT")

    bodies = [store, load, revert(custom), revert(text), revert(panic)]

    def build(targets: list[int]) -> bytes:
        head = asm("PUSH0 CALLDATALOAD", 224, "SHR")
        head += _branch(STORE, targets[0]) + _branch(LOAD, targets[1])
        head += asm(4, "CALLDATALOAD")
        for how, target in enumerate(targets[2:]):
            head += asm("DUP1", how, "EQ") + bytes([0x61]) + target.to_bytes(2, "big") + asm("JUMPI")
        return head + asm("INVALID")

    size = len(build([0] * 5))
    targets = [size + sum(map(len, bodies[:i])) for i in range(5)]
    return build(targets) + b"".join(bodies)


@pytest.fixture
def contract(chain_endpoint: Any) -> Any:
    """The contract, deployed through web3's own signing middleware."""
    w3, owner = chain_endpoint.w3, chain_endpoint.accounts[0]
    w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(owner), layer=0)
    w3.eth.default_account = owner.address
    factory = w3.eth.contract(abi=ABI, bytecode=deploy(_runtime()))
    receipt = w3.eth.wait_for_transaction_receipt(factory.constructor().transact(), poll_latency=0.01)
    assert receipt.status == 1
    assert bytes(w3.eth.get_code(receipt.contractAddress)) == _runtime()
    return w3.eth.contract(address=receipt.contractAddress, abi=ABI)


def test_transact_call_and_events(chain_endpoint: Any, contract: Any) -> None:
    w3, owner = chain_endpoint.w3, chain_endpoint.accounts[0]
    receipt = w3.eth.wait_for_transaction_receipt(contract.functions.store(7).transact({"value": 5}), poll_latency=0.01)
    assert receipt.status == 1 and receipt["from"] == owner.address and receipt.to == contract.address
    assert contract.functions.load().call() == 7
    assert w3.eth.get_balance(contract.address) == 5
    assert int(w3.eth.get_storage_at(contract.address, 0).hex(), 16) == 7
    [event] = contract.events.Stored().process_receipt(receipt)
    assert event.args == {"who": owner.address, "value": 7}
    assert contract.events.Stored.get_logs(from_block=0) == [event]
    assert contract.events.Stored.get_logs(from_block=0, argument_filters={"who": contract.address}) == []
    assert w3.eth.get_transaction(receipt.transactionHash).value == 5
    assert w3.eth.get_block(receipt.blockNumber).transactions == [receipt.transactionHash]
    assert receipt.transactionHash == w3.eth.get_block("latest", True).transactions[0].hash


def test_reverts_carry_their_reason(contract: Any) -> None:
    with pytest.raises(ContractCustomError) as custom:
        contract.functions.fail(0).call()
    assert custom.value.data == Web3.to_hex(TOO_SMALL + (3).to_bytes(32, "big") + (9).to_bytes(32, "big"))
    with pytest.raises(ContractLogicError, match="execution reverted: nope"):
        contract.functions.fail(1).call()
    with pytest.raises(ContractPanicError, match="overflow"):
        contract.functions.fail(2).call()
    with pytest.raises(ContractCustomError):
        contract.functions.fail(0).transact()  # while estimating its gas
    with pytest.raises(ContractCustomError):
        contract.functions.fail(0).estimate_gas()


def test_a_reverting_transaction_is_kept_with_status_0(chain_endpoint: Any, contract: Any) -> None:
    w3, owner = chain_endpoint.w3, chain_endpoint.accounts[0]
    before = w3.eth.get_transaction_count(owner.address)
    receipt = w3.eth.wait_for_transaction_receipt(
        contract.functions.fail(1).transact({"gas": 100_000}), poll_latency=0.01
    )
    assert receipt.status == 0 and receipt.logs == []
    assert w3.eth.get_transaction_count(owner.address, "pending") == before + 1


def test_nonces_and_unknown_transactions(chain_endpoint: Any) -> None:
    w3 = chain_endpoint.w3
    first, second = chain_endpoint.accounts[:2]
    chain_endpoint.send(first, {"to": second.address, "value": 1})
    signed = first.sign_transaction(
        {"chainId": 1337, "nonce": 0, "to": second.address, "value": 2, "gas": 21000, "gasPrice": 0}
    )
    with pytest.raises(Exception, match="nonce too low"):
        w3.eth.send_raw_transaction(signed.raw_transaction)
    with pytest.raises(TransactionNotFound):
        w3.eth.get_transaction_receipt("0x" + "12" * 32)
    assert w3.eth.get_balance(second.address) == 10**24 + 1


def test_batches_of_requests(chain_endpoint: Any) -> None:
    w3, owner, other = chain_endpoint.w3, *chain_endpoint.accounts[:2]
    chain_endpoint.send(owner, {"to": other.address, "value": 6})
    with w3.batch_requests() as batch:
        batch.add(w3.eth.get_balance(other.address))
        batch.add_mapping({w3.eth.get_block: ["latest", 0]})
        balance, newest, first = batch.execute()
    assert balance == 10**24 + 6 and newest.number >= 1 and first.number == 0


def test_fees_and_identity(chain_endpoint: Any) -> None:
    w3 = chain_endpoint.w3
    assert w3.eth.chain_id == 1337 and w3.net.version == "1337"
    if chain_endpoint.kind == "embedded":  # anvil suggests 1 gwei even where gas is free
        assert w3.eth.gas_price == 0
    history = w3.eth.fee_history(1, "latest", [50.0])
    assert history.baseFeePerGas[-1] == 0
    assert w3.eth.get_block("latest").baseFeePerGas == 0


def test_time_passes_and_blocks_can_be_undone(chain_endpoint: Any) -> None:
    w3 = chain_endpoint.w3
    first, second = chain_endpoint.accounts[:2]
    start = w3.eth.get_block("latest").timestamp
    chain_endpoint.pass_time(1000)
    assert start + 1000 <= w3.eth.get_block("latest").timestamp <= start + 1010
    mark = chain_endpoint.rpc("evm_snapshot")
    height = w3.eth.block_number
    chain_endpoint.send(first, {"to": second.address, "value": 5})
    assert w3.eth.block_number == height + 1
    assert chain_endpoint.rpc("evm_revert", mark) is True
    assert w3.eth.block_number == height
    assert w3.eth.get_balance(second.address) == 10**24


def test_the_room_is_light_to_import() -> None:
    code = (
        "import sys; from klopf import chain; from klopf.chain import create\n"
        "print([name for name in ('eth', 'web3', 'coincurve', 'websockets', 'ethereum') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
