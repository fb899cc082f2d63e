"""Certificates of a fleet (X.509, ECDSA P-256): its authority, the broker, its devices and its people; the list of
revoked ones.

The common name of a client's certificate is its client id and its name in the broker's access list. Times are seconds
since 1970, UTC. RFC 5280.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from ripieno.errors import RipienoError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

DAY_S: Final = 86_400
AUTHORITY_DAYS: Final = 3650
REVOKED_DAYS: Final = 3650  # brokers refuse everybody once a list of revoked certificates is out of date
BACKDATED_S: Final = 3600  # a device whose clock is a little behind may connect at once


class BadCertificate(RipienoError):
    """A file that is no certificate, key or request of the kind that was expected."""


class Pair(NamedTuple):
    """A certificate and its private key, in PEM."""

    certificate: bytes
    key: bytes


class Told(NamedTuple):
    """What a certificate says: its name, its number, and from when until when it holds (seconds since 1970)."""

    name: str
    serial: int
    from_s: int
    until_s: int


def new_authority(fleet: str, now_s: int) -> Pair:
    """Return a new authority that signs itself; it may sign certificates but no other authority's."""
    key = _new_key()
    from cryptography import x509

    builder = _builder(f"ripieno fleet {fleet}", None, key.public_key(), now_s, AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return Pair(_signed(builder, key), _key_pem(key))


def new_server(authority: Pair, hosts: Sequence[str], now_s: int, days: int) -> Pair:
    """Return the broker's certificate for these names and addresses."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = _new_key()
    builder = _builder("broker", authority, key.public_key(), now_s, days)
    builder = builder.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return Pair(_signed(builder, _load_key(authority.key)), _key_pem(key))


def new_client(authority: Pair, name: str, now_s: int, days: int) -> Pair:
    """Return a certificate for a client and the key that was made for it."""
    key = _new_key()
    return Pair(_client(authority, name, key.public_key(), now_s, days), _key_pem(key))


def certify_request(authority: Pair, request: bytes, name: str, now_s: int, days: int) -> bytes:
    """Return a certificate for a key that was made elsewhere; of the request only the key is taken, not its names.

    Raises:
        BadCertificate: it is no request in PEM, is not signed by its own key, or has no key on P-256.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        asked = x509.load_pem_x509_csr(request)
    except ValueError as error:
        raise BadCertificate(f"no certificate request in PEM: {error}") from None
    public = asked.public_key()
    if not asked.is_signature_valid or not isinstance(public, ec.EllipticCurvePublicKey):
        raise BadCertificate("the request is not signed by its own key, or its key is not on a curve (use P-256)")
    return _client(authority, name, public, now_s, days)


def revocation_list(authority: Pair, serials: Iterable[int], now_s: int) -> bytes:
    """Return the signed list of revoked certificates in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    issuer = x509.load_pem_x509_certificate(authority.certificate).subject
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer)
    builder = builder.last_update(_time(now_s - BACKDATED_S)).next_update(_time(now_s + REVOKED_DAYS * DAY_S))
    for serial in serials:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(_time(now_s)).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(_load_key(authority.key), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def read_certificate(pem: bytes, name: str = "certificate") -> Told:
    """Return what a certificate says of itself.

    Raises:
        BadCertificate: it is none in PEM; `name` says which file.
    """
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise BadCertificate(f"{name}: no certificate in PEM ({error})") from None
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    from_s, until_s = (
        int(each.replace(tzinfo=UTC).timestamp())
        for each in (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    )
    return Told(str(names[0].value) if names else "", certificate.serial_number, from_s, until_s)


def _client(authority: Pair, name: str, public: EllipticCurvePublicKey, now_s: int, days: int) -> bytes:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    builder = _builder(name, authority, public, now_s, days)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    return _signed(builder, _load_key(authority.key))


def _builder(
    name: str, authority: Pair | None, public: EllipticCurvePublicKey, now_s: int, days: int
) -> x509.CertificateBuilder:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).public_key(public)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(_time(now_s - BACKDATED_S)).not_valid_after(_time(now_s + days * DAY_S))
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    if authority is None:
        return builder.issuer_name(subject)
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(_load_key(authority.key).public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    return builder.issuer_name(issuer.subject).add_extension(issued_by, critical=False)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _signed(builder: x509.CertificateBuilder, key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import hashes, serialization

    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _host(host: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _key_pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load_key(pem: bytes) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadCertificate(f"the authority's key should be on a curve, is {type(key).__name__}")
    return key


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
