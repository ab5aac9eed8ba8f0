"""An Ethereum chain in one file, without a node: web3.py deploys a contract to it and calls it.

python examples/chain_provider.py
"""

import tempfile
from pathlib import Path

from eth_account import Account
from web3 import Web3
from web3.middleware import SignAndSendRawMiddlewareBuilder

from klopf import chain

# A contract in eleven bytes: whatever is called, it answers the number of its block.
ANSWERS_BLOCK = bytes.fromhex("4360005260206000f3")
CREATION = bytes.fromhex("68") + ANSWERS_BLOCK + bytes.fromhex("60005260096017f3")


def main() -> None:
    owner = Account.create()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "chain.sqlite"
        with chain.create(file, chain_id=1337, allocation={owner.address: 10**18}) as ledger:
            w3 = Web3(ledger.provider())
            w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(owner), layer=0)
            w3.eth.default_account = owner.address
            w3.eth.wait_for_transaction_receipt(w3.eth.send_transaction({"to": "0x" + "22" * 20, "value": 5}))
            made = w3.eth.wait_for_transaction_receipt(w3.eth.send_transaction({"data": CREATION}))
            answer = int.from_bytes(w3.eth.call({"to": made["contractAddress"]}))
            print(f"block {w3.eth.block_number}, the contract answers {answer}")
        with chain.open(file, read_only=True) as again:
            print(f"{again.verify()} blocks replayed from the file, every hash, account, slot and event compared")


if __name__ == "__main__":
    main()
