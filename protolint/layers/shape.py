"""The shape of one blob."""

from __future__ import annotations

from collections.abc import Iterable

from protolint.record import NamedTuple

__all__ = [
    "SCALAR", "UNKNOWN", "Shape", "canonical", "known_size", "positive", "product", "written",
]  # fmt: skip

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
        """Return the shape with these axes and no more; what cannot be a size is not known."""
        found = tuple([None if d is None or d < 0 or d > _LARGEST else d for d in dims])
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
        """Return the size of an axis counted from the front, or None."""
        return self.dims[axis] if 0 <= axis < len(self.dims) else None

    def lead(self, count: int) -> tuple[int | None, ...]:
        """Return the sizes of the first axes, whether there are so many or not."""
        dims = self.dims[:count]
        return dims if len(dims) == count else dims + (None,) * (count - len(dims))

    def resized(self, axis: int, size: int | None) -> Shape:
        """Return the same axes with another size of one of them."""
        dims = list(self.lead(max(axis + 1, len(self.dims))))
        dims[axis] = known_size(size)
        return Shape(tuple(dims), self.complete)

    def __str__(self) -> str:
        sizes = ["?" if dim is None else str(dim) for dim in self.dims]
        if self.complete:
            return "x".join(sizes) or "scalar"
        return "x".join([*sizes, "..."]) if any(d is not None for d in self.dims) else "?"


UNKNOWN = Shape()
SCALAR = Shape((), True)


def canonical(axis: int, shape: Shape) -> int | None:
    """Return an axis counted from the front (CanonicalAxisIndex in blob.hpp), None for none."""
    if axis >= 0:
        return axis if axis < (_MOST_AXES if shape.axes is None else shape.axes) else None
    return axis + shape.axes if shape.axes is not None and axis + shape.axes >= 0 else None


def known_size(size: int | None) -> int | None:
    """Return a size that an axis can have (Blob::Reshape takes 0 too), else None."""
    return size if size is not None and 0 <= size <= _LARGEST else None


def positive(size: int | None) -> int | None:
    """Return a size that layers demand to be above 0, such as `num_output`, else None."""
    return size if size is not None and 0 < size <= _LARGEST else None


def product(sizes: Iterable[int | None]) -> int | None:
    """Return the product of sizes, None where one of them is not known."""
    found = 1
    for size in sizes:
        if size is None:
            return None
        found *= size
    return found


def written(dims: Iterable[int]) -> str:
    """Return how a message writes sizes that are given, whatever they are."""
    return "x".join(map(str, dims)) or "scalar"
