"""What layers that go over their bottom with a window demand.

Sources: base_conv_layer.cpp, conv_layer.cpp, deconv_layer.cpp, im2col_layer.cpp,
pooling_layer.cpp, spp_layer.cpp, lrn_layer.cpp (src/caffe/layers @ BVLC master, NVIDIA
v0.14.5 to v0.17.4, weiliu89/caffe ssd, Intel 1.1.6).
"""

from __future__ import annotations

from protolint.layers.fillers import fill
from protolint.layers.setup_check import Kind, SetupCheck
from protolint.layers.shape import Shape
from protolint.layers.window import conflicts

__all__ = ["DEMANDS"]

_C = "convolution_param"
#: Kernel, stride, pad and dilation along each axis.
_Columns = tuple[list[int], list[int], list[int], list[int]]


def convolution(setup: SetupCheck) -> None:
    """Window, channels, groups, fillers, and room for the window."""
    _convolution(setup, turned=False)


def deconvolution(setup: SetupCheck) -> None:
    """Demand the same with the axes turned round."""
    _convolution(setup, turned=True)


def _clash(setup: SetupCheck, parameter: str) -> bool:
    """Check that the window is given in one way, and whole; True where it is not."""
    message = setup.message(parameter)
    found = None if message is None else next(conflicts(setup.layer, message), None)
    if message is None or found is None:
        return False
    setup.fault(Kind.KERNEL, found.words, node=message.node_of(found.field))
    return True


def _convolution(setup: SetupCheck, *, turned: bool) -> None:
    if _clash(setup, _C):
        return
    axis = setup.axis(_C, "axis", 1)
    axes = setup.bottom().axes
    if axis is None or axes is None:
        _without_axes(setup, axis)
        return
    columns = _window(setup, axes - axis - 1)
    outputs, group = _channels(setup, axis)
    if columns is None or outputs is None or group is None:
        return
    kernel, stride, pad, dilation = columns
    bottom = setup.bottom()
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
    for j, size in enumerate(bottom.dims[axis + 1 :]):
        extent = dilation[j] * (kernel[j] - 1) + 1
        if stride[j] == 0:
            setup.fault(Kind.RANGE, "a stride of 0 divides by zero", at=(_C, "stride_h"))
            return
        if size is None:
            sizes.append(None)
            setup.unsure = True
            continue
        if turned:
            sizes.append(stride[j] * (size - 1) + extent - 2 * pad[j])
        else:
            sizes.append(_divided(size + 2 * pad[j] - extent, stride[j]) + 1)
        if sizes[-1] is not None and sizes[-1] < 0:
            setup.fault(
                Kind.WINDOW, f"{_spans(kernel[j], dilation[j])} does not fit into {size}"
                f"{_padded(pad[j])} of {setup.called()}", bottoms=(0,),
            )  # fmt: skip
            return
    if 0 in sizes and setup.flag(_C, "bias_term", True):
        setup.empty(f"its output over {setup.called()} is empty", bottoms=(0,))


def _without_axes(setup: SetupCheck, axis: int | None) -> None:
    """Check what does not need to know how many axes the bottom has."""
    if setup.faults:
        return
    setup.unsure = True
    outputs, group = _channels(setup, axis)
    if outputs is not None and group is not None:
        _fill(setup, Shape((None,)), outputs)


def _divided(value: int, by: int) -> int:
    """Return rounded towards zero, as C++ divides."""
    return value // by if value >= 0 else -(-value // by)


def _spans(kernel: int, dilation: int) -> str:
    return f"kernel {kernel}" + (f" with dilation {dilation}" if dilation > 1 else "")


def _padded(pad: int) -> str:
    return f" with pad {pad}" if pad else ""


def _window(setup: SetupCheck, count: int) -> _Columns | None:
    """Return kernel, stride, pad and dilation along each axis; None after a fault."""
    kernel = _column(setup, count, "kernel_size", "kernel", None)
    if kernel is None:
        return None
    for size in kernel:
        if size <= 0:
            setup.fault(
                Kind.RANGE, f"kernel size {size}; it must be above 0", at=_at(setup, "kernel")
            )
            return None
    stride = _column(setup, count, "stride", "stride", 1)
    pad = _column(setup, count, "pad", "pad", 0)
    dilation = _column(setup, count, "dilation", "", 1)
    if stride is None or pad is None or dilation is None:
        return None
    if not (setup.given(_C, "stride_h") or setup.given(_C, "stride_w")) and 0 in stride:
        setup.fault(Kind.RANGE, "stride 0; it must be above 0", at=(_C, "stride"))
        return None
    if setup.layer.padding:
        pad = [setup.layer.padding] * count
    return kernel, stride, pad, dilation


def _at(setup: SetupCheck, stem: str) -> tuple[str, str]:
    for field in (f"{stem}_size", f"{stem}_h", f"{stem}_w", stem):
        if setup.given(_C, field):
            return (_C, field)
    return (_C, stem)


