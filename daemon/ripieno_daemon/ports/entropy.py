"""Unpredictable bytes from the kernel."""

from __future__ import annotations

import os


class SystemEntropy:
    """os.urandom."""

    def token(self, size: int) -> bytes:
        """Return `size` bytes nobody can foretell."""
        return os.urandom(size)
