"""A layer while a Caffe sets it up: what it is given, and what is found wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import Enum
from typing import TypeVar, cast

from protolint.caffe.behaviour import Building
from protolint.caffe.binder import Message
from protolint.caffe.build import Build
from protolint.caffe.descriptors import Value
from protolint.caffe.dialect import Dialect
from protolint.diagnostic import Label
from protolint.layers import fields
from protolint.layers.layer import Layer
from protolint.layers.shape import Shape, canonical, written
from protolint.layers.states import NetState
from protolint.record import NamedTuple
from protolint.source import Span
from protolint.text.tree import Block, Scalar

__all__ = ["LARGEST", "Around", "Fault", "Kind", "SetupCheck", "size_problem"]

_T = TypeVar("_T")
#: kMaxBlobAxes (include/caffe/blob.hpp), and the most axes num(), channels(), height() and
#: width() read (Blob::LegacyShape).
LEGACY_AXES = 4
LARGEST = (1 << 31) - 1


class Kind(Enum):
    """Why a Caffe does not build a net, by what its user would look up."""

    GENERATIONS = "layer and layers"
    ENGINE = "engine"
    STATE_RULES = "include and exclude"
    INPUT = "input without a shape"
    UNKNOWN_BOTTOM = "unknown bottom"
    DUPLICATE_TOP = "duplicate top"
    UNKNOWN_TYPE = "unknown type"
    GRADIENT_SWITCHES = "propagate_down"
    COUNT = "bottoms and tops"
    IN_PLACE = "in place"
    MISSING = "missing parameter"
    CONTRADICTION = "contradicting parameters"
    RANGE = "parameter out of range"
    AXIS = "axis out of range"
    KERNEL = "kernel given twice"
    WINDOW = "window does not fit"
    GROUP = "group does not divide"
    SHAPES = "shapes disagree"
    EMPTY = "empty blob"
    SIZE = "blob too large"
    FILLER = "filler"
    LOSS_WEIGHT = "loss_weight"
    PARAMS = "too many params"
    SHARED = "shared parameter"
    STATISTICS = "multipliers of statistics"
    BATCHNORM_AXES = "axes of a BatchNorm"
    SHAPE_LIST = "shapes of tops"


class Fault(NamedTuple):
    """One reason why a net is not built: its kind, its layer, and where to look.

    `layer` is None for a fault of the net itself. `related` are further places, such as the
    one where a shape was made; `node` is the field that is wrong, where a value is.
    """

    kind: Kind
    layer: Layer | None
    span: Span
    message: str
    related: tuple[Label, ...] = ()
    node: Scalar | Block | None = None


class Around(NamedTuple):
    """What is around a layer that is set up: which Caffe builds which net.

    `batch_of_statistics` is the net's own bn_stats_batch_size, Intel's. `template` is whether
    DIGITS is still to complete the net, `inline` whether it stands inside a solver.
    """

    dialect: Dialect
    build: Build
    inline: bool = False
    template: bool = False
    batch_of_statistics: int = 0


class SetupCheck:
    """One layer in one state: its bottoms' shapes go in, faults come out in Caffe's order.

    `tops` are the shapes that it makes where nothing is wrong. `unsure` is set where something
    that is not known decides whether the layer is built. `origin` gives the place where a bottom
    was made, None for an input. `asked_phase` is whether the phase has been asked for.
    """

    __slots__ = (
        "_called", "around", "asked_phase", "bottoms", "dialect", "faults", "in_place", "layer",
        "origin", "state", "tops", "unsure",
    )  # fmt: skip

    def __init__(
        self,
        layer: Layer,
        bottoms: tuple[Shape, ...],
        around: Around,
        state: NetState,
        origin: Callable[[int], Span | None],
    ) -> None:
        self.layer = layer
        self.bottoms = bottoms
        self.around = around
        self.state = state
        self.dialect = around.dialect
        self.origin = origin
        self.asked_phase = False
        self.tops: tuple[Shape, ...] = ()
        self.in_place: frozenset[int] = frozenset()
        self.faults: list[Fault] = []
        self.unsure = False
        self._called: tuple[int, ...] = ()

    @property
    def phase(self) -> str:
        """The phase that the layer runs in."""
        self.asked_phase = True
        return self.layer.runs_as(self.state)

    def once(self, find: Callable[..., _T], *given: Hashable) -> _T:
        """Return what a demand comes to on the text of the layer alone, and on what is given.

        Where nothing is wrong it is kept for all layers that are written alike.
        """
        model = self.layer.node.model
        if model is None or self.layer.padding:
            return find(self, *given)
        key = find, self.layer.message.type, self.dialect.name, given
        found = model.readings.get(key, model)
        if found is model:
            before = len(self.faults)
            found = find(self, *given)
            if len(self.faults) == before:
                model.readings[key] = found
        return cast("_T", found)

    # -- What is written.

    def message(self, parameter: str) -> Message | None:
        """Return the message that has the parameters of a layer, or None."""
        return fields.place(self.layer, parameter, "")[0]

    def given(self, parameter: str, field: str) -> list[Value | Message]:
        """Return the values that are given for a field."""
        message, name = fields.place(self.layer, parameter, field)
        if message is None:
            return []
        found = message.given.get(name, ())
        if found and isinstance(found[0][0], Message):
            return [*message.messages(name)]
        return [value for value, _ in found]

    def integers(self, parameter: str, field: str) -> list[int]:
        """Return the whole numbers that are given for a field."""
        return fields.integers(self.layer, parameter, field)

    def integer(self, parameter: str, field: str, default: int) -> int:
        """Return the whole number that is given for a field, or the default."""
        return fields.integer(self.layer, parameter, field, default)

    def number(self, parameter: str, field: str, default: float) -> float:
        """Return the number that is given for a field, or the default."""
        return fields.number(self.layer, parameter, field, default)

    def flag(self, parameter: str, field: str, default: bool = False) -> bool:
        """Return what is given for a field that is true or false, or the default."""
        return fields.flag(self.layer, parameter, field, default)

    def word(self, parameter: str, field: str, default: str = "") -> str:
        """Return the text or the word of an enum that is given, or the default."""
        return fields.word(self.layer, parameter, field, default)

    # -- What is wrong.

    def fault(
        self,
        kind: Kind,
        message: str,
        *,
        at: tuple[str, str] | None = None,
        bottoms: tuple[int, ...] = (),
        span: Span | None = None,
        node: Scalar | Block | None = None,
    ) -> None:
        """Note a fault at a field, at a bottom, or at the layer.

        The places where the bottoms were made go with it, also of those that the message calls.
        """
        place = (
            span
            or (node.span if node is not None else None)
            or self._place(at)
            or (self._bottom(bottoms[-1]) if bottoms else None)
        )
        related = []
        for i in sorted({*self._called, *bottoms}):
            origin = self.origin(i) if i < len(self.bottoms) else None
            if origin is not None:
                name = self.layer.bottoms[i].name
                related.append(Label(origin, f"'{name}' is {self.bottoms[i]}"))
        self._called = ()
        labels = tuple(related)
        self.faults.append(Fault(kind, self.layer, place or self.layer.head, message, labels, node))

    def _place(self, at: tuple[str, str] | None) -> Span | None:
        if at is None:
            return None
        message, name = fields.place(self.layer, *at)
        if message is None:
            return None
        node = message.node_of(name) if name else None
        if node is not None:
            return node.span
        return message.node.head_span if message.node is not None else None

    def _bottom(self, i: int) -> Span | None:
        return self.layer.bottoms[i].span if i < len(self.layer.bottoms) else None

    # -- Shapes.

    def bottom(self, i: int = 0) -> Shape:
        """Return the shape of a bottom; unknown where there is none."""
        return self.bottoms[i] if i < len(self.bottoms) else Shape()

    def called(self, i: int = 0) -> str:
        """Return how a message calls a bottom: its name and its shape."""
        self._called = *self._called, i
        bottoms = self.layer.bottoms
        name = bottoms[i].name if i < len(bottoms) else "?"
        return f"'{name}' ({self.bottom(i)})"

    def differ(self, a: int | None, b: int | None) -> bool:
        """Whether two sizes differ for sure; where one is not known, nothing is sure."""
        if a is None or b is None:
            self.unsure = True
            return False
        return a != b

    def unlike(self, a: Shape, b: Shape) -> bool:
        """Whether two shapes differ for sure."""
        if a.axes is None or b.axes is None:
            self.unsure = True
            known = zip(a.dims, b.dims, strict=False)
            return any(x != y for x, y in known if x is not None and y is not None)
        return a.axes != b.axes or any(
            self.differ(x, y) for x, y in zip(a.dims, b.dims, strict=True)
        )

    def exceeds(self, a: int | None, b: int | None) -> bool:
        """Whether one size is above another for sure."""
        if a is None or b is None:
            self.unsure = True
            return False
        return a > b

    def axes(self, i: int = 0) -> int | None:
        """Return how many axes a bottom has; where it is not known, nothing is sure."""
        axes = self.bottom(i).axes
        if axes is None:
            self.unsure = True
        return axes

    def axis(self, parameter: str, field: str, default: int, i: int = 0) -> int | None:
        """Return the axis a field names, counted from the front; one out of range is a fault.

        Source: CanonicalAxisIndex in include/caffe/blob.hpp.
        """
        axis = self.integer(parameter, field, default)
        return self.axis_of(axis, f"{field} {axis}", i, at=(parameter, field))

    def axis_of(
        self, axis: int, what: str, i: int = 0, at: tuple[str, str] | None = None
    ) -> int | None:
        """Return an axis counted from the front; one out of range is a fault."""
        shape = self.bottom(i)
        if shape.axes is None:
            if axis < 0 or axis >= len(shape.dims):
                self.unsure = True
            return canonical(axis, shape)
        if not -shape.axes <= axis < shape.axes:
            count = "no axis" if not shape.axes else f"{shape.axes} axes"
            self.fault(
                Kind.AXIS, f"{what} is out of range: {self.called(i)} has {count}", at=at,
                bottoms=(i,),
            )  # fmt: skip
            return None
        return axis + shape.axes if axis < 0 else axis

    def legacy(self, axis: int, i: int = 0) -> int | None:
        """Return the size of one of the four axes of old; 1 behind the last axis.

        Source: LegacyShape in include/caffe/blob.hpp.
        """
        shape = self.bottom(i)
        if shape.axes is not None and axis >= shape.axes:
            return 1
        return shape.size(axis)

    def four_axes_at_most(self, i: int = 0) -> bool:
        """Whether num(), channels(), height() and width() can be read; if not, it is a fault."""
        axes = self.axes(i)
        if axes is not None and axes > LEGACY_AXES:
            self.fault(
                Kind.AXIS,
                f"{self.layer.type} reads four axes at most, {self.called(i)} has {axes}",
                bottoms=(i,),
            )
            return False
        return True

    def count(self, shape: Shape, start: int = 0, end: int | None = None) -> int | None:
        """Return how many values some axes hold, or None; 0 where one of them is empty."""
        if not shape.complete and end is None:
            return None
        dims = shape.dims[start:end]
        if 0 in dims:
            return 0
        found = 1
        for size in dims:
            if size is None:
                return None
            found *= size
        return found

    def empty(self, message: str, *, bottoms: tuple[int, ...] = ()) -> None:
        """Note that the memory of a blob that holds nothing is asked for, where that aborts.

        Source: CHECK(data_) in src/caffe/blob.cpp.
        """
        if not self.building.empty_memory:
            self.fault(Kind.EMPTY, message, bottoms=bottoms)
        self._called = ()

    @property
    def building(self) -> Building:
        """How this Caffe builds."""
        return self.dialect.building

    def sized(self, dims: list[int], at: tuple[str, str] | None = None) -> None:
        """Check sizes as Blob::Reshape does."""
        found = size_problem(dims, self.dialect)
        if found is not None:
            self.fault(*found, at=at)


def size_problem(dims: list[int], dialect: Dialect) -> tuple[Kind, str] | None:
    """Return what a Caffe has against a blob of some sizes (Blob::Reshape in blob.cpp)."""
    count = 1
    for size in dims:
        if size < 0:
            return Kind.RANGE, f"a size of {size} in {written(dims)}"
        if count == 0:
            if dialect.building.divides_by_empty:
                what = f"{written(dims)} has an empty axis before others: {dialect.name} divides"
                return Kind.EMPTY, f"{what} by zero"
        elif not dialect.building.large_blobs and size > LARGEST // count:
            what = f"{written(dims)} is more than the {LARGEST} values that a blob holds"
            return Kind.SIZE, what
        count *= size
    return None
