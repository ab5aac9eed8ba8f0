"""TLS certificates without an authority: self-signed, known to others by their fingerprint in the registry."""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from klopf import files
from klopf.errors import BadCertificate

__all__ = ["Certificate", "check", "der_to_pem", "tls_name"]


class Certificate:
    """A P-256 key with its self-signed certificate.

    The subject carries the hash of the public key. So no two keys share a subject, and nobody can register a
    certificate that stands in another's way when TLS looks up a trusted certificate by its subject.
    """

    CERTIFICATE_FILE = "certificate.pem"
    KEY_FILE = "certificate.key"

    def __init__(self, der: bytes, key_pem: bytes) -> None:
        """Raises BadCertificate if the parts do not belong together or others would not accept them."""
        check(der)
        try:
            key = serialization.load_pem_private_key(key_pem, None)
        except (ValueError, TypeError):
            raise BadCertificate("the certificate's key file cannot be read: restore it, or make a new one") from None
        ours = key.public_key().public_bytes(*_SPKI)
        theirs = x509.load_der_x509_certificate(der).public_key().public_bytes(*_SPKI)
        if ours != theirs:
            raise BadCertificate("certificate and key do not belong together: restore both from one backup")
        self.der = der
        self._key_pem = key_pem

    @classmethod
    def new(cls, common_name: str, *hosts: str, days: int = 3650) -> Certificate:
        """A fresh key and certificate, valid for localhost, 127.0.0.1 and the given hosts (names or IP addresses)."""
        if not 1 <= len(common_name) <= 64:
            raise BadCertificate("a certificate's common name has 1 to 64 characters: choose a shorter name")
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
                x509.NameAttribute(NameOID.SERIAL_NUMBER, _key_hash(key.public_key())),
            ]
        )
        names: list[x509.GeneralName] = []
        for host in dict.fromkeys(("localhost", "127.0.0.1", *hosts)):
            try:
                names.append(x509.IPAddress(ipaddress.ip_address(host)))
            except ValueError:
                try:
                    names.append(x509.DNSName(host))
                except ValueError:
                    raise BadCertificate(f"not a host name: {host!r}; use ASCII letters, digits, dots") from None
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))  # a clock a few hours behind still accepts it
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_USAGE, critical=True)
            .sign(key, hashes.SHA256())
        )
        key_pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return cls(certificate.public_bytes(serialization.Encoding.DER), key_pem)

    @property
    def fingerprint(self) -> bytes:
        """sha256 of the DER bytes, 32 bytes: what the registry holds."""
        return hashlib.sha256(self.der).digest()

    @property
    def days_left(self) -> float:
        """Until it expires."""
        ends = x509.load_der_x509_certificate(self.der).not_valid_after_utc
        return (ends - datetime.now(UTC)) / timedelta(days=1)

    @property
    def pem(self) -> bytes:
        return der_to_pem(self.der)

    @property
    def key_pem(self) -> bytes:
        """The private key, in the clear: for TLS alone."""
        return self._key_pem

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write both parts into ``folder``; the key is readable by its owner alone (0600)."""
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            files.replace(folder / self.KEY_FILE, self._key_pem, private=True)
            files.replace(folder / self.CERTIFICATE_FILE, self.pem, private=True)
        except OSError as error:
            raise BadCertificate(f"cannot write the certificate to {folder}: {error.strerror}") from None

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Certificate:
        """Read what ``save`` wrote. Raises BadCertificate with one line that says what is missing or wrong."""
        folder = Path(folder)
        try:
            pem = (folder / cls.CERTIFICATE_FILE).read_bytes()
            key_pem = (folder / cls.KEY_FILE).read_bytes()
        except OSError as error:
            raise BadCertificate(f"no certificate in {folder} ({error.strerror}): make or restore it") from None
        try:
            der = x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
        except ValueError:
            raise BadCertificate(f"{folder / cls.CERTIFICATE_FILE} is damaged: restore it, or make a new one") from None
        return cls(der, key_pem)

    def __repr__(self) -> str:
        return f"Certificate({self.fingerprint.hex()[:16]}…)"


# Signing handshakes, not certificates: gRPC's TLS would otherwise take what a trusted certificate's key has signed.
_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
_SPKI = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _key_hash(key: ec.EllipticCurvePublicKey) -> str:
    return hashlib.sha256(key.public_bytes(*_SPKI)).hexdigest()


def check(der: bytes, now: datetime | None = None) -> None:
    """Raise BadCertificate unless this certificate may be trusted for what it is: one key, speaking for itself.

    One registered certificate that TLS cannot read, or that names another's subject, or that may sign others,
    must not touch anybody else's connections; so the axon asks this of each before it trusts it.
    """
    start, end = _sound(der)
    if not start <= (now or datetime.now(UTC)) <= end:
        raise BadCertificate(f"certificate refused: valid from {start:%Y-%m-%d} to {end:%Y-%m-%d} only")


@functools.lru_cache(maxsize=4096)  # of many neurons in a process each dials the same peers
def _sound(der: bytes) -> tuple[datetime, datetime]:
    """From when until when a certificate is valid. BadCertificate where it is not to be trusted at any time."""
    if len(der) > 4096:
        raise BadCertificate("certificate refused: larger than 4096 bytes")
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        if certificate.public_bytes(serialization.Encoding.DER) != der:
            raise BadCertificate("certificate refused: bytes follow its end")
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise BadCertificate("certificate refused: its key is not on P-256; make one with Certificate.new")
        certificate.verify_directly_issued_by(certificate)
        serials = certificate.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
        if [s.value for s in serials] != [_key_hash(key)]:
            raise BadCertificate("certificate refused: its subject does not carry its key's hash")
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        if constraints.ca or usage != _USAGE:
            raise BadCertificate("certificate refused: it may sign other certificates")
        certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except BadCertificate:
        raise
    except InvalidSignature:
        raise BadCertificate("certificate refused: its signature is not its own key's") from None
    except Exception as error:  # the DER of a stranger: whatever the parser says, it is refused
        raise BadCertificate(f"certificate refused: cannot be read ({type(error).__name__})") from None


@functools.lru_cache(maxsize=4096)
def tls_name(der: bytes) -> str:
    """A name that the certificate carries, for TLS to look for. The pin is the certificate itself, not this name."""
    names = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    for dns in names.get_values_for_type(x509.DNSName):
        return dns
    for address in names.get_values_for_type(x509.IPAddress):
        return str(address)
    raise BadCertificate("certificate refused: it names no host; make one with Certificate.new")


@functools.lru_cache(maxsize=4096)
def der_to_pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)
