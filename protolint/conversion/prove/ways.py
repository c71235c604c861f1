"""How much is proven: what counts as rounding, and whether nets are run before and after.

What counts as rounding in blobs of nets that are run is in protolint.comparison.models.
"""

from __future__ import annotations

import os

from protolint.errors import UsageError

__all__ = ["AUTO", "NEVER", "RUN", "TOLERANCE", "WAYS", "require_runnable", "too_large"]

#: The largest relative difference that roundings of a right conversion make: a division by
#: the factor, an eps put into the variance, an inverse deviation, each at most about 3e-7.
TOLERANCE = 1e-6

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
