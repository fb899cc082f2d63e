"""A device joins with a one-time token: its key is made on the device and never leaves it.

    token     base32 of 10 random bytes and the first 16 of the SHA-256 of the certificate that the claim is given to
    device    -> one line of JSON: {secret, request}         request: a certificate request (PEM) for its new key
    operator  -> one line of JSON: {device, broker, files} or {error}

The token says whom to trust before there is an authority: the device compares the certificate that it sees with the
token's digest, so that nobody between them can answer. A token is good for one claim, for some minutes.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ripieno.errors import RipienoError

SECRET_BYTES: Final = 10
DIGEST_BYTES: Final = 16
MAX_LINE: Final = 64 * 1024
TALK_S: Final = 10.0
WRONG_TRIES: Final = 5


class BadClaim(RipienoError):
    """A token that is none, another party than the token says, or a claim that was refused."""


class Token(NamedTuple):
    """What a token says: a secret, and the digest of the certificate that may ask for it."""

    secret: bytes
    digest: bytes

    @property
    def text(self) -> str:
        """Return it as a person types it: letters and digits in groups of six."""
        letters = base64.b32encode(self.secret + self.digest).decode().rstrip("=").lower()
        return "-".join(letters[at : at + 6] for at in range(0, len(letters), 6))


class Joined(NamedTuple):
    """What a device gets: its id, its broker's section, its files by name."""

    device: str
    broker: str
    files: Mapping[str, bytes]


def new_token(secret: bytes, certificate_pem: bytes) -> Token:
    """Return the token for a claim that is given to this certificate; `secret`: 10 bytes nobody can foretell."""
    return Token(secret, _digest(ssl.PEM_cert_to_DER_cert(certificate_pem.decode("ascii"))))


def parse_token(text: str) -> Token:
    """Return what a person typed.

    Raises:
        BadClaim: it is no token.
    """
    letters = "".join(text.split()).replace("-", "").upper()
    try:
        packed = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except ValueError:  # binascii.Error is one
        packed = b""
    if len(packed) != SECRET_BYTES + DIGEST_BYTES:
        raise BadClaim(f"{text!r} is no token: 42 letters and digits, as `ripieno fleet token` printed them")
    return Token(packed[:SECRET_BYTES], packed[SECRET_BYTES:])


async def claim(host: str, port: int, token: Token) -> Joined:
    """Make a key, ask for its certificate, and return all that goes onto this device's disk.

    Raises:
        BadClaim: nobody is there, somebody else is, or the claim was refused.
    """
    key, request = _new_request()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the token's digest takes their place
    try:
        async with asyncio.timeout(TALK_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=MAX_LINE)
            try:
                seen = writer.get_extra_info("ssl_object").getpeercert(binary_form=True) or b""
                if not hmac.compare_digest(_digest(seen), token.digest):
                    raise BadClaim(f"{host}:{port} is not who made this token; nothing was sent to it")
                ask = {"secret": token.secret.hex(), "request": request.decode("ascii")}
                writer.write(json.dumps(ask).encode() + b"\n")
                answer = json.loads(await reader.readline() or b"{}")
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError) as error:
        raise BadClaim(f"{host}:{port}: {error or 'no answer'}") from error
    match answer:
        case {"device": str(device), "broker": str(broker), "files": dict(files)}:
            content = {str(name): str(text).encode() for name, text in files.items() if "/" not in name}
            binary = {name: base64.b64decode(text) for name, text in content.items()}
            return Joined(device, broker, {**binary, "device.key": key})
        case {"error": str(why)}:
            raise BadClaim(f"{host}:{port} refused the claim: {why}")
    raise BadClaim(f"{host}:{port}: not an answer to a claim")


async def serve_claim(
    listen: str, port: int, server: tuple[str, str], token: Token, enrol: Callable[[bytes], Joined], limit_s: float
) -> Joined:
    """Wait for the one claim and return what was given; `enrol` makes it of a request.

    `server`: the files of the certificate that the token names, and of its key.

    Raises:
        BadClaim: nobody came in time, or five claims had a wrong secret.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(*server)
    given: asyncio.Future[Joined] = asyncio.get_running_loop().create_future()
    wrong = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal wrong
        try:
            async with asyncio.timeout(TALK_S):
                asked = json.loads(await reader.readline() or b"{}")
                if given.done():
                    answer: dict[str, Any] = {"error": "this token was used"}
                elif not _is_right(asked, token):
                    wrong += 1
                    answer = {"error": "this is not the token"}
                    if wrong >= WRONG_TRIES:
                        given.set_exception(BadClaim(f"{wrong} claims had a wrong secret: make a new token"))
                else:
                    joined = enrol(str(asked.get("request", "")).encode())
                    files = {name: base64.b64encode(each).decode() for name, each in joined.files.items()}
                    answer = {"device": joined.device, "broker": joined.broker, "files": files}
                    given.set_result(joined)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except RipienoError as error:
            writer.write(json.dumps({"error": str(error)}).encode() + b"\n")
        except (OSError, TimeoutError, ValueError):
            pass  # somebody who speaks something else costs only this connection
        finally:
            writer.close()

    async with await asyncio.start_server(talk, listen, port, ssl=context, limit=MAX_LINE) as listening:
        try:
            async with asyncio.timeout(limit_s):
                joined = await given
        except TimeoutError:
            raise BadClaim(f"nobody came within {limit_s / 60:g} minutes: the token is void") from None
        listening.close()
        await asyncio.sleep(0.2)  # the answer is on its way
        return joined


def _is_right(asked: Any, token: Token) -> bool:
    secret = asked.get("secret") if isinstance(asked, dict) else None
    return isinstance(secret, str) and hmac.compare_digest(secret.encode(), token.secret.hex().encode())


def _digest(certificate_der: bytes) -> bytes:
    return hashlib.sha256(certificate_der).digest()[:DIGEST_BYTES]


def _new_request() -> tuple[bytes, bytes]:
    """Return a new key and a request for its certificate, in PEM. The name in it is the operator's to give."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, request.public_bytes(serialization.Encoding.PEM)
