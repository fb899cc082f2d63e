"""What Mosquitto is told: TLS 1.3 alone, a certificate from everybody, and who may write and read where.

The client id is the certificate's name (`use_username_as_clientid`): without it, a device with a good certificate that
calls itself by another's client id inherits that one's session and the commands queued for it. A device writes below
its own `up` and reads below its own `dn`; it can neither command another nor listen to it.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Final

CONSUMER: Final = "consumer"
REGISTRAR: Final = "registrar"
CONSOLES: Final = tuple(f"console-{number}" for number in range(1, 5))
RESERVED: Final = frozenset({CONSUMER, REGISTRAR, *CONSOLES, "broker", "all", "grp", "meta"})
MAX_PACKET_BYTES: Final = 300_000


def mosquitto_conf(folder: PurePath, listen: str, port: int, user: str) -> str:
    """Return the configuration for a broker whose files are in `folder`, for Mosquitto 2.0 and later.

    `user`: who owns the files; a broker that root starts would otherwise become `mosquitto` and not read them.
    """
    return f"""\
# Made by `ripieno fleet init`. Start: mosquitto -c {folder}/mosquitto.conf
# For a packaged broker: move this folder to /etc/mosquitto, chown it to mosquitto, change the paths and this line.
user {user}
listener {port} {listen}
cafile {folder}/ca.pem
certfile {folder}/broker.pem
keyfile {folder}/broker.key
crlfile {folder}/revoked.pem
tls_version tlsv1.3
require_certificate true
# The certificate's name is user and client id: nobody can take over the session of another.
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {folder}/acl
# Without it each acknowledged message takes 40 ms longer.
set_tcp_nodelay true
max_packet_size {MAX_PACKET_BYTES}
max_inflight_messages 20
# Nothing relies on what the broker keeps: results wait on the devices until the consumer has them.
persistence false
log_dest stderr
"""


def access_list(fleet: str) -> str:
    """Return the access list. What is not allowed is refused."""
    root = f"ripieno/1/{fleet}"
    consoles = "".join(
        f"""
user {console}
topic read {root}/+/up/#
topic write {root}/+/dn/cmd
topic readwrite {root}/+/dn/des
topic write {root}/+/dn/blk
topic write {root}/all/cmd
topic write {root}/grp/+/cmd
topic write {root}/meta/+
"""
        for console in CONSOLES
    )
    return f"""\
# Made by `ripieno fleet init`. %u is the name in the client's certificate.
pattern write {root}/%u/up/#
pattern read {root}/%u/dn/#
pattern read {root}/all/cmd
pattern read {root}/grp/+/cmd
pattern read {root}/meta/+

# Takes all results, and says which it has.
user {CONSUMER}
topic read {root}/+/up/#
topic write {root}/+/dn/ack/+
{consoles}
# Takes away what is left of a decommissioned device.
user {REGISTRAR}
topic write {root}/+/up/state
topic write {root}/+/up/rep
topic write {root}/+/dn/des
"""
