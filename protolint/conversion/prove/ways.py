"""Whether nets are run before and after: where that is quick, always, or not at all."""

from __future__ import annotations

import os

__all__ = ["AUTO", "NEVER", "RUN", "WAYS", "too_large"]

AUTO, RUN, NEVER = WAYS = ("auto", "run", "none")

#: Up to so many bytes of weights a model is run without being asked.
_BYTES = 64 << 20


def too_large(path: str) -> str:
    """Return why the weights in a file are not run without being asked, "" where they are."""
    size = os.path.getsize(path)
    return f"not run: the weights have {size >> 20} MiB; --prove run does it" * (size > _BYTES)
