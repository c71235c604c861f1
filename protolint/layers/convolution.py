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
from protolint.layers.window import CONVOLUTION, Window, given_once, padded, windows
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
    #: Kernel, stride, pad and dilation along each axis.
    _Columns = tuple[list[int], list[int], list[int], list[int]]
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
    if window.extent is None or not window.stride:
        return None
    return _divided(known + 2 * window.pad - window.extent, window.stride) + 1


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
    if not setup.once(given_once, CONVOLUTION):
        return
    bottom, axis = setup.bottom(), _axis(setup)
    axes = bottom.axes
    if axis is None or axes is None:
        _without_axes(setup, axis)
        return
    columns = setup.once(_columns, axes - axis - 1)
    outputs, group = _channels(setup, axis)
    if columns is None or outputs is None or group is None:
        return
    kernel, stride, pad, dilation = columns
    channels = bottom.size(axis)
    part = None if channels is None else channels // group
    if turned:
        weights = Shape((channels, outputs // group, *kernel), True)
    else:
        weights = Shape((outputs, part, *kernel), True)
    _fill(setup, weights, outputs)
    for i in range(1, len(setup.bottoms)):
        if setup.unlike(bottom, setup.bottom(i)):
            setup.fault(
                Kind.SHAPES,
                f"bottoms must be alike: {setup.called(0)}, {setup.called(i)}",
                bottoms=(0, i),
            )
    sizes: list[int | None] = []
    for j, side in enumerate(bottom.dims[axis + 1 :]):
        extent = dilation[j] * (kernel[j] - 1) + 1
        if stride[j] == 0:
            setup.fault(Kind.RANGE, "a stride of 0 divides by zero", at=(CONVOLUTION, "stride_h"))
            return
        if side is None:
            sizes.append(None)
            setup.unsure = True
            continue
        if turned:
            sizes.append(stride[j] * (side - 1) + extent - 2 * pad[j])
        else:
            sizes.append(_divided(side + 2 * pad[j] - extent, stride[j]) + 1)
        if sizes[-1] is not None and sizes[-1] < 0:
            setup.fault(
                Kind.WINDOW, f"{_spans(kernel[j], dilation[j])} does not fit into {side}"
                f"{padded(pad[j])} of {setup.called()}", bottoms=(0,),
            )  # fmt: skip
            return
    if 0 in sizes and _numbers(setup.layer).bias:
        setup.empty(f"its output over {setup.called()} is empty", bottoms=(0,))


def _axis(setup: SetupCheck) -> int | None:
    """Return the axis of the channels, counted from the front; None after a fault."""
    axis = _numbers(setup.layer).axis
    return setup.axis_of(axis, f"axis {axis}", at=(CONVOLUTION, "axis"))


def _without_axes(setup: SetupCheck, axis: int | None) -> None:
    """Check what does not need to know how many axes the bottom has."""
    if setup.faults:
        return
    setup.unsure = True
    outputs, group = _channels(setup, axis)
    if outputs is not None and group is not None:
        _fill(setup, Shape((None,)), outputs)


def _columns(setup: SetupCheck, count: int) -> _Columns | None:
    """Return kernel, stride, pad and dilation along each axis; None after a fault."""
    kernel = _column(setup, count, "kernel_size", "kernel", None)
    if kernel is None:
        return None
    for side in kernel:
        if side <= 0:
            setup.fault(
                Kind.RANGE, f"kernel size {side}; it must be above 0", at=_at(setup, "kernel")
            )
            return None
    stride = _column(setup, count, "stride", "stride", 1)
    pad = _column(setup, count, "pad", "pad", 0)
    dilation = _column(setup, count, "dilation", "", 1)
    if stride is None or pad is None or dilation is None:
        return None
    if (
        not (setup.given(CONVOLUTION, "stride_h") or setup.given(CONVOLUTION, "stride_w"))
        and 0 in stride
    ):
        setup.fault(Kind.RANGE, "stride 0; it must be above 0", at=(CONVOLUTION, "stride"))
        return None
    if setup.layer.padding:
        pad = [setup.layer.padding] * count
    return kernel, stride, pad, dilation


def _at(setup: SetupCheck, stem: str) -> tuple[str, str]:
    for field in (f"{stem}_size", f"{stem}_h", f"{stem}_w", stem):
        if setup.given(CONVOLUTION, field):
            return (CONVOLUTION, field)
    return (CONVOLUTION, stem)


def _column(
    setup: SetupCheck, count: int, field: str, stem: str, default: int | None
) -> list[int] | None:
    given = setup.integers(CONVOLUTION, field)
    halves = [setup.integers(CONVOLUTION, f"{stem}_{side}") for side in "hw"] if stem else []
    if any(halves):
        if count != 2:
            setup.fault(
                Kind.CONTRADICTION,
                f"{stem}_h and {stem}_w are for two spatial axes, here are {count}; use {field}",
                at=(CONVOLUTION, f"{stem}_h" if halves[0] else f"{stem}_w"),
            )
            return None
        return [half[0] if half else 0 for half in halves]
    if not given and default is None and count != 0:
        setup.fault(Kind.MISSING, f"no {field}", at=(CONVOLUTION, field))
        return None
    if len(given) not in (1, count) and (given or default is None):
        setup.fault(
            Kind.CONTRADICTION, f"{len(given)} values of {field} for {count} spatial axes; give "
            f"one, or one for each", at=(CONVOLUTION, field),
        )  # fmt: skip
        return None
    if not given:
        return [default or 0] * count
    return given * count if len(given) == 1 else given


def _channels(setup: SetupCheck, axis: int | None) -> tuple[int | None, int | None]:
    """Return num_output and group; None after a fault."""
    _, outputs, group, _ = _numbers(setup.layer)
    if outputs <= 0:
        above_zero(setup, CONVOLUTION, "num_output")
        return None, None
    if group == 0:
        setup.fault(Kind.RANGE, "group 0 divides by zero", at=(CONVOLUTION, "group"))
        return None, None
    channels = None if axis is None else setup.bottom().size(axis)
    if group != 1 and channels is None:
        setup.unsure = True
    if channels is not None and channels % group:
        setup.fault(
            Kind.GROUP, f"group {group} does not divide the {channels} channels of "
            f"{setup.called()}", at=(CONVOLUTION, "group"), bottoms=(0,),
        )  # fmt: skip
        return None, None
    if outputs % group:
        setup.fault(
            Kind.GROUP,
            f"group {group} does not divide num_output {outputs}",
            at=(CONVOLUTION, "group"),
        )
        return None, None
    return outputs, group


def _fill(setup: SetupCheck, weights: Shape, outputs: int) -> None:
    fill(setup, CONVOLUTION, "weight_filler", weights, "weights")
    if _numbers(setup.layer).bias:
        fill(setup, CONVOLUTION, "bias_filler", Shape((outputs,), True), "biases")


def _check_im2col(setup: SetupCheck) -> None:
    """Demand a window as of a convolution, and at least one axis to go along."""
    axis = _axis(setup)
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
    columns = _columns(setup, axes - axis - 1)
    if columns is None:
        return
    kernel, stride, pad, dilation = columns
    for j, side in enumerate(setup.bottom().dims[axis + 1 :]):
        if stride[j] == 0:
            setup.fault(Kind.RANGE, "a stride of 0 divides by zero", at=(CONVOLUTION, "stride_h"))
            return
        if side is None:
            setup.unsure = True
            continue
        room = side + 2 * pad[j] - dilation[j] * (kernel[j] - 1) - 1
        if _divided(room, stride[j]) + 1 < 0:
            setup.fault(
                Kind.WINDOW, f"{_spans(kernel[j], dilation[j])} does not fit into {side}"
                f"{padded(pad[j])} of {setup.called()}", bottoms=(0,),
            )  # fmt: skip
            return


def _spans(kernel: int, dilation: int) -> str:
    return f"kernel {kernel}" + (f" with dilation {dilation}" if dilation > 1 else "")


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
