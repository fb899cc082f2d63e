"""A worker that keeps some megabytes of every picture: as child.py, for tests of what is done about it."""

from __future__ import annotations

import sys
from typing import Any

from ripieno.values import Inferred
from ripieno_daemon.workers import child

LEAK_BYTES = 8_000_000


class Leaky(child.Server):
    """Keeps what it should let go."""

    kept: list[bytes] = []  # noqa: RUF012  the leak

    def _infer(self, *arguments: Any) -> Inferred:
        self.kept.append(b"x" * 2 * LEAK_BYTES)  # touched: zeros alone would cost no page
        return super()._infer(*arguments)


if __name__ == "__main__":
    child.Server = Leaky  # type: ignore[misc]
    sys.exit(child.main(sys.argv[1:]))
