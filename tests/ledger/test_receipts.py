"""Receipts: digests as wallets and the contract compute them, trees as OpenZeppelin checks them."""

from __future__ import annotations

import json

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_helpers import Net, secret

from klopf.errors import LedgerError
from klopf.ledger import Domain, Receipt, ReceiptTree, SignedReceipt
from klopf.ledger._receipts import root_from

u32 = st.integers(0, 2**32 - 1)
receipts = st.builds(
    Receipt,
    epoch=u32,
    listener=u32,
    speaker=u32,
    answers=u32,
    weight=st.integers(0, 65535),
    trail=st.binary(min_size=32, max_size=32),
)
DOMAIN = Domain(1337, secret(5).address)
FIELDS = {
    "epoch": "uint32",
    "listener": "uint32",
    "speaker": "uint32",
    "answers": "uint32",
    "weight": "uint16",
    "trail": "bytes32",
}


@given(receipts)
def test_a_wallet_signs_the_same_digest(receipt: Receipt) -> None:
    message = encode_typed_data(
        {"name": "Klopf", "version": "1", "chainId": 1337, "verifyingContract": DOMAIN.contract},
        {"Receipt": [{"name": name, "type": kind} for name, kind in FIELDS.items()]},
        dict(zip(FIELDS, receipt.as_tuple(), strict=True)),
    )
    key = secret(6)
    wallet = Account.from_key(key._private.secret).sign_message(message).signature
    assert bytes(wallet) == key.sign(receipt.digest(DOMAIN))


@given(st.lists(receipts, min_size=1, max_size=20, unique=True))
def test_every_leaf_leads_to_the_root_and_no_other_does(made: list[Receipt]) -> None:
    tree, outsider = ReceiptTree(made[:-1]), made[-1]
    for receipt in made[:-1]:
        assert root_from(receipt.leaf, tree.proof(receipt)) == tree.root
        assert root_from(outsider.leaf, tree.proof(receipt)) != tree.root
    with pytest.raises(LedgerError, match="not among"):
        tree.proof(outsider)


def test_an_empty_tree_has_a_root_of_zeros() -> None:
    assert ReceiptTree([]).root == bytes(32)


@given(receipts, st.lists(st.binary(min_size=32, max_size=32), max_size=3))
def test_json_there_and_back(receipt: Receipt, proof: list[bytes]) -> None:
    signed = SignedReceipt(receipt, secret(1).sign(receipt.digest(DOMAIN)), b"x" * 65).with_proof(proof)
    assert SignedReceipt.from_json(json.loads(json.dumps(signed.to_json()))) == signed


@pytest.mark.parametrize("spoil", [{"trail": "zz"}, {"epoch": None}, {"weight": 70_000}, {"answers": -1}, {"proof": 3}])
def test_an_altered_file_is_no_receipt(spoil: dict[str, object]) -> None:
    record = SignedReceipt(Receipt(1, 2, 3, 4, 5, bytes(32)), b"", b"").to_json()
    with pytest.raises(LedgerError) as caught:
        SignedReceipt.from_json({**record, **spoil})
    assert "\n" not in str(caught.value)


def test_both_ends_must_have_signed() -> None:
    receipt = Receipt(1, 2, 3, 4, 5, bytes(32))
    a, b = secret(1), secret(2)
    digest = receipt.digest(DOMAIN)
    SignedReceipt(receipt, a.sign(digest), b.sign(digest)).check(DOMAIN, a.address, b.address)
    with pytest.raises(LedgerError, match="speaker"):
        SignedReceipt(receipt, a.sign(digest), a.sign(digest)).check(DOMAIN, a.address, b.address)
    with pytest.raises(LedgerError, match="listener"):
        elsewhere = Domain(56, DOMAIN.contract)
        SignedReceipt(receipt, a.sign(digest), b.sign(digest)).check(elsewhere, a.address, b.address)


def test_the_contract_computes_the_same(net: Net) -> None:
    settlement = net.admin.settlement

    @settings(max_examples=20, deadline=None)
    @given(receipts)
    def same(receipt: Receipt) -> None:
        assert settlement._read("leafOf", receipt.as_tuple()) == receipt.leaf
        assert settlement._read("receiptDigest", receipt.as_tuple()) == receipt.digest(net.admin.domain)

    same()
