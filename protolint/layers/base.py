"""What the catalogue says of a layer type, and what its functions are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

from protolint.caffe.dialect import Dialect
from protolint.layers.layer import Layer
from protolint.layers.shape import UNKNOWN, Shape
from protolint.record import NamedTuple

__all__ = [
    "ALL_VALUES",
    "ANY",
    "NONE",
    "NOTHING_READ",
    "ONE",
    "POSITIVE_VALUES",
    "SIGNS",
    "TWO",
    "VALUES",
    "Backward",
    "Blob",
    "Count",
    "InPlace",
    "LayerType",
    "Setup",
    "agreed",
    "always",
    "at_least",
    "between",
    "common",
    "exactly",
    "first",
    "needs",
    "unknown",
]


class Count(NamedTuple):
    """How many bottoms or tops a layer takes; `most` is None where there is no bound."""

    least: int = 0
    most: int | None = None


def exactly(number: int) -> Count:
    """Return the count of a layer that takes one number only (ExactNumBottomBlobs)."""
    return Count(number, number)


def at_least(number: int) -> Count:
    """Return the count of a layer without an upper bound (MinBottomBlobs)."""
    return Count(number)


def between(least: int, most: int) -> Count:
    """Return the count of a layer with two bounds (MinBottomBlobs, MaxBottomBlobs)."""
    return Count(least, most)


ANY, NONE, ONE, TWO = Count(), exactly(0), exactly(1), exactly(2)


class InPlace(Enum):
    """What becomes of a layer whose top is its bottom, in words of a message."""

    FINE = "works"
    WRONG_OUTPUT = "wrong output"
    WRONG_OUTPUT_OR_CRASH = "wrong output or a crash"
    ABORTS = "the net aborts"
    #: The output is right, but not what is passed down in training.
    WRONG_GRADIENT = "wrong gradient"
    #: Nobody has tried it.
    UNTRIED = "untried"


class Setup(NamedTuple):
    """A layer about to be set up: by which Caffe, and on what.

    `bottoms` are the shapes of its bottoms; `cudnn` is whether the Caffe has cuDNN.
    """

    layer: Layer
    bottoms: Sequence[Shape]
    dialect: Dialect
    cudnn: bool = True

    @property
    def first(self) -> Shape:
        """The shape of the first bottom; unknown where there is none."""
        return self.bottoms[0] if self.bottoms else UNKNOWN

    def bottom(self, i: int) -> Shape:
        """Return the shape of a bottom; unknown where there is none."""
        return self.bottoms[i] if i < len(self.bottoms) else UNKNOWN


class Blob(NamedTuple):
    """A blob of a layer's own: what it holds, such as "weights", and its shape."""

    role: str
    shape: Shape


def _no_blobs(_setup: Setup) -> Iterable[Blob]:
    return ()


def _never(_layer: Layer) -> bool:
    return False


def always(_layer: Layer) -> bool:
    """Return that every layer does."""
    return True


def _spared(_layer: Layer, _in_place: bool) -> frozenset[str]:
    return frozenset()


def needs(types: frozenset[str]) -> Callable[[Layer, bool], frozenset[str]]:
    """Return the `spoilers` of a type whose layers all need the same of their top."""
    return lambda _layer, _in_place: types


class Backward(NamedTuple):
    """What data the backward pass of a layer reads.

    `bottom`: whether the gradient of a bottom is made from a bottom's data. `weights`: whether
    the gradient of the layer's own blobs is. `spoilers`: for a layer that works in place or
    not, the types that destroy what it needs of its top by overwriting it.
    """

    bottom: Callable[[Layer], bool] = _never
    weights: bool = False
    spoilers: Callable[[Layer, bool], frozenset[str]] = _spared


# What a gradient needs of a top, as the types that destroy it by overwriting the top in place.
# Gradients by finite differences, 42 writers each overwritten in place by 16 layer types, the
# same in BVLC master and NVIDIA v0.14.5, v0.15.14, v0.16.6, v0.17.4. Types that are not named
# keep what the writer needs (a sign, a zero gradient), or the writer has a copy.
#: The sign of each value.
SIGNS = frozenset({"BatchNorm", "Scale", "Bias", "Sigmoid", "Exp"})
#: Values that are all positive.
POSITIVE_VALUES = SIGNS | {"TanH", "Dropout"}
#: Values of either sign.
VALUES = POSITIVE_VALUES | {"ELU", "PReLU"}
#: Values, of which those that become 0 matter too.
ALL_VALUES = VALUES | {"ReLU"}

