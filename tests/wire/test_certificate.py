"""Certificates and keys on disk and in the hand."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest
from cryptography import x509

from klopf import wire
from klopf.errors import BadCertificate, WireError


def test_save_and_load(tmp_path: Path) -> None:
    certificate = wire.Certificate.new("neuron", "example.org", "10.1.2.3")
    certificate.save(tmp_path / "keys")
    again = wire.Certificate.load(tmp_path / "keys")
    assert (again.der, again.key_pem) == (certificate.der, certificate.key_pem)
    assert again.fingerprint == hashlib.sha256(again.der).digest()
    assert stat.S_IMODE((tmp_path / "keys" / "certificate.key").stat().st_mode) == 0o600
    certificate.save(tmp_path / "keys")  # over the old one, and still nobody else's to read
    assert stat.S_IMODE((tmp_path / "keys" / "certificate.key").stat().st_mode) == 0o600
    assert sorted(p.name for p in (tmp_path / "keys").iterdir()) == ["certificate.key", "certificate.pem"]
    names = x509.load_der_x509_certificate(again.der).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["localhost", "example.org"]
    assert [str(a) for a in names.value.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "10.1.2.3"]


def test_the_private_key_is_not_shown() -> None:
    certificate, signer = wire.Certificate.new("n"), wire.LocalSigner(b"\x07" * 32)
    assert "PRIVATE" not in f"{certificate!r} {certificate} {signer!r}" and "0707" not in repr(signer)


def test_damage_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadCertificate, match="make or restore it") as caught:
        wire.Certificate.load(tmp_path)
    wire.Certificate.new("a").save(tmp_path / "a")
    wire.Certificate.new("b").save(tmp_path / "b")
    (tmp_path / "a" / "certificate.key").write_bytes((tmp_path / "b" / "certificate.key").read_bytes())
    with pytest.raises(BadCertificate, match="do not belong together") as caught:
        wire.Certificate.load(tmp_path / "a")
    (tmp_path / "a" / "certificate.key").write_bytes(b"")
    with pytest.raises(BadCertificate, match="key file cannot be read") as caught:
        wire.Certificate.load(tmp_path / "a")
    pem = tmp_path / "b" / "certificate.pem"
    pem.write_bytes(pem.read_bytes()[:200])
    with pytest.raises(BadCertificate, match="damaged") as caught:
        wire.Certificate.load(tmp_path / "b")
    assert "\n" not in str(caught.value)
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadCertificate, match="cannot write"):
        wire.Certificate.new("c").save(tmp_path / "file")
    for name, host in (("", "localhost"), ("n" * 65, "localhost"), ("n", "münchen")):
        with pytest.raises(BadCertificate):
            wire.Certificate.new(name, host)


def test_keys_as_ethereum_has_them() -> None:
    """Against eth-account, an implementation that is not ours."""
    from eth_account import Account

    from klopf.wire._keys import address_bytes, recover

    digest = hashlib.sha256(b"x").digest()
    for secret in (b"\x07" * 32, bytes(31) + b"\x01"):
        signer, account = wire.LocalSigner(secret), Account.from_key(secret)
        assert signer.address == account.address
        assert signer.sign(digest) == bytes(account.unsafe_sign_hash(digest).signature)
        assert recover(digest, signer.sign(digest)) == address_bytes(account.address)
    for bad in (b"", bytes(32), b"\xff" * 32, "text"):
        with pytest.raises(WireError):
            wire.LocalSigner(bad)  # type: ignore[arg-type]
    for bad_address in ("", "0x12", "0x" + "g" * 40, None):
        with pytest.raises(WireError):
            address_bytes(bad_address)  # type: ignore[arg-type]


def test_a_signature_has_one_form() -> None:
    from klopf.wire._keys import _ORDER, recover

    digest = hashlib.sha256(b"x").digest()
    signature = wire.LocalSigner(b"\x07" * 32).sign(digest)
    mirrored = signature[:32] + (_ORDER - int.from_bytes(signature[32:64])).to_bytes(32) + bytes([55 - signature[64]])
    assert recover(digest, signature) is not None
    assert recover(digest, mirrored) is None  # valid for secp256k1, and by the same key; but not the form that we take
    for bad in (b"", signature[:64], signature + b"\x00", bytes(64) + b"\x1b", b"\xff" * 64 + b"\x1b"):
        assert recover(digest, bad) is None
