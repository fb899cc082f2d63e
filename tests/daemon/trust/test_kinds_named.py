"""Who writes a policy reads in it which kinds there are: all of them, and no others."""

from __future__ import annotations

import re

from ripieno_daemon.bundles.signed import KIND as BUNDLE
from ripieno_daemon.orders.kinds import KINDS
from ripieno_daemon.trust.policy_text import write_text
from ripieno_daemon.twin.twin import KIND as DESIRED


def test_the_policy_file_names_every_kind_that_a_key_can_be_allowed() -> None:
    comment = write_text("plant", []).split("# kinds:")[1].split("# A pattern")[0]
    named = re.findall(r"[a-z][a-z-]+", re.sub(r"\(.*?\)", "", comment))

    assert sorted(named) == sorted([*KINDS, DESIRED, BUNDLE])
