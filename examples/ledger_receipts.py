"""A ledger with receipts: one neuron listened to another, both sign it, and an epoch's pay follows.

python examples/ledger_receipts.py
"""

import os
import tempfile
from pathlib import Path

from klopf import chain, ledger
from klopf.ledger import KLP, Receipt, ReceiptTree, Role, SignedReceipt


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ledger.sqlite"
        chain.create(file, chain_id=1337).close()
        operator, anna, bert = (ledger.keys.new() for _ in range(3))
        rules = ledger.Parameters(emission=1_000 * KLP, maturity=0, dispute_seconds=0)
        deployment = ledger.deploy(file, operator, rules)
        owner = ledger.connect(file, operator, deployment)

        def join(key: ledger.Key) -> tuple[ledger.Ledger, int]:
            owner.fund(key.address, tokens=500 * KLP)
            own = ledger.connect(file, key, deployment)
            number = own.registry.register(Role.NEURON, endpoint="127.0.0.1:4000", model="an example")
            own.stake.stake(number, 100 * KLP)
            own.clock.arrive(number)
            return own, number

        (listener, a), (speaker, b) = join(anna), join(bert)
        owner.clock.start()  # epoch 1: LISTEN

        receipt = Receipt(1, a, b, answers=32, weight=65535, trail=os.urandom(32))
        digest = receipt.digest(owner.domain)
        tree = ReceiptTree([receipt])
        signed = SignedReceipt(receipt, anna.sign(digest), bert.sign(digest), tree.proof(receipt))
        listener.settlement.post(a, tree.root, os.urandom(32))
        speaker.settlement.post(b, bytes(32), os.urandom(32))
        owner.clock.advance()  # CLAIM
        speaker.settlement.claim(b, [signed])
        listener.settlement.claim(a, [])
        owner.clock.advance()  # epoch 2
        owner.settle(1)

        print(f"the speaker staked 100 of 500 tokens, earned 1000 and has {owner.token.balance(bert.address) // KLP}")
        print(f"differences between the ledger and a second implementation: {ledger.verify(owner, [signed])}")


if __name__ == "__main__":
    main()