def _column(
    setup: SetupCheck, count: int, field: str, stem: str, default: int | None
) -> list[int] | None:
    given = setup.integers(_C, field)
    halves = [setup.integers(_C, f"{stem}_{side}") for side in "hw"] if stem else []
    if any(halves):
        if count != 2:
            setup.fault(
                Kind.CONTRADICTION,
                f"{stem}_h and {stem}_w are for two spatial axes, here are {count}; use {field}",
                at=(_C, f"{stem}_h" if halves[0] else f"{stem}_w"),
            )
            return None
        return [half[0] if half else 0 for half in halves]
    if not given and default is None and count != 0:
        setup.fault(Kind.MISSING, f"no {field}", at=(_C, field))
        return None
    if len(given) not in (1, count) and (given or default is None):
        setup.fault(
            Kind.CONTRADICTION, f"{len(given)} values of {field} for {count} spatial axes; give "
            f"one, or one for each", at=(_C, field),
        )  # fmt: skip
        return None
    if not given:
        return [default or 0] * count
    return given * count if len(given) == 1 else given


def _channels(setup: SetupCheck, axis: int | None) -> tuple[int | None, int | None]:
    """Return num_output and group; None after a fault."""
    outputs = setup.integer(_C, "num_output", 0)
    group = setup.integer(_C, "group", 1)
    if outputs <= 0:
        kind = Kind.RANGE if setup.given(_C, "num_output") else Kind.MISSING
        what = f"num_output {outputs}; it must be above 0" if outputs else "no num_output"
        setup.fault(kind, what, at=(_C, "num_output"))
        return None, None
    if group == 0:
        setup.fault(Kind.RANGE, "group 0 divides by zero", at=(_C, "group"))
        return None, None
    channels = None if axis is None else setup.bottom().size(axis)
    if group != 1 and channels is None:
        setup.unsure = True
    if channels is not None and channels % group:
        setup.fault(
            Kind.GROUP, f"group {group} does not divide the {channels} channels of "
            f"{setup.called()}", at=(_C, "group"), bottoms=(0,),
        )  # fmt: skip
        return None, None
    if outputs % group:
        setup.fault(
            Kind.GROUP, f"group {group} does not divide num_output {outputs}", at=(_C, "group")
        )
        return None, None
    return outputs, group


def _fill(setup: SetupCheck, weights: Shape, outputs: int) -> None:
    fill(setup, _C, "weight_filler", weights, "weights")
    if setup.flag(_C, "bias_term", True):
        fill(setup, _C, "bias_filler", Shape((outputs,), True), "biases")


def im2col(setup: SetupCheck) -> None:
    """Demand a window as of a convolution, and at least one axis to go along."""
    axis = setup.axis(_C, "axis", 1)
    axes = setup.bottom().axes
    if _clash(setup, _C):
        return
    if axis is None or axes is None:
        setup.unsure = True
        return
    if axes - axis - 1 < 1:
        setup.fault(Kind.AXIS, f"no spatial axis behind axis {axis} of {setup.called()}",
                    bottoms=(0,))  # fmt: skip
        return
    columns = _window(setup, axes - axis - 1)
    if columns is None:
        return
    kernel, stride, pad, dilation = columns
    for j, size in enumerate(setup.bottom().dims[axis + 1 :]):
        if stride[j] == 0:
            setup.fault(Kind.RANGE, "a stride of 0 divides by zero", at=(_C, "stride_h"))
            return
        if size is None:
            setup.unsure = True
            continue
        room = size + 2 * pad[j] - dilation[j] * (kernel[j] - 1) - 1
        if _divided(room, stride[j]) + 1 < 0:
            setup.fault(
                Kind.WINDOW, f"{_spans(kernel[j], dilation[j])} does not fit into {size}"
                f"{_padded(pad[j])} of {setup.called()}", bottoms=(0,),
            )  # fmt: skip
            return


_P = "pooling_param"


