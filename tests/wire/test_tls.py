"""Who gets as far as being heard: mutual TLS with registered certificates, and no authority."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from klopf import wire
from klopf.errors import BadCertificate, Unreachable
from klopf.wire import Code, _certificate

X = {"x": np.arange(4.0)}


async def turned_away(net: Any, axon: wire.Axon, certificate: wire.Certificate | None, **parts: bytes) -> None:
    async with net.channel(axon, certificate, **parts) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await net.send(channel, net.frame(X))
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE  # the handshake failed: not one byte was read
    assert not axon.counts


async def test_without_a_certificate(net: Any) -> None:
    async with net.axon() as axon:
        await turned_away(net, axon, None)


async def test_without_tls(net: Any) -> None:
    async with net.axon() as axon, grpc.aio.insecure_channel(axon.endpoint) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await net.send(channel, net.frame(X))
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        assert not axon.counts


async def test_with_an_unregistered_certificate(net: Any) -> None:
    async with net.axon() as axon:
        await turned_away(net, axon, net.stranger.certificate)
        async with net.dendrite(net.stranger, retries=1) as dendrite:
            with pytest.raises(Unreachable) as caught:
                await dendrite.ask(1, "answer")
        assert caught.value.code == Code.UNREACHABLE
        assert not axon.counts


async def test_the_newly_registered_are_heard_without_a_restart(net: Any) -> None:
    async with net.axon() as axon:
        await turned_away(net, axon, net.stranger.certificate)
        net.roll.put(net.stranger.peer())
        async with net.dendrite(net.stranger) as dendrite:
            await dendrite.ask(1, "answer")
        net.roll.remove(net.stranger.id)
        await turned_away_after(net, axon)


async def turned_away_after(net: Any, axon: wire.Axon) -> None:
    axon.counts.clear()
    await turned_away(net, axon, net.stranger.certificate)


async def test_a_registered_certificate_cannot_vouch_for_another(net: Any) -> None:
    """A leaf signed by a registered key: there are no authorities here, so it is nobody's."""
    issuer = serialization.load_pem_private_key(net.asker.certificate.key_pem, None)
    name = x509.load_der_x509_certificate(net.asker.certificate.der).subject
    pem, key = _make(issuer=name, signer=issuer)
    async with net.axon() as axon:
        await turned_away(net, axon, None, pem=pem + net.asker.certificate.pem, key=key)
        await turned_away(net, axon, None, pem=pem, key=key)


async def test_a_stolen_certificate_without_its_key(net: Any) -> None:
    async with net.axon() as axon:
        with pytest.raises((grpc.aio.AioRpcError, ValueError, RuntimeError)):
            async with net.channel(
                axon, None, pem=net.asker.certificate.pem, key=net.stranger.certificate.key_pem
            ) as c:
                await net.send(c, net.frame(X))
        assert not axon.counts


async def test_a_man_in_the_middle_is_not_asked(net: Any) -> None:
    """Another axon at the registered endpoint, even one that is registered itself, even with the speaker's signer."""
    middle = net.other
    heard = []
    async with net.axon() as honest:
        impostor = wire.Axon(middle.certificate, net.speaker.signer, network=net.network, directory=net.roll)

        @impostor.handle("answer")
        async def answer(request: wire.Request) -> wire.Answer:
            heard.append(request)
            return wire.Answer()

        async with impostor:
            net.roll.put(net.speaker.peer(impostor.endpoint))
            async with net.dendrite(retries=1) as dendrite:
                with pytest.raises(Unreachable, match="another certificate") as caught:
                    await dendrite.ask(1, "answer", X)
                assert caught.value.code == Code.WRONG_CERTIFICATE
                net.roll.put(net.speaker.peer(honest.endpoint))
                await dendrite.ask(1, "answer", X)
    assert heard == []


async def test_a_directory_whose_certificate_is_not_the_fingerprints(net: Any) -> None:
    async with net.axon() as axon, net.dendrite() as dendrite:
        peer = net.speaker.peer(axon.endpoint)
        net.roll.put(wire.Peer(1, peer.key, peer.endpoint, bytes(32), peer.certificate))
        with pytest.raises(BadCertificate, match="peer 1") as caught:
            await dendrite.ask(1, "answer")
        assert caught.value.code == Code.WRONG_CERTIFICATE


