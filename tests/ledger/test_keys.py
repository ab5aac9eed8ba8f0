"""Keys: signatures that contracts accept, files that wallets read, words that restore."""

from __future__ import annotations

import contextlib
import json
import stat

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from klopf.errors import LedgerError
from klopf.ledger import keys

digests = st.binary(min_size=32, max_size=32)
secrets = st.integers(1, 2**255).map(lambda n: n.to_bytes(32, "big"))


@given(secrets, digests)
def test_signatures_are_those_of_eth_account(secret: bytes, digest: bytes) -> None:
    key, reference = keys.Key(secret), Account.from_key(secret)
    assert key.address == reference.address
    assert key.sign(digest) == bytes(Account.unsafe_sign_hash(digest, secret).signature)
    assert keys.recover(digest, key.sign(digest)) == key.address


@given(secrets, digests, st.integers(0, 64), st.integers(1, 255))
def test_an_altered_signature_is_not_ours(secret: bytes, digest: bytes, place: int, change: int) -> None:
    key = keys.Key(secret)
    altered = bytearray(key.sign(digest))
    altered[place] ^= change
    with contextlib.suppress(LedgerError):
        assert keys.recover(digest, bytes(altered)) != key.address


def test_a_mistyped_address_is_refused() -> None:
    right = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    assert {keys.checksum(t) for t in (right, right.lower(), "0x" + right[2:].upper())} == {right}
    with pytest.raises(LedgerError, match="wrong letter"):
        keys.checksum(right.replace("Ae", "ae"))


def test_a_high_s_is_refused() -> None:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    key = keys.new()
    s = key.sign(bytes(32))
    twin = s[:32] + (order - int.from_bytes(s[32:64], "big")).to_bytes(32, "big") + bytes([55 - s[64]])
    with pytest.raises(LedgerError, match="low s"):
        keys.recover(bytes(32), twin)


def test_a_file_is_read_back_and_by_any_wallet(tmp_path) -> None:
    key, path = keys.new(), tmp_path / "key.json"
    keys.save(key, path, "a long passphrase", light=True)
    again = keys.load(path, "a long passphrase")
    assert again == key and again.words() == key.words() and again.sign(bytes(32)) == key.sign(bytes(32))
    assert keys.read_address(path) == key.address
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    record = json.loads(path.read_text())
    assert Account.from_key(Account.decrypt(record, "a long passphrase")).address == key.address


def test_a_wallet_file_without_words_is_read(tmp_path) -> None:
    account, path = Account.create(), tmp_path / "wallet.json"
    path.write_text(json.dumps(Account.encrypt(account.key, "word", kdf="scrypt", iterations=4096)))
    key = keys.load(path, "word")
    assert key.address == account.address
    with pytest.raises(LedgerError, match="not made from words"):
        key.words()


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda p: None, "wrong passphrase"),
        (lambda p: p.unlink(), "there is no key file"),
        (lambda p: p.write_text(p.read_text()[:100]), "no keystore file"),
        (lambda p: p.write_text("{}"), "damaged"),
        (lambda p: p.write_bytes(b"\xff\xfe"), "no keystore file"),
    ],
)
def test_a_bad_file_gets_one_line(tmp_path, spoil, line) -> None:
    path = tmp_path / "key.json"
    keys.save(keys.new(), path, "right", light=True)
    spoil(path)
    with pytest.raises(LedgerError, match=line) as caught:
        keys.load(path, "wrong")
    assert "\n" not in str(caught.value)


def test_words_of_another_key_are_noticed(tmp_path) -> None:
    path, other = tmp_path / "a.json", tmp_path / "b.json"
    keys.save(keys.new(), path, "w", light=True)
    keys.save(keys.new(), other, "w", light=True)
    record = json.loads(path.read_text())
    record["klopf"] = json.loads(other.read_text())["klopf"]
    path.write_text(json.dumps(record))
    with pytest.raises(LedgerError, match="words belong to another key"):
        keys.load(path, "w")


def test_a_key_is_never_overwritten(tmp_path) -> None:
    path = tmp_path / "key.json"
    keys.save(keys.new(), path, "w", light=True)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="exists already"):
        keys.save(keys.new(), path, "w", light=True)
    assert path.read_bytes() == before


def test_words_restore_the_key_here_and_in_any_wallet() -> None:
    key = keys.new()
    assert len(key.words().split()) == 24
    assert keys.restore(key.words()) == key
    third = keys.restore("  " + key.words().upper() + "\n", index=3)
    Account.enable_unaudited_hdwallet_features()
    assert Account.from_mnemonic(key.words(), account_path="m/44'/60'/0'/0/3").address == third.address
    assert third.index == 3 and third.words() == key.words()


def test_the_published_words_of_twelve_give_the_published_account() -> None:
    # the default mnemonic of Hardhat and Foundry, whose accounts are printed by both
    words = "test test test test test test test test test test test junk"
    assert keys.restore(words).address == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert keys.restore(words, 1).address == "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.mark.parametrize("words", ["", "klopf", "test " * 12, "abandon " * 24])
def test_mistyped_words_restore_nothing(words: str) -> None:
    with pytest.raises(LedgerError, match="spelling"):
        keys.restore(words)


def test_a_key_shows_no_secret() -> None:
    key = keys.Key(b"\x07" * 32)
    assert "07" * 8 not in repr(key) + str(key) + f"{key}"
    with pytest.raises(TypeError):
        import pickle

        pickle.dumps(key)


def test_no_key_from_nonsense() -> None:
    for secret in (b"", b"short", bytes(32)):
        with pytest.raises(LedgerError):
            keys.Key(secret)


@pytest.mark.parametrize("count", [12, 15, 18, 21, 24])
def test_words_of_every_length_survive_a_keystore_file(tmp_path, count: int) -> None:
    from eth_account.hdaccount.mnemonic import Mnemonic
    from eth_account.types import Language

    words = Mnemonic(Language.ENGLISH).generate(count)
    key = keys.restore(words)
    keys.save(key, tmp_path / "key.json", "passphrase", light=True)
    assert keys.load(tmp_path / "key.json", "passphrase").words() == words