def pooling(setup: SetupCheck) -> None:
    """Kernel, stride and padding given in one way; four axes; padding below the kernel."""
    whole = setup.flag(_P, "global_pooling")
    if _clash(setup, _P):
        return
    if not whole and not any(setup.given(_P, f) for f in ("kernel_size", "kernel_h", "kernel_w")):
        setup.fault(Kind.MISSING, "no kernel_size", at=(_P, "kernel_size"))
        return
    kernel, stride, pad = (
        [_half(setup, field, stem, side, default) for side in "hw"]
        for field, stem, default in (
            ("kernel_size", "kernel", 0), ("stride", "stride", 1), ("pad", "pad", 0),
        )
    )  # fmt: skip
    if setup.layer.padding:
        pad = [setup.layer.padding] * 2
    bottom = setup.bottom()
    if whole:
        if not setup.four_axes_at_most():
            return
        sides = [setup.legacy(2), setup.legacy(3)]
        if 0 in sides:
            setup.fault(Kind.EMPTY, f"nothing to pool in {setup.called()}", bottoms=(0,))
            return
    elif min(kernel) <= 0:
        setup.fault(Kind.RANGE, "a kernel size must be above 0", at=(_P, "kernel_size"))
        return
    if any(pad):
        if setup.word(_P, "pool", "MAX") == "STOCHASTIC":
            setup.fault(Kind.CONTRADICTION, "STOCHASTIC pooling takes no pad", at=(_P, "pad"))
            return
        for i in (0, 1):
            if pad[i] >= kernel[i] and not whole:
                setup.fault(
                    Kind.RANGE, f"pad {pad[i]} must be below the kernel size {kernel[i]}",
                    at=(_P, "pad"),
                )  # fmt: skip
                return
    axes = setup.axes()
    if axes is not None and axes != 4:
        setup.fault(
            Kind.AXIS, f"Pooling takes four axes, {setup.called()} has {axes}", bottoms=(0,)
        )
        return
    if whole:
        return
    floor = setup.word(_P, "round_mode", "CEIL") == "FLOOR"
    for i in (0, 1):
        side = bottom.size(2 + i)
        if side is None:
            setup.unsure = True
            continue
        if stride[i] == 0:
            setup.fault(Kind.RANGE, "a stride of 0 gives no size", at=(_P, "stride"))
            return
        room = side + 2 * pad[i] - kernel[i]
        pooled = (room // stride[i] if floor else -(-room // stride[i])) + 1
        if any(pad):
            if (pooled - 1) * stride[i] >= side + pad[i]:
                pooled -= 1
            if (pooled - 1) * stride[i] >= side + pad[i]:
                setup.fault(
                    Kind.WINDOW, f"a window begins behind the {side} of {setup.called()}: kernel "
                    f"{kernel[i]}, stride {stride[i]}, pad {pad[i]}", bottoms=(0,),
                )  # fmt: skip
                return
        if pooled < 0:
            setup.fault(
                Kind.WINDOW, f"kernel {kernel[i]} does not fit into {side}{_padded(pad[i])} of "
                f"{setup.called()}", bottoms=(0,),
            )  # fmt: skip
            return


def _half(setup: SetupCheck, field: str, stem: str, side: str, default: int) -> int:
    half = setup.integers(_P, f"{stem}_{side}")
    if setup.given(_P, field) or not half:
        return setup.integer(_P, field, default)
    return half[0]


def lrn(setup: SetupCheck) -> None:
    """Demand an odd size; four axes."""
    size = setup.integer("lrn_param", "local_size", 5)
    if size % 2 != 1:
        setup.fault(
            Kind.RANGE, f"local_size {size}; it must be odd", at=("lrn_param", "local_size")
        )
    axes = setup.axes()
    if axes is not None and axes != 4:
        setup.fault(Kind.AXIS, f"LRN takes four axes, {setup.called()} has {axes}", bottoms=(0,))


def spp(setup: SetupCheck) -> None:
    """Four axes, and a pooling at each level that has its padding below its kernel."""
    if not setup.four_axes_at_most():
        return
    sides = [setup.legacy(2), setup.legacy(3)]
    if 0 in sides:
        setup.fault(Kind.EMPTY, f"nothing to pool in {setup.called()}", bottoms=(0,))
        return
    levels = setup.integer("spp_param", "pyramid_height", 0)
    if not 0 < levels <= 30:
        setup.fault(
            Kind.RANGE if setup.given("spp_param", "pyramid_height") else Kind.MISSING,
            f"pyramid_height {levels}" if levels else "no pyramid_height",
            at=("spp_param", "pyramid_height"),
        )
        return
    for level in range(levels):
        bins = 1 << level
        for side in sides:
            if side is None:
                setup.unsure = True
                continue
            kernel = -(-side // bins)
            pad = (kernel * bins - side + 1) // 2
            if pad >= kernel:
                setup.fault(
                    Kind.WINDOW, f"level {level + 1} of the pyramid has {bins} bins for {side} "
                    f"pixels of {setup.called()}", at=("spp_param", "pyramid_height"), bottoms=(0,),
                )  # fmt: skip
                return
            if pad and setup.word("spp_param", "pool", "MAX") == "STOCHASTIC":
                setup.fault(Kind.CONTRADICTION, "STOCHASTIC pooling takes no pad, which level "
                            f"{level + 1} needs", at=("spp_param", "pool"))  # fmt: skip
                return
    axes = setup.axes()
    if axes is not None and axes != 4:
        setup.fault(Kind.AXIS, f"SPP takes four axes, {setup.called()} has {axes}", bottoms=(0,))


DEMANDS = {
    "Convolution": convolution,
    "Deconvolution": deconvolution,
    "Im2col": im2col,
    "LRN": lrn,
    "Pooling": pooling,
    "SPP": spp,
}
