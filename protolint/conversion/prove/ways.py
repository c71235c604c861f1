"""Whether nets are run before and after: where that is quick, always, or not at all."""

from __future__ import annotations

__all__ = ["AUTO", "NEVER", "RUN", "WAYS"]

AUTO, RUN, NEVER = WAYS = ("auto", "run", "none")
