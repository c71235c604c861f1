"""Layers that take the best or the mean of each window.

Sources: pooling_layer.cpp, spp_layer.cpp in src/caffe/layers and their headers @ BVLC master,
NVIDIA v0.14.5 to v0.17.4; roi_pooling_layer.cpp, psroi_pooling_layer.cpp @ intel/caffe 1.1.6.
"""

from __future__ import annotations

from protolint.layers.base import ONE, TWO, Count, InPlace, LayerType, Setup, between, exactly
from protolint.layers.by_text import by_text
from protolint.layers.checks import above_zero
from protolint.layers.fields import flag, integer, size, word
from protolint.layers.layer import Layer
from protolint.layers.setup_check import Kind, SetupCheck
from protolint.layers.shape import UNKNOWN, Shape, product
from protolint.layers.window import POOLING, Window, given_once, padded, sides

__all__ = ["TYPES"]

_ROI, _PSROI = "roi_pooling_param", "psroi_pooling_param"

#: Levels above which no image is large enough for a pyramid.
_MOST_LEVELS = 15


def _tops(layer: Layer) -> Count:
    """Let the places of the maxima be a second top (MaxTopBlobs in pooling_layer.hpp)."""
    return between(1, 2 if word(layer, POOLING, "pool", "MAX") == "MAX" else 1)


def _pooling(setup: Setup, _i: int) -> Shape:
    """Four axes; a second top, the places of the maxima, has the same."""
    layer, lead = setup.layer, setup.first.lead(2)
    if _is_global(layer):
        return Shape.of((*lead, 1, 1))
    windows, floor = sides(layer), _rounds_down(layer)
    clips = any(window.pad for window in windows)
    sizes = (setup.first.size(2), setup.first.size(3))
    pooled = (
        None if known is None else _pooled(known, window, floor=floor, clips=clips)
        for known, window in zip(sizes, windows, strict=True)
    )
    return Shape.of((*lead, *pooled))


@by_text
def _is_global(layer: Layer) -> bool:
    return flag(layer, POOLING, "global_pooling")


@by_text
def _rounds_down(layer: Layer) -> bool:
    """Return whether a side is rounded down.

    torch_pooling, which NVIDIA declares, is not read (pooling_layer.cpp @ v0.17.3).
    """
    return word(layer, POOLING, "round_mode", "CEIL") == "FLOOR"


