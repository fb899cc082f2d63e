"""Trust: who may say what to a device, and how the device knows that they said it.

In:    signed bytes, a signed policy, certificates; from a person the folder of a fleet.
Out:   whose signatures are good over exactly these bytes; what a key may ask of which device.
Never: a signed thing decoded before its signature is checked, or packed again to check it; a key on a wire.
Start: sealed.py (bytes and signatures), policy.py (key -> kinds, devices, rate), founding.py (a new fleet's folder).
`cryptography` is imported where a signature is checked or made, not before: a daemon without a fleet does not hold it.
"""

from .keys import Signer, key_id
from .policy import KeyRule, Policy, read_policy
from .sealed import BadSeal, Sealed, parse_sealed, seal, signers

__all__ = [
    "BadSeal",
    "KeyRule",
    "Policy",
    "Sealed",
    "Signer",
    "key_id",
    "parse_sealed",
    "read_policy",
    "seal",
    "signers",
]
