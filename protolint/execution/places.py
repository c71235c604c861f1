"""The pixels under each place of a window, wherever it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from protolint.layers.window import Window

__all__ = ["ALL", "pixels_under"]

#: All items and channels.
ALL: tuple[slice, ...] = (slice(None), slice(None))


def pixels_under(
    found: Sequence[Window], sizes: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Yield each place in the kernel, and the padded pixels (N, C, ...) under it."""
    for place in product(*(range(window.kernel or 0) for window in found)):
        pixels = []
        for i, size, window in zip(place, sizes, found, strict=True):
            start = i * window.dilation
            pixels.append(slice(start, start + (size - 1) * window.stride + 1, window.stride))
        yield place, (*ALL, *pixels)