def _pooled(known: int, window: Window, *, floor: bool, clips: bool) -> int | None:
    """Return a side rounded up; with padding no window begins behind the image."""
    if window.kernel is None or not window.stride:
        return None
    room = known + 2 * window.pad - window.kernel
    pooled = (room // window.stride if floor else -(-room // window.stride)) + 1
    return pooled - (clips and (pooled - 1) * window.stride >= known + window.pad)


def _spp(setup: Setup, _i: int) -> Shape:
    """Whatever the image, level n of the pyramid has 2^n times 2^n bins."""
    levels = integer(setup.layer, "spp_param", "pyramid_height")
    batch, channels = setup.first.lead(2)
    if levels == 1:
        return Shape.of((batch, channels, 1, 1))
    if not 0 < levels <= _MOST_LEVELS:
        return UNKNOWN
    return Shape.of((batch, product((channels, sum(4**level for level in range(levels))))))


def _roi(setup: Setup, _i: int) -> Shape:
    """One image for each region."""
    height, width = size(setup.layer, _ROI, "pooled_h"), size(setup.layer, _ROI, "pooled_w")
    return Shape.of((setup.bottom(1).size(0), setup.first.size(1), height, width))


def _psroi(setup: Setup, _i: int) -> Shape:
    """One image for each region, of as many places as there are groups."""
    group = size(setup.layer, _PSROI, "group_size")
    outputs = size(setup.layer, _PSROI, "output_dim")
    return Shape.of((setup.bottom(1).size(0), outputs, group, group))


def _check_pooling(setup: SetupCheck) -> None:
    """Demand a window that is given in one way; four axes; padding below the kernel."""
    whole = _is_global(setup.layer)
    window = setup.once(_window)
    if window is None:
        return
    kernel, stride, pad = window
    bottom = setup.bottom()
    if whole:
        if _sides_to_pool(setup) is None:
            return
    elif min(kernel) <= 0:
        setup.fault(Kind.RANGE, "a kernel size must be above 0", at=(POOLING, "kernel_size"))
        return
    if any(pad):
        if setup.word(POOLING, "pool", "MAX") == "STOCHASTIC":
            setup.fault(Kind.CONTRADICTION, "STOCHASTIC pooling takes no pad", at=(POOLING, "pad"))
            return
        for i in (0, 1):
            if pad[i] >= kernel[i] and not whole:
                setup.fault(
                    Kind.RANGE, f"pad {pad[i]} must be below the kernel size {kernel[i]}",
                    at=(POOLING, "pad"),
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
    floor = _rounds_down(setup.layer)
    for i in (0, 1):
        side = bottom.size(2 + i)
        if side is None:
            setup.unsure = True
            continue
        if stride[i] == 0:
            setup.fault(Kind.RANGE, "a stride of 0 gives no size", at=(POOLING, "stride"))
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
                Kind.WINDOW, f"kernel {kernel[i]} does not fit into {side}{padded(pad[i])} of "
                f"{setup.called()}", bottoms=(0,),
            )  # fmt: skip
            return


def _window(setup: SetupCheck) -> list[list[int]] | None:
    """Return kernel, stride and pad along the height and the width; None after a fault."""
    if not given_once(setup, POOLING):
        return None
    if not _is_global(setup.layer) and not any(
        setup.given(POOLING, f) for f in ("kernel_size", "kernel_h", "kernel_w")
    ):
        setup.fault(Kind.MISSING, "no kernel_size", at=(POOLING, "kernel_size"))
        return None
    kernel, stride, pad = (
        [_half(setup, field, stem, side, default) for side in "hw"]
        for field, stem, default in (
            ("kernel_size", "kernel", 0), ("stride", "stride", 1), ("pad", "pad", 0),
        )
    )  # fmt: skip
    if setup.layer.padding:
        pad = [setup.layer.padding] * 2
    return [kernel, stride, pad]


def _sides_to_pool(setup: SetupCheck) -> tuple[int | None, int | None] | None:
    """Demand an image that holds something; return its sides, None after a fault."""
    if not setup.four_axes_at_most():
        return None
    height, width = setup.legacy(2), setup.legacy(3)
    if 0 in (height, width):
        setup.fault(Kind.EMPTY, f"nothing to pool in {setup.called()}", bottoms=(0,))
        return None
    return height, width


def _half(setup: SetupCheck, field: str, stem: str, side: str, default: int) -> int:
    half = setup.integers(POOLING, f"{stem}_{side}")
    if setup.given(POOLING, field) or not half:
        return setup.integer(POOLING, field, default)
    return half[0]


def _check_spp(setup: SetupCheck) -> None:
    """Demand four axes, and a pooling at each level with its padding below its kernel."""
    sides_known = _sides_to_pool(setup)
    if sides_known is None:
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
        for side in sides_known:
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


def _check_roi(setup: SetupCheck) -> None:
    """Demand the size of the maps it makes, in two directions or three."""
    axes = setup.axes()
    if axes is None:
        return
    sizes = setup.integers(_ROI, "pooled_size")
    if axes not in (4, 5):
        setup.fault(Kind.AXIS, f"ROIPooling takes four axes or five, {setup.called()} has {axes}",
                    bottoms=(0,))  # fmt: skip
        return
    halves = any(setup.given(_ROI, field) for field in ("pooled_h", "pooled_w"))
    if axes == 5 and halves:
        setup.fault(Kind.CONTRADICTION, "pooled_h and pooled_w are for four axes; give pooled_size",
                    at=(_ROI, "pooled_h"))  # fmt: skip
    elif axes == 4 and not sizes:
        above_zero(setup, _ROI, "pooled_h", "pooled_w")
    elif len(sizes) not in (1, axes - 2):
        setup.fault(Kind.CONTRADICTION, f"{len(sizes)} pooled_size; give one or {axes - 2}",
                    at=(_ROI, "pooled_size"))  # fmt: skip
    elif min(sizes) <= 0:
        setup.fault(Kind.RANGE, "a pooled_size of 0; it must be above 0", at=(_ROI, "pooled_size"))


def _check_psroi(setup: SetupCheck) -> None:
    """Demand channels for each class and each place of the grid."""
    if not (above_zero(setup, _PSROI, "output_dim", "group_size") and setup.four_axes_at_most()):
        return
    outputs, group = setup.integer(_PSROI, "output_dim", 0), setup.integer(_PSROI, "group_size", 0)
    wanted = outputs * group * group
    if setup.differ(setup.legacy(1), wanted):
        setup.fault(
            Kind.SHAPES, f"{setup.called()} needs {wanted} channels: output_dim {outputs} times "
            f"group_size {group} squared", bottoms=(0,),
        )  # fmt: skip


TYPES = (
    LayerType(
        "Pooling",
        (POOLING,),
        ONE,
        _tops,
        _pooling,
        in_place=InPlace.WRONG_OUTPUT,
        check=_check_pooling,
    ),
    LayerType("SPP", ("spp_param",), ONE, ONE, _spp, check=_check_spp),
    LayerType("ROIPooling", (_ROI,), TWO, exactly(1), _roi, check=_check_roi),
    LayerType("PSROIPooling", (_PSROI,), TWO, exactly(1), _psroi, check=_check_psroi),
)
