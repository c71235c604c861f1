"""The shape of one blob, and what a rule for a layer's shapes is given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from protolint.layers.layer import Layer

__all__ = ["SCALAR", "UNKNOWN", "Case", "Shape", "canonical", "known_size", "product"]

#: kMaxBlobAxes in include/caffe/blob.hpp, and the largest int, in which Caffe holds a size.
_MOST_AXES, _LARGEST = 32, (1 << 31) - 1


class Shape(NamedTuple):
    """The sizes of a blob's axes, None where a size is not known.

    Where `complete` is False further axes may follow those in `dims`; a scalar is complete
    and has no axis.
    """

    dims: tuple[int | None, ...] = ()
    complete: bool = False

    @classmethod
    def of(cls, dims: Iterable[int | None]) -> Shape:
        """The shape with these axes and no more; what cannot be a size is not known."""
        found = tuple(known_size(dim) for dim in dims)
        return cls(found, True) if len(found) <= _MOST_AXES else UNKNOWN

    @property
    def axes(self) -> int | None:
        """The number of axes, or None."""
        return len(self.dims) if self.complete else None

    @property
    def channels(self) -> int | None:
        """The size of axis 1, or None."""
        return self.size(1)

    @property
    def values(self) -> int | None:
        """How many values the blob holds, or None."""
        return product(self.dims) if self.complete else None

    def size(self, axis: int) -> int | None:
        """The size of an axis counted from the front, or None."""
        return self.dims[axis] if 0 <= axis < len(self.dims) else None

    def lead(self, count: int) -> tuple[int | None, ...]:
        """The sizes of the first axes, whether there are so many or not."""
        return tuple(self.size(axis) for axis in range(count))

    def resized(self, axis: int, size: int | None) -> Shape:
        """The same axes with another size of one of them."""
        dims = list(self.lead(max(axis + 1, len(self.dims))))
        dims[axis] = known_size(size)
        return Shape(tuple(dims), self.complete)

    def __str__(self) -> str:
        sizes = ["?" if dim is None else str(dim) for dim in self.dims]
        if self.complete:
            return "x".join(sizes) or "scalar"
        return "x".join([*sizes, "..."]) if any(self.dims) else "?"


UNKNOWN = Shape()
SCALAR = Shape((), True)


class Case(NamedTuple):
    """A top whose shape is asked: its layer, its index, and the shapes of the bottoms.

    `padding` is the pad of the V0 padding layer that is merged into this one.
    """

    layer: Layer
    i: int
    bottoms: list[Shape]
    padding: int = 0

    @property
    def first(self) -> Shape:
        """The shape of the first bottom."""
        return self.bottom(0)

    def bottom(self, i: int) -> Shape:
        """The shape of a bottom; unknown where there is none."""
        return self.bottoms[i] if i < len(self.bottoms) else UNKNOWN

    @property
    def common(self) -> Shape:
        """What bottoms that must all have one shape tell together."""
        complete = next((b for b in self.bottoms if b.complete), None)
        sizes = [len(b.dims) for b in self.bottoms] if complete is None else [len(complete.dims)]
        dims = (
            next((b.dims[i] for b in self.bottoms if b.size(i) is not None), None)
            for i in range(max(sizes, default=0))
        )
        return Shape(tuple(dims), complete is not None)


def canonical(axis: int, shape: Shape) -> int | None:
    """An axis counted from the front (CanonicalAxisIndex in blob.hpp); None where it is none."""
    if axis >= 0:
        return axis if axis < (_MOST_AXES if shape.axes is None else shape.axes) else None
    return axis + shape.axes if shape.axes is not None and axis + shape.axes >= 0 else None


def known_size(size: int | None) -> int | None:
    """A size that Caffe can hold, else None."""
    return size if size is not None and 0 < size <= _LARGEST else None


def product(sizes: Iterable[int | None]) -> int | None:
    """The product of sizes, None where one of them is not known."""
    found = 1
    for size in sizes:
        if size is None:
            return None
        found *= size
    return found
