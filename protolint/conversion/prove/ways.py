"""Whether nets are run before and after: where that is quick, always, or not at all."""

from __future__ import annotations

import os

from protolint.errors import UsageError

__all__ = ["AUTO", "NEVER", "RUN", "WAYS", "require_runnable", "too_large"]

AUTO, RUN, NEVER = WAYS = ("auto", "run", "none")

#: Up to so many bytes of weights a model is run without being asked.
_BYTES = 64 << 20


def too_large(path: str) -> str:
    """Return why the weights in a file are not run without being asked, "" where they are."""
    size = os.path.getsize(path)
    return f"not run: the weights have {size >> 20} MiB; --prove run does it" * (size > _BYTES)


def require_runnable(data: object, way: str) -> None:
    """Raise UsageError for data where no net is run."""
    if data is not None and way == NEVER:
        raise UsageError("data are for running both nets, and prove is none: leave one out")
