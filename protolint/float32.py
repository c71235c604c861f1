"""32-bit floats without NumPy: the value a `float` field holds, and how to write it."""

from __future__ import annotations

import math
import struct

__all__ = ["shortest", "single"]


def single(value: float) -> float:
    """Return the 32-bit float nearest to a value, infinity where it is too large."""
    try:
        nearest: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return nearest


def shortest(value: float) -> str:
    """Return the shortest decimal number that reads as the same 32-bit float."""
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if single(float(text)) == single(value):
            return text
    return repr(value)
