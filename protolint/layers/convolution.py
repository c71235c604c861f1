"""Layers that go over their bottom with a window and weights: convolutions.

Sources: base_conv_layer.cpp, conv_layer.cpp, deconv_layer.cpp, im2col_layer.cpp in
src/caffe/layers, base_conv_layer.hpp in include/caffe/layers @ BVLC master, NVIDIA v0.14.5 to
v0.17.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from protolint.layers.base import (
    ONE,
    Backward,
    Blob,
    InPlace,
    LayerType,
    Setup,
    agreed,
    at_least,
)
from protolint.layers.by_text import by_text
from protolint.layers.checks import above_zero
from protolint.layers.fields import flag, integer
from protolint.layers.fillers import fill
from protolint.layers.layer import Layer
from protolint.layers.setup_check import Kind, SetupCheck
from protolint.layers.shape import UNKNOWN, Shape, canonical, positive, product
from protolint.layers.window import (
    CONVOLUTION,
    Sizes,
    Window,
    given_once,
    padded,
    sizes,
    windows,
    windows_along,
)
from protolint.record import NamedTuple

__all__ = ["TYPES", "products_per_place"]


class _Numbers(NamedTuple):
    """What is written of a convolution besides its window, or the default."""

    axis: int
    outputs: int
    group: int
    bias: bool


@by_text
def _numbers(layer: Layer) -> _Numbers:
    return _Numbers(
        integer(layer, CONVOLUTION, "axis", 1),
        integer(layer, CONVOLUTION, "num_output"),
        integer(layer, CONVOLUTION, "group", 1),
        flag(layer, CONVOLUTION, "bias_term", True),
    )


if TYPE_CHECKING:
    _SizeOf = Callable[[int, Window], int | None]


def _convolution(setup: Setup, _i: int) -> Shape:
    """`num_output` channels; every top alike, since every bottom is."""
    return _convolved(setup, _shrunk)


def _deconvolution(setup: Setup, _i: int) -> Shape:
    """Return the same, with the sizes that a convolution would come from."""
    return _convolved(setup, _grown)


def _convolved(setup: Setup, size_of: _SizeOf) -> Shape:
    bottom = agreed(setup.bottoms)
    written = _numbers(setup.layer)
    axis = canonical(written.axis, bottom)
    if axis is None:
        return UNKNOWN
    channels = positive(written.outputs)
    found = windows(setup.layer, axis, bottom)
    if found is None:
        return Shape((*bottom.lead(axis), channels))
    return Shape.of((*bottom.lead(axis), channels, *_sizes(axis, bottom, found, size_of)))


def _im2col(setup: Setup, _i: int) -> Shape:
    """Return the channels of every place of the window."""
    bottom = setup.first
    axis = canonical(_numbers(setup.layer).axis, bottom)
    found = None if axis is None else windows(setup.layer, axis, bottom)
    if axis is None or found is None:
        return UNKNOWN
    channels = product((bottom.size(axis), *(window.kernel for window in found)))
    return Shape.of((*bottom.lead(axis), channels, *_sizes(axis, bottom, found, _shrunk)))


def _sizes(axis: int, bottom: Shape, found: list[Window], size_of: _SizeOf) -> list[int | None]:
    known = bottom.dims[axis + 1 :] if bottom.complete else (None,) * len(found)
    return [
        None if size is None else size_of(size, window)
        for size, window in zip(known, found, strict=True)
    ]


def _shrunk(known: int, window: Window) -> int | None:
    extent = window.extent
    if extent is None or not window.stride:
        return None
    return _divided(known + 2 * window.pad - extent, window.stride) + 1


def _divided(value: int, by: int) -> int:
    """Return a quotient rounded towards zero, as C++ divides."""
    return value // by if value >= 0 else -(-value // by)


def _grown(known: int, window: Window) -> int | None:
    if window.extent is None:
        return None
    return window.stride * (known - 1) + window.extent - 2 * window.pad


def _blobs(setup: Setup) -> Iterator[Blob]:
    """Output channels, input channels of a group, kernel."""
    return _weights(setup, turned=False)


def _turned_blobs(setup: Setup) -> Iterator[Blob]:
    """Return the same with input and output channels turned round."""
    return _weights(setup, turned=True)


def _weights(setup: Setup, *, turned: bool) -> Iterator[Blob]:
    layer, bottom = setup.layer, setup.first
    written = _numbers(layer)
    axis, outputs, group = canonical(written.axis, bottom), positive(written.outputs), written.group
    channels = None if axis is None else bottom.size(axis)
    found = None if axis is None else windows(layer, axis, bottom)
    one, other = (channels, outputs) if turned else (outputs, channels)
    other = other // group if other and group and other % group == 0 else None
    if found is None:
        yield Blob("weights", Shape((one, other)))
    else:
        yield Blob("weights", Shape.of((one, other, *(window.kernel for window in found))))
    if written.bias:
        yield Blob("bias", Shape.of((outputs,)))


def products_per_place(weights: Shape, blobs: Sequence[Shape], width: int | None) -> int | None:
    """Return the products where each weight is used once for each `width` values of blobs."""
    places = [blob.values // width if blob.values is not None and width else None for blob in blobs]
    if weights.values is None or None in places:
        return None
    return weights.values * sum(count or 0 for count in places)


def _products(setup: Setup, tops: Sequence[Shape], blobs: Sequence[Shape]) -> int | None:
    """Each weight is used once for every place of the top."""
    return products_per_place(blobs[0], tops, positive(_numbers(setup.layer).outputs))


def _turned_products(setup: Setup, _tops: Sequence[Shape], blobs: Sequence[Shape]) -> int | None:
    """Each weight is used once for every place of the bottom."""
    return products_per_place(blobs[0], setup.bottoms, blobs[0].size(0))


def _check_convolution(setup: SetupCheck) -> None:
    """Demand a window, channels, groups, fillers, and room for the window."""
    _check_convolved(setup, turned=False)


def _check_deconvolution(setup: SetupCheck) -> None:
    """Demand the same with the axes turned round."""
    _check_convolved(setup, turned=True)


def _check_convolved(setup: SetupCheck, *, turned: bool) -> None:
    bottom, written = setup.bottom(), _numbers(setup.layer)
    axis = canonical(written.axis, bottom)
    if axis is None or not bottom.complete:
        _without_axes(setup, written)
        return
    found = setup.once(_window, len(bottom.dims) - axis - 1)
    channels = bottom.dims[axis]
    if found is None or not _groups_fit(setup, written, channels):
        return
    part = None if channels is None else channels // written.group
    lead = (channels, written.outputs // written.group) if turned else (written.outputs, part)
    _fill(setup, written, Shape((*lead, *[window.kernel for window in found]), True))
    for i in range(1, len(setup.bottoms)):
        if setup.unlike(bottom, setup.bottom(i)):
            setup.fault(
                Kind.SHAPES,
                f"bottoms must be alike: {setup.called(0)}, {setup.called(i)}",
                bottoms=(0, i),
            )
    room = _room(setup, axis, found, _grown if turned else _shrunk)
    if 0 in room and written.bias:
        setup.empty(f"its output over {setup.called()} is empty", bottoms=(0,))


def _room(setup: SetupCheck, axis: int, found: list[Window], size_of: _SizeOf) -> list[int | None]:
    """Demand room for the window along each axis; return the sizes there, none after a fault."""
    room: list[int | None] = []
    for side, window in zip(setup.bottom().dims[axis + 1 :], found, strict=True):
        if window.stride == 0:
            setup.fault(Kind.RANGE, "a stride of 0 divides by zero", at=(CONVOLUTION, "stride_h"))
            return []
        if side is None:
            setup.unsure = True
            continue
        size = size_of(side, window)
        if size is not None and size < 0:
            dilated = f" with dilation {window.dilation}" if window.dilation > 1 else ""
            setup.fault(
                Kind.WINDOW, f"kernel {window.kernel}{dilated} does not fit into {side}"
                f"{padded(window.pad)} of {setup.called()}", bottoms=(0,),
            )  # fmt: skip
            return []
        room.append(size)
    return room


def _axis(setup: SetupCheck, written: _Numbers) -> int | None:
    """Return the axis of the channels, counted from the front; None after a fault."""
    return setup.axis_of(written.axis, f"axis {written.axis}", at=(CONVOLUTION, "axis"))


def _without_axes(setup: SetupCheck, written: _Numbers) -> None:
    """Check what does not need to know how many axes the bottom has."""
    if not setup.once(given_once, CONVOLUTION):
        return
    axis = _axis(setup, written)
    if setup.faults:
        return
    setup.unsure = True
    channels = None if axis is None else setup.bottom().size(axis)
    if _groups_fit(setup, written, channels):
        _fill(setup, written, Shape((None,)))


def _window(setup: SetupCheck, count: int) -> list[Window] | None:
    """Return the window along each of `count` axes; None after a fault."""
    if not given_once(setup, CONVOLUTION):
        return None
    kernel, stride, pad, dilation = sizes(setup.layer)
    if count and not kernel.given:
        setup.fault(Kind.MISSING, f"no {kernel.field}", at=(CONVOLUTION, kernel.field))
        return None
    if not _fits(setup, kernel, count):
        return None
    for side in kernel.given if count else ():
        if positive(side) is None:
            setup.fault(
                Kind.RANGE, f"kernel size {side}; it must be above 0", at=_at(setup, "kernel")
            )
            return None
    fit = [_fits(setup, size, count) for size in (stride, pad, dilation)]
    if not all(fit):
        return None
    if count and 0 in stride.given and not stride.halves:
        setup.fault(Kind.RANGE, "stride 0; it must be above 0", at=(CONVOLUTION, "stride"))
        return None
    return windows_along(setup.layer, count)


def _at(setup: SetupCheck, stem: str) -> tuple[str, str]:
    for field in (f"{stem}_size", f"{stem}_h", f"{stem}_w", stem):
        if setup.given(CONVOLUTION, field):
            return (CONVOLUTION, field)
    return (CONVOLUTION, stem)


def _fits(setup: SetupCheck, size: Sizes, count: int) -> bool:
    """Demand one value, or one for each of `count` axes; True where nothing is wrong."""
    if size.halves and count != 2:
        half = size.halves[0]
        setup.fault(
            Kind.CONTRADICTION,
            f"{half[:-2]}_h and {half[:-2]}_w are for two spatial axes, here are {count}; "
            f"use {size.field}", at=(CONVOLUTION, half),
        )  # fmt: skip
        return False
    if size.given and len(size.given) not in (1, count):
        setup.fault(
            Kind.CONTRADICTION, f"{len(size.given)} values of {size.field} for {count} spatial "
            "axes; give one, or one for each", at=(CONVOLUTION, size.field),
        )  # fmt: skip
        return False
    return True


def _groups_fit(setup: SetupCheck, written: _Numbers, channels: int | None) -> bool:
    """Demand num_output, and groups that divide it and the channels; True where they do."""
    outputs, group = written.outputs, written.group
    if outputs <= 0:
        return above_zero(setup, CONVOLUTION, "num_output")
    if group == 0:
        setup.fault(Kind.RANGE, "group 0 divides by zero", at=(CONVOLUTION, "group"))
        return False
    if group != 1 and channels is None:
        setup.unsure = True
    if channels is not None and channels % group:
        setup.fault(
            Kind.GROUP, f"group {group} does not divide the {channels} channels of "
            f"{setup.called()}", at=(CONVOLUTION, "group"), bottoms=(0,),
        )  # fmt: skip
        return False
    if outputs % group:
        setup.fault(
            Kind.GROUP,
            f"group {group} does not divide num_output {outputs}",
            at=(CONVOLUTION, "group"),
        )
        return False
    return True


def _fill(setup: SetupCheck, written: _Numbers, weights: Shape) -> None:
    fill(setup, CONVOLUTION, "weight_filler", weights, "weights")
    if written.bias:
        fill(setup, CONVOLUTION, "bias_filler", Shape((written.outputs,), True), "biases")


def _check_im2col(setup: SetupCheck) -> None:
    """Demand a window as of a convolution, and at least one axis to go along."""
    axis = _axis(setup, _numbers(setup.layer))
    axes = setup.bottom().axes
    if not given_once(setup, CONVOLUTION):
        return
    if axis is None or axes is None:
        setup.unsure = True
        return
    if axes - axis - 1 < 1:
        setup.fault(Kind.AXIS, f"no spatial axis behind axis {axis} of {setup.called()}",
                    bottoms=(0,))  # fmt: skip
        return
    found = _window(setup, axes - axis - 1)
    if found is not None:
        _room(setup, axis, found, _shrunk)


_BACKWARD = Backward(weights=True)

TYPES = (
    LayerType(
        "Convolution", (CONVOLUTION,), at_least(1), at_least(1), _convolution, _blobs, _products,
        InPlace.WRONG_OUTPUT, _BACKWARD, equal=True, check=_check_convolution,
    ),
    LayerType(
        "Deconvolution", (CONVOLUTION,), at_least(1), at_least(1), _deconvolution, _turned_blobs,
        _turned_products, InPlace.WRONG_OUTPUT, _BACKWARD, equal=True,
        check=_check_deconvolution,
    ),
    LayerType("Im2col", (CONVOLUTION,), ONE, ONE, _im2col, check=_check_im2col),
)  # fmt: skip