#: The gradient needs no data.
NOTHING_READ = Backward()

if TYPE_CHECKING:
    from protolint.layers.setup_check import SetupCheck

    #: Gives the shape of the top at an index.
    ShapeOf = Callable[[Setup, int], Shape]
    CountOf = Callable[[Layer], Count]
    #: From a layer set up, its tops and its blobs to the multiply-accumulates of a pass.
    Products = Callable[[Setup, Sequence[Shape], Sequence[Shape]], int | None]
    #: Checks what LayerSetUp and Reshape check, in Caffe's order.
    Check = Callable[[SetupCheck], object]

_NOTHING: Mapping[str, frozenset[str]] = MappingProxyType({})


class LayerType(NamedTuple):
    """All that is known of a layer type, the same in every Caffe that registers it.

    `parameters` are the message fields of LayerParameter that it reads, its own one first;
    `reads_of` are single fields that it reads of others, in some Caffes. `bottoms` and `tops`
    are numbers, or functions of the layer where the text decides them; `equal`: there must be
    as many of each. `blobs` gives its own blobs, in order; None: their number is not known.
    `products` gives the multiply-accumulates of a forward pass over the batch; it is None
    where the layer multiplies by no matrix. `shares_memory`: the top is the bottom's memory.
    `keeps_shape`: every top has the shape of the first bottom. `is_loss`: the first top is a
    loss, by a loss_weight of 1. `check` finds what a Caffe has against a layer when it sets it
    up; None: nothing.
    """

    name: str
    parameters: tuple[str, ...]
    bottoms: Count | CountOf
    tops: Count | CountOf
    shape: ShapeOf
    blobs: Callable[[Setup], Iterable[Blob]] | None = _no_blobs
    products: Products | None = None
    in_place: InPlace | Callable[[Layer], InPlace] = InPlace.UNTRIED
    backward: Backward = NOTHING_READ
    reads_of: Mapping[str, frozenset[str]] = _NOTHING
    equal: bool = False
    shares_memory: bool = False
    keeps_shape: bool = False
    is_loss: bool = False
    check: Check | None = None

    @property
    def learnable(self) -> bool:
        """Whether a layer of this type can have blobs of its own."""
        return self.blobs is not _no_blobs

    def bottoms_of(self, layer: Layer, dialect: Dialect) -> Count:
        """Return how many bottoms a layer takes in a Caffe."""
        return _count(self.bottoms, layer, dialect.other_bottoms.get(self.name))

    def tops_of(self, layer: Layer, dialect: Dialect) -> Count:
        """Return how many tops a layer takes in a Caffe."""
        return _count(self.tops, layer, dialect.other_tops.get(self.name))

    def effect_in_place(self, layer: Layer, dialect: Dialect) -> InPlace:
        """Return what becomes of a layer in a Caffe whose top is its bottom."""
        found = self.in_place if isinstance(self.in_place, InPlace) else self.in_place(layer)
        return InPlace.FINE if self.name in dialect.works_in_place else found


def _count(known: Count | CountOf, layer: Layer, other: tuple[int, int | None] | None) -> Count:
    """Return what a Caffe asks for itself, else what the catalogue has."""
    if other is not None:
        return Count(*other)
    return known if isinstance(known, Count) else known(layer)


# Shapes that layers of several families have.


def first(setup: Setup, _i: int) -> Shape:
    """Return the shape of the first bottom."""
    return setup.first


def common(setup: Setup, _i: int) -> Shape:
    """Return what bottoms that must all have one shape say together."""
    return agreed(setup.bottoms)


def unknown(_setup: Setup, _i: int) -> Shape:
    """Return that nothing is known."""
    return UNKNOWN


def agreed(shapes: Sequence[Shape]) -> Shape:
    """Return what shapes that must be one say together."""
    if len(shapes) == 1:
        return shapes[0]
    complete = next((shape for shape in shapes if shape.complete), None)
    if complete is not None and None not in complete.dims:
        return complete
    sizes = [len(shape.dims) for shape in shapes] if complete is None else [len(complete.dims)]
    dims = (
        next((shape.dims[i] for shape in shapes if shape.size(i) is not None), None)
        for i in range(max(sizes, default=0))
    )
    return Shape(tuple(dims), complete is not None)