def _make(
    *,
    key: Any = None,
    signer: Any = None,
    subject: x509.Name | None = None,
    issuer: x509.Name | None = None,
    ca: bool = False,
    days: int = 10,
    constraints: bool = True,
    usage: Any = _certificate._USAGE,
    names: bool = True,
) -> tuple[bytes, bytes]:
    """(certificate, key) as PEM: one that a stranger would make."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    if subject is None:
        spki = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        subject = x509.Name([x509.NameAttribute(NameOID.SERIAL_NUMBER, hashlib.sha256(spki).hexdigest())])
    signer = signer or key
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    if constraints:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    if usage is not None:
        builder = builder.add_extension(usage, critical=True)
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    certificate = builder.sign(signer, algorithm)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(*form)


_SIGNS = x509.KeyUsage(True, False, False, False, False, True, False, False, False)


def _der(pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)


def hostile_certificates(victim: wire.Certificate) -> dict[str, bytes]:
    """Certificates that somebody might register to hurt others, or by mistake."""
    name = x509.load_der_x509_certificate(victim.der).subject
    other = ec.generate_private_key(ec.SECP256R1())
    return {
        "garbage": b"\x30\x82\x01\x00 this is not a certificate",
        "nothing": b"",
        "too large": bytes(5000),
        "more after its end": victim.der + b"\x00",
        "the victim's subject": _der(_make(subject=name)[0]),
        "an authority": _der(_make(ca=True)[0]),
        "one that may sign others": _der(_make(usage=_SIGNS)[0]),
        "no usage": _der(_make(usage=None)[0]),
        "no constraints": _der(_make(constraints=False)[0]),
        "no names": _der(_make(names=False)[0]),
        "RSA": _der(_make(key=rsa.generate_private_key(65537, 2048))[0]),
        "Ed25519": _der(_make(key=ed25519.Ed25519PrivateKey.generate())[0]),
        "another curve": _der(_make(key=ec.generate_private_key(ec.SECP384R1()))[0]),
        "signed by another": _der(_make(signer=other)[0]),
        "run out": _der(_make(days=-1)[0]),
    }


def test_what_is_not_trusted() -> None:
    victim = wire.Certificate.new("victim")
    for name, der in hostile_certificates(victim).items():
        with pytest.raises(BadCertificate) as caught:
            _certificate.check(der)
        assert "\n" not in str(caught.value), name
    _certificate.check(_der(_make()[0]))


async def test_hostile_certificates_in_the_directory_hurt_nobody(net: Any) -> None:
    for id, der in enumerate(hostile_certificates(net.asker.certificate).values(), start=100):
        fingerprint = hashlib.sha256(der).digest()
        net.roll.put(wire.Peer(id, wire.LocalSigner(id.to_bytes(32)).address, "127.0.0.1:1", fingerprint, der))
    # the hostile ones come before the honest ones in the list that TLS is given
    net.roll.set(sorted(net.roll.peers(), key=lambda peer: -peer.id))
    async with net.axon(), net.dendrite() as dendrite:
        await dendrite.ask(1, "answer")
        for peer in net.roll.peers():
            if peer.id >= 100:
                with pytest.raises(BadCertificate, match=f"peer {peer.id}"):
                    await dendrite.ask(peer, "answer")


async def test_why_certificates_are_checked(net: Any, monkeypatch: Any) -> None:
    """Unchecked, one registered certificate with the asker's subject locks the asker out."""
    monkeypatch.setattr(_certificate, "check", lambda der: None)
    name = x509.load_der_x509_certificate(net.asker.certificate.der).subject
    der = _der(_make(subject=name, usage=_SIGNS)[0])
    fingerprint = hashlib.sha256(der).digest()
    net.roll.put(wire.Peer(100, wire.LocalSigner(bytes([1]) * 32).address, "", fingerprint, der))
    net.roll.set(sorted(net.roll.peers(), key=lambda peer: -peer.id))
    async with net.axon() as axon:
        await turned_away(net, axon, net.asker.certificate)


async def test_a_directory_that_fails_at_a_handshake_keeps_those_known(net: Any) -> None:
    class Failing(wire.Members):
        fails = False

        def peers(self) -> Any:
            if self.fails:
                raise OSError("the ledger is away")
            return super().peers()

    net.roll = Failing(net.roll.peers())
    async with net.axon(), net.dendrite() as first, net.dendrite() as second:
        await first.ask(1, "answer")
        net.roll.fails = True
        await second.ask(1, "answer")
