"""Who has signed a release, and whether a policy lets them: the kind is `bundle`, like that of an order.

`two` of the policy may name it: then two keys must have signed, each of which may sign bundles for this device.
"""

from __future__ import annotations

from typing import Final

from ..trust import BadSeal, KeyRule, Policy, Sealed, Signer, signers
from ..trust.sealed import pre_authentication

PURPOSE: Final = "ripieno/bundle/v1"
KIND: Final = "bundle"


def signature(index: bytes, key: Signer) -> bytes:
    """Return the signature of a key over an index: these exact bytes, for this purpose."""
    return key.sign(pre_authentication(PURPOSE, index))


def accepted_signers(head: Sealed, policy: Policy, device: str) -> list[KeyRule]:
    """Return the keys that have signed and may sign bundles for this device.

    Raises:
        BadSeal: `unsigned`, `unknown-key`, `forged`, or `not-allowed`: too few of them.
    """
    if not head.signatures:
        raise BadSeal("unsigned", "nobody has signed it (`ripieno bundle sign FILE --key KEY`)")
    good = signers(PURPOSE, head, policy.publics)
    may = [key for key in good if policy.allows(key, KIND, device)]
    needed = policy.keys_needed(KIND)
    if len(may) < needed:
        names = ", ".join(policy.keys[key].name for key in good)
        raise BadSeal(
            "not-allowed",
            f"signed by {names}: {len(may)} of them may sign bundles for {device}, {needed} are needed "
            f"(kinds in policy.toml: {KIND})",
        )
    return [policy.keys[key] for key in may]
