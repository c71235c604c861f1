"""How a layer goes over its bottom, as its fields say: kernel, stride, padding, dilation.

Sources: base_conv_layer.cpp, im2col_layer.cpp, pooling_layer.cpp in src/caffe/layers @ BVLC
master, NVIDIA v0.14.5 to v0.17.4.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.caffe.binder import Message
from protolint.layers.by_text import by_text
from protolint.layers.fields import flag, integer, integers
from protolint.layers.layer import Layer
from protolint.layers.setup_check import Kind, SetupCheck
from protolint.layers.shape import Shape, positive
from protolint.record import NamedTuple

__all__ = [
    "CONVOLUTION", "POOLING", "Conflict", "Sizes", "Window", "conflicts", "given_once", "padded",
    "sides", "sizes", "windows", "windows_along",
]  # fmt: skip

CONVOLUTION, POOLING = "convolution_param", "pooling_param"

#: Fields of a window, their defaults, and their other form along the two axes of an image.
_FIELDS: dict[str, tuple[int, tuple[str, ...]]] = {
    "kernel_size": (0, ("kernel_h", "kernel_w")),
    "stride": (1, ("stride_h", "stride_w")),
    "pad": (0, ("pad_h", "pad_w")),
    "dilation": (1, ()),
}
#: The fields of that other form.
_HALVES = frozenset(half for _, halves in _FIELDS.values() for half in halves)


class Window(NamedTuple):
    """How a layer goes along one axis; `kernel` is None where no size is given."""

    kernel: int | None
    stride: int
    pad: int
    dilation: int = 1

    @property
    def extent(self) -> int | None:
        """The pixels that the kernel spans."""
        return None if self.kernel is None else self.dilation * (self.kernel - 1) + 1


def windows(layer: Layer, axis: int, bottom: Shape) -> list[Window] | None:
    """Return the window of a convolution along each axis behind its channels, the `axis`.

    None where it is not known how many there are: the forms for height and width mean two,
    a list means its length. The padding of a V0 padding layer wins over the layer's own.
    """
    count = len(bottom.dims) - axis - 1 if bottom.complete else None
    return windows_along(layer, count)


class Sizes(NamedTuple):
    """What is written of one size of a convolution's window.

    `halves` are the fields for height and width that it is given by, if it is.
    """

    field: str
    given: list[int]
    halves: list[str]


@by_text
def sizes(layer: Layer) -> list[Sizes]:
    """Return what is written of the kernel, stride, padding and dilation of a convolution."""
    message = layer.parameter(CONVOLUTION)
    if message is None:
        return [Sizes(field, integers(layer, CONVOLUTION, field), []) for field in _FIELDS]
    # Nets are mostly convolutions: what is not given is not asked for.
    values = message.given
    halved = not _HALVES.isdisjoint(values)
    found = []
    for field, (_, both) in _FIELDS.items():
        halves = [half for half in both if half in message] if halved else []
        if halves:
            given = [message.integer(half) if half in halves else 0 for half in both]
        else:
            given = message.integers(field) if field in values else []
        found.append(Sizes(field, given, halves))
    return found


@by_text
def windows_along(layer: Layer, count: int | None) -> list[Window] | None:
    """Return the window along each of `count` axes; None for as many as the text says."""
    written = sizes(layer)
    kernels, strides, pads, dilations = [size.given for size in written]
    if layer.padding:
        pads = [layer.padding]
    if count is None:
        halved = any(size.halves for size in written)
        count = 2 if halved else max(map(len, (kernels, strides, pads, dilations)))
        count = -1 if count < 2 else count
    if count < 0:
        return None
    alike = (
        kernels[0] if kernels else 0,
        strides[0] if strides else 1,
        pads[0] if pads else 0,
        dilations[0] if dilations else 1,
    )
    if len(kernels) < 2 and len(strides) < 2 and len(pads) < 2 and len(dilations) < 2:
        return [Window(positive(alike[0]), *alike[1:])] * count
    return [
        Window(positive(kernel), *rest)
        for kernel, *rest in (
            [
                given[i] if i < len(given) else one
                for given, one in zip((kernels, strides, pads, dilations), alike, strict=True)
            ]
            for i in range(count)
        )
    ]


@by_text
def sides(layer: Layer) -> tuple[Window, Window]:
    """Return the window of a pooling along the height and the width."""
    return _side(layer, 0), _side(layer, 1)


def _side(layer: Layer, axis: int) -> Window:
    def given(field: str) -> int:
        default, halves = _FIELDS[field]
        shared = integer(layer, POOLING, field, default)
        return integer(layer, POOLING, halves[axis], shared)

    return Window(positive(given("kernel_size")), given("stride"), layer.padding or given("pad"))


class Conflict(NamedTuple):
    """Two fields of a window that exclude each other, or one whose other half is missing.

    `surplus` are the fields to leave out, `missing` the line that should be there.
    """

    field: str
    other: str
    surplus: tuple[str, ...] = ()
    missing: str = ""

    @property
    def words(self) -> str:
        """What is wrong, and what to do."""
        if self.surplus:
            return f"{self.other} and {self.field} exclude each other; keep one"
        return f"{self.field} needs {self.other} beside it; add it"


#: Without one of these nothing can be given twice.
_SUSPICIOUS = _HALVES | {"global_pooling"}


def conflicts(layer: Layer, param: Message) -> Iterator[Conflict]:
    """Yield what a layer's kernel, stride and padding say twice or by half.

    `param` is the layer's `convolution_param` or `pooling_param`. Pooling looks at
    `kernel_size` alone where one of `kernel_h` and `kernel_w` is missing.
    """
    if _SUSPICIOUS.isdisjoint(param.given):
        return
    pooling = layer.type == "Pooling"
    if pooling and flag(layer, POOLING, "global_pooling"):
        given = tuple(
            field
            for stem, harmless in (("kernel", None), ("stride", 1), ("pad", 0))
            for field in (f"{stem}_h", f"{stem}_w", "kernel_size" if stem == "kernel" else stem)
            if field in param and param.integer(field) != harmless
        )
        if given:
            yield Conflict(given[0], "global_pooling", given)
    for plain, stem in (("kernel_size", "kernel"), ("stride", "stride"), ("pad", "pad")):
        halves = tuple(f for f in (f"{stem}_h", f"{stem}_w") if f in param)
        lone = len(halves) == 1
        if not halves:
            continue
        if plain in param:
            if not (pooling and lone and stem == "kernel"):
                yield Conflict(halves[0], plain, halves if lone else (plain,))
        elif lone and (pooling or stem != "pad"):
            other = f"{stem}_w" if halves[0].endswith("h") else f"{stem}_h"
            missing = {"stride": f"{other}: 1", "pad": f"{other}: 0"}.get(stem, "")
            yield Conflict(halves[0], other, (), missing)


def given_once(setup: SetupCheck, parameter: str) -> bool:
    """Demand a window that is given in one way, and whole; True where nothing is wrong."""
    message = setup.message(parameter)
    found = None if message is None else next(conflicts(setup.layer, message), None)
    if message is None or found is None:
        return True
    setup.fault(Kind.KERNEL, found.words, node=message.node_of(found.field))
    return False


def padded(pad: int) -> str:
    """Return how a message speaks of padding, "" for none."""
    return f" with pad {pad}" if pad else ""
