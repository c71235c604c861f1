"""How much a test run takes of what would be too much: it is to end in five minutes.

With PROTOLINT_TEST_ALL=1 it takes all.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["ALL", "every", "sample"]

_T = TypeVar("_T")

#: Whether the run takes all.
ALL = os.environ.get("PROTOLINT_TEST_ALL") == "1"


def every(count: int) -> int:
    """Return the step in which to go through something of which one in `count` is enough."""
    return 1 if ALL else count


def sample(items: Sequence[_T], count: int, start: int = 0) -> Sequence[_T]:
    """Return one in `count` of the items, from the one at `start` on; with ALL every one."""
    return items if ALL else items[start::count]
